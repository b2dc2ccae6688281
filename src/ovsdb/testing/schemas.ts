/** A small schema with every kind of column, for unit tests. */
import { type DatabaseSchema, parseSchema } from '../schema.ts';
import { databaseSpec, tableSpec } from '../types.ts';

const unlimited = { min: 0, max: 'unlimited' };

export const TEST_SCHEMA_JSON = {
  name: 'Test',
  version: '1.2.3',
  cksum: '1 2',
  tables: {
    Thing: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        number: { type: 'integer' },
        ratio: { type: 'real' },
        on: { type: 'boolean' },
        ref: { type: { key: { type: 'uuid', refTable: 'Thing', refType: 'weak' } } },
        nick: { type: { key: 'string', min: 0, max: 1 } },
        tag: { type: { key: { type: 'integer', minInteger: 0, maxInteger: 4095 }, min: 0, max: 1 } },
        maybe: { type: { key: 'boolean', min: 0, max: 1 } },
        other: { type: { key: { type: 'uuid', refTable: 'Thing' }, min: 0, max: 1 } },
        words: { type: { key: 'string', ...unlimited } },
        numbers: { type: { key: 'integer', ...unlimited } },
        refs: { type: { key: { type: 'uuid', refTable: 'Thing' }, ...unlimited } },
        map: { type: { key: 'string', value: 'string', ...unlimited } },
        counts: { type: { key: 'string', value: 'integer', ...unlimited } },
        named: { type: { key: 'string', value: { type: 'uuid', refTable: 'Thing' }, ...unlimited } },
        slots: { type: { key: 'integer', value: { type: 'uuid', refTable: 'Thing' }, ...unlimited } },
        share: { type: { key: 'real', min: 0, max: 1 } },
        ratios: { type: { key: 'real', ...unlimited } },
        flags: { type: { key: 'boolean', ...unlimited } },
        weights: { type: { key: 'string', value: 'real', ...unlimited } },
        pairs: { type: { key: 'integer', value: 'integer', ...unlimited } },
        single: { type: { key: 'string', value: 'string', min: 0, max: 1 } },
        one_word: { type: { key: 'string', min: 1, max: 3 } },
      },
    },
  },
} as const;

export const TEST_SCHEMA: DatabaseSchema = parseSchema(TEST_SCHEMA_JSON);

export const TEST_SPEC = databaseSpec('Test', {
  Thing: tableSpec(
    {
      name: 'string',
      number: 'integer',
      ratio: 'real',
      on: 'boolean',
      ref: 'uuid',
      nick: 'optional-string',
      tag: 'optional-integer',
      maybe: 'optional-boolean',
      other: 'optional-uuid',
      words: 'string-set',
      numbers: 'integer-set',
      refs: 'uuid-set',
      map: 'string-map',
      counts: 'string-integer-map',
      named: 'string-uuid-map',
      slots: 'integer-uuid-map',
      share: 'optional-real',
      ratios: 'real-set',
      flags: 'boolean-set',
      weights: 'string-real-map',
      pairs: 'integer-integer-map',
      single: 'string-string-map',
    },
    {
      name: (row) => row.name,
      word: (row) => row.words,
      nick: (row) => row.nick,
    },
  ),
});
