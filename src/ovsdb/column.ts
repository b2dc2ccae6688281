/**
 * One declared column against one server column: how its wire form becomes a value, and how an update changes a value.
 *
 * In: the declared type and what the server's schema says. Out: pure functions. A column that the server lacks, or has
 * with other types, always reads as the empty value of its declared type.
 */
import { frozenMap } from './frozen-map.ts';
import type { BaseType, ColumnSchema, DeclaredType } from './schema.ts';
import { fitOf } from './schema.ts';
import type { Uuid } from './types.ts';
import {
  type Atom,
  atomDecoder,
  decodeMap,
  decodeSet,
  defaultAtom,
  EMPTY_MAP,
  EMPTY_SET,
  mergeMap,
  mergeSet,
  type Value,
} from './wire.ts';

/** Reports of values that cannot be shown as they are. */
export interface ValueReports {
  unsafeInteger(table: string, column: string): void;
  ambiguousValue(table: string, column: string): void;
}

export interface Column {
  readonly name: string;
  /** False when the column reads as empty because the server cannot serve it. */
  readonly present: boolean;
  /** The value of a row in which the server left the column out. */
  readonly initial: Value;
  /** From the full wire value. */
  decode(wire: unknown): Value;
  /** From the old value and what a `modify` of update2 or update3 says. */
  merge(old: Value, wire: unknown): Value;
  /**
   * Present when one value was declared and the server holds a set: differences then need the whole set, which the row
   * does not have. The row codec keeps it beside the row.
   */
  readonly hidden?: HiddenSet;
  /** Present for columns that hold weak references. */
  readonly weak?: WeakReferences;
}

/** Whether a row is there; asked about the targets of references. */
export type RowExists = (table: string, uuid: Uuid) => boolean;

/** Weak references (RFC 7047 3.2) go when the row that they name goes, as far as the column may do without them. */
export interface WeakReferences {
  readonly tables: readonly string[];
  /** The elements or pairs that are left; the argument itself when all are. */
  remaining<T extends readonly Atom[] | ReadonlyMap<Atom, Atom>>(all: T, exists: RowExists): T;
}

export interface HiddenSet {
  readonly initial: readonly Atom[];
  decode(wire: unknown): readonly Atom[];
  merge(old: readonly Atom[], wire: unknown): readonly Atom[];
  /** The only element, or the empty value. */
  visible(all: readonly Atom[]): Value;
}

/** The value of a declared column that cannot be read. */
export function emptyValue(declared: DeclaredType): Value {
  if (declared.shape === 'one') return defaultAtom(declared.key);
  if (declared.shape === 'optional') return undefined;
  return declared.shape === 'set' ? EMPTY_SET : EMPTY_MAP;
}

/** Compiles one column; `server` is `undefined` when the schema has no such column. */
export function compileColumn(
  table: string,
  name: string,
  declared: DeclaredType,
  server: ColumnSchema | undefined,
  reports: ValueReports,
): Column {
  const empty = emptyValue(declared);
  const fit = server === undefined ? 'incompatible' : fitOf(declared, server);
  if (server === undefined || fit === 'incompatible') {
    return { name, present: false, initial: empty, decode: () => empty, merge: () => empty };
  }
  const unsafe = (): void => reports.unsafeInteger(table, name);
  const decodeKey = atomDecoder(declared.key, unsafe);
  // Only a column that can hold more than one element comes as a difference, whatever its shape (ovsdb-server(7) 4.1.14).
  const isWhole = server.max === 1;
  const weak = weakReferences(server);
  const common = { name, present: true, ...(weak === undefined ? {} : { weak }) };
  if (declared.value !== undefined) {
    const decodeValue = atomDecoder(declared.value, unsafe);
    const decode = (wire: unknown): ReadonlyMap<Atom, Atom> => decodeMap(wire, decodeKey, decodeValue);
    const merge = (old: Value, wire: unknown): Value =>
      isWhole ? decode(wire) : mergeMap(old instanceof Map ? old : EMPTY_MAP, decode(wire));
    return { ...common, initial: EMPTY_MAP, decode, merge };
  }
  const decodeAll = (wire: unknown): readonly Atom[] => decodeSet(wire, decodeKey);
  const mergeAll = (old: readonly Atom[], wire: unknown): readonly Atom[] =>
    isWhole ? decodeAll(wire) : mergeSet(old, decodeAll(wire));
  const initialSet = server.min === 0 ? EMPTY_SET : Object.freeze([initialAtom(server.key)]);
  if (declared.shape === 'set') {
    const merge = (old: Value, wire: unknown): Value =>
      mergeAll(Array.isArray(old) ? (old as readonly Atom[]) : EMPTY_SET, wire);
    return { ...common, initial: initialSet, decode: decodeAll, merge };
  }
  const single = (all: readonly Atom[]): Value => (all.length === 1 ? all[0] : empty);
  const decode = (wire: unknown): Value =>
    Array.isArray(wire) && wire[0] === 'set' ? single(decodeAll(wire)) : decodeKey(wire);
  const column: Column = {
    ...common,
    initial: single(initialSet),
    decode,
    merge: (_old, wire) => decode(wire),
  };
  if (fit === 'exact') return column;
  return {
    ...column,
    hidden: {
      initial: initialSet,
      decode: decodeAll,
      merge: mergeAll,
      visible: (all) => {
        if (all.length > 1) reports.ambiguousValue(table, name);
        return single(all);
      },
    },
  };
}

function weakReferences({ key, value, min }: ColumnSchema): WeakReferences | undefined {
  const [keyTable, valueTable] = [weakTable(key), weakTable(value)];
  if (keyTable === undefined && valueTable === undefined) return undefined;
  const stands = (table: string | undefined, atom: Atom, exists: RowExists): boolean =>
    table === undefined || exists(table, String(atom));
  return {
    tables: [keyTable, valueTable].filter((table) => table !== undefined),
    remaining: (all, exists) => {
      if (all instanceof Map) {
        const pairs = [...(all as ReadonlyMap<Atom, Atom>)].filter(
          ([first, second]) => stands(keyTable, first, exists) && stands(valueTable, second, exists),
        );
        return (pairs.length < Math.min(min, all.size) || pairs.length === all.size
          ? all
          : frozenMap(new Map(pairs))) as unknown as typeof all;
      }
      const list = all as readonly Atom[];
      const left = list.filter((atom) => stands(keyTable, atom, exists));
      return (left.length < min || left.length === list.length ? list : Object.freeze(left)) as typeof all;
    },
  };
}

function weakTable(type: BaseType | undefined): string | undefined {
  return type?.refType === 'weak' ? type.refTable : undefined;
}

/** RFC 7047 5.2.1: the default of an enumeration is not defined by the RFC; ovsdb-server uses the type's default. */
function initialAtom(base: BaseType): Atom {
  return defaultAtom(base.type);
}
