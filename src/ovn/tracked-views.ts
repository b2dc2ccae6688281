/**
 * Tables that note in a query graph what is read of them, and the notes that a change set makes stale.
 *
 * A row is noted under its table and UUID; a search under the index and its key, for which rows it finds, and each row
 * that it finds like a row. *Bulk* columns (the thousands of ports of a switch) are apart: a change of them alone does
 * not count as a change of the row, so they must be read through an index, or through `bulk-members.ts`.
 */
import type {
  ChangeSet,
  DatabaseSpec,
  IndexOf,
  RowChange,
  RowOf,
  TableSpec,
  TableView,
  Uuid,
  Views,
} from '../ovsdb/types.ts';
import { difference, rowsOf } from './changes.ts';
import type { QueryGraph } from './query-graph.ts';
import { sameValue } from './same-value.ts';

/** Names of bulk columns by table. */
export type BulkColumns<D extends DatabaseSpec> = {
  readonly [T in keyof D['tables']]?: readonly (keyof D['tables'][T]['columns'] & string)[];
};

export type Read = readonly [space: string, key: string];

/** A table that notes what is read of it. */
export interface TrackedTable<S extends TableSpec = TableSpec> extends TableView<S> {
  /** UUIDs of the rows under a key of an index; what is in the rows is not noted. */
  uuids(index: IndexOf<S>, key: string): readonly Uuid[];
}

export type TrackedViews<D extends DatabaseSpec> = {
  readonly [T in keyof D['tables']]: TrackedTable<D['tables'][T]>;
};

/** The same tables, reading through the graph. `database` keeps tables of the same name apart. */
export function trackedViews<D extends DatabaseSpec>(
  database: string,
  views: Views<D>,
  graph: QueryGraph,
): TrackedViews<D> {
  const tracked = Object.entries(views).map(([name, view]) => [
    name,
    new TrackedView(tableSpace(database, name), view, graph),
  ]);
  return Object.fromEntries(tracked) as TrackedViews<D>;
}

/** The space in which rows of a table are noted, by UUID. */
export function tableSpace(database: string, table: string): string {
  return `${database}.${table}`;
}

/** Everything that reads differently after the change set. */
export function* staleReads<D extends DatabaseSpec>(
  database: string,
  spec: D,
  changes: ChangeSet<D>,
  bulk: BulkColumns<D>,
): Iterable<Read> {
  const byTable: Readonly<Record<string, readonly RowChange<RowOf<TableSpec>>[] | undefined>> =
    changes.changes;
  for (const [name, table] of Object.entries(spec.tables)) {
    const space = tableSpace(database, name);
    const apart: ReadonlySet<string> = new Set(bulk[name]);
    const columns = Object.keys(table.columns).filter((column) => !apart.has(column));
    for (const change of byTable[name] ?? []) yield* staleReadsOf(space, table, columns, change);
  }
}

function* staleReadsOf(
  space: string,
  table: TableSpec,
  columns: readonly string[],
  change: RowChange<RowOf<TableSpec>>,
): Iterable<Read> {
  const rows = rowsOf(change);
  const [before, after] = rows;
  if (after === undefined || columns.some((column) => !sameValue(before[column], after[column])))
    yield [space, before._uuid];
  for (const [index, keysOf] of Object.entries(table.indexes ?? {})) {
    const old = indexKeys(keysOf, before);
    const current = after === undefined ? [] : indexKeys(keysOf, after);
    for (const key of difference(old, current)) yield [indexSpace(space, index), key];
  }
}

class TrackedView implements TrackedTable {
  readonly #space: string;
  readonly #view: TableView;
  readonly #graph: QueryGraph;
  readonly #indexSpaces = new Map<string, string>();

  constructor(space: string, view: TableView, graph: QueryGraph) {
    this.#space = space;
    this.#view = view;
    this.#graph = graph;
  }

  get size(): number {
    return this.#view.size;
  }

  get(uuid: Uuid): RowOf<TableSpec> | undefined {
    this.#graph.read(this.#space, uuid);
    return this.#view.get(uuid);
  }

  find(index: string, key: string): readonly RowOf<TableSpec>[] {
    const rows = this.#find(index, key);
    for (const row of rows) this.#graph.read(this.#space, row._uuid);
    return rows;
  }

  uuids(index: string, key: string): readonly Uuid[] {
    return this.#find(index, key).map((row) => row._uuid);
  }

  /** Not noted: what depends on a whole table is asked again for each change of it. */
  [Symbol.iterator](): Iterator<RowOf<TableSpec>> {
    return this.#view[Symbol.iterator]();
  }

  #find(index: string, key: string): readonly RowOf<TableSpec>[] {
    let space = this.#indexSpaces.get(index);
    if (space === undefined) {
      space = indexSpace(this.#space, index);
      this.#indexSpaces.set(index, space);
    }
    this.#graph.read(space, key);
    return this.#view.find(index, key);
  }
}

function indexSpace(table: string, index: string): string {
  return `${table}.${index}`;
}

/** A row whose key function throws has no key, as in the replica's indexes. */
function indexKeys(
  keysOf: (row: RowOf<TableSpec>) => string | readonly string[] | undefined,
  row: RowOf<TableSpec>,
): readonly string[] {
  try {
    const keys = keysOf(row);
    return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys;
  } catch {
    return [];
  }
}
