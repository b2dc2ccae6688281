/** Declares everything that a schema has, for tests that compare whole databases. */
import { readFileSync } from 'node:fs';
import { type ColumnSchema, parseSchema } from '../../src/ovsdb/schema.ts';
import { type ColumnType, type DatabaseSpec, databaseSpec } from '../../src/ovsdb/types.ts';

/** Columns of a type that cannot be declared are left out. */
export function wholeSchema(path: string): DatabaseSpec {
  const schema = parseSchema(JSON.parse(readFileSync(path, 'utf8')));
  const tables = [...schema.tables].map(([table, { columns }]) => {
    const declared = [...columns].flatMap(([name, column]) => {
      const type = declaration(column);
      return type === undefined || column.ephemeral ? [] : [[name, type] as const];
    });
    return [table, { columns: Object.fromEntries(declared) }] as const;
  });
  return databaseSpec(schema.name, Object.fromEntries(tables));
}

function declaration({ key, value, min, max }: ColumnSchema): ColumnType | undefined {
  if (value === undefined) {
    if (max === 1 && min === 1) return key.type;
    if (max === 1) return key.type === 'real' ? undefined : `optional-${key.type}`;
    return key.type === 'real' || key.type === 'boolean' ? undefined : `${key.type}-set`;
  }
  switch (`${key.type}-${value.type}-map`) {
    case 'string-string-map':
      return 'string-map';
    case 'string-integer-map':
      return 'string-integer-map';
    case 'string-uuid-map':
      return 'string-uuid-map';
    case 'integer-uuid-map':
      return 'integer-uuid-map';
    default:
      return undefined;
  }
}
