import { describe, expect, expectTypeOf, test } from 'vitest';

import { OvsdbClient } from './client.ts';
import { checkDeclaration } from './declaration.ts';
import { OvsdbConfigurationError } from './errors.ts';
import { databaseFile } from './file/database-file.ts';
import { parseColumnType } from './schema.ts';
import { standaloneLog } from './testing/log-writer.ts';
import { TEST_SCHEMA_JSON } from './testing/schemas.ts';
import {
  type ColumnType,
  type DatabaseSpec,
  databaseSpec,
  type RowOf,
  tableSpec,
  type Uuid,
} from './types.ts';

const ATOMS = ['string', 'integer', 'real', 'boolean', 'uuid'] as const;
const declared = (table: string, columns: object, indexes?: object): DatabaseSpec =>
  ({ name: 'Test', tables: { [table]: { columns, indexes } } }) as unknown as DatabaseSpec;

describe('the name of a column type', () => {
  const all: ColumnType[] = ATOMS.flatMap((key) => [
    key,
    `optional-${key}` as const,
    `${key}-set` as const,
    ...ATOMS.map((value) => `${key}-${value}-map` as const),
  ]);

  test('stands for each type that OVSDB has', () => {
    expect(new Set(all.map((name) => JSON.stringify(parseColumnType(name)))).size).toBe(40);
    expect(parseColumnType('uuid-real-map')).toEqual({ shape: 'map', key: 'uuid', value: 'real' });
    expect(parseColumnType('optional-real')).toEqual({ shape: 'optional', key: 'real' });
    expect(parseColumnType('string-map')).toEqual(parseColumnType('string-string-map'));
  });

  test.each([
    'text',
    '',
    'set',
    'optional-',
    'string-text-map',
    'optional-string-set',
    'String',
    'integer-map',
  ])('%j is none', (name) => {
    expect(parseColumnType(name)).toBeUndefined();
  });

  test('gives the type of the value in a row', () => {
    const spec = tableSpec({
      a: 'real-set',
      b: 'integer-string-map',
      c: 'optional-real',
      d: 'string-map',
      e: 'uuid-boolean-map',
    });
    type Row = RowOf<typeof spec>;
    expectTypeOf<Row['a']>().toEqualTypeOf<readonly number[]>();
    expectTypeOf<Row['b']>().toEqualTypeOf<ReadonlyMap<number, string>>();
    expectTypeOf<Row['c']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Row['d']>().toEqualTypeOf<ReadonlyMap<string, string>>();
    expectTypeOf<Row['e']>().toEqualTypeOf<ReadonlyMap<Uuid, boolean>>();
    // @ts-expect-error -- there is no such type
    tableSpec({ name: 'text' });
    // @ts-expect-error -- every row has it
    tableSpec({ _uuid: 'uuid', name: 'string' });
    expect(spec.columns.a).toBe('real-set');
  });
});

describe('a declaration that cannot be meant', () => {
  const CASES: readonly (readonly [what: string, spec: DatabaseSpec, message: RegExp])[] = [
    [
      'a type that there is not',
      declared('Thing', { name: 'text' }),
      /Test\.Thing\.name is of the unknown type "text"/,
    ],
    ['no type at all', declared('Thing', { name: undefined }), /Thing\.name is of the unknown type/],
    ['_uuid', declared('Thing', { _uuid: 'uuid', name: 'string' }), /Thing\._uuid: every row has its _uuid/],
    ['_version', declared('Thing', { _version: 'uuid' }), /Thing\._version: servers do not replicate it/],
    ['a name that is none', declared('Thing', { 'a-b': 'string' }), /Thing\.a-b: not a name of OVSDB/],
    ['a table that is none', declared('a b', {}), /Test\.a b: not a name of OVSDB/],
    [
      'what every object has',
      declared('Thing', { constructor: 'string' }),
      /constructor: a name that cannot/,
    ],
    [
      'an index that is no function',
      declared('Thing', {}, { name: 'name' }),
      /the index "name" is no function/,
    ],
  ];

  test.each(CASES)('%s is refused when it is used', (_what, spec, message) => {
    expect(() => checkDeclaration(spec)).toThrow(OvsdbConfigurationError);
    const client = new OvsdbClient({ remotes: 'unix:/fake', database: 'Test' });
    expect(() => client.replicate(spec)).toThrow(message);
    expect(() => databaseFile(standaloneLog(TEST_SCHEMA_JSON), 'f').contents(spec)).toThrow(message);
  });

  test('is another database, or of a client that is closed', async () => {
    const client = new OvsdbClient({ remotes: 'unix:/fake', database: 'Other' });
    expect(() => client.replicate(databaseSpec('Test', {}))).toThrow(OvsdbConfigurationError);
    await client.close();
    expect(() => client.replicate(databaseSpec('Other', {}))).toThrow(/is closed/);
  });
});
