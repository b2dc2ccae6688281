import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME, FrameReader } from './frames.ts';

describe('frames', () => {
  it('come out as they went in, however the stream cuts them', () => {
    const frame = fc.record({
      type: fc.constantFrom(...Object.values(FRAME)),
      body: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (frames, step) => {
        const wire = Buffer.concat(frames.map(({ type, body }) => encodeFrame(type, Buffer.from(body))));
        const reader = new FrameReader();
        const seen: { type: number; body: Uint8Array }[] = [];
        for (let at = 0; at < wire.length; at += step) {
          for (const { type, body } of reader.push(wire.subarray(at, at + step)))
            seen.push({ type, body: new Uint8Array(body) });
        }
        expect(seen).toEqual(frames);
      }),
    );
  });

  it('refuses what cannot be a frame', () => {
    expect(() => new FrameReader().push(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow(
      /a frame of \d+ bytes/,
    );
  });
});
