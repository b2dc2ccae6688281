/**
 * The output of `ovsdb-client dump -f json`: one JSON object for each table, with `caption`, `headings` and `data`.
 *
 * In: bytes. Out: its contents. A dump has no schema, so columns are taken to be what the caller declares; a column whose
 * values do not fit reads as empty, with a warning. A dump that ends inside a table throws, because nobody knows what
 * else is missing.
 */
import { compileColumn, type ValueReports } from '../column.ts';
import { OvsdbFileError, OvsdbProtocolError } from '../errors.ts';
import { Framer } from '../framing.ts';
import { type ColumnSchema, type DeclaredType, declaredType, type TableSchema } from '../schema.ts';
import type { ColumnsSpec, DatabaseSpec } from '../types.ts';
import { asUuid, type FileContent, located, type Warn } from './content.ts';

interface DumpedTable {
  readonly name: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly where: string;
}

/** Rows are looked at as a whole. */
const NO_SLICES = { sliceAboveBytes: Number.POSITIVE_INFINITY, maxMessageBytes: Number.POSITIVE_INFINITY };
const NO_REPORTS: ValueReports = { unsafeInteger: () => undefined, ambiguousValue: () => undefined };
const UUID_COLUMN = '_uuid';

export function dumpContent(bytes: Buffer, source: string): FileContent {
  const tables = new Map<string, DumpedTable>();
  for (const table of dumpedTables(bytes, source)) {
    if (tables.has(table.name)) throw new OvsdbFileError('corrupt', `${table.where} is there twice`);
    tables.set(table.name, table);
  }
  return {
    format: 'dump',
    name: undefined,
    version: undefined,
    warnings: [],
    *steps(spec, warn) {
      const wanted = Object.entries(spec.tables).flatMap(([name, { columns }]) => {
        const table = tables.get(name);
        return table === undefined ? [] : [[table, columnsOf(table, columns, warn)] as const];
      });
      // Databases share names of tables, so a single one does not make it the right one.
      if (wanted.length * 2 < Object.keys(spec.tables).length) {
        throw new OvsdbFileError('wrong-database', notTheDatabase(spec, [...tables.keys()], source));
      }
      const schemas = wanted.map(([{ name }, columns]): [string, TableSchema] => [
        name,
        { columns, isRoot: true, indexes: [] },
      ]);
      const schema = {
        name: spec.name,
        version: undefined,
        checksum: undefined,
        tables: new Map(schemas),
      };
      yield { kind: 'schema', schema, rows: 'drop', where: source };
      for (const [table] of wanted) {
        yield { kind: 'transaction', transaction: { [table.name]: rowsOf(table) }, where: table.where };
      }
    },
  };
}

function dumpedTables(bytes: Buffer, source: string): DumpedTable[] {
  const framer = new Framer(() => undefined, NO_SLICES);
  framer.feed(bytes);
  const tables: DumpedTable[] = [];
  for (;;) {
    const where = `${source}: table ${tables.length + 1}`;
    let json: Readonly<Record<string, unknown>> | undefined;
    try {
      json = located(where, () => framer.next());
    } catch (cause) {
      if (cause instanceof OvsdbFileError) throw cause;
      throw new OvsdbFileError('too-big', `${where} is too big`, { cause });
    }
    if (json === undefined) break;
    tables.push(dumpedTable(json, source, where));
  }
  if (framer.midMessage) {
    throw new OvsdbFileError('incomplete', `${source} ends inside table ${tables.length + 1} of the dump`);
  }
  return tables;
}

function dumpedTable(json: Readonly<Record<string, unknown>>, source: string, where: string): DumpedTable {
  const { caption, headings, data } = json;
  const name = typeof caption === 'string' ? /^(\w+) table$/.exec(caption)?.[1] : undefined;
  if (name === undefined || !Array.isArray(headings) || !Array.isArray(data)) {
    throw new OvsdbFileError(
      'unrecognized',
      `${where} is not of a dump: caption, headings and data are expected (ovsdb-client dump -f json)`,
    );
  }
  const fits = (row: unknown): boolean => Array.isArray(row) && row.length === headings.length;
  if (!headings.every((heading) => typeof heading === 'string') || !data.every(fits)) {
    throw new OvsdbFileError('corrupt', `${where} (${name}) has rows that do not fit its headings`);
  }
  return { name, headings, rows: data as unknown[][], where: `${source}: table ${name}` };
}

/** The declared columns that are there and hold what was declared. */
function columnsOf(table: DumpedTable, columns: ColumnsSpec, warn: Warn): ReadonlyMap<string, ColumnSchema> {
  const found = new Map<string, ColumnSchema>();
  for (const [name, type] of Object.entries(columns)) {
    const index = table.headings.indexOf(name);
    if (index < 0) continue;
    const declared = declaredType(type);
    const schema = schemaOf(declared);
    const column = compileColumn(table.name, name, declared, schema, NO_REPORTS);
    try {
      for (const row of table.rows) column.decode(row[index]);
      found.set(name, schema);
    } catch (error) {
      if (!(error instanceof OvsdbProtocolError)) throw error;
      warn(`${table.where}: column ${name} is not as expected and reads as empty: ${error.message}`);
    }
  }
  return found;
}

function schemaOf({ shape, key, value }: DeclaredType): ColumnSchema {
  return {
    key: { type: key },
    ...(value === undefined ? {} : { value: { type: value } }),
    min: shape === 'one' ? 1 : 0,
    max: shape === 'one' || shape === 'optional' ? 1 : Number.POSITIVE_INFINITY,
    mutable: true,
    ephemeral: false,
  };
}

function rowsOf({ headings, rows, where }: DumpedTable): Readonly<Record<string, unknown>> {
  const at = headings.indexOf(UUID_COLUMN);
  if (at < 0) throw new OvsdbFileError('incomplete', `${where} has no column ${UUID_COLUMN}`);
  const result: Record<string, unknown> = {};
  for (const row of rows) {
    const [tag, text] = Array.isArray(row[at]) ? (row[at] as readonly unknown[]) : [];
    const uuid = asUuid(tag === 'uuid' ? text : undefined, where);
    if (Object.hasOwn(result, uuid)) throw new OvsdbFileError('corrupt', `${where} has row ${uuid} twice`);
    result[uuid] = Object.fromEntries(headings.map((name, index) => [name, row[index]]));
  }
  return result;
}

function notTheDatabase(spec: DatabaseSpec, found: readonly string[], source: string): string {
  const shown = found.slice(0, 8).join(', ');
  return `${source} is no dump of all of ${spec.name}: it has ${found.length} tables (${shown}${found.length > 8 ? ', ...' : ''})`;
}
