/**
 * A database in memory with the same read access as a replica: rows, indexes and change sets from a `DatabaseSpec`.
 *
 * In: inserts, updates and deletes by hand. Out: live table views, and one `ChangeSet` per transaction. For tests and
 * for contents that come from a file. Values that an insert leaves out are the column's empty value; constraints of
 * the server's schema (unique names, strong references) are not enforced. An update or delete of a row that is not
 * there throws.
 */
import type {
  ChangeSet,
  ColumnType,
  DatabaseSpec,
  RowChange,
  RowOf,
  TableSpec,
  TableView,
  Uuid,
  Views,
} from '../ovsdb/types.ts';

type TableName<D extends DatabaseSpec> = keyof D['tables'] & string;
/** Columns to set; what is left out stays (update) or is empty (insert). */
export type Values<S extends TableSpec> = Partial<Omit<RowOf<S>, '_uuid'>>;

export interface Transaction<D extends DatabaseSpec> {
  insert<T extends TableName<D>>(table: T, values: Values<D['tables'][T]>, uuid?: Uuid): Uuid;
  update<T extends TableName<D>>(table: T, uuid: Uuid, values: Values<D['tables'][T]>): void;
  delete(table: TableName<D>, uuid: Uuid): void;
}

export interface MemoryDatabase<D extends DatabaseSpec> {
  readonly views: Views<D>;
  /** Adds a row; without a UUID one is made up (counting, so the same calls give the same rows). */
  insert<T extends TableName<D>>(table: T, values: Values<D['tables'][T]>, uuid?: Uuid): ChangeSet<D>;
  update<T extends TableName<D>>(table: T, uuid: Uuid, values: Values<D['tables'][T]>): ChangeSet<D>;
  delete(table: TableName<D>, uuid: Uuid): ChangeSet<D>;
  /** Several operations as one change set, each row at most once in it. */
  transact(work: (transaction: Transaction<D>) => void): ChangeSet<D>;
}

export function memoryDatabase<D extends DatabaseSpec>(spec: D): MemoryDatabase<D> {
  const tables = new Map<string, MemoryTable>();
  for (const [name, table] of Object.entries(spec.tables)) tables.set(name, new MemoryTable(table));
  let counter = 0;

  const tableOf = (name: string): MemoryTable => {
    const table = tables.get(name);
    if (table === undefined) throw new TypeError(`${spec.name} has no table ${name}`);
    return table;
  };
  const nextUuid = (): Uuid => {
    counter += 1;
    return `00000000-0000-4000-8000-${counter.toString(16).padStart(12, '0')}`;
  };

  const transact = (work: (transaction: Transaction<D>) => void): ChangeSet<D> => {
    const before = new Map<string, Map<Uuid, AnyRow | undefined>>();
    const put = (table: string, uuid: Uuid, row: AnyRow | undefined): void => {
      const touched = before.get(table) ?? new Map<Uuid, AnyRow | undefined>();
      before.set(table, touched);
      if (!touched.has(uuid)) touched.set(uuid, tableOf(table).get(uuid));
      tableOf(table).put(uuid, row);
    };
    const present = (table: string, uuid: Uuid): AnyRow => {
      const row = tableOf(table).get(uuid);
      if (row === undefined) throw new RangeError(`${table} has no row ${uuid}`);
      return row;
    };
    work({
      insert: (table, values, uuid = nextUuid()) => {
        if (tableOf(table).get(uuid) !== undefined)
          throw new RangeError(`${table} has a row ${uuid} already`);
        put(table, uuid, { ...tableOf(table).emptyRow, ...(values as object), _uuid: uuid });
        return uuid;
      },
      update: (table, uuid, values) =>
        put(table, uuid, { ...present(table, uuid), ...(values as object), _uuid: uuid }),
      delete: (table, uuid) => {
        present(table, uuid);
        put(table, uuid, undefined);
      },
    });
    const changes: Record<string, readonly RowChange<AnyRow>[]> = {};
    for (const [table, touched] of before) {
      changes[table] = [...touched].flatMap(([uuid, old]) => changeOf(old, tableOf(table).get(uuid)));
    }
    return { cause: 'update', changes: changes as ChangeSet<D>['changes'] };
  };

  return {
    views: Object.fromEntries(tables) as unknown as Views<D>,
    insert: (table, values, uuid) => transact((tx) => void tx.insert(table, values, uuid)),
    update: (table, uuid, values) => transact((tx) => tx.update(table, uuid, values)),
    delete: (table, uuid) => transact((tx) => tx.delete(table, uuid)),
    transact,
  };
}

type AnyRow = Readonly<Record<string, unknown>> & { readonly _uuid: Uuid };

function changeOf(old: AnyRow | undefined, row: AnyRow | undefined): RowChange<AnyRow>[] {
  if (old === undefined) return row === undefined ? [] : [{ kind: 'insert', row }];
  return row === undefined ? [{ kind: 'delete', old }] : [{ kind: 'modify', row, old }];
}

class MemoryTable implements TableView {
  readonly emptyRow: Readonly<Record<string, unknown>>;
  readonly #spec: TableSpec;
  readonly #rows = new Map<Uuid, AnyRow>();
  readonly #indexes = new Map<string, Map<string, Map<Uuid, AnyRow>>>();

  constructor(spec: TableSpec) {
    this.#spec = spec;
    this.emptyRow = Object.fromEntries(
      Object.entries(spec.columns).map(([column, type]) => [column, emptyValue(type)]),
    );
    for (const index of Object.keys(spec.indexes ?? {})) this.#indexes.set(index, new Map());
  }

  get size(): number {
    return this.#rows.size;
  }

  get(uuid: Uuid): RowOf<TableSpec> | undefined {
    return this.#rows.get(uuid) as RowOf<TableSpec> | undefined;
  }

  find(index: string, key: string): readonly RowOf<TableSpec>[] {
    return [...(this.#indexes.get(index)?.get(key)?.values() ?? [])] as RowOf<TableSpec>[];
  }

  *[Symbol.iterator](): IterableIterator<RowOf<TableSpec>> {
    yield* this.#rows.values() as Iterable<RowOf<TableSpec>>;
  }

  put(uuid: Uuid, row: AnyRow | undefined): void {
    const old = this.#rows.get(uuid);
    for (const [name, index] of this.#indexes) {
      for (const key of this.#keys(name, old)) index.get(key)?.delete(uuid);
      if (row === undefined) continue;
      for (const key of this.#keys(name, row)) {
        const entries = index.get(key) ?? new Map<Uuid, AnyRow>();
        index.set(key, entries);
        entries.set(uuid, row);
      }
    }
    if (row === undefined) this.#rows.delete(uuid);
    else this.#rows.set(uuid, row);
  }

  #keys(index: string, row: AnyRow | undefined): readonly string[] {
    if (row === undefined) return [];
    const keys = this.#spec.indexes?.[index]?.(row as RowOf<TableSpec>);
    return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys;
  }
}

const NO_REFERENCE: Uuid = '00000000-0000-0000-0000-000000000000';

function emptyValue(type: ColumnType): unknown {
  if (type.startsWith('optional-')) return undefined;
  if (type.endsWith('-set')) return [];
  if (type.endsWith('-map')) return new Map();
  if (type === 'integer' || type === 'real') return 0;
  if (type === 'boolean') return false;
  return type === 'uuid' ? NO_REFERENCE : '';
}
