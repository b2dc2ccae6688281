import { describe, expect, test } from 'vitest';

import { compileColumn, type ValueReports } from './column.ts';
import { type ColumnSchema, declaredType, parseSchema } from './schema.ts';
import { TEST_SCHEMA, TEST_SCHEMA_JSON } from './testing/schemas.ts';
import type { ColumnType } from './types.ts';
import { ZERO_UUID } from './wire.ts';

function column(type: ColumnType, server: string, reported: string[] = []) {
  const reports: ValueReports = {
    unsafeInteger: (table, name) => reported.push(`unsafe ${table}.${name}`),
    ambiguousValue: (table, name) => reported.push(`ambiguous ${table}.${name}`),
  };
  return compileColumn(
    'Thing',
    server,
    declaredType(type),
    TEST_SCHEMA.tables.get('Thing')?.columns.get(server),
    reports,
  );
}

describe('columns', () => {
  test.each<[ColumnType, string, unknown]>([
    ['string', 'name', ''],
    ['integer', 'number', 0],
    ['real', 'ratio', 0],
    ['boolean', 'on', false],
    ['uuid', 'ref', ZERO_UUID],
    ['optional-string', 'nick', undefined],
    ['string-set', 'words', []],
    ['string-map', 'map', new Map()],
  ])('a %s that is left out, or that the server lacks, is empty', (type, name, empty) => {
    expect(column(type, name).initial).toEqual(empty);
    const absent = column(type, 'no_such_column');
    expect(absent).toMatchObject({ present: false, initial: empty });
    expect(absent.decode('anything')).toEqual(empty);
  });

  test('sets come out sorted, unique and frozen, and share the empty one', () => {
    const words = column('string-set', 'words');
    const value = words.decode(['set', ['c', 'a', 'b', 'a']]);
    expect(value).toEqual(['a', 'b', 'c']);
    expect(Object.isFrozen(value)).toBe(true);
    expect(words.decode(['set', []])).toBe(words.initial);
    expect(column('integer-set', 'numbers').decode(['set', [10, 9, -1]])).toEqual([-1, 9, 10]);
  });

  test('a set with a minimum has the default element when it is left out', () => {
    expect(column('string-set', 'one_word').initial).toEqual(['']);
  });

  test('a scalar may be read as an optional or a set, and comes as its new value', () => {
    const asSet = column('string-set', 'nick');
    expect(asSet.decode('x')).toEqual(['x']);
    expect(asSet.merge(['x'], 'y')).toEqual(['y']);
    expect(asSet.merge(['x'], ['set', []])).toEqual([]);
    expect(column('optional-string', 'name').decode('x')).toBe('x');
    expect(column('string', 'nick').decode(['set', []])).toBe('');
  });

  test('an integer may be read as real, not the other way round', () => {
    expect(column('real', 'number').decode(3)).toBe(3);
    expect(column('integer', 'ratio').present).toBe(false);
    expect(column('string-map', 'counts').present).toBe(false);
    expect(column('string-set', 'map').present).toBe(false);
  });

  test('integers beyond 2^53 are reported', () => {
    const reported: string[] = [];
    const number = column('integer', 'number', reported);
    expect(number.decode(JSON.parse('9007199254740991'))).toBe(9_007_199_254_740_991);
    expect(reported).toEqual([]);
    number.decode(JSON.parse('9007199254740993'));
    expect(reported).toEqual(['unsafe Thing.number']);
    expect(() => number.decode(1.5)).toThrow(/expected an integer/);
  });

  test('one value declared, several found: empty, reported, and the whole set is followed', () => {
    const reported: string[] = [];
    const { hidden } = column('optional-string', 'words', reported);
    const two = hidden?.decode(['set', ['a', 'b']]) ?? [];
    expect(hidden?.visible(two)).toBeUndefined();
    expect(reported).toEqual(['ambiguous Thing.words']);
    expect(hidden?.visible(hidden.merge(two, 'a'))).toBe('b');
  });
});

describe('schemas', () => {
  test('are parsed with their defaults', () => {
    const schema = parseSchema(JSON.parse(JSON.stringify(TEST_SCHEMA_JSON)));
    const thing = schema.tables.get('Thing');
    const expected: Partial<ColumnSchema> = { min: 1, max: 1, mutable: true, ephemeral: false };
    expect(thing?.columns.get('ref')).toMatchObject({ ...expected, key: { refType: 'weak' } });
    expect(thing?.columns.get('other')).toMatchObject({ min: 0, max: 1, key: { refType: 'strong' } });
    expect(thing?.columns.get('words')).toMatchObject({ min: 0, max: Number.POSITIVE_INFINITY });
    expect(schema).toMatchObject({ name: 'Test', version: '1.2.3', checksum: '1 2' });
  });

  test.each([
    [null, /the schema is not a JSON object/],
    [{ tables: {} }, /no name/],
    [{ name: 'X', tables: { T: {} } }, /X\.T\.columns is not a JSON object/],
    [{ name: 'X', tables: { T: { columns: { c: { type: 'int' } } } } }, /X\.T\.c has the unknown type "int"/],
  ])('%j is refused', (json, message) => {
    expect(() => parseSchema(json)).toThrow(message);
  });
});
