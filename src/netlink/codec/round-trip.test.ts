/** Whatever a request says is what the kernel would read: encode, decode, compare. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAddress } from '../ip-text.ts';
import type { Family, NextHop, RouteRequest } from '../types.ts';
import { decodeAddress, encodeAddress } from './address.ts';
import { decodeNeighbor, encodeNeighbor } from './neighbor.ts';
import { decodeRoute, encodeRoute } from './route.ts';
import { decodeRule, encodeRule } from './rule.ts';
import { MessageWriter } from './writer.ts';

const u8 = fc.integer({ min: 1, max: 255 });
const u32 = fc.integer({ min: 1, max: 0xffffffff });
const index = fc.integer({ min: 1, max: 0x7fffffff });
const family = fc.constantFrom<Family>(4, 6);

const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));

/** Canonical text; built from groups without zero runs, so that no shortening is involved. */
function address(of: Family): fc.Arbitrary<string> {
  const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
  return of === 4 ? fc.ipV4() : fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => all.join(':'));
}

function prefix(of: Family): fc.Arbitrary<string> {
  return fc
    .tuple(address(of), fc.integer({ min: 1, max: of === 4 ? 32 : 128 }))
    .map(([host, length]) => `${host}/${length}`);
}

/** Drops what fast-check left undefined: absent and undefined are different things here. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

function through<T>(
  encode: (writer: MessageWriter) => void,
  decode: (b: Buffer, s: number, e: number) => T,
): T {
  const writer = new MessageWriter(16);
  encode(writer);
  return decode(writer.bytes, 0, writer.length);
}

describe('round trips', () => {
  it('addresses', () => {
    const request = family.chain((of) =>
      fc.record(
        {
          family: fc.constant(of),
          index,
          address: prefix(of),
          scope: fc.integer({ min: 0, max: 255 }),
          flags: fc.integer({ min: 0, max: 0xfff }),
          protocol: u8,
        },
        { requiredKeys: ['family', 'index', 'address', 'scope', 'flags'] },
      ),
    );
    fc.assert(
      fc.property(request, (value) => {
        const read = through((writer) => encodeAddress(writer, value), decodeAddress);
        expect(read).toEqual(present(value));
      }),
    );
  });

  it('rules', () => {
    const request = family.chain((of) =>
      fc.record(
        {
          family: fc.constant(of),
          priority: u32,
          table: u32,
          to: prefix(of),
          from: prefix(of),
          protocol: u8,
        },
        { requiredKeys: ['family', 'priority', 'table'] },
      ),
    );
    fc.assert(
      fc.property(request, (value) => {
        const read = through((writer) => encodeRule(writer, value), decodeRule);
        expect(read).toEqual({ ...present(value), action: 1, other: false });
      }),
    );
  });

  it('routes', () => {
    const gateway = family.chain(address);
    const nextHop: fc.Arbitrary<NextHop> = fc
      .record(
        { index, via: gateway, weight: fc.integer({ min: 1, max: 256 }), onlink: fc.constant(true as const) },
        { requiredKeys: ['weight'] },
      )
      .map(present);
    const request: fc.Arbitrary<RouteRequest> = family.chain((of) =>
      fc.record(
        {
          family: fc.constant(of),
          table: u32,
          destination: fc.oneof(prefix(of), fc.constant(`${anyAddress(of)}/0`)),
          type: fc.constantFrom('unicast' as const, 'blackhole' as const, 'local' as const, 'throw' as const),
          protocol: u8,
          scope: fc.constantFrom(0, 253, 254),
          metric: u32,
          index,
          via: gateway,
          onlink: fc.constant(true as const),
          source: address(of),
          nextHops: fc.array(nextHop, { minLength: 1, maxLength: 5 }),
        },
        { requiredKeys: ['family', 'table', 'destination', 'protocol', 'type', 'scope'] },
      ),
    );
    fc.assert(
      fc.property(request, (value) => {
        const read = through(
          (writer) => encodeRoute(writer, value, false),
          (bytes, start, end) => decodeRoute(bytes, start, end),
        );
        expect(read).toEqual({ metric: 0, ...present(value) });
      }),
    );
  });

  it('neighbours, proxy entries and forwarding entries', () => {
    const request = fc.constantFrom<Family | 'bridge'>(4, 6, 'bridge').chain((of) =>
      fc.record(
        {
          family: fc.constant(of),
          index,
          address: address(of === 'bridge' ? 4 : of),
          mac,
          state: fc.integer({ min: 0, max: 255 }),
          flags: fc.integer({ min: 0, max: 255 }).map((flags) => flags & ~8),
          proxy: fc.boolean(),
          protocol: u8,
          vlan: fc.integer({ min: 1, max: 4094 }),
        },
        { requiredKeys: ['family', 'index', 'address', 'state', 'flags', 'proxy'] },
      ),
    );
    fc.assert(
      fc.property(request, (value) => {
        const read = through((writer) => encodeNeighbor(writer, value), decodeNeighbor);
        expect(read).toEqual({ ...present(value), flags: value.flags | (value.proxy ? 8 : 0) });
      }),
    );
  });
});

describe('what is filled in', () => {
  const scopeOf = (route: Partial<RouteRequest>, deleting = false): number | undefined =>
    through(
      (writer) =>
        encodeRoute(
          writer,
          { family: 4, table: 1, destination: '10.0.0.0/8', protocol: 3, ...route },
          deleting,
        ),
      (bytes, start, end) => decodeRoute(bytes, start, end)?.scope,
    );

  it('gives routes the scope that ip(8) gives them', () => {
    expect(scopeOf({ index: 1 })).toBe(253);
    expect(scopeOf({ via: '10.0.0.1' })).toBe(0);
    expect(scopeOf({ nextHops: [{ via: '10.0.0.1', weight: 1 }] })).toBe(0);
    expect(scopeOf({ type: 'blackhole' })).toBe(0);
    expect(scopeOf({ type: 'local' })).toBe(254);
    expect(scopeOf({ type: 'broadcast' })).toBe(253);
    expect(scopeOf({ family: 6, destination: '2001:db8::/32', index: 1 })).toBe(0);
    // RT_SCOPE_NOWHERE: any.
    expect(scopeOf({ index: 1 }, true)).toBe(255);
  });

  it('puts no other table into the header for one that does not fit there', () => {
    const tables = [254, 255, 256, 5000].map((table) => {
      const writer = new MessageWriter();
      encodeRoute(writer, { family: 4, table, destination: '10.0.0.0/8', protocol: 3 }, false);
      const inRoute = writer.bytes.readUInt8(4);
      writer.clear();
      encodeRule(writer, { family: 4, table, priority: 1 });
      return [inRoute, writer.bytes.readUInt8(4)];
    });
    // RT_TABLE_COMPAT is 252.
    expect(tables).toEqual([
      [254, 254],
      [255, 255],
      [252, 252],
      [252, 252],
    ]);
  });

  it('makes neighbours permanent and proxy entries stateless', () => {
    const stateOf = (proxy: boolean): number | undefined =>
      through(
        (writer) => encodeNeighbor(writer, { family: 6, index: 1, address: '2001:db8::1', proxy }),
        decodeNeighbor,
      )?.state;
    expect(stateOf(false)).toBe(0x80);
    expect(stateOf(true)).toBe(0);
  });
});

describe('what cannot be sent', () => {
  const route = (change: Partial<RouteRequest>) => () =>
    encodeRoute(
      new MessageWriter(),
      { family: 4, table: 254, destination: '10.0.0.0/8', protocol: 3, ...change },
      false,
    );

  it.each([
    ['prefix of the other family', { destination: '2001:db8::/32' }],
    ['no length', { destination: '10.0.0.0' }],
    ['length too long', { destination: '10.0.0.0/33' }],
    ['leading zero', { destination: '010.0.0.0/8' }],
    ['short form', { destination: '10.1/8' }],
    ['name for an address', { via: 'gateway' }],
    ['source of the other family', { source: '::1' }],
    ['negative table', { table: -1 }],
    ['table beyond 32 bits', { table: 2 ** 32 }],
    ['fraction', { metric: 1.5 }],
    ['protocol beyond 8 bits', { protocol: 256 }],
    ['weight 0', { nextHops: [{ weight: 0 }] }],
  ] satisfies [string, Partial<RouteRequest>][])('%s', (_name, change) => {
    expect(route(change)).toThrow(expect.objectContaining({ code: 'ERR_NETLINK_ENCODE' }));
  });
});
