import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { OvsdbTransactionError } from './errors.ts';
import {
  byUuid,
  comment,
  deleteRows,
  encodeValue,
  insert,
  mutate,
  namedUuid,
  update,
  uuid,
  wait,
} from './operations.ts';
import { readResults } from './transact.ts';
import { atomDecoder, decodeMap, decodeSet } from './wire.ts';

describe('values', () => {
  test('what is encoded decodes to the same', () => {
    const string = atomDecoder('string', () => undefined);
    const integer = atomDecoder('integer', () => undefined);
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), (words) => {
        expect(decodeSet(encodeValue(new Set(words)), string)).toEqual(words.toSorted(codeUnits));
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.integer())), (pairs) => {
        const map = new Map(pairs);
        const decoded = decodeMap(encodeValue(map), string, integer);
        expect(decoded).toEqual(map);
        expect([...decoded.keys()]).toEqual([...map.keys()].sort(codeUnits));
      }),
    );
    const id = atomDecoder('uuid', () => undefined);
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid()), (ids) => {
        expect(decodeSet(encodeValue(ids.map(uuid)), id)).toEqual(ids.toSorted(codeUnits));
      }),
    );
  });

  test('plain values stand for what they look like', () => {
    expect(encodeValue('x')).toBe('x');
    expect(encodeValue(undefined)).toEqual(['set', []]);
    expect(encodeValue(['a', 'b'])).toEqual(['set', ['a', 'b']]);
    const id = '11111111-1111-4222-8333-444444444444';
    expect(encodeValue(['uuid', 'x'])).toEqual(['set', ['uuid', 'x']]);
    expect(encodeValue(['named-uuid', 'x'])).toEqual(['set', ['named-uuid', 'x']]);
    // As the server gives it for an insert.
    expect(encodeValue(['uuid', id])).toEqual(['uuid', id]);
    expect(encodeValue(uuid('u'))).toEqual(['uuid', 'u']);
    expect(encodeValue([namedUuid('a'), uuid('b')])).toEqual([
      'set',
      [
        ['named-uuid', 'a'],
        ['uuid', 'b'],
      ],
    ]);
    expect(() => encodeValue(Number.NaN)).toThrow(/NaN cannot be stored/);
  });
});

test('operations have the members of RFC 7047 5.2', () => {
  expect(insert('T', { a: 1 }, { uuidName: 'n' })).toEqual({
    op: 'insert',
    table: 'T',
    row: { a: 1 },
    'uuid-name': 'n',
  });
  expect(() => insert('T', {}, { uuidName: 'no-dash' })).toThrow(/not an identifier/);
  expect(update('T', byUuid('u'), { a: true })).toEqual({
    op: 'update',
    table: 'T',
    where: [['_uuid', '==', ['uuid', 'u']]],
    row: { a: true },
  });
  expect(mutate('T', [], [['a', 'delete', new Set(['x'])]])).toEqual({
    op: 'mutate',
    table: 'T',
    where: [],
    mutations: [['a', 'delete', ['set', ['x']]]],
  });
  expect(deleteRows('T', [])).toEqual({ op: 'delete', table: 'T', where: [] });
  expect(comment('why')).toEqual({ op: 'comment', comment: 'why' });
  expect(wait('T', [], { columns: ['a'], until: '==', rows: [{ a: undefined }], timeoutMs: 0 })).toEqual({
    op: 'wait',
    table: 'T',
    where: [],
    columns: ['a'],
    until: '==',
    rows: [{ a: ['set', []] }],
    timeout: 0,
  });
});

describe('results', () => {
  const operations = [comment('a'), comment('b')];

  test('one for each operation', () => {
    expect(readResults('D', operations, [{}, { count: 2 }])).toEqual([{}, { count: 2 }]);
  });

  test.each([
    [[{}, { error: 'timed out', details: 'x' }], 'timed out', 1],
    [[{ error: 'aborted' }, null], 'aborted', 0],
    [[{}, {}, { error: 'constraint violation' }], 'constraint violation', undefined],
  ])('%j is an error', (reply, code, operationIndex) => {
    let caught: unknown;
    try {
      readResults('D', operations, reply);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(OvsdbTransactionError);
    expect(caught).toMatchObject({ code, operationIndex });
  });

  test('fewer results than operations are no success', () => {
    expect(() => readResults('D', operations, [{}])).toThrow(/lacks results/);
    expect(() => readResults('D', operations, [{}, null])).toThrow(/lacks results/);
    expect(() => readResults('D', operations, {})).toThrow(/is no list/);
  });
});

function codeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
