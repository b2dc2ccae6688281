import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import {
  addressBytes,
  compareIp,
  contains,
  familyOf,
  hostPrefix,
  isHostPrefix,
  networkAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parseMac,
  parsePrefix,
  prefixLength,
  unannounceable,
} from './address.ts';

const ipv4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Many zero groups, so that `::` is met in every place. */
const groups = fc.array(
  fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })),
  {
    minLength: 8,
    maxLength: 8,
  },
);
const isMapped = (values: readonly number[]): boolean =>
  values.slice(0, 5).every((value) => value === 0) && values[5] === 0xffff;

describe('parseIp', () => {
  it.each([
    ['172.24.4.10', '172.24.4.10'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8::0010', '2001:db8::10'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['::1', '::1'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['::ffff:a00:1', '::ffff:10.0.0.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ])('reads %s as %s', (text, canonical) => {
    expect(parseIp(text)).toBe(canonical);
  });

  it.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.1',
    '10.0.0.01',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.256',
    '10.0.0.1.2',
    '10.0.0',
    '10..0.1',
    '10.0.0.1/32',
    '-1.0.0.0',
    '1e1.0.0.0',
    '١.0.0.1',
    ':',
    ':::',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1::2:3:4:5:6:7:8',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::1',
    'fe80::1%eth0',
    '[::1]',
    '::10.0.0',
    '::10.0.0.1:1',
    '10.0.0.1::',
    '1:2:3:4:5:6:7:10.0.0.1',
    '2001:db8::1\n',
    'unknown',
    ':'.repeat(10_000),
    '1'.repeat(10_000),
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  it('agrees with another implementation on IPv4', () => {
    fc.assert(
      fc.property(ipv4Bytes, (bytes) => {
        const text = bytes.join('.');
        expect(parseIp(text)).toBe(new Address4(text).correctForm());
      }),
    );
  });

  it('agrees with another implementation on the canonical form of IPv6', () => {
    fc.assert(
      fc.property(groups, fc.boolean(), (values, upper) => {
        fc.pre(!isMapped(values));
        const full = values.map((value) => value.toString(16).padStart(4, '0')).join(':');
        expect(parseIp(upper ? full.toUpperCase() : full)).toBe(new Address6(full).correctForm());
      }),
    );
  });

  it('accepts nothing that another implementation refuses', () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', '9', 'a', 'F', ':', '::', '.', '/', ' '),
      maxLength: 24,
    });
    fc.assert(
      fc.property(text, (candidate) => {
        if (parseIp(candidate) === undefined) return;
        expect(candidate.includes(':') ? Address6.isValid(candidate) : Address4.isValid(candidate)).toBe(
          true,
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('returns to the same bytes and the same text', () => {
    fc.assert(
      fc.property(groups, (values) => {
        const address = parseIp(values.map((value) => value.toString(16)).join(':'));
        if (address === undefined) throw new Error('not read');
        expect(parseIp(address)).toBe(address);
        expect(addressBytes(address)).toEqual(values.flatMap((value) => [value >> 8, value & 0xff]));
      }),
    );
  });
});

describe('prefixes', () => {
  it.each([
    ['192.168.1.1/26', '192.168.1.1', 26, '192.168.1.0/26'],
    ['172.24.4.221/24', '172.24.4.221', 24, '172.24.4.0/24'],
    ['10.0.0.1', '10.0.0.1', 32, '10.0.0.1/32'],
    ['2001:db8::221/64', '2001:db8::221', 64, '2001:db8::/64'],
    ['2001:db8::221', '2001:db8::221', 128, '2001:db8::221/128'],
    ['1.2.3.4/0', '1.2.3.4', 0, '0.0.0.0/0'],
    ['ffff::/1', 'ffff::', 1, '8000::/1'],
  ])('reads %s', (text, address, length, network) => {
    expect(parseInterfaceAddress(text)).toEqual({ address, length, network });
    expect(parsePrefix(text)).toBe(network);
  });

  it.each([
    '10.0.0.1/33',
    '::/129',
    '10.0.0.1/',
    '10.0.0.1/08',
    '10.0.0.1/+8',
    '10.0.0.1/8/8',
    '/8',
    '10.0.0.0/ 8',
  ])('refuses %j', (text) => {
    expect(parseInterfaceAddress(text)).toBeUndefined();
  });

  it('agrees with another implementation on networks', () => {
    fc.assert(
      fc.property(ipv4Bytes, fc.integer({ min: 0, max: 32 }), (bytes, length) => {
        const text = `${bytes.join('.')}/${length}`;
        expect(parsePrefix(text)).toBe(`${new Address4(text).startAddress().correctForm()}/${length}`);
      }),
    );
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 128 }), (values, length) => {
        const text = `${values.map((value) => value.toString(16)).join(':')}/${length}`;
        const start = new Address6(text).startAddress();
        fc.pre(!start.correctForm().startsWith('::ffff:'));
        expect(parsePrefix(text)).toBe(`${start.correctForm()}/${length}`);
      }),
    );
  });

  it('contains what another implementation says it contains', () => {
    const near = fc.tuple(groups, groups, fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 128 }));
    fc.assert(
      fc.property(near, ([outer, other, shared, length]) => {
        const inner = [...outer.slice(0, shared), ...other.slice(shared)];
        const text = (values: readonly number[]): string =>
          values.map((value) => value.toString(16)).join(':');
        const [prefix, address] = [parsePrefix(`${text(outer)}/${length}`), parseIp(text(inner))];
        if (prefix === undefined || address === undefined) throw new Error('not read');
        const expected = new Address6(text(inner)).isInSubnet(new Address6(`${text(outer)}/${length}`));
        expect(contains(prefix, address)).toBe(expected);
      }),
    );
  });

  it('contains narrower prefixes, not wider ones, and nothing of the other family', () => {
    const prefix = (text: string): Prefix => parsePrefix(text) ?? hostPrefix(networkAddress(text as Prefix));
    expect(contains(prefix('10.0.0.0/8'), prefix('10.1.0.0/16'))).toBe(true);
    expect(contains(prefix('10.0.0.0/8'), prefix('10.0.0.0/8'))).toBe(true);
    expect(contains(prefix('10.0.0.0/8'), prefix('0.0.0.0/0'))).toBe(false);
    expect(contains(prefix('10.0.0.0/16'), prefix('10.0.0.0/8'))).toBe(false);
    expect(contains(prefix('::/0'), prefix('10.0.0.0/8'))).toBe(false);
    expect(contains(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false);
  });

  it('knows family, host prefix, length and network address', () => {
    const [v4, v6] = [parseIp('10.0.0.1'), parseIp('2001:db8::1')];
    if (v4 === undefined || v6 === undefined) throw new Error('not read');
    expect([familyOf(v4), familyOf(v6)]).toEqual([4, 6]);
    expect([hostPrefix(v4), hostPrefix(v6)]).toEqual(['10.0.0.1/32', '2001:db8::1/128']);
    expect([hostPrefix(v4), hostPrefix(v6)].map(isHostPrefix)).toEqual([true, true]);
    const wide = parsePrefix('2001:db8::/32');
    if (wide === undefined) throw new Error('not read');
    expect([isHostPrefix(wide), prefixLength(wide), networkAddress(wide)]).toEqual([false, 32, '2001:db8::']);
  });
});

describe('compareIp', () => {
  it('orders by family, number and length', () => {
    const sorted = [
      '9.0.0.0/8',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '10.0.0.0/32',
      '10.0.0.1/32',
      '::/0',
      '2001:db8::/32',
    ];
    const prefixes = sorted.map((text) => parsePrefix(text)).filter((prefix) => prefix !== undefined);
    fc.assert(
      fc.property(fc.shuffledSubarray(prefixes, { minLength: prefixes.length }), (shuffled) => {
        expect([...shuffled].sort(compareIp)).toEqual(sorted);
      }),
    );
  });
});

describe('parseMac', () => {
  it.each([
    ['FA:16:3e:00:00:01', 'fa:16:3e:00:00:01'],
    ['00:00:00:00:00:00', '00:00:00:00:00:00'],
  ])('reads %s', (text, mac) => {
    expect(parseMac(text)).toBe(mac);
  });

  it.each([
    '',
    'fa-16-3e-00-00-01',
    'fa163e000001',
    'fa:16:3e:00:00',
    'fa:16:3e:00:00:01:02',
    'ga:16:3e:00:00:01',
    'fa:16:3e:00:00:01\n',
    'unknown',
  ])('refuses %j', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });
});

describe('unannounceable', () => {
  it.each([
    '0.0.0.0/0',
    '::/0',
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.1.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    'fe80::1',
    'febf::1',
    'ff02::1',
    '127.0.0.0/8',
    'ff00::/8',
    // Wider than a block that must not be announced: it would bring in that block, too.
    '::/1',
    '128.0.0.0/1',
    'fe00::/8',
    // A default route in pieces.
    '32.0.0.0/3',
    '64.0.0.0/7',
    '2000::/3',
    '2000::/15',
  ])('refuses %s', (text) => {
    const value = text.includes('/') ? parsePrefix(text) : parseIp(text);
    if (value === undefined) throw new Error('not read');
    expect(unannounceable(value)).toBeTypeOf('string');
  });

  it.each([
    '10.0.0.1',
    '172.24.4.10',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '223.255.255.255',
    '2001:db8::10',
    'fd00::1',
    'fec0::1',
    '10.0.0.0/8',
    '2001::/16',
  ])('lets %s pass', (text) => {
    const value = text.includes('/') ? parsePrefix(text) : parseIp(text);
    if (value === undefined) throw new Error('not read');
    expect(unannounceable(value)).toBeUndefined();
  });
});
