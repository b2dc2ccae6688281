/**
 * The edge to the node's own OVN cluster: its rows, and writing them.
 *
 * In: rows to put and to remove. Out: snapshots, and events when something of them changed. Each transaction raises
 * `NB_Global:nb_cfg`; northd and ovn-controller hand the number on, and when it comes back as `hv_cfg` the flows are in
 * place. A row that the server refuses is left out and the rest is tried again; a refusal that names no row is narrowed
 * down by halves. A lost connection keeps the last snapshot; the client reconnects by itself.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { insert, mutate, type Operation, OvsdbTransactionError, select } from '../ovsdb/index.ts';
import type { LocalDatabase } from './local-database.ts';
import { openLocalDatabase } from './local-database.ts';
import { planTransaction } from './operations.ts';
import { foreignCluster } from './read-rows.ts';
import { rowKey } from './rows.ts';
import type { LocalTables } from './schema.ts';
import { capabilitiesOf, foreignMessage, localSnapshot } from './snapshot.ts';
import type { LocalFailure, LocalOvn, LocalOvnEvent, LocalSnapshot, LocalWrite } from './types.ts';

export interface LocalClusterOptions {
  readonly database: LocalDatabase;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** How long a write waits for its effect on the flows; a round trip takes some 15 ms. */
  readonly effectTimeoutMs?: number;
}

/** The server is local and answers within milliseconds when it runs. */
const TRANSACTION_TIMEOUT_MS = 10_000;
const EFFECT_TIMEOUT_MS = 500;
const UNREAD = "the node's own Northbound database has not been read yet";
/** Each try is a transaction, so there is an end to narrowing down. */
const MAX_TRANSACTIONS = 24;

/** The cluster as configured; nothing is connected before `start`. */
export function openLocalCluster(options: {
  readonly remote: string;
  readonly logger: Logger;
}): LocalCluster {
  const database = openLocalDatabase(options.remote, options.logger);
  return new LocalCluster({ database, logger: options.logger });
}

export class LocalCluster implements LocalOvn {
  readonly #database: LocalDatabase;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #effectTimeoutMs: number;
  readonly #listeners = new Set<(event: LocalOvnEvent) => void>();
  readonly #effectWaiters = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #snapshot: LocalSnapshot | undefined;
  /** `nb_cfg` of the last write; `undefined` before the first. */
  #written: number | undefined;
  /** The last wait for an effect was in vain: the next write does not wait again until the cluster is back. */
  #late = false;

  constructor(options: LocalClusterOptions) {
    this.#database = options.database;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#effectTimeoutMs = options.effectTimeoutMs ?? EFFECT_TIMEOUT_MS;
    this.#unsubscribe = this.#database.subscribe((what) => this.#changed(what));
  }

  /** Begins to connect; further calls do nothing. */
  start(): void {
    this.#database.start();
  }

  snapshot(): LocalSnapshot | undefined {
    const tables = this.#snapshot === undefined ? this.#database.tables() : undefined;
    if (tables !== undefined) {
      this.#snapshot = localSnapshot(tables, (table, column) => this.#database.has(table, column));
    }
    return this.#snapshot;
  }

  async write(
    writes: readonly LocalWrite[],
    signal?: AbortSignal,
  ): Promise<readonly (LocalFailure | undefined)[]> {
    const results: (LocalFailure | undefined)[] = Array.from({ length: writes.length });
    const batches: number[][] = [[...writes.keys()]];
    let lost: LocalFailure | undefined;
    for (let count = 0; batches.length > 0; count++) {
      signal?.throwIfAborted();
      const batch = batches.shift() ?? [];
      const outcome: BatchOutcome =
        lost !== undefined
          ? { kind: 'lost', failure: lost }
          : count < MAX_TRANSACTIONS
            ? await this.#writeBatch(writes, batch, results, signal)
            : TOO_MANY;
      if (outcome.kind === 'done') continue;
      if (outcome.kind === 'lost') lost = outcome.failure;
      if (outcome.kind === 'refused' && outcome.write !== undefined) {
        results[outcome.write] = outcome.failure;
        batches.unshift(batch.filter((index) => index !== outcome.write));
      } else if (outcome.kind === 'refused' && outcome !== TOO_MANY && batch.length > 1) {
        const half = batch.length >> 1;
        batches.unshift(batch.slice(0, half), batch.slice(half));
      } else for (const index of batch) results[index] ??= outcome.failure;
    }
    await this.#waitForEffect(signal);
    return results;
  }

  async confirm(signal?: AbortSignal): Promise<string | undefined> {
    const tables = this.#database.tables();
    if (tables === undefined) return UNREAD;
    if (foreignCluster(tables) === undefined) {
      try {
        await this.#transact([], tables, signal);
      } catch (error) {
        signal?.throwIfAborted();
        return error instanceof Error ? error.message : String(error);
      }
      await this.#waitForEffect(signal);
    }
    return this.pending();
  }

  pending(): string | undefined {
    const tables = this.#database.tables();
    if (tables === undefined || this.#written === undefined) return undefined;
    const [root] = tables.NB_Global;
    // A database that was made anew counts from the start.
    const target = Math.min(this.#written, root?.nb_cfg ?? 0);
    if (root !== undefined && root.hv_cfg >= target) return undefined;
    return `the node's own ovn-northd and ovn-controller have not put change ${target} in place yet (they are at ${root?.hv_cfg ?? 'none'}); see whether they run`;
  }

  subscribe(listener: (event: LocalOvnEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#listeners.clear();
    await this.#database.close();
  }

  async #writeBatch(
    writes: readonly LocalWrite[],
    batch: readonly number[],
    results: (LocalFailure | undefined)[],
    signal: AbortSignal | undefined,
  ): Promise<BatchOutcome> {
    const tables = this.#database.tables();
    if (tables === undefined) return { kind: 'lost', failure: { message: UNREAD, silent: true } };
    const foreign = foreignCluster(tables);
    if (foreign !== undefined) return { kind: 'lost', failure: { message: foreignMessage(foreign) } };
    const chosen = new Set(batch);
    const planned = planTransaction(
      tables,
      capabilitiesOf((table, column) => this.#database.has(table, column)),
      writes.map((write, index) => (chosen.has(index) ? write : undefined)),
    );
    for (const [index, problem] of planned.problems) results[index] = { message: problem };
    if (planned.operations.length === 0) return { kind: 'done' };
    const operations = planned.operations.map(({ operation }) => operation);
    try {
      await this.#transact(operations, tables, signal);
      return { kind: 'done' };
    } catch (error) {
      signal?.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof OvsdbTransactionError))
        return { kind: 'lost', failure: { message, silent: true } };
      const { operationIndex } = error;
      const write = operationIndex === undefined ? undefined : planned.operations[operationIndex]?.write;
      const keys = batch.map((index) => writes[index]).flatMap((each) => (each ? [rowKey(each.row)] : []));
      this.#logger.debug(
        { rows: keys.slice(0, 8), error: message },
        'the local Northbound database refused rows',
      );
      return { kind: 'refused', failure: { message }, ...(write === undefined ? {} : { write }) };
    }
  }

  /** One transaction, whose effect can be waited for. */
  async #transact(
    operations: readonly Operation[],
    tables: LocalTables,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const limit = AbortSignal.timeout(TRANSACTION_TIMEOUT_MS);
    const replies = await this.#database.transact(
      [...operations, ...raiseCounter(tables)],
      signal === undefined ? limit : AbortSignal.any([signal, limit]),
    );
    const raised = replies.at(-1)?.rows?.[0]?.nb_cfg;
    if (typeof raised === 'number') this.#written = raised;
  }

  #waitForEffect(signal: AbortSignal | undefined): Promise<void> {
    if (this.pending() === undefined || this.#late) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#effectWaiters.delete(finish);
        cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.#clock.after(this.#effectTimeoutMs, () => {
        this.#late = true;
        finish();
      });
      this.#effectWaiters.add(finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }

  #changed(what: 'rows' | 'counters'): void {
    const tables = this.#database.tables();
    if (tables === undefined) return;
    if (what === 'rows') {
      this.#snapshot = localSnapshot(tables, (table, column) => this.#database.has(table, column));
      this.#emit('changed');
    }
    if (this.pending() !== undefined) return;
    const waited = this.#effectWaiters.size > 0;
    for (const resolve of this.#effectWaiters) resolve();
    if (!this.#late) return;
    this.#late = false;
    if (!waited) this.#emit('in-effect');
  }

  #emit(event: LocalOvnEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

type BatchOutcome =
  | { readonly kind: 'done' }
  /** Nothing can be written at all. */
  | { readonly kind: 'lost'; readonly failure: LocalFailure }
  /** The server refused the transaction, because of one write where it said so. */
  | { readonly kind: 'refused'; readonly failure: LocalFailure; readonly write?: number };

const TOO_MANY: BatchOutcome = {
  kind: 'refused',
  failure: { message: 'too many rows of this change were refused' },
};

/** Tells when everything up to here is in effect (ovn-nb(5), `nb_cfg`); the last result has the number. */
function raiseCounter(tables: LocalTables): readonly Operation[] {
  const [root] = tables.NB_Global;
  const raise =
    root === undefined ? insert('NB_Global', { nb_cfg: 1 }) : mutate('NB_Global', [], [['nb_cfg', '+=', 1]]);
  return [raise, select('NB_Global', [], ['nb_cfg'])];
}
