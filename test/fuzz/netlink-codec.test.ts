/**
 * Messages of a real kernel, damaged at random, through every reader of the netlink library: each is read or refused with a
 * NetlinkDecodeError.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeAddress } from '../../src/netlink/codec/address.ts';
import { decodeLink } from '../../src/netlink/codec/link.ts';
import { readDone, readError, readMessages } from '../../src/netlink/codec/message.ts';
import { decodeNeighbor } from '../../src/netlink/codec/neighbor.ts';
import { decodeRoute } from '../../src/netlink/codec/route.ts';
import { decodeRule } from '../../src/netlink/codec/rule.ts';
import { NetlinkDecodeError } from '../../src/netlink/errors.ts';
import { eventDecoder } from '../../src/netlink/events.ts';
import { fuzz, fuzzTimeout, Seeded } from '../support/fuzzing.ts';

const SHORT = Array.from({ length: 40 }, (_, index) => index);
const INPUTS = 100;
const ENOBUFS = 105;
/** Bytes that lengths and families go wrong by. */
const TELLING = [0, 1, 4, 0x80, 0xff];

const recorded = (
  JSON.parse(
    readFileSync(new URL('../../src/netlink/codec/fixtures/recorded.json', import.meta.url), 'utf8'),
  ) as { readonly messages: readonly { readonly hex: string }[] }
).messages.map(({ hex }) => Buffer.from(hex, 'hex'));

function damaged(random: Seeded): Buffer {
  const bytes = Buffer.concat([
    random.pick(recorded),
    ...(random.chance(0.2) ? [random.pick(recorded)] : []),
  ]);
  for (let count = random.below(6); count > 0; count--) {
    bytes[random.below(bytes.length)] = random.chance(0.75) ? random.below(256) : random.pick(TELLING);
  }
  return random.chance(0.2) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

function readers(random: Seeded): readonly ((bytes: Buffer, start: number, end: number) => unknown)[] {
  const events = eventDecoder({ ignoreRouteProtocols: [186] });
  const frame = (type: number, start: number, end: number) => ({
    type,
    flags: random.below(65_536),
    sequence: 1,
    start,
    end,
  });
  return [
    decodeLink,
    decodeAddress,
    decodeRule,
    decodeNeighbor,
    (bytes, start, end) => decodeRoute(bytes, start, end),
    (bytes) => [...readMessages(bytes)],
    (bytes, start, end) => readError(bytes, frame(2, start, end)),
    (bytes, start, end) => readDone(bytes, frame(3, start, end)),
    (bytes) => events(bytes, random.chance(0.3) ? ENOBUFS : 0),
  ];
}

test(
  'damaged messages are read or refused',
  async () => {
    let read = 0;
    await fuzz(SHORT, (seed) => {
      const random = new Seeded(seed);
      for (let input = 0; input < INPUTS; input++) {
        const bytes = damaged(random);
        for (const reader of readers(random)) {
          try {
            reader(bytes, 0, bytes.length);
            read += 1;
          } catch (error) {
            if (!(error instanceof NetlinkDecodeError))
              throw new Error(`${bytes.toString('hex')}: ${String(error)}`, { cause: error });
          }
        }
      }
    });
    // Refusing everything would be no reading.
    expect(read).toBeGreaterThan(INPUTS);
  },
  fuzzTimeout(30_000),
);
