import { describe, expect, it } from 'vitest';
import {
  addressType,
  asNumberType,
  interfaceNameType,
  pathType,
  prefixType,
  programType,
  remotesType,
  remoteType,
  routerIdType,
  routingTableType,
  vrfNameType,
} from './network-values.ts';
import type { ValueType } from './value-types.ts';

function acceptedBy<T>(type: ValueType<T>, cases: readonly (readonly [text: string, value: T])[]): void {
  it.each(cases)('takes %j as %j', (text, value) => {
    expect(type.parse(text)).toEqual({ ok: true, value });
  });
}

function refusedBy(type: ValueType<unknown>, cases: readonly (readonly [text: string, because: string])[]) {
  it.each(cases)('refuses %j: it %s', (text, because) => {
    expect(type.parse(text)).toEqual({ ok: false, problem: `${JSON.stringify(text)} ${because}` });
  });
}

describe('interfaceNameType', () => {
  acceptedBy(
    interfaceNameType,
    ['bgp-nic', 'br-ex.100', 'a', '_x', 'eth0@if2', 'exactly15chars_'].map((name) => [name, name] as const),
  );
  refusedBy(interfaceNameType, [
    ['sixteen-chars-01', 'has 16 characters, a device name has 15 at most'],
    ...['', 'a b', 'a/b', 'a:b', '..', '.', '-a', 'a?', '!a', '#a', 'a\nb', 'ä', '$x'].map(
      (name) => [name, 'is not a valid interface name'] as const,
    ),
  ]);
});

describe('vrfNameType', () => {
  acceptedBy(vrfNameType, [['bgp-vrf', 'bgp-vrf']]);
  refusedBy(vrfNameType, [
    ['default', 'is reserved and cannot name a VRF'],
    ['all', 'is reserved and cannot name a VRF'],
    ['a b', 'is not a valid interface name'],
  ]);
});

describe('routingTableType', () => {
  acceptedBy(routingTableType, [
    ['1', 1],
    ['10', 10],
    ['252', 252],
    ['256', 256],
    ['4294967295', 4_294_967_295],
  ]);
  refusedBy(routingTableType, [
    ['0', 'is out of range'],
    ['4294967296', 'is out of range'],
    ['-1', 'is not a table number'],
    ['main', 'is not a table number'],
    ['253', 'is the kernel\'s own table "default"'],
    ['254', 'is the kernel\'s own table "main"'],
    ['255', 'is the kernel\'s own table "local"'],
  ]);
});

describe('asNumberType', () => {
  acceptedBy(asNumberType, [
    ['1', 1],
    ['64999', 64_999],
    ['4294967295', 4_294_967_295],
    ['1.10', 65_546],
    ['0.64999', 64_999],
    ['65535.65535', 4_294_967_295],
  ]);
  refusedBy(asNumberType, [
    ['0', 'is out of range'],
    ['0.0', 'is out of range'],
    ['4294967296', 'is out of range'],
    ['1.65536', 'is out of range'],
    ['65536.1', 'is out of range'],
    ['', 'is not an AS number'],
    ['AS64999', 'is not an AS number'],
    ['1.2.3', 'is not an AS number'],
    ['-5', 'is not an AS number'],
  ]);
});

describe('addressType and routerIdType', () => {
  it('prints addresses canonically', () => {
    expect(addressType(6).parse('2001:DB8:0::1')).toEqual({ ok: true, value: '2001:db8::1' });
    expect(addressType().parse(' 10.0.0.1 ')).toEqual({ ok: true, value: '10.0.0.1' });
  });
  refusedBy(addressType(6), [['10.0.0.1', 'is not an IPv6 address']]);
  refusedBy(addressType(), [['10.0.0.1/24', 'is not an IP address']]);
  refusedBy(routerIdType, [
    ['0.0.0.0', 'is not a router id'],
    ['2001:db8::1', 'is not an IPv4 address'],
    ['10.0.0.256', 'is not an IPv4 address'],
    ['node1', 'is not an IPv4 address'],
  ]);
});

describe('prefixType', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('takes %s as %s without a note', (text, value) => {
    expect(prefixType.parse(text)).toEqual({ ok: true, value });
  });
  it('clears host bits and says so', () => {
    expect(prefixType.parse('10.1.2.3/8')).toEqual({
      ok: true,
      value: '10.0.0.0/8',
      note: '10.1.2.3/8 has bits behind its mask: taken as 10.0.0.0/8',
    });
  });
  refusedBy(prefixType, [
    ['10.0.0.0/33', 'is not a prefix'],
    ['10.0.0/8', 'is not a prefix'],
    ['10.0.0.0/255.0.0.0', 'is not a prefix'],
  ]);
});

describe('remoteType', () => {
  acceptedBy(
    remoteType,
    [
      'tcp:127.0.0.1:6640',
      'ssl:[2001:db8::1]:6642',
      'tcp:[fe80::1%bond0.100]:6641',
      'tcp:ovn-nb.example.org:6641',
      'unix:/run/openvswitch/db.sock',
      `unix:/${'x'.repeat(106)}`,
    ].map((remote) => [remote, remote] as const),
  );
  const NAMES_NO_SOCKET = 'does not name the absolute path of a socket';
  refusedBy(remoteType, [
    ['127.0.0.1:6640', 'does not begin with tcp:, ssl: or unix:'],
    ['ptcp:6640', 'does not begin with tcp:, ssl: or unix:'],
    ['', 'does not begin with tcp:, ssl: or unix:'],
    ['tcp', 'does not begin with tcp:, ssl: or unix:'],
    ['TCP:127.0.0.1:6640', 'does not begin with tcp:, ssl: or unix:'],
    ['tcp:127.0.0.1', 'does not end in HOST:PORT'],
    ['tcp:127.0.0.1:', 'does not end in HOST:PORT'],
    ['tcp:2001:db8::1:6641', 'does not end in HOST:PORT'],
    ['tcp:127.0.0.1:0', 'has a port out of range 1 to 65535'],
    ['tcp:127.0.0.1:65536', 'has a port out of range 1 to 65535'],
    ['tcp::6641', 'has no valid host name or address'],
    ['tcp:10.0.0.300:6641', 'has no valid host name or address'],
    ['tcp:[10.0.0.1]:6641', 'has no valid host name or address'],
    ['tcp:[fe80::1%]:6641', 'has no valid host name or address'],
    ['tcp:a b:6641', 'has no valid host name or address'],
    ['tcp:1.1.1.1:1,tcp:1.1.1.2:1', 'does not end in HOST:PORT'],
    ['unix:', NAMES_NO_SOCKET],
    ['unix:db.sock', NAMES_NO_SOCKET],
    [`unix:/${'x'.repeat(107)}`, 'has a path of more than 107 bytes, which no socket can have'],
  ]);
});

describe('remotesType', () => {
  acceptedBy(remotesType, [
    ['tcp:1.1.1.1:6641', 'tcp:1.1.1.1:6641'],
    ['tcp:1.1.1.1:6641, ssl:[::1]:6641 ,unix:/a', 'tcp:1.1.1.1:6641,ssl:[::1]:6641,unix:/a'],
  ]);
  it('names the remote that is wrong', () => {
    expect(remotesType.parse('tcp:1.1.1.1:6641,1.1.1.2:6641')).toEqual({
      ok: false,
      problem: '"1.1.1.2:6641" does not begin with tcp:, ssl: or unix:',
    });
    expect(remotesType.parse('tcp:1.1.1.1:6641,').ok).toBe(false);
  });
});

describe('pathType and programType', () => {
  acceptedBy(pathType, [['/run/frr', '/run/frr']]);
  refusedBy(pathType, [
    ['run/frr', 'is not an absolute path'],
    ['', 'is not an absolute path'],
    ['/a\nb', 'is not an absolute path'],
    ['/a\0b', 'is not an absolute path'],
  ]);
  acceptedBy(programType, [
    ['ovs-ofctl', 'ovs-ofctl'],
    ['/opt/with blank/ovs-ofctl', '/opt/with blank/ovs-ofctl'],
  ]);
  refusedBy(programType, [
    ['ovs-ofctl -O OpenFlow13', 'is neither a program name nor an absolute path'],
    ['bin/ovs-ofctl', 'is neither a program name nor an absolute path'],
    ['-x', 'is neither a program name nor an absolute path'],
  ]);
});
