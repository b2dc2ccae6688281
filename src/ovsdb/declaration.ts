/**
 * What a caller may declare, checked once at run time: declarations also come from programs without types, and from
 * generators. Throws an `OvsdbConfigurationError` that names the table and the column. Pure.
 */
import { OvsdbConfigurationError } from './errors.ts';
import { parseColumnType } from './schema.ts';
import type { DatabaseSpec } from './types.ts';

/** RFC 7047 3.1 `<id>`. */
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function checkDeclaration(spec: DatabaseSpec): void {
  for (const [table, { columns, indexes }] of Object.entries(spec.tables)) {
    const where = `the declaration of ${spec.name}.${table}`;
    checkName(table, where);
    for (const [column, type] of Object.entries<unknown>(columns)) {
      const place = `${where}.${column}`;
      if (column === '_uuid') {
        throw new OvsdbConfigurationError(`${place}: every row has its _uuid, leave it out`);
      }
      if (column === '_version') throw new OvsdbConfigurationError(`${place}: servers do not replicate it`);
      checkName(column, place);
      if (typeof type !== 'string' || parseColumnType(type) === undefined) {
        throw new OvsdbConfigurationError(
          `${place} is of the unknown type ${JSON.stringify(type)}; there are string, integer, real, boolean and uuid, ` +
            'each also as optional-TYPE, TYPE-set and TYPE-TYPE-map, and string-map',
        );
      }
    }
    for (const [index, keysOf] of Object.entries<unknown>(indexes ?? {})) {
      if (typeof keysOf === 'function') continue;
      throw new OvsdbConfigurationError(`${where}: the index ${JSON.stringify(index)} is no function`);
    }
  }
}

function checkName(name: string, where: string): void {
  if (!IDENTIFIER.test(name)) throw new OvsdbConfigurationError(`${where}: not a name of OVSDB`);
  // Rows are plain objects; what all of these have cannot be told from a value that the server left out.
  if (name in Object.prototype) throw new OvsdbConfigurationError(`${where}: a name that cannot be declared`);
}
