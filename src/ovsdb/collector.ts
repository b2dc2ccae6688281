/**
 * Gathers the rows of one message, dump or transaction, and then applies them to the tables in one go.
 *
 * Rows may come in one by one while the message still arrives; nothing is visible before `commit`. A dump is compared with
 * what is held, so that unchanged rows stay the same objects and only true differences are reported. Every contradiction
 * is kept and thrown by `commit`, before anything has changed.
 */
import { Breather } from './breather.ts';
import { OvsdbInconsistencyError } from './errors.ts';
import type { AnyRow, RowCodec } from './row-codec.ts';
import type { RowSink } from './row-slicer.ts';
import type { ReplicaTable, TableData } from './table.ts';
import type { RowChange, Uuid } from './types.ts';

/** One table as a collector needs it. */
export interface CollectedTable {
  readonly codec: RowCodec;
  readonly view: ReplicaTable;
  /** An empty body with the table's indexes. */
  newData(): TableData;
}

export type AnyRowChange = RowChange<AnyRow>;
export type Changes = Readonly<Record<string, readonly AnyRowChange[]>>;

/** `update`: RFC 7047 `{old, new}`; `update2`: `{initial | insert | modify | delete}`, of update2 and update3. */
export type UpdateFormat = 'update' | 'update2';

/** A transaction of more rows than this is applied aside and swapped in. */
const BIG_TRANSACTION = 2_000;
const STEP = 64;

/** Long work in steps, each followed by the question whether it is wanted still. */
class Pace {
  readonly #breather = new Breather();
  readonly #current: () => boolean;
  #step = 0;

  constructor(current: () => boolean) {
    this.#current = current;
  }

  due(): boolean {
    return ++this.#step % STEP === 0 && this.#breather.due();
  }

  async goOn(): Promise<boolean> {
    await this.#breather.breathe();
    return this.#current();
  }
}

export abstract class Collector {
  rows = 0;
  protected readonly tables: ReadonlyMap<string, CollectedTable>;
  protected readonly format: UpdateFormat;
  #failure: OvsdbInconsistencyError | undefined;

  constructor(tables: ReadonlyMap<string, CollectedTable>, format: UpdateFormat) {
    this.tables = tables;
    this.format = format;
  }

  /** Takes one row update; never throws. */
  readonly sink: RowSink = (table, uuid, update) => {
    if (this.#failure !== undefined) return;
    this.rows += 1;
    try {
      const collected = this.tables.get(table);
      if (collected === undefined) throw new OvsdbInconsistencyError(`table ${table} was not asked for`);
      if (typeof update !== 'object' || update === null) {
        throw new OvsdbInconsistencyError(`the update of row ${uuid} of ${table} is no object`);
      }
      this.collect(table, collected, uuid, update as Readonly<Record<string, unknown>>);
    } catch (error) {
      this.#failure =
        error instanceof OvsdbInconsistencyError
          ? error
          : new OvsdbInconsistencyError(error instanceof Error ? error.message : String(error), {
              cause: error,
            });
    }
  };

  /** Takes the `<table-updates>` of a message that was small enough to be parsed as a whole. */
  async take(updates: unknown): Promise<void> {
    if (typeof updates !== 'object' || updates === null) {
      throw new OvsdbInconsistencyError('the table updates are not a JSON object');
    }
    const breather = new Breather();
    for (const [table, rows] of Object.entries(updates)) {
      for (const [uuid, update] of Object.entries((rows ?? {}) as Readonly<Record<string, unknown>>)) {
        this.sink(table, uuid, update);
        if (this.rows % STEP === 0 && breather.due()) await breather.breathe();
      }
    }
  }

  /** Applies what was gathered; `current` is asked after every pause and stops the work when it turns false. */
  async commit(current: () => boolean): Promise<Changes | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    return await this.apply(current);
  }

  protected abstract collect(
    name: string,
    table: CollectedTable,
    uuid: Uuid,
    update: Readonly<Record<string, unknown>>,
  ): void;
  protected abstract apply(current: () => boolean): Promise<Changes | undefined>;
}

/** A complete dump. */
export class DumpCollector extends Collector {
  readonly #bodies = new Map<string, TableData>();
  readonly #changes = new Map<string, AnyRowChange[]>();

  protected override collect(
    name: string,
    table: CollectedTable,
    uuid: Uuid,
    update: Readonly<Record<string, unknown>>,
  ): void {
    const wire = this.format === 'update' ? update.new : (update.initial ?? update.insert);
    if (wire === undefined)
      throw new OvsdbInconsistencyError(`row ${uuid} of ${name} in a dump has no contents`);
    const body = this.#body(name, table);
    const old = table.view.get(uuid);
    const decoded = table.codec.decode(uuid, wire);
    const row = old === undefined ? decoded : table.codec.settled(old, decoded);
    body.put(row);
    if (row === old) return;
    this.#change(name, old === undefined ? { kind: 'insert', row } : { kind: 'modify', row, old });
  }

  protected override async apply(current: () => boolean): Promise<Changes | undefined> {
    const pace = new Pace(current);
    for (const [name, table] of this.tables) {
      const body = this.#body(name, table);
      for (const [uuid, old] of table.view.data.rows) {
        if (!body.rows.has(uuid)) this.#change(name, { kind: 'delete', old });
        if (pace.due() && !(await pace.goOn())) return undefined;
      }
    }
    for (const [name, table] of this.tables) table.view.data = this.#body(name, table);
    return Object.fromEntries(this.#changes);
  }

  #body(name: string, table: CollectedTable): TableData {
    let body = this.#bodies.get(name);
    if (body === undefined) {
      body = table.newData();
      this.#bodies.set(name, body);
    }
    return body;
  }

  #change(name: string, change: AnyRowChange): void {
    const list = this.#changes.get(name);
    if (list === undefined) this.#changes.set(name, [change]);
    else list.push(change);
  }
}

/** One transaction, or all that happened since the last known one. */
export class UpdateCollector extends Collector {
  readonly #changes = new Map<string, Map<Uuid, AnyRowChange>>();

  protected override collect(
    name: string,
    table: CollectedTable,
    uuid: Uuid,
    update: Readonly<Record<string, unknown>>,
  ): void {
    const change =
      this.format === 'update' ? changeOf(name, table, uuid, update) : changeOf2(name, table, uuid, update);
    if (change === undefined) return;
    let changes = this.#changes.get(name);
    if (changes === undefined) {
      changes = new Map();
      this.#changes.set(name, changes);
    }
    changes.set(uuid, change);
  }

  protected override async apply(current: () => boolean): Promise<Changes | undefined> {
    let bodies: ReadonlyMap<string, TableData> | undefined;
    if (this.rows > BIG_TRANSACTION) {
      bodies = await this.#applyAside(current);
      if (bodies === undefined) return undefined;
    }
    for (const [name, changes] of this.#changes) {
      const table = this.tables.get(name);
      if (table === undefined) continue;
      const body = bodies?.get(name);
      if (body !== undefined) table.view.data = body;
      else for (const change of changes.values()) applyChange(table.view.data, change);
    }
    return Object.fromEntries([...this.#changes].map(([name, changes]) => [name, [...changes.values()]]));
  }

  async #applyAside(current: () => boolean): Promise<ReadonlyMap<string, TableData> | undefined> {
    const pace = new Pace(current);
    const bodies = new Map<string, TableData>();
    for (const [name, changes] of this.#changes) {
      const table = this.tables.get(name);
      if (table === undefined) continue;
      const body = table.newData();
      bodies.set(name, body);
      for (const [uuid, row] of table.view.data.rows) {
        const change = changes.get(uuid);
        if (change === undefined) body.put(row);
        else if (change.kind !== 'delete') body.put(change.row);
        if (pace.due() && !(await pace.goOn())) return undefined;
      }
      for (const change of changes.values()) {
        if (change.kind === 'insert') body.put(change.row);
        if (pace.due() && !(await pace.goOn())) return undefined;
      }
    }
    return bodies;
  }
}

function applyChange(data: TableData, change: AnyRowChange): void {
  if (change.kind === 'delete') data.delete(change.old._uuid);
  else data.put(change.row);
}

function changeOf2(
  name: string,
  table: CollectedTable,
  uuid: Uuid,
  update: Readonly<Record<string, unknown>>,
): AnyRowChange | undefined {
  const old = table.view.get(uuid);
  if ('delete' in update) {
    if (old === undefined) throw new OvsdbInconsistencyError(`unknown row ${uuid} of ${name} was deleted`);
    return { kind: 'delete', old };
  }
  if ('modify' in update) {
    if (old === undefined) throw new OvsdbInconsistencyError(`unknown row ${uuid} of ${name} was modified`);
    const row = table.codec.merge(old, update.modify);
    return row === old ? undefined : { kind: 'modify', row, old };
  }
  const wire = update.insert ?? update.initial;
  if (wire === undefined)
    throw new OvsdbInconsistencyError(`the update of row ${uuid} of ${name} says nothing`);
  if (old !== undefined) throw new OvsdbInconsistencyError(`row ${uuid} of ${name} was inserted twice`);
  return { kind: 'insert', row: table.codec.decode(uuid, wire) };
}

/** RFC 7047 4.1.6: `new` holds all monitored columns, also for a modification. */
function changeOf(
  name: string,
  table: CollectedTable,
  uuid: Uuid,
  update: Readonly<Record<string, unknown>>,
): AnyRowChange | undefined {
  const old = table.view.get(uuid);
  if (update.new === undefined) {
    if (old === undefined) throw new OvsdbInconsistencyError(`unknown row ${uuid} of ${name} was deleted`);
    return { kind: 'delete', old };
  }
  const decoded = table.codec.decode(uuid, update.new);
  if (update.old === undefined) {
    if (old !== undefined) throw new OvsdbInconsistencyError(`row ${uuid} of ${name} was inserted twice`);
    return { kind: 'insert', row: decoded };
  }
  if (old === undefined) throw new OvsdbInconsistencyError(`unknown row ${uuid} of ${name} was modified`);
  const row = table.codec.settled(old, decoded);
  return row === old ? undefined : { kind: 'modify', row, old };
}
