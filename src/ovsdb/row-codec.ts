/**
 * Turns the row updates of one table into immutable rows.
 *
 * In: row objects of `monitor` (RFC 7047 4.1.6) and of `monitor_cond`/`monitor_cond_since` (ovsdb-server(7) 4.1.14).
 * Out: frozen rows; when an update changes nothing of what is replicated, the old row itself. Pure apart from reports.
 */
import { type Column, compileColumn, type RowExists, type ValueReports } from './column.ts';
import { OvsdbProtocolError } from './errors.ts';
import { type DatabaseSchema, declaredType, describeColumn, fitOf, type SchemaProblem } from './schema.ts';
import type { ColumnsSpec, Uuid } from './types.ts';
import { type Atom, sameValue, type Value } from './wire.ts';

/** A row as the library handles it; the public types narrow it. */
export type AnyRow = Readonly<Record<string, Value>> & { readonly _uuid: Uuid };

type WireRow = Readonly<Record<string, unknown>>;

export class RowCodec {
  readonly table: string;
  /** False when the server has no such table. */
  readonly present: boolean;
  readonly problems: readonly SchemaProblem[];
  /** Says which columns come and of which types; equal for servers whose updates mean the same. */
  readonly signature: string;
  readonly #columns: readonly Column[];
  readonly #hasHidden: boolean;
  /** Whole sets behind single-valued columns; empty for a server whose schema is the expected one. */
  readonly #hidden = new WeakMap<AnyRow, ReadonlyMap<string, readonly Atom[]>>();

  constructor(table: string, spec: ColumnsSpec, schema: DatabaseSchema, reports: ValueReports) {
    this.table = table;
    const server = schema.tables.get(table);
    this.present = server !== undefined;
    this.#columns = Object.entries(spec).map(([name, type]) =>
      compileColumn(table, name, declaredType(type), server?.columns.get(name), reports),
    );
    this.#hasHidden = this.#columns.some((column) => column.hidden !== undefined);
    this.problems = problemsOf(table, spec, schema);
    this.signature = JSON.stringify(
      this.monitored.map((name) => {
        const { key, value, min, max } = server?.columns.get(name) ?? {};
        return [name, key?.type, value?.type, min, max];
      }),
    );
  }

  /** The columns to ask the server for. */
  get monitored(): readonly string[] {
    return this.#columns.filter((column) => column.present).map((column) => column.name);
  }

  has(column: string): boolean {
    return this.#columns.some((each) => each.name === column && each.present);
  }

  /** A row from a full wire row; columns that are left out have their default value. */
  decode(uuid: Uuid, wire: unknown): AnyRow {
    const source = this.#wireRow(uuid, wire);
    const row: Record<string, Value> & { _uuid: Uuid } = { _uuid: uuid };
    let hidden: Map<string, readonly Atom[]> | undefined;
    for (const column of this.#columns) {
      const value = source[column.name];
      try {
        if (column.hidden === undefined) {
          row[column.name] = value === undefined ? column.initial : column.decode(value);
        } else {
          const all = value === undefined ? column.hidden.initial : column.hidden.decode(value);
          row[column.name] = column.hidden.visible(all);
          hidden ??= new Map();
          hidden.set(column.name, all);
        }
      } catch (error) {
        throw this.#located(error, uuid, column.name);
      }
    }
    return this.#finish(row, hidden);
  }

  /** The row after a `modify` that carries differences. */
  merge(old: AnyRow, wire: unknown): AnyRow {
    return this.#changed(old, wire, (column, before, value) =>
      column.hidden === undefined
        ? column.merge(before, value)
        : column.hidden.merge(before as readonly Atom[], value),
    );
  }

  /** The row after a change that carries new values of some columns, as in old database files (ovsdb(5)). */
  overwrite(old: AnyRow, wire: unknown): AnyRow {
    return this.#changed(old, wire, (column, _before, value) => (column.hidden ?? column).decode(value));
  }

  /** A row of another codec as this one has it: the database was converted to another schema and keeps its rows. */
  adopt(row: AnyRow, from: RowCodec): AnyRow {
    const adopted: Record<string, Value> & { _uuid: Uuid } = { _uuid: row._uuid };
    let hidden: Map<string, readonly Atom[]> | undefined;
    for (const column of this.#columns) {
      const known = column.present && from.has(column.name);
      adopted[column.name] = known ? row[column.name] : column.initial;
      if (column.hidden === undefined) continue;
      const value = row[column.name];
      const shown = value === undefined ? [] : [value as Atom];
      const all = from.#hidden.get(row)?.get(column.name) ?? shown;
      hidden ??= new Map();
      hidden.set(column.name, known ? all : column.hidden.initial);
    }
    return this.#finish(adopted, hidden);
  }

  /** The tables that weak references in these columns name. */
  get weakTables(): readonly string[] {
    return this.#columns.flatMap((column) => column.weak?.tables ?? []);
  }

  /** The row without weak references to rows that are not there; the row itself when there are none. */
  withoutDangling(row: AnyRow, exists: RowExists): AnyRow {
    const hidden = this.#hidden.get(row);
    const settled: Record<string, Value> & { _uuid: Uuid } = { ...row };
    let settledHidden: Map<string, readonly Atom[]> | undefined;
    for (const { name, weak, initial, hidden: set } of this.#columns) {
      const value = row[name];
      if (weak === undefined) continue;
      if (set !== undefined) {
        const all = hidden?.get(name) ?? set.initial;
        const left = weak.remaining(all, exists);
        settledHidden ??= new Map(hidden);
        settledHidden.set(name, left);
        settled[name] = left === all ? value : set.visible(left);
      } else if (typeof value === 'object') {
        settled[name] = weak.remaining(value as readonly Atom[], exists);
      } else if (value !== undefined && weak.remaining([value], exists).length === 0) settled[name] = initial;
    }
    return this.settled(row, this.#finish(settled, settledHidden ?? hidden));
  }

  /** What `change` makes of each column that `wire` names, from its value or, for a hidden set, from the whole set. */
  #changed(
    old: AnyRow,
    wire: unknown,
    change: (column: Column, before: Value, value: unknown) => Value,
  ): AnyRow {
    const source = this.#wireRow(old._uuid, wire);
    const row: Record<string, Value> & { _uuid: Uuid } = { _uuid: old._uuid };
    const oldHidden = this.#hidden.get(old);
    let hidden: Map<string, readonly Atom[]> | undefined;
    for (const column of this.#columns) {
      const value = source[column.name];
      try {
        if (column.hidden === undefined) {
          row[column.name] = value === undefined ? old[column.name] : change(column, old[column.name], value);
        } else {
          const before = oldHidden?.get(column.name) ?? column.hidden.initial;
          const all = value === undefined ? before : (change(column, before, value) as readonly Atom[]);
          row[column.name] = column.hidden.visible(all);
          hidden ??= new Map();
          hidden.set(column.name, all);
        }
      } catch (error) {
        throw this.#located(error, old._uuid, column.name);
      }
    }
    return this.settled(old, this.#finish(row, hidden));
  }

  /** `row`, or `old` itself when the two say the same. */
  settled(old: AnyRow, row: AnyRow): AnyRow {
    for (const column of this.#columns) if (!sameValue(old[column.name], row[column.name])) return row;
    if (this.#hasHidden) {
      // What is seen is the same; what is hidden may not be, and the next difference applies to it.
      const hidden = this.#hidden.get(row);
      if (hidden !== undefined) this.#hidden.set(old, hidden);
    }
    return old;
  }

  #finish(row: AnyRow, hidden: ReadonlyMap<string, readonly Atom[]> | undefined): AnyRow {
    Object.freeze(row);
    if (hidden !== undefined) this.#hidden.set(row, hidden);
    return row;
  }

  #wireRow(uuid: Uuid, wire: unknown): WireRow {
    if (typeof wire === 'object' && wire !== null && !Array.isArray(wire)) return wire as WireRow;
    throw new OvsdbProtocolError(`row ${uuid} of ${this.table} is not a JSON object`);
  }

  #located(error: unknown, uuid: Uuid, column: string): unknown {
    if (!(error instanceof OvsdbProtocolError)) return error;
    return new OvsdbProtocolError(`${this.table}.${column} of row ${uuid}: ${error.message}`, {
      cause: error,
    });
  }
}

function problemsOf(table: string, spec: ColumnsSpec, schema: DatabaseSchema): SchemaProblem[] {
  const server = schema.tables.get(table);
  const which = `${schema.name}${schema.version === undefined ? '' : ` ${schema.version}`}`;
  if (server === undefined) {
    return [{ kind: 'missing-table', table, detail: `${which} has no table ${table}` }];
  }
  const problems: SchemaProblem[] = [];
  for (const [name, type] of Object.entries(spec)) {
    const column = server.columns.get(name);
    if (column === undefined) {
      const detail = `${which} has no column ${table}.${name}`;
      problems.push({ kind: 'missing-column', table, column: name, detail });
      continue;
    }
    const fit = fitOf(declaredType(type), column);
    if (fit === 'exact') continue;
    const detail = `${which} has ${table}.${name} as ${describeColumn(column)}, wanted as ${type}`;
    problems.push({
      kind: fit === 'incompatible' ? 'incompatible-column' : 'several-values',
      table,
      column: name,
      detail,
    });
  }
  return problems;
}
