/**
 * The node's own OVN cluster in memory, for tests: the real edge over a database that behaves like the server.
 *
 * In: the calls of `LocalOvn`, plus handles that do what happens to a real cluster: rows edited by others, northd or the
 * controller stopped, a row refused, the server away. Transactions are all or nothing; rows that nobody lists any more are
 * collected, weak references to deleted rows are emptied, unique columns and strong references are enforced
 * (ovsdb-server(5), ovn-nb(5)).
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { Freezer } from '../base/testing-freezer.ts';
import { type MemoryDatabase, memoryDatabase } from '../ovn/memory-database.ts';
import {
  type Operation,
  type OperationResult,
  OvsdbConnectionError,
  OvsdbTransactionError,
} from '../ovsdb/index.ts';
import { LocalCluster } from './local-cluster.ts';
import type { LocalDatabase } from './local-database.ts';
import { MemoryTransaction } from './memory-transaction.ts';
import { LOCAL_NORTHBOUND, type LocalNorthbound, type LocalTables } from './schema.ts';

export interface FakeLocalOvnOptions {
  readonly clock?: Clock;
  /** Columns that this server's schema lacks, as `Table.column`. */
  readonly without?: readonly string[];
}

export class FakeLocalOvn extends LocalCluster {
  readonly database: FakeLocalDatabase;

  constructor(options: FakeLocalOvnOptions = {}) {
    const database = new FakeLocalDatabase(options.without ?? []);
    super({ database, logger: silentLogger, clock: options.clock ?? systemClock });
    this.database = database;
  }
}

export class FakeLocalDatabase implements LocalDatabase {
  /** Every transaction that was carried out, in order. */
  readonly log: (readonly Operation[])[] = [];
  /** Refuses a transaction, for the reason given: by an operation (its index), or as a whole. */
  refuse: ((operations: readonly Operation[]) => { readonly operation?: number } | undefined) | undefined;
  readonly #without: ReadonlySet<string>;
  readonly #memory: MemoryDatabase<LocalNorthbound> = memoryDatabase(LOCAL_NORTHBOUND);
  readonly #listeners = new Set<(what: 'rows' | 'counters') => void>();
  readonly #freezer = new Freezer();
  #away = false;
  #idle = false;
  #uuids = 0;

  constructor(without: readonly string[]) {
    this.#without = new Set(without);
    this.#memory.insert('NB_Global', {});
  }

  start(): void {
    // Always there.
  }

  tables(): LocalTables {
    return this.#memory.views;
  }

  has(table: string, column: string): boolean {
    return !this.#without.has(`${table}.${column}`);
  }

  subscribe(listener: (what: 'rows' | 'counters') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async transact(
    operations: readonly Operation[],
    signal?: AbortSignal,
  ): Promise<readonly OperationResult[]> {
    signal?.throwIfAborted();
    await this.#freezer.pass();
    if (this.#away) throw new OvsdbConnectionError('connection-lost', 'the server is away (a test)');
    const refused = this.refuse?.(operations);
    if (refused !== undefined) {
      const index = refused.operation;
      const reason = { error: 'constraint violation', details: 'refused by a test' };
      if (index === undefined) throw new OvsdbTransactionError('OVN_Northbound', reason);
      throw new OvsdbTransactionError('OVN_Northbound', reason, index, operations[index]);
    }
    const results = this.#execute(operations);
    this.log.push(operations);
    return results;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** Somebody else's transaction. */
  edit(operations: readonly Operation[]): void {
    this.#execute(operations);
  }

  setAway(away: boolean): void {
    this.#away = away;
  }

  /** The server is stopped in its tracks: transactions hang until `thaw`. */
  freeze(): void {
    this.#freezer.freeze();
  }

  thaw(): void {
    this.#freezer.thaw();
  }

  /** northd or the controller stops, or goes on and puts in place what was written meanwhile. */
  setIdle(idle: boolean): void {
    this.#idle = idle;
    this.#followCounter();
  }

  #execute(operations: readonly Operation[]): readonly OperationResult[] {
    const transaction = new MemoryTransaction(this.#memory.views, this.#without, () => {
      this.#uuids += 1;
      return `10000000-0000-4000-8000-${this.#uuids.toString(16).padStart(12, '0')}`;
    });
    const results = transaction.run(operations);
    const touched = new Set<string>();
    this.#memory.transact((memory) => {
      for (const [table, before, after] of transaction.differences()) {
        touched.add(table);
        for (const [uuid, values] of after) {
          const old = before.get(uuid);
          if (old === undefined) memory.insert(table, values, uuid);
          else if (old !== values) memory.update(table, uuid, values);
        }
        for (const uuid of before.keys()) if (!after.has(uuid)) memory.delete(table, uuid);
      }
    });
    touched.delete('NB_Global');
    this.#emit(touched.size > 0 ? 'rows' : 'counters');
    this.#followCounter();
    return results;
  }

  #followCounter(): void {
    const [root] = this.#memory.views.NB_Global;
    if (this.#idle || root === undefined || root.hv_cfg === root.nb_cfg) return;
    this.#memory.update('NB_Global', root._uuid, { hv_cfg: root.nb_cfg });
    this.#emit('counters');
  }

  #emit(what: 'rows' | 'counters'): void {
    for (const listener of this.#listeners) listener(what);
  }
}
