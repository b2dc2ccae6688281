/**
 * Operations of a transaction (RFC 7047 5.2) as typed values, and the values in them.
 *
 * Plain JavaScript values stand for what they look like: string, number, boolean; an array is a set; a Map is a map;
 * `undefined` is the empty set. A string is never taken for a UUID: `uuid()` and `namedUuid()` say so. An array of two
 * strings is a set also when the first is `uuid`; only what those two made, or the server sent, is a reference.
 */
import { OvsdbConfigurationError } from './errors.ts';
import type { ConditionFunction, Uuid } from './types.ts';
import type { WireAtom, WireValue } from './wire.ts';

export type UuidReference = readonly ['uuid', Uuid] | readonly ['named-uuid', string];
export type AtomValue = string | number | boolean | UuidReference;
export type ColumnValue =
  | AtomValue
  | undefined
  | readonly AtomValue[]
  | ReadonlySet<AtomValue>
  | ReadonlyMap<AtomValue, AtomValue>;
export type RowValue = Readonly<Record<string, ColumnValue>>;

export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';
export type Where = readonly (readonly [column: string, function: ConditionFunction, value: ColumnValue])[];
export type Mutations = readonly (readonly [column: string, mutator: Mutator, value: ColumnValue])[];

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type WireRow = Readonly<Record<string, WireValue>>;
type WireClauses = readonly (readonly [string, string, WireValue])[];

export type Operation =
  | {
      readonly op: 'insert';
      readonly table: string;
      readonly row: WireRow;
      readonly 'uuid-name'?: string;
      readonly uuid?: Uuid;
    }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: WireClauses;
      readonly columns?: readonly string[];
    }
  | { readonly op: 'update'; readonly table: string; readonly where: WireClauses; readonly row: WireRow }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: WireClauses;
      readonly mutations: WireClauses;
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: WireClauses }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: WireClauses;
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly WireRow[];
      readonly timeout?: number;
    }
  | { readonly op: 'commit'; readonly durable: boolean }
  | { readonly op: 'abort' }
  | { readonly op: 'comment'; readonly comment: string }
  | { readonly op: 'assert'; readonly lock: string };

/** The result of one operation; which members it has depends on the operation. */
export interface OperationResult {
  /** `insert`: the UUID of the new row. */
  readonly uuid?: readonly ['uuid', Uuid];
  /** `update`, `mutate`, `delete`: how many rows matched. */
  readonly count?: number;
  /** `select`: the rows in wire form. */
  readonly rows?: readonly Readonly<Record<string, WireValue>>[];
}

export function uuid(value: Uuid): UuidReference {
  return reference(['uuid', value]);
}

/** A row that an `insert` with this `uuidName` makes in the same transaction. */
export function namedUuid(name: string): UuidReference {
  return reference(['named-uuid', name]);
}

/** What `uuid` and `namedUuid` have made. */
const REFERENCES = new WeakSet<readonly unknown[]>();

function reference(made: UuidReference): UuidReference {
  REFERENCES.add(made);
  return Object.freeze(made);
}

export function insert(
  table: string,
  row: RowValue,
  options: { readonly uuidName?: string; readonly uuid?: Uuid } = {},
): Operation {
  const { uuidName } = options;
  // RFC 7047 3.1: <id>.
  if (uuidName !== undefined && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(uuidName)) {
    throw new OvsdbConfigurationError(`the uuid-name ${JSON.stringify(uuidName)} is not an identifier`);
  }
  return {
    op: 'insert',
    table,
    row: encodeRow(row),
    ...(uuidName === undefined ? {} : { 'uuid-name': uuidName }),
    ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
  };
}

export function select(table: string, where: Where, columns?: readonly string[]): Operation {
  return { op: 'select', table, where: encodeClauses(where), ...(columns === undefined ? {} : { columns }) };
}

export function update(table: string, where: Where, row: RowValue): Operation {
  return { op: 'update', table, where: encodeClauses(where), row: encodeRow(row) };
}

export function mutate(table: string, where: Where, mutations: Mutations): Operation {
  return { op: 'mutate', table, where: encodeClauses(where), mutations: encodeClauses(mutations) };
}

/** Named so because `delete` is a reserved word. */
export function deleteRows(table: string, where: Where): Operation {
  return { op: 'delete', table, where: encodeClauses(where) };
}

/**
 * Holds the transaction back until the rows that match are, or are not, the given ones. With `timeoutMs` 0 it is a check:
 * the transaction fails with `timed out` when it does not hold.
 */
export function wait(
  table: string,
  where: Where,
  condition: {
    readonly columns: readonly string[];
    readonly until: '==' | '!=';
    readonly rows: readonly RowValue[];
    readonly timeoutMs?: number;
  },
): Operation {
  return {
    op: 'wait',
    table,
    where: encodeClauses(where),
    columns: condition.columns,
    until: condition.until,
    rows: condition.rows.map(encodeRow),
    ...(condition.timeoutMs === undefined ? {} : { timeout: condition.timeoutMs }),
  };
}

export function comment(text: string): Operation {
  return { op: 'comment', comment: text };
}

export function abort(): Operation {
  return { op: 'abort' };
}

/** The condition that picks exactly one row. */
export function byUuid(value: Uuid): Where {
  return [['_uuid', '==', uuid(value)]];
}

/** Puts a value into wire form. */
export function encodeValue(value: ColumnValue): WireValue {
  if (value === undefined) return ['set', []];
  if (value instanceof Map) {
    const pairs = [...(value as ReadonlyMap<AtomValue, AtomValue>)];
    return ['map', pairs.map(([key, each]) => [encodeAtom(key), encodeAtom(each)])];
  }
  if (value instanceof Set) return ['set', [...(value as ReadonlySet<AtomValue>)].map(encodeAtom)];
  if (Array.isArray(value)) {
    if (isReference(value)) return value;
    return ['set', (value as readonly AtomValue[]).map(encodeAtom)];
  }
  return encodeAtom(value as AtomValue);
}

function encodeAtom(value: AtomValue): WireAtom {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new OvsdbConfigurationError(`${value} cannot be stored in an OVSDB column`);
  }
  return value;
}

/** Also `["uuid", UUID]` as the server sends it, for example as the result of an insert. */
function isReference(value: readonly unknown[]): value is UuidReference {
  if (REFERENCES.has(value)) return true;
  return value.length === 2 && value[0] === 'uuid' && typeof value[1] === 'string' && UUID.test(value[1]);
}

function encodeRow(row: RowValue): WireRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encodeValue(value)]));
}

function encodeClauses(
  clauses: readonly (readonly [column: string, operator: string, value: ColumnValue])[],
): WireClauses {
  return clauses.map(([column, operator, value]) => [column, operator, encodeValue(value)] as const);
}
