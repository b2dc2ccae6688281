import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { OvsdbProtocolError } from './errors.ts';
import { Framer } from './framing.ts';
import type { RowSinkChooser } from './row-slicer.ts';

const NO_SINK: RowSinkChooser = () => undefined;
const SMALL = { sliceAboveBytes: 1_000_000, maxMessageBytes: 2_000_000 };

/** Feeds the bytes in chunks of the given sizes, repeated, and returns all messages. */
function read(text: string, sizes: readonly number[], framer: Framer): unknown[] {
  const bytes = Buffer.from(text);
  const messages: unknown[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    framer.feed(bytes.subarray(at, at + size));
    at += size;
    for (let message = framer.next(); message !== undefined; message = framer.next()) messages.push(message);
  }
  return messages;
}

const uuidArbitrary = fc.uuid().map((uuid) => uuid.toLowerCase());
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('{', '}', '"', '\\', '\\"', 'ü{€"}', '[{"'),
);
const json = fc.jsonValue({ stringUnit: 'binary' });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const updates = fc.dictionary(
  text,
  fc.dictionary(uuidArbitrary, fc.record({ modify: fc.dictionary(text, json) })),
);

describe('framing', () => {
  test('finds messages whatever the chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(text, json)), sizes, (messages, sizes) => {
        const stream = messages.map((message) => JSON.stringify(message)).join('');
        const expected = messages.map((message) => JSON.parse(JSON.stringify(message)) as unknown);
        expect(read(stream, sizes, new Framer(NO_SINK, SMALL))).toEqual(expected);
        expect(read(stream, [1], new Framer(NO_SINK, SMALL))).toEqual(expected);
        expect(read(stream, [stream.length * 4], new Framer(NO_SINK, SMALL))).toEqual(expected);
      }),
    );
  });

  test('white space between messages is skipped, anything else is refused', () => {
    expect(read(' \n{"a":1}\r\n\t{"b":"}"} ', [3], new Framer(NO_SINK, SMALL))).toEqual([
      { a: 1 },
      { b: '}' },
    ]);
    expect(() => read('{"a":1}x{"b":2}', [100], new Framer(NO_SINK, SMALL))).toThrow(OvsdbProtocolError);
    expect(() => read('[1]', [100], new Framer(NO_SINK, SMALL))).toThrow(/received "\[1\]"/);
    expect(() => read('{"a":tru}', [2], new Framer(NO_SINK, SMALL))).toThrow(/not JSON/);
  });
});

describe('slicing of big messages', () => {
  const slicing = { sliceAboveBytes: 0, maxMessageBytes: 1_000_000 };

  test('with a sink: the same rows, and a skeleton with empty tables', () => {
    fc.assert(
      fc.property(
        updates,
        sizes,
        fc.constantFrom('reply', 'since', 'update', 'update3'),
        (updates, sizes, kind) => {
          const message = messageOf(kind, updates);
          const stream = JSON.stringify(message);
          // Maps, because the generated names include `__proto__`.
          const rows = new Map<string, Map<string, unknown>>();
          const envelopes: unknown[] = [];
          const framer = new Framer((envelope) => {
            envelopes.push(envelope);
            return (table, uuid, update) => {
              const ofTable = rows.get(table) ?? new Map<string, unknown>();
              rows.set(table, ofTable.set(uuid, update));
            };
          }, slicing);
          const messages = read(
            stream + stream,
            sizes.map((size) => Math.min(size, stream.length - 1)),
            framer,
          );
          const parsed = JSON.parse(JSON.stringify(updates)) as Record<string, Record<string, unknown>>;
          const tables = Object.keys(parsed);
          const expected = Object.entries(parsed)
            .filter(([, rows]) => Object.keys(rows).length > 0)
            .map(([table, rows]) => [table, new Map(Object.entries(rows))] as const);
          expect(rows).toEqual(new Map(expected));
          expect(messages).toHaveLength(2);
          expect(messages[0]).toEqual(
            messageOf(kind, Object.fromEntries(tables.map((table) => [table, {}]))),
          );
          const known = kind.startsWith('update') ? { method: kind } : { id: 7 };
          const seen = rows.size > 0 ? [known, known] : [];
          expect(envelopes).toMatchObject(seen);
        },
      ),
    );
  });

  test('without a sink: the whole message', () => {
    fc.assert(
      fc.property(
        updates,
        sizes,
        fc.constantFrom('reply', 'since', 'update', 'update3'),
        (updates, sizes, kind) => {
          const message = messageOf(kind, updates);
          const stream = JSON.stringify(message);
          const cut = sizes.map((size) => Math.min(size, stream.length - 1));
          expect(read(stream, cut, new Framer(NO_SINK, slicing))).toEqual([JSON.parse(stream)]);
        },
      ),
    );
  });

  test('messages of other kinds come out whole', () => {
    fc.assert(
      fc.property(fc.dictionary(text, json), sizes, (message, sizes) => {
        const stream = JSON.stringify(message);
        const cut = sizes.map((size) => Math.min(size, Math.max(1, stream.length - 1)));
        const framer = new Framer(() => {
          throw new Error('no rows here');
        }, slicing);
        expect(read(stream, cut, framer)).toEqual([JSON.parse(stream)]);
      }),
    );
    const schema = {
      id: 1,
      result: { name: 'X', tables: { T: { columns: { c: { type: { key: 'string' } } } } } },
      error: null,
    };
    const select = { id: 1, result: [{ rows: [{ _uuid: ['uuid', 'x'], name: '{' }] }], error: null };
    expect(read(JSON.stringify(schema), [3], new Framer(NO_SINK, slicing))).toEqual([schema]);
    expect(read(JSON.stringify(select), [3], new Framer(NO_SINK, slicing))).toEqual([select]);
  });

  test('a part beyond the limit is refused', () => {
    const framer = new Framer(NO_SINK, { sliceAboveBytes: 10, maxMessageBytes: 100 });
    expect(() => read(JSON.stringify({ id: 1, result: 'x'.repeat(200) }), [20], framer)).toThrow(
      /more than 100 bytes/,
    );
  });
});

function messageOf(kind: string, updates: unknown): Record<string, unknown> {
  switch (kind) {
    case 'reply':
      return { id: 7, result: updates, error: null };
    case 'since':
      return { id: 7, result: [false, 'txn', updates], error: null };
    case 'update':
      return { id: null, method: 'update', params: ['monitor{"', updates] };
    default:
      return { id: null, method: 'update3', params: ['monitor', 'txn', updates] };
  }
}
