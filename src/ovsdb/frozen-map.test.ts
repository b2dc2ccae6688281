import { expect, test } from 'vitest';

import { frozenMap } from './frozen-map.ts';
import { RowCodec } from './row-codec.ts';
import { TEST_SCHEMA, TEST_SPEC } from './testing/schemas.ts';

test('a frozen map is a map that cannot be changed', () => {
  const map = frozenMap(new Map([['a', 1]])) as Map<string, number>;
  expect(() => map.set('b', 2)).toThrow(/make a copy/);
  expect(() => map.delete('a')).toThrow(TypeError);
  expect(() => map.clear()).toThrow(TypeError);
  expect([...map]).toEqual([['a', 1]]);
  expect(map).toEqual(new Map([['a', 1]]));
  const copy = new Map(map).set('b', 2);
  expect([copy.size, map.size, structuredClone(map).get('a')]).toEqual([2, 1, 1]);
});

test('every map of every row is one: empty, sorted, merged, and of at most one pair', () => {
  const reports = { unsafeInteger: () => undefined, ambiguousValue: () => undefined };
  const codec = new RowCodec('Thing', TEST_SPEC.tables.Thing.columns, TEST_SCHEMA, reports);
  const pairs = (...keys: string[]): unknown => ['map', keys.map((key) => [key, 'v'])];
  const empty = codec.decode('u1', {});
  const sorted = codec.decode('u2', { map: pairs('a', 'b'), single: pairs('a') });
  const unsorted = codec.decode('u3', { map: pairs('b', 'a') });
  const merged = codec.merge(unsorted, { map: pairs('c', 'a'), single: pairs('z') });
  const emptied = codec.merge(sorted, { map: pairs('a', 'b'), single: pairs() });
  let looked = 0;
  for (const row of [empty, sorted, unsorted, merged, emptied]) {
    for (const value of Object.values(row)) {
      if (!(value instanceof Map)) continue;
      looked += 1;
      expect(() => value.set('oops', 'x')).toThrow(/cannot be changed/);
    }
  }
  expect(looked).toBe(5 * 7);
  expect([...(merged.map as Map<string, string>).keys()]).toEqual(['b', 'c']);
  expect(emptied.map).toBe(empty.map);
});

test('the schema that callers get is frozen as well', () => {
  expect(() => (TEST_SCHEMA.tables as Map<string, unknown>).clear()).toThrow(TypeError);
});
