/**
 * The server's schema (RFC 7047 3.2), parsed once at the boundary, and what it means for the tables and columns that a
 * caller declares. What the server lacks is a capability that is absent, never an error: OVN and OVS add tables and
 * columns with every release.
 */
import { OvsdbProtocolError } from './errors.ts';
import { frozenMap } from './frozen-map.ts';
import type { AtomType, ColumnType } from './types.ts';

export interface BaseType {
  readonly type: AtomType;
  readonly enum?: readonly unknown[];
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface ColumnSchema {
  readonly key: BaseType;
  /** Present for maps. */
  readonly value?: BaseType;
  readonly min: number;
  /** `Infinity` for `unlimited`. */
  readonly max: number;
  readonly mutable: boolean;
  readonly ephemeral: boolean;
}

export interface TableSchema {
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly isRoot: boolean;
  readonly indexes: readonly (readonly string[])[];
}

export interface DatabaseSchema {
  readonly name: string;
  readonly version: string | undefined;
  readonly checksum: string | undefined;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** A difference between what was declared and what the server has. */
export interface SchemaProblem {
  /**
   * `missing-table`, `missing-column`: the server is older, or newer, than the declaration; reads as empty.
   * `incompatible-column`: the server has other types there; reads as empty.
   * `several-values`: declared for one value, the server allows more; rows with more than one read as empty.
   * `unusable-condition`: a condition names a column that the server lacks; all rows of the table are replicated.
   */
  readonly kind:
    | 'missing-table'
    | 'missing-column'
    | 'incompatible-column'
    | 'several-values'
    | 'unusable-condition';
  readonly table: string;
  readonly column?: string;
  readonly detail: string;
}

/** What a `ColumnType` stands for. */
export interface DeclaredType {
  readonly shape: 'one' | 'optional' | 'set' | 'map';
  readonly key: AtomType;
  readonly value?: AtomType;
}

const ATOM = 'string|integer|real|boolean|uuid';
const COLUMN_TYPE = new RegExp(
  `^(?:(?<one>${ATOM})|optional-(?<optional>${ATOM})|(?<set>${ATOM})-set|(?<key>${ATOM})-(?<value>${ATOM})-map)$`,
);

/** Takes the name of a column type apart; `undefined` when there is no such type. */
export function parseColumnType(name: string): DeclaredType | undefined {
  const groups = COLUMN_TYPE.exec(name === 'string-map' ? 'string-string-map' : name)?.groups;
  if (groups === undefined) return undefined;
  const { one, optional, set, key, value } = groups as Readonly<Record<string, AtomType | undefined>>;
  if (one !== undefined) return { shape: 'one', key: one };
  if (optional !== undefined) return { shape: 'optional', key: optional };
  if (set !== undefined) return { shape: 'set', key: set };
  return key === undefined || value === undefined ? undefined : { shape: 'map', key, value };
}

export function declaredType(type: ColumnType): DeclaredType {
  const declared = parseColumnType(type);
  if (declared === undefined)
    throw new TypeError(`${type} is no column type: declarations are checked first`);
  return declared;
}

/** How a server column can serve a declared one. */
export type Fit = 'exact' | 'several-values' | 'incompatible';

export function fitOf(declared: DeclaredType, column: ColumnSchema): Fit {
  if ((declared.shape === 'map') !== (column.value !== undefined)) return 'incompatible';
  if (!atomFits(declared.key, column.key.type)) return 'incompatible';
  if (declared.value !== undefined && column.value !== undefined) {
    return atomFits(declared.value, column.value.type) ? 'exact' : 'incompatible';
  }
  return declared.shape === 'set' || column.max === 1 ? 'exact' : 'several-values';
}

function atomFits(declared: AtomType, found: AtomType): boolean {
  return declared === found || (declared === 'real' && found === 'integer');
}

/** A type as a person reads it: `set of uuid`, `map of string to integer`. */
export function describeColumn(column: ColumnSchema): string {
  if (column.value !== undefined) return `map of ${column.key.type} to ${column.value.type}`;
  if (column.max > 1) return `set of ${column.key.type}`;
  return column.min === 0 ? `optional ${column.key.type}` : column.key.type;
}

/** Parses a `<database-schema>`; what is not one throws a protocol error that names the place. */
export function parseSchema(json: unknown): DatabaseSchema {
  const schema = object(json, 'the schema');
  const name = schema.name;
  if (typeof name !== 'string') throw new OvsdbProtocolError('the schema has no name');
  const tables = new Map<string, TableSchema>();
  for (const [table, value] of Object.entries(object(schema.tables, `${name}.tables`))) {
    const body = object(value, `${name}.${table}`);
    const columns = new Map<string, ColumnSchema>();
    for (const [column, definition] of Object.entries(object(body.columns, `${name}.${table}.columns`))) {
      columns.set(column, parseColumn(definition, `${name}.${table}.${column}`));
    }
    tables.set(table, {
      columns: frozenMap(columns),
      isRoot: body.isRoot === true,
      indexes: Array.isArray(body.indexes) ? (body.indexes as readonly (readonly string[])[]) : [],
    });
  }
  return {
    name,
    version: typeof schema.version === 'string' ? schema.version : undefined,
    checksum: typeof schema.cksum === 'string' ? schema.cksum : undefined,
    tables: frozenMap(tables),
  };
}

function parseColumn(json: unknown, where: string): ColumnSchema {
  const definition = object(json, where);
  const flags = { mutable: definition.mutable !== false, ephemeral: definition.ephemeral === true };
  const type = definition.type;
  if (typeof type === 'string') return { key: parseBase(type, where), min: 1, max: 1, ...flags };
  const body = object(type, `${where}.type`);
  const max = body.max ?? 1;
  return {
    key: parseBase(body.key, where),
    ...(body.value === undefined ? {} : { value: parseBase(body.value, where) }),
    min: typeof body.min === 'number' ? body.min : 1,
    max: typeof max === 'number' ? max : Number.POSITIVE_INFINITY,
    ...flags,
  };
}

function parseBase(json: unknown, where: string): BaseType {
  const body = typeof json === 'string' ? { type: json } : object(json, where);
  const type = body.type;
  switch (type) {
    case 'string':
    case 'integer':
    case 'real':
    case 'boolean':
    case 'uuid':
      // RFC 7047 3.2: a reference is strong unless told.
      return body.refTable === undefined ? { ...body, type } : { refType: 'strong', ...body, type };
    default:
      throw new OvsdbProtocolError(`${where} has the unknown type ${JSON.stringify(type)}`);
  }
}

function object(json: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>;
  throw new OvsdbProtocolError(`${where} is not a JSON object`);
}
