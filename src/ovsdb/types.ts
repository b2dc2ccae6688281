/**
 * The public shapes of the OVSDB library: how a caller declares the tables it wants, and what it gets back.
 *
 * A replica is told which tables and columns it should hold (`DatabaseSpec`), and hands out typed, immutable rows
 * through `TableView` and one `ChangeSet` per transaction of the server (RFC 7047 4.1.6, update3 of ovsdb-server(7)).
 */

export type Uuid = string;

/** The atomic types of OVSDB (RFC 7047 3.2), and what each is in a row. */
export interface AtomValues {
  string: string;
  integer: number;
  real: number;
  boolean: boolean;
  uuid: Uuid;
}
export type AtomType = keyof AtomValues;

/**
 * Column types as the caller declares them; the schema of the server is checked against these. `string-map` is short for
 * `string-string-map`. The names are taken apart by `declaredType` (schema.ts).
 */
export type ColumnType =
  | AtomType
  | `optional-${AtomType}`
  | `${AtomType}-set`
  | `${AtomType}-${AtomType}-map`
  | 'string-map';

/** What a column of that type is in a row. A column that the server's schema lacks reads as its empty value. */
export type ColumnValues = { [T in ColumnType]: ValueOf<T> };

type ValueOf<T extends ColumnType> = T extends AtomType
  ? AtomValues[T]
  : T extends `optional-${infer A extends AtomType}`
    ? AtomValues[A] | undefined
    : T extends `${infer A extends AtomType}-set`
      ? readonly AtomValues[A][]
      : T extends `${infer K extends AtomType}-${infer V extends AtomType}-map`
        ? ReadonlyMap<AtomValues[K], AtomValues[V]>
        : ReadonlyMap<string, string>;

/** Every row has its `_uuid`; it is not declared. */
export type ColumnsSpec = Readonly<Record<string, ColumnType>> & { readonly _uuid?: never };

/** An immutable row: a new object for every change, the same object as long as nothing of it changed. */
export type Row<C extends ColumnsSpec> = { readonly _uuid: Uuid } & {
  readonly [K in keyof C]: ColumnValues[C[K]];
};

/**
 * Index keys of a row: none, one or many strings. Declared through a method, so that a table with known columns counts
 * as a table: method parameters are compared bivariantly.
 */
export type IndexFunction<C extends ColumnsSpec> = {
  keysOf(row: Row<C>): string | readonly string[] | undefined;
}['keysOf'];

export interface TableSpec<C extends ColumnsSpec = ColumnsSpec, I extends string = string> {
  readonly columns: C;
  readonly indexes?: Readonly<Record<I, IndexFunction<C>>>;
}

export interface DatabaseSpec<
  T extends Readonly<Record<string, TableSpec>> = Readonly<Record<string, TableSpec>>,
> {
  readonly name: string;
  readonly tables: T;
}

export type RowOf<S extends TableSpec> = Row<S['columns']>;
export type IndexOf<S extends TableSpec> = keyof NonNullable<S['indexes']> & string;

/** Read access to one replicated table. */
export interface TableView<S extends TableSpec = TableSpec> extends Iterable<RowOf<S>> {
  readonly size: number;
  get(uuid: Uuid): RowOf<S> | undefined;
  /** Rows under one key of a declared index, in no particular order. */
  find(index: IndexOf<S>, key: string): readonly RowOf<S>[];
}

export type Views<D extends DatabaseSpec> = { readonly [T in keyof D['tables']]: TableView<D['tables'][T]> };

export type RowChange<R> =
  | { readonly kind: 'insert'; readonly row: R }
  | { readonly kind: 'modify'; readonly row: R; readonly old: R }
  | { readonly kind: 'delete'; readonly old: R };

/** Everything that one transaction of the server (or one resynchronisation) did to the replica. */
export interface ChangeSet<D extends DatabaseSpec = DatabaseSpec> {
  /** `snapshot`: first contents or the difference after a resynchronisation; `update`: one transaction. */
  readonly cause: 'snapshot' | 'update';
  readonly changes: { readonly [T in keyof D['tables']]?: readonly RowChange<RowOf<D['tables'][T]>>[] };
}

/** Declares one table with the types of its columns kept (a helper for inference, no work at run time). */
export function tableSpec<const C extends ColumnsSpec>(columns: C): TableSpec<C, never>;
export function tableSpec<const C extends ColumnsSpec, I extends string>(
  columns: C,
  indexes: Readonly<Record<I, IndexFunction<NoInfer<C>>>>,
): TableSpec<C, I>;
export function tableSpec<const C extends ColumnsSpec, I extends string>(
  columns: C,
  indexes?: Readonly<Record<I, IndexFunction<NoInfer<C>>>>,
): TableSpec<C, I> {
  return indexes === undefined ? { columns } : { columns, indexes };
}

/** Declares a database with the types of its tables kept. */
export function databaseSpec<const T extends Readonly<Record<string, TableSpec>>>(
  name: string,
  tables: T,
): DatabaseSpec<T> {
  return { name, tables };
}

/**
 * One clause of a monitor condition (RFC 7047 5.1, ovsdb-server(7) 5.1): `[column, function, value]` with the value in
 * wire form, or a constant. The clauses of a table are alternatives: a row that matches any of them is replicated.
 */
export type ConditionClause =
  | boolean
  | readonly [column: string, function: ConditionFunction, value: unknown];

export type ConditionFunction = '<' | '<=' | '==' | '!=' | '>=' | '>' | 'includes' | 'excludes';

/**
 * Conditions by table. A table that is left out is replicated whole; a table with an empty list has no clause that a row
 * could match, so nothing of it is replicated.
 */
export type Conditions = Readonly<Record<string, readonly ConditionClause[]>>;

/** `connecting` also before the first attempt; `synchronizing` also while contents are dumped again. */
export type ReplicaState = 'connecting' | 'synchronizing' | 'synchronized' | 'disconnected';

export interface ReplicaStateEvent {
  readonly state: ReplicaState;
  /** Why, for `disconnected` and for a `synchronizing` that follows an inconsistency. */
  readonly reason?: Error;
}
