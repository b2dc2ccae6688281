/** Damaged messages: every one is read or refused with a NetlinkDecodeError, in bounded time. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetlinkDecodeError } from '../errors.ts';
import { eventDecoder } from '../events.ts';
import { decodeAddress } from './address.ts';
import { decodeLink } from './link.ts';
import { readDone, readError, readMessages } from './message.ts';
import { decodeNeighbor } from './neighbor.ts';
import { decodeRoute } from './route.ts';
import { decodeRule } from './rule.ts';

const seeds = (
  JSON.parse(readFileSync(new URL('fixtures/recorded.json', import.meta.url), 'utf8')) as {
    readonly messages: readonly { readonly hex: string }[];
  }
).messages.map(({ hex }) => Buffer.from(hex, 'hex'));

/** A recorded message with some bytes overwritten, or cut short, or followed by noise. */
const damaged = fc
  .record({
    seed: fc.constantFrom(...seeds),
    writes: fc.array(
      fc.tuple(fc.nat(2000), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 3, 4, 0x7f, 0x80, 0xff))),
      { maxLength: 8 },
    ),
    keep: fc.nat(2000),
    cut: fc.boolean(),
    tail: fc.uint8Array({ maxLength: 12 }),
  })
  .map(({ seed, writes, keep, cut, tail }) => {
    const bytes = Buffer.concat([cut ? seed.subarray(0, keep % (seed.length + 1)) : seed, tail]);
    for (const [at, value] of writes) if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  });

const anything = fc.oneof(
  { weight: 4, arbitrary: damaged },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
);

/** What reading throws, other than the error that is meant for it. */
function misbehaviour(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error instanceof NetlinkDecodeError ? undefined : error;
  }
}

describe('hostile input', () => {
  const readers: Readonly<Record<string, (bytes: Buffer, start: number, end: number) => unknown>> = {
    decodeLink,
    decodeAddress,
    decodeRule,
    decodeRoute: (bytes, start, end) => decodeRoute(bytes, start, end),
    decodeNeighbor,
    readMessages: (bytes, start, end) => [...readMessages(bytes.subarray(start, end))],
    readError: (bytes, start, end) => readError(bytes, { type: 2, flags: 0x200, sequence: 1, start, end }),
    readDone: (bytes, start, end) => readDone(bytes, { type: 3, flags: 0x200, sequence: 1, start, end }),
  };

  it.each(Object.entries(readers))('%s', (_name, read) => {
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(misbehaviour(() => read(bytes, 0, bytes.length))).toBeUndefined();
      }),
      { numRuns: 3000 },
    );
  });

  it('notifications: unreadable ones end in a resync, never in an exception', () => {
    const decode = eventDecoder({ ignoreRouteProtocols: [186] });
    const framed = fc
      .tuple(anything, fc.constantFrom(16, 17, 20, 21, 24, 25, 28, 29, 32, 33), fc.nat(3))
      .map(([payload, type, lengthError]) => {
        const header = Buffer.alloc(16);
        header.writeUInt32LE(16 + payload.length + (lengthError === 3 ? 1000 : 0), 0);
        header.writeUInt16LE(type, 4);
        return Buffer.concat([header, payload]);
      });
    fc.assert(
      fc.property(framed, (bytes) => {
        for (const event of decode(bytes, 0)) expect(event.type).toBeTypeOf('string');
      }),
      { numRuns: 3000 },
    );
  });

  it('does not stand still on lengths of zero', () => {
    expect(() => [...readMessages(Buffer.alloc(64))]).toThrow(NetlinkDecodeError);
    const route = Buffer.alloc(12 + 64);
    route[0] = 2;
    expect(() => decodeRoute(route, 0, route.length)).toThrow(NetlinkDecodeError);
  });

  it('does not read beyond the end that it is given', () => {
    const [first] = seeds;
    if (first === undefined) throw new Error('no recorded messages');
    const long = Buffer.concat([first, Buffer.from('0800040000000000', 'hex')]);
    expect(decodeLink(long, 0, first.length)).toEqual(decodeLink(first, 0, first.length));
    expect(decodeLink(long, 0, long.length)).toMatchObject({ mtu: 0 });
  });
});
