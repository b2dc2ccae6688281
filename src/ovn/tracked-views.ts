/**
 * Tables that note in a query graph what is read of them, and the notes that a change set makes stale.
 *
 * A row is noted under its table and UUID, a search under the index and its key. *Bulk* columns (the thousands of ports
 * of a switch) are apart: a change of them alone makes only those searches stale whose key came or went, so they must be
 * read through an index, or noted by the caller.
 */
import type {
  ChangeSet,
  DatabaseSpec,
  RowChange,
  RowOf,
  TableSpec,
  TableView,
  Uuid,
  Views,
} from '../ovsdb/types.ts';
import { difference, rowsOf } from './changes.ts';
import type { QueryGraph } from './query-graph.ts';

/** Names of bulk columns by table. */
export type BulkColumns<D extends DatabaseSpec> = {
  readonly [T in keyof D['tables']]?: readonly (keyof D['tables'][T]['columns'] & string)[];
};

export type Read = readonly [space: string, key: string];

/** The same tables, reading through the graph. `database` keeps tables of the same name apart. */
export function trackedViews<D extends DatabaseSpec>(
  database: string,
  views: Views<D>,
  graph: QueryGraph,
): Views<D> {
  const tracked = Object.entries(views).map(([name, view]) => [
    name,
    new TrackedView(`${database}.${name}`, view, graph),
  ]);
  return Object.fromEntries(tracked) as Views<D>;
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
    const space = `${database}.${name}`;
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
  const differs = after === undefined || columns.some((column) => !sameValue(before[column], after[column]));
  if (differs) yield [space, before._uuid];
  for (const [index, keysOf] of Object.entries(table.indexes ?? {})) {
    const [old, current] = rows.map((row) => listOf(keysOf(row)));
    const keys = differs
      ? new Set([...(old ?? []), ...(current ?? [])])
      : difference(old ?? [], current ?? []);
    for (const key of keys) yield [`${space}.${index}`, key];
  }
}

class TrackedView implements TableView {
  readonly #space: string;
  readonly #view: TableView;
  readonly #graph: QueryGraph;

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
    this.#graph.read(`${this.#space}.${index}`, key);
    return this.#view.find(index as never, key);
  }

  /** Not noted: what depends on a whole table is asked again for each change of it. */
  [Symbol.iterator](): Iterator<RowOf<TableSpec>> {
    return this.#view[Symbol.iterator]();
  }
}

function listOf(keys: string | readonly string[] | undefined): readonly string[] {
  return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys;
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => item === b[i]);
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) if (b.get(key) !== value || !b.has(key)) return false;
    return true;
  }
  return false;
}
