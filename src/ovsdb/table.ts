/**
 * The rows of one table with their indexes, and the view of them that callers hold.
 *
 * `TableData` is replaced as a whole after a dump or a very big transaction: the new one is built aside, in steps, and
 * then swapped in, so that readers never see half of it.
 */
import type { AnyRow } from './row-codec.ts';
import { type CallerErrorReport, type KeyFunction, TableIndex } from './table-index.ts';
import type { Uuid } from './types.ts';

/** What an index is built from: its name and the caller's function. */
export type IndexDefinitions = readonly (readonly [name: string, keysOf: KeyFunction])[];

export class TableData {
  readonly rows = new Map<Uuid, AnyRow>();
  readonly #indexes: ReadonlyMap<string, TableIndex>;

  constructor(definitions: IndexDefinitions, report: CallerErrorReport) {
    this.#indexes = new Map(
      definitions.map(([name, keysOf]) => [name, new TableIndex(name, keysOf, this.rows, report)] as const),
    );
  }

  index(name: string): TableIndex | undefined {
    return this.#indexes.get(name);
  }

  /** Adds a row or replaces the one of the same UUID. */
  put(row: AnyRow): void {
    const old = this.rows.get(row._uuid);
    if (old === row) return;
    this.rows.set(row._uuid, row);
    for (const index of this.#indexes.values()) {
      if (old === undefined) index.add(row);
      else index.replace(old, row);
    }
  }

  delete(uuid: Uuid): void {
    const old = this.rows.get(uuid);
    if (old === undefined) return;
    this.rows.delete(uuid);
    for (const index of this.#indexes.values()) index.remove(old);
  }
}

/** The `TableView` behind the public types; stays the same object for the life of the replica. */
export class ReplicaTable {
  data: TableData;

  constructor(data: TableData) {
    this.data = data;
  }

  get size(): number {
    return this.data.rows.size;
  }

  get(uuid: Uuid): AnyRow | undefined {
    return this.data.rows.get(uuid);
  }

  find(index: string, key: string): readonly AnyRow[] {
    const found = this.data.index(index);
    if (found === undefined) throw new TypeError(`the table has no index ${JSON.stringify(index)}`);
    return found.find(key);
  }

  [Symbol.iterator](): Iterator<AnyRow> {
    return this.data.rows.values();
  }
}
