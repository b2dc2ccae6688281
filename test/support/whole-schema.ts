/** Declares everything that a schema has, for tests that compare whole databases. */
import { readFileSync } from 'node:fs';
import { type ColumnSchema, parseSchema } from '../../src/ovsdb/schema.ts';
import { type ColumnType, type DatabaseSpec, databaseSpec } from '../../src/ovsdb/types.ts';

export function wholeSchema(path: string): DatabaseSpec {
  const schema = parseSchema(JSON.parse(readFileSync(path, 'utf8')));
  const tables = [...schema.tables].map(([table, { columns }]) => {
    const declared = [...columns].flatMap(([name, column]) =>
      column.ephemeral ? [] : [[name, declaration(column)] as const],
    );
    return [table, { columns: Object.fromEntries(declared) }] as const;
  });
  return databaseSpec(schema.name, Object.fromEntries(tables));
}

function declaration({ key, value, min, max }: ColumnSchema): ColumnType {
  if (value !== undefined) return `${key.type}-${value.type}-map`;
  if (max > 1) return `${key.type}-set`;
  return min === 1 ? key.type : `optional-${key.type}`;
}
