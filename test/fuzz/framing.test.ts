/**
 * The framer and the row slicer against JSON.parse: random messages as an OVSDB server sends them, and as it never would,
 * cut anywhere and sliced from any size on; and damaged streams, which may only end in a protocol error.
 */
import { expect, test } from 'vitest';
import { OvsdbProtocolError } from '../../src/ovsdb/errors.ts';
import { Framer } from '../../src/ovsdb/framing.ts';
import { fuzz, fuzzTimeout, Seeded } from '../support/fuzzing.ts';

const SHORT = Array.from({ length: 400 }, (_, index) => index);
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  '\\"',
  ':',
  ',',
  'a',
  'ü',
  '€',
  '\u{1f600}',
  '\u0007',
  '\n',
  '__proto__',
];
const TABLES = ['Thing', 'Port_Binding', 'a"b', 'c\\', '', '{}', 'ü'];

class Messages {
  readonly #random: Seeded;

  constructor(random: Seeded) {
    this.#random = random;
  }

  text(): string {
    return Array.from({ length: this.#random.below(7) }, () => this.#random.pick(PIECES)).join('');
  }

  uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.#random.below(16).toString(16)).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  json(depth: number): unknown {
    const random = this.#random;
    const kind = random.below(depth > 3 ? 4 : 6);
    if (kind === 0) return random.pick([true, false, null]);
    if (kind === 1) return random.pick([0, -1, 1.5, 1e300, 2 ** 53, -0.001]);
    if (kind < 4) return this.text();
    if (kind === 4) return random.several(4, () => this.json(depth + 1));
    return this.#object(
      random.below(4),
      () => this.text(),
      () => this.json(depth + 1),
    );
  }

  /** `{TABLE: {UUID: {insert|modify|...: {COLUMN: value}}}}`, a table now and then with what is no UUID. */
  updates(): Record<string, unknown> {
    const random = this.#random;
    return this.#object(
      random.below(4),
      () => random.pick(TABLES),
      () => {
        const hasRows = random.chance(0.9);
        return this.#object(
          random.below(5),
          () => (hasRows ? this.uuid() : this.text()),
          () => ({ [random.pick(['insert', 'modify', 'delete', 'initial', 'new'])]: this.json(1) }),
        );
      },
    );
  }

  message(): Record<string, unknown> {
    switch (this.#random.below(5)) {
      case 0:
        return { id: 4, result: this.updates(), error: null };
      case 1:
        return { id: 4, result: [true, this.uuid(), this.updates()], error: null };
      case 2:
        return { id: null, method: 'update3', params: [this.text(), this.uuid(), this.updates()] };
      case 3:
        return { method: 'update2', id: null, params: [['monid', this.text()], this.updates()] };
      default:
        return this.#object(
          this.#random.below(4),
          () => this.text(),
          () => this.json(0),
        );
    }
  }

  #object(size: number, key: () => string, value: () => unknown): Record<string, unknown> {
    // As JSON.parse does it: `__proto__` is a member like any other.
    return Object.fromEntries(Array.from({ length: size }, () => [key(), value()]));
  }
}

type Found = readonly [message: unknown, rows: readonly (readonly [string, string, unknown])[]];

/** All messages of a stream that comes in random chunks, each with the rows that went to the sink. */
function read(bytes: Buffer, random: Seeded, withSink: boolean): Found[] {
  const found: Found[] = [];
  let rows: [string, string, unknown][] = [];
  const limits = { sliceAboveBytes: random.pick([0, 1, 20, 200, 1e6]), maxMessageBytes: 1e7 };
  const framer = new Framer(
    () => (withSink ? (table, uuid, update) => void rows.push([table, uuid, update]) : undefined),
    limits,
  );
  for (let at = 0; at < bytes.length; ) {
    const size = random.chance(0.2) ? bytes.length : 1 + random.below(random.pick([1, 4, 60, 500]));
    framer.feed(bytes.subarray(at, at + size));
    at += size;
    for (let message = framer.next(); message !== undefined; message = framer.next()) {
      found.push([message, rows]);
      rows = [];
    }
  }
  return found;
}

/** What `JSON.parse` makes of the message, when the rows that went to the sink are put back. */
function restored([message, rows]: Found): unknown {
  const copy = structuredClone(message) as { params?: unknown; result?: unknown };
  const holder = copy.params ?? copy.result;
  const tables = (Array.isArray(holder) ? holder.at(-1) : holder) as Record<string, Record<string, unknown>>;
  for (const [table, uuid, update] of rows) (tables[table] as Record<string, unknown>)[uuid] = update;
  return copy;
}

test(
  'any stream in any chunks is what JSON.parse makes of it',
  () =>
    fuzz(SHORT, (seed) => {
      const random = new Seeded(seed);
      const messages = new Messages(random);
      const sent = Array.from({ length: 1 + random.below(6) }, () => messages.message());
      const texts = sent.map((message) => JSON.stringify(message, null, random.pick([0, 0, 1])));
      const bytes = Buffer.from(texts.join(random.pick(['', '', '\n', ' \r\n\t'])));
      const expected = texts.map((text) => JSON.parse(text) as unknown);
      expect(read(bytes, random, false).map(([message]) => message)).toEqual(expected);
      expect(read(bytes, random, true).map(restored)).toEqual(expected);
    }),
  fuzzTimeout(30_000),
);

test(
  'a damaged stream ends in a protocol error or goes on, nothing else',
  () =>
    fuzz(SHORT, (seed) => {
      const random = new Seeded(seed);
      const messages = new Messages(random);
      const bytes = Buffer.from(Array.from({ length: 4 }, () => JSON.stringify(messages.message())).join(''));
      for (let damage = 1 + random.below(4); damage > 0; damage--) {
        bytes[random.below(bytes.length)] = random.chance(0.5)
          ? random.below(256)
          : random.pick([34, 92, 123, 125]);
      }
      try {
        expect(read(bytes, random, random.chance(0.5)).length).toBeLessThan(50);
      } catch (error) {
        if (!(error instanceof OvsdbProtocolError)) throw error;
      }
    }),
  fuzzTimeout(30_000),
);
