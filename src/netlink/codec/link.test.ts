import { describe, expect, it } from 'vitest';
import type { LinkData, LinkRequest } from '../types.ts';
import { decodeLink, encodeImpossibleLink, encodeLink } from './link.ts';
import { LITTLE_ENDIAN, MessageWriter } from './writer.ts';

/** Hex with blanks, as the kernel headers lay it out. */
function bytesOf(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
}

function decode(bytes: Buffer) {
  return decodeLink(bytes, 0, bytes.length);
}

function encoded(link: LinkRequest): Buffer {
  const writer = new MessageWriter();
  encodeLink(writer, link);
  return Buffer.from(writer.bytes);
}

/** struct ifinfomsg: AF_UNSPEC, pad, ARPHRD_ETHER, index 7, IFF_UP | IFF_LOWER_UP, change. */
const HEADER = '00 00 0100 07000000 01000100 00000000';
const MTU_1500 = '0800 0400 dc050000';

describe.skipIf(!LITTLE_ENDIAN)('links written by hand from the kernel headers', () => {
  it('reads a VRF with its table', () => {
    const link = decode(
      bytesOf(
        HEADER,
        '0c00 0300 6267702d 76726600', // IFLA_IFNAME "bgp-vrf"
        MTU_1500,
        '0500 1000 06 000000', // IFLA_OPERSTATE up
        '1800 1200', // IFLA_LINKINFO
        '  0800 0100 76726600', // IFLA_INFO_KIND "vrf"
        '  0c00 0200 0800 0100 0a000000', // IFLA_INFO_DATA { IFLA_VRF_TABLE 10 }
      ),
    );
    expect(link).toEqual({
      index: 7,
      name: 'bgp-vrf',
      kind: 'vrf',
      data: { kind: 'vrf', table: 10 },
      up: true,
      running: true,
      mtu: 1500,
    });
  });

  it('reads a VLAN device with id, protocol and lower device', () => {
    const link = decode(
      bytesOf(
        HEADER,
        '0c00 0300 62722d65 782e3500', // "br-ex.5"
        MTU_1500,
        '0800 0500 03000000', // IFLA_LINK 3
        '2c00 1200',
        '  0900 0100 766c616e 00 000000', // "vlan"
        '  1c00 0200', // IFLA_INFO_DATA
        '    0600 0100 0500 0000', // IFLA_VLAN_ID 5
        '    0600 0500 8100 0000', // IFLA_VLAN_PROTOCOL 802.1Q, network order
        '    0800 0300 00000000', // an attribute of no interest
      ),
    );
    expect(link).toMatchObject({
      name: 'br-ex.5',
      kind: 'vlan',
      data: { kind: 'vlan', id: 5, protocol: 0x8100 },
      parent: 3,
      // No IFLA_OPERSTATE: nothing is known.
      running: false,
    });
  });

  it('reads a dummy device in a VRF', () => {
    const link = decode(
      bytesOf(
        HEADER,
        '0c00 0300 6267702d 6e696300',
        MTU_1500,
        '0800 0a00 07000000', // IFLA_MASTER 7
        '0500 1000 00 000000', // IFLA_OPERSTATE unknown, as dummies report
        '1000 1200 0a00 0100 64756d6d7900 0000', // "dummy"; it has no data
      ),
    );
    expect(link).toMatchObject({
      name: 'bgp-nic',
      kind: 'dummy',
      data: { kind: 'dummy' },
      master: 7,
      running: true,
    });
  });

  it('does not take the state of a bridge port for a link', () => {
    const bytes = bytesOf(HEADER, '0900 0300 76653000 00 000000', MTU_1500);
    expect(decode(bytes)).toBeDefined();
    bytes[0] = 7;
    expect(decode(bytes)).toBeUndefined();
  });

  it('does not take a partial notification for a link', () => {
    expect(decode(bytesOf(HEADER, '0900 0300 776c3000 00 000000'))).toBeUndefined();
  });

  it('writes a VRF as the headers say', () => {
    expect(encoded({ name: 'v', up: true, data: { kind: 'vrf', table: 5000 } })).toEqual(
      bytesOf(
        '00 00 0000 00000000 01000000 01000000',
        '0500 0300 76 000000',
        '1800 1280', // NLA_F_NESTED
        '  0700 0100 767266 00',
        '  0c00 0200 0800 0100 88130000',
      ),
    );
  });
});

describe('link requests', () => {
  const data: readonly LinkData[] = [
    { kind: 'dummy' },
    { kind: 'vrf', table: 4_294_967_295 },
    { kind: 'vlan', id: 4094 },
    { kind: 'vlan', id: 1, protocol: 0x88a8 },
    { kind: 'bridge' },
    { kind: 'bridge', stp: false, vlanFiltering: true },
    { kind: 'vxlan', id: 16_777_215 },
    { kind: 'vxlan', id: 1, local: '192.0.2.1', port: 4789, learning: false, underlayIndex: 9 },
    { kind: 'vxlan', id: 1, local: '2001:db8::1', learning: true },
    { kind: 'veth' },
  ];

  it.each(data)('reads back what it writes: %o', (one) => {
    const request = {
      name: 'x',
      index: 4,
      mtu: 1400,
      mac: '02:00:00:00:00:01',
      master: 3,
      parent: 2,
      data: one,
    };
    const { data: read, ...rest } = decode(encoded({ ...request, up: true, alias: 'of ours' })) ?? {};
    expect(read).toEqual(one);
    expect(rest).toMatchObject({
      ...rest,
      name: 'x',
      index: 4,
      mtu: 1400,
      mac: request.mac,
      master: 3,
      parent: 2,
    });
    expect(rest).toMatchObject({ up: true, alias: 'of ours', kind: one.kind });
  });

  it('touches the up flag only when asked to', () => {
    const change = (link: LinkRequest): number => encoded(link).readUInt8(LITTLE_ENDIAN ? 12 : 15);
    expect(change({ index: 1 })).toBe(0);
    expect(change({ index: 1, up: true })).toBe(1);
    expect(change({ index: 1, up: false })).toBe(1);
  });

  it('refuses what has neither name nor index, and text with zero bytes', () => {
    expect(() => encoded({ up: true })).toThrow(/neither index nor name/);
    expect(() => encoded({ name: 'eth0\0x' })).toThrow(/zero byte/);
  });

  it('asks for a link that cannot exist', () => {
    const writer = new MessageWriter();
    encodeImpossibleLink(writer, 'dummy');
    expect(writer.bytes.includes('/')).toBe(true);
    expect(writer.bytes.includes('dummy')).toBe(true);
  });
});
