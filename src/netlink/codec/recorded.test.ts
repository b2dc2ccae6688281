/**
 * What the codec makes of messages recorded from a real kernel. The commands that made the objects stand in the
 * fixture; the readings were compared with the output of ip(8) when they were recorded.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeAddress } from './address.ts';
import { decodeLink } from './link.ts';
import { decodeNeighbor } from './neighbor.ts';
import { decodeRoute } from './route.ts';
import { decodeRule } from './rule.ts';
import { LITTLE_ENDIAN } from './writer.ts';

interface Recording {
  readonly kernel: string;
  readonly messages: readonly {
    readonly kind: keyof typeof decoders;
    readonly hex: string;
    readonly reads: unknown;
  }[];
}

const decoders = {
  link: decodeLink,
  address: decodeAddress,
  rule: decodeRule,
  route: (bytes: Buffer, start: number, end: number) => decodeRoute(bytes, start, end),
  neighbor: decodeNeighbor,
};

const recording = JSON.parse(
  readFileSync(new URL('fixtures/recorded.json', import.meta.url), 'utf8'),
) as Recording;

describe.skipIf(!LITTLE_ENDIAN)(`messages of Linux ${recording.kernel}`, () => {
  it('has some of every kind', () => {
    expect(new Set(recording.messages.map(({ kind }) => kind))).toEqual(new Set(Object.keys(decoders)));
  });

  for (const [position, { kind, hex, reads }] of recording.messages.entries()) {
    it(`${kind} ${position}`, () => {
      // At an odd place of a larger buffer, as in a datagram.
      const bytes = Buffer.concat([Buffer.alloc(16, 0xff), Buffer.from(hex, 'hex'), Buffer.alloc(16, 0xff)]);
      expect(decoders[kind](bytes, 16, bytes.length - 16) ?? null).toEqual(reads);
    });
  }
});
