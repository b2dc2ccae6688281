/**
 * A live copy of a part of one database.
 *
 * In: a declaration of tables, conditions, and one connection after the other. Out: immutable rows in indexed tables, one
 * change set for each transaction of the server, and state events.
 *
 * Failure: while there is no connection the last contents stay. After a reconnect the replica continues from the last
 * transaction where the server can (clustered databases), else it takes a new dump, builds it aside and reports the true
 * difference. Anything that contradicts what is held is counted and answered with a new dump; twice within a short time,
 * and the connection is given up.
 */

import type { OvsdbClock } from './clock.ts';
import {
  type Changes,
  type CollectedTable,
  type Collector,
  DumpCollector,
  UpdateCollector,
} from './collector.ts';
import type { Connection, Monitor, MonitorMethod } from './connection.ts';
import type { OvsdbCounters } from './counters.ts';
import {
  errorMessage,
  OvsdbConnectionError,
  type OvsdbError,
  OvsdbInconsistencyError,
  OvsdbProtocolError,
  OvsdbRpcError,
} from './errors.ts';
import type { OvsdbLogger } from './logger.ts';
import {
  columnsKey,
  conditionChanges,
  type EffectiveConditions,
  effectiveConditions,
  monitorRequests,
} from './monitor-request.ts';
import { RowCodec } from './row-codec.ts';
import type { DatabaseSchema, SchemaProblem } from './schema.ts';
import { ReplicaTable, TableData } from './table.ts';
import type { KeyFunction } from './table-index.ts';
import type {
  ChangeSet,
  Conditions,
  DatabaseSpec,
  ReplicaState,
  ReplicaStateEvent,
  TableSpec,
  Views,
} from './types.ts';
import { ZERO_UUID } from './wire.ts';

export interface ReplicaOptions {
  readonly conditions?: Conditions;
}

export interface ReplicaEnvironment {
  readonly logger: OvsdbLogger;
  readonly counters: OvsdbCounters;
  readonly clock: OvsdbClock;
  /** Called by `close`. */
  readonly released: () => void;
}

/** A second inconsistency within this time ends the connection, so that a broken server is not asked for ever. */
const INCONSISTENCY_WINDOW_MS = 10_000;

/** One monitor on one connection, from its request to its end. */
interface Run {
  readonly connection: Connection;
  id: string;
  method: MonitorMethod;
  schema: DatabaseSchema;
  /** What the server selects rows by, as far as it has acknowledged it. */
  conditions: EffectiveConditions;
  /** What the caller had set for the conditions of the request. */
  readonly requested: Conditions;
  ready: boolean;
  changingConditions: boolean;
  /** Updates that came before the reply. */
  readonly deferred: (readonly [method: string, parameters: readonly unknown[]])[];
  /** Collects a big update while it arrives. */
  stream: UpdateCollector | undefined;
}

/** What the contents are based on, so that another connection can continue from there. */
interface Position {
  readonly transaction: string;
  readonly conditions: EffectiveConditions;
  readonly columns: string;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class Replica<D extends DatabaseSpec = DatabaseSpec> {
  /** The tables; the views stay the same objects for the life of the replica. */
  readonly tables: Views<D>;
  readonly #spec: D;
  readonly #environment: ReplicaEnvironment;
  readonly #views: ReadonlyMap<string, ReplicaTable>;
  readonly #listeners = new Set<(changes: ChangeSet<D>) => void>();
  readonly #stateListeners = new Set<(event: ReplicaStateEvent) => void>();
  readonly #syncWaiters = new Set<Waiter>();
  readonly #conditionWaiters = new Set<Waiter>();
  #conditions: Conditions;
  /** The conditions that a server accepted last. */
  #accepted: Conditions | undefined;
  /** Why the conditions set last were refused. */
  #refusal: Error | undefined;
  #collected: ReadonlyMap<string, CollectedTable> = new Map();
  #conditionProblems: readonly SchemaProblem[] = [];
  #state: ReplicaStateEvent = { state: 'connecting' };
  #run: Run | undefined;
  #position: Position | undefined;
  #dumped = false;
  #lastInconsistency: number | undefined;
  #closed = false;

  /** Use `OvsdbClient.replicate`. */
  constructor(spec: D, options: ReplicaOptions, environment: ReplicaEnvironment) {
    this.#spec = spec;
    this.#environment = environment;
    this.#conditions = options.conditions ?? {};
    this.#views = new Map(
      Object.entries(spec.tables).map(([name, table]) => [
        name,
        new ReplicaTable(this.#newData(name, table)),
      ]),
    );
    this.tables = Object.fromEntries(this.#views) as unknown as Views<D>;
  }

  get state(): ReplicaState {
    return this.#state.state;
  }

  /** True while the contents follow the server; false contents are the last known ones, never partial ones. */
  get synchronized(): boolean {
    return this.#state.state === 'synchronized';
  }

  /** Whether any contents were ever received. */
  get populated(): boolean {
    return this.#dumped;
  }

  /** Whether the server has this table, or column with a usable type; false before the first connection. */
  has(table: keyof D['tables'] & string, column?: string): boolean {
    const codec = this.#collected.get(table)?.codec;
    return codec?.present === true && (column === undefined || codec.has(column));
  }

  /** How the server's schema differs from the declaration. */
  get problems(): readonly SchemaProblem[] {
    return [
      ...[...this.#collected.values()].flatMap((table) => table.codec.problems),
      ...this.#conditionProblems,
    ];
  }

  /** Resolves as soon as the contents follow the server. */
  async whenSynchronized(signal?: AbortSignal): Promise<void> {
    if (this.synchronized) return;
    await this.#wait(this.#syncWaiters, signal);
  }

  /**
   * Calls back once for each transaction, and once with cause `snapshot` after each (re)synchronisation, also when that
   * changed nothing. Returns the way to stop it.
   */
  subscribe(listener: (changes: ChangeSet<D>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onState(listener: (event: ReplicaStateEvent) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Replaces the conditions of all tables. Rows come and go as ordinary changes once the server has applied them. */
  setConditions(conditions: Conditions): void {
    this.#conditions = conditions;
    this.#refusal = undefined;
    if (this.#run?.ready === true) this.#changeConditions(this.#run);
  }

  /**
   * Resolves when the server has applied the conditions set last and their rows are here; rejects when it refused them,
   * in which case the ones before stay in force.
   */
  async whenConditionsApplied(signal?: AbortSignal): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const run = this.#run;
    if (run?.ready === true && !run.changingConditions) return;
    await this.#wait(this.#conditionWaiters, signal);
  }

  /** Stops replicating; the contents stay readable. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const run = this.#run;
    const reason = new OvsdbConnectionError('closed', `the replica of ${this.#spec.name} was closed`);
    this.detach(reason);
    if (run?.connection.open === true) {
      run.connection.request('monitor_cancel', [run.id]).catch(() => undefined);
    }
    for (const waiter of [...this.#syncWaiters, ...this.#conditionWaiters]) waiter.reject(reason);
    this.#environment.released();
  }

  /** For the client: an attempt to connect begins. */
  connecting(): void {
    if (!this.#closed) this.#enter({ state: 'connecting' });
  }

  /** For the client: follow this connection. Resolves when synchronized; failures end the connection. */
  async attach(connection: Connection, schema: DatabaseSchema): Promise<void> {
    if (this.#closed) return;
    this.#enter({ state: 'synchronizing' });
    this.#compile(schema);
    try {
      await this.#monitor(connection, schema);
    } catch (error) {
      this.#fail(connection, error);
    }
  }

  /** For the client: the connection has ended. */
  detach(reason: OvsdbError): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) {
      run.connection.removeMonitor(run.id);
      // Rows of the new conditions may have come already or not; only a dump can tell.
      if (run.changingConditions) this.#position = undefined;
    }
    this.#enter({ state: 'disconnected', reason });
  }

  #compile(schema: DatabaseSchema): void {
    const previous = this.#collected;
    const { logger, counters } = this.#environment;
    const reported = new Set<string>();
    const once = (table: string, column: string, message: string): void => {
      if (reported.has(`${table}.${column}`)) return;
      reported.add(`${table}.${column}`);
      logger.warn({ database: this.#spec.name, table, column }, message);
    };
    const reports = {
      unsafeInteger: (table: string, column: string): void => {
        counters.unsafeIntegers += 1;
        once(table, column, 'an integer beyond 2^53 was rounded');
      },
      ambiguousValue: (table: string, column: string): void => {
        counters.ambiguousValues += 1;
        once(table, column, 'a column that should hold one value holds several and reads as empty');
      },
    };
    const collected = new Map<string, CollectedTable>();
    for (const [name, view] of this.#views) {
      const spec = this.#spec.tables[name];
      if (spec === undefined) continue;
      const codec = new RowCodec(name, spec.columns, schema, reports);
      const before = previous.get(name);
      // The codec remembers what lies behind its rows; as long as the server's types are the same it stays.
      const same = before?.codec.present === codec.present && before.codec.signature === codec.signature;
      collected.set(name, same ? before : { codec, view, newData: () => this.#newData(name, spec) });
      if (!same) {
        for (const problem of codec.problems)
          logger.info({ database: this.#spec.name, ...problem }, problem.detail);
      }
    }
    this.#collected = collected;
  }

  async #monitor(connection: Connection, schema: DatabaseSchema): Promise<void> {
    const wanted = effectiveConditions(this.#collected.keys(), this.#conditions, schema);
    this.#conditionProblems = wanted.problems;
    const codecs = [...this.#collected.values()].map((table) => table.codec);
    const columns = columnsKey(codecs);
    // Standalone databases have no transaction ids; there is nothing to continue from.
    const resumable = this.#position?.columns === columns && this.#position.transaction !== ZERO_UUID;
    const position = resumable ? this.#position : undefined;
    const run: Run = {
      connection,
      id: '',
      method: connection.monitorMethod,
      schema,
      conditions: position?.conditions ?? wanted.conditions,
      requested: position === undefined ? this.#conditions : (this.#accepted ?? this.#conditions),
      ready: false,
      changingConditions: false,
      deferred: [],
      stream: undefined,
    };
    run.id = connection.addMonitor(this.#handlers(run));
    this.#run = run;
    for (;;) {
      run.method = connection.monitorMethod;
      try {
        await this.#request(run, position?.transaction ?? ZERO_UUID, columns);
        return;
      } catch (error) {
        const older = olderMethod(run.method);
        if (!(error instanceof OvsdbRpcError) || error.code !== 'unknown method' || older === undefined)
          throw error;
        connection.monitorMethod = older;
      }
    }
  }

  async #request(run: Run, transaction: string, columns: string): Promise<void> {
    const codecs = [...this.#collected.values()].map((table) => table.codec);
    const parameters: unknown[] = [
      this.#spec.name,
      run.id,
      monitorRequests(run.method, codecs, run.conditions),
    ];
    if (run.method === 'monitor_cond_since') parameters.push(transaction);
    let collector: Collector | undefined;
    const start = (result: unknown): Collector => {
      const found = run.method === 'monitor_cond_since' && Array.isArray(result) && result[0] === true;
      return found
        ? new UpdateCollector(this.#collected, 'update2')
        : new DumpCollector(this.#collected, run.method === 'monitor' ? 'update' : 'update2');
    };
    await run.connection.request(run.method, parameters, {
      rows: (result) => {
        collector = start(result);
        return collector.sink;
      },
      handle: async (result) => {
        if (this.#run !== run) return;
        collector ??= start(result);
        const reply = parseReply(run.method, result);
        await collector.take(reply.updates);
        await this.#finish(run, collector, reply.transaction, columns);
      },
    });
  }

  /** Makes the reply's contents visible, then applies what came meanwhile. */
  async #finish(run: Run, collector: Collector, transaction: string, columns: string): Promise<void> {
    const { counters, logger } = this.#environment;
    if (this.#run !== run) return;
    const changes = await collector.commit(() => this.#run === run);
    if (changes === undefined) return;
    const dump = collector instanceof DumpCollector;
    counters.rows += collector.rows;
    if (!dump) counters.resumes += 1;
    else {
      counters.fullDumps += 1;
      if (this.#dumped) counters.resyncs += 1;
    }
    this.#dumped = true;
    this.#accepted = run.requested;
    this.#position = { transaction, conditions: run.conditions, columns };
    run.ready = true;
    logger.debug(
      {
        database: this.#spec.name,
        remote: run.connection.peer,
        method: run.method,
        dump,
        rows: collector.rows,
      },
      'replica synchronized',
    );
    this.#enter({ state: 'synchronized' });
    this.#emit('snapshot', changes);
    for (const waiter of this.#syncWaiters) waiter.resolve();
    for (const [method, parameters] of run.deferred.splice(0)) await this.#apply(run, method, parameters);
    if (this.#run === run) this.#changeConditions(run);
  }

  #handlers(run: Run): Monitor {
    return {
      update: async (method, parameters) => {
        if (this.#run !== run) return;
        if (!run.ready) {
          run.deferred.push([method, parameters]);
          return;
        }
        try {
          await this.#apply(run, method, parameters);
        } catch (error) {
          this.#inconsistent(run, error);
        }
      },
      rows: (method) => {
        if (this.#run !== run || !run.ready) return undefined;
        run.stream = new UpdateCollector(this.#collected, method === 'update' ? 'update' : 'update2');
        return run.stream.sink;
      },
      canceled: () => {
        if (this.#run !== run) return;
        run.connection.close(
          new OvsdbConnectionError(
            'unsuitable',
            `${run.connection.peer} cancelled the monitor of ${this.#spec.name}: the database was removed or converted`,
          ),
        );
      },
    };
  }

  async #apply(run: Run, method: string, parameters: readonly unknown[]): Promise<void> {
    const collector =
      run.stream ?? new UpdateCollector(this.#collected, method === 'update' ? 'update' : 'update2');
    run.stream = undefined;
    await collector.take(parameters.at(-1));
    if (this.#run !== run) return;
    const changes = await collector.commit(() => this.#run === run);
    if (changes === undefined) return;
    const { counters } = this.#environment;
    counters.updates += 1;
    counters.rows += collector.rows;
    if (method === 'update3' && this.#position !== undefined) {
      this.#position = { ...this.#position, transaction: String(parameters[0]) };
    }
    if (Object.keys(changes).length > 0) this.#emit('update', changes);
  }

  /** Asks for a new dump on the same connection. */
  #inconsistent(run: Run, error: unknown): void {
    const { counters, logger, clock } = this.#environment;
    counters.inconsistencies += 1;
    this.#position = undefined;
    if (this.#run !== run) return;
    const reason =
      error instanceof OvsdbInconsistencyError || error instanceof OvsdbProtocolError
        ? error
        : new OvsdbInconsistencyError(errorMessage(error), { cause: error });
    const repeated =
      this.#lastInconsistency !== undefined &&
      clock.now() - this.#lastInconsistency < INCONSISTENCY_WINDOW_MS;
    this.#lastInconsistency = clock.now();
    const fields = { database: this.#spec.name, remote: run.connection.peer, error: reason.message };
    if (repeated) {
      logger.error(fields, 'the replica contradicts the server again; the connection is given up');
      run.connection.close(reason);
      return;
    }
    logger.warn(fields, 'the replica contradicts the server; all contents are fetched again');
    this.#run = undefined;
    run.connection.removeMonitor(run.id);
    run.connection.request('monitor_cancel', [run.id]).catch(() => undefined);
    this.#enter({ state: 'synchronizing', reason });
    this.#monitor(run.connection, run.schema).catch((again: unknown) => this.#fail(run.connection, again));
  }

  #fail(connection: Connection, error: unknown): void {
    if (this.#run !== undefined && this.#run.connection !== connection) return;
    if (error instanceof OvsdbInconsistencyError || error instanceof OvsdbProtocolError) {
      const run = this.#run;
      if (run !== undefined && connection.open) {
        this.#inconsistent(run, error);
        return;
      }
    }
    if (!connection.open) return;
    const message = `cannot replicate ${this.#spec.name} from ${connection.peer}: ${errorMessage(error)}`;
    connection.close(new OvsdbConnectionError('unsuitable', message, { cause: error }));
  }

  #changeConditions(run: Run): void {
    if (run.changingConditions) return;
    const wanted = effectiveConditions(this.#collected.keys(), this.#conditions, run.schema);
    this.#conditionProblems = wanted.problems;
    const changes =
      run.method === 'monitor' ? undefined : conditionChanges(run.conditions, wanted.conditions);
    if (changes === undefined) {
      for (const waiter of this.#conditionWaiters) waiter.resolve();
      return;
    }
    run.changingConditions = true;
    const requested = this.#conditions;
    run.connection
      .request('monitor_cond_change', [run.id, run.id, changes], {
        // The server sends the rows that come and go before this reply.
        handle: () => {
          if (this.#run !== run) return;
          run.changingConditions = false;
          run.conditions = wanted.conditions;
          this.#accepted = requested;
          if (this.#position !== undefined) {
            this.#position = { ...this.#position, conditions: wanted.conditions };
          }
          this.#changeConditions(run);
        },
      })
      .catch((error: unknown) => {
        if (this.#run !== run) return;
        run.changingConditions = false;
        if (!run.connection.open) return;
        const fields = { database: this.#spec.name, remote: run.connection.peer, error: errorMessage(error) };
        this.#environment.logger.error(fields, 'the server refused the new conditions; the old ones stay');
        // A dump with refused conditions would be refused as well, at every connection.
        if (this.#conditions !== requested) this.#changeConditions(run);
        else {
          this.#conditions = this.#accepted ?? {};
          this.#refusal = error instanceof Error ? error : new Error(String(error));
          for (const waiter of this.#conditionWaiters) waiter.reject(error);
        }
      });
  }

  #newData(name: string, spec: TableSpec): TableData {
    const definitions = Object.entries(spec.indexes ?? {}).map(
      ([index, keysOf]) => [index, keysOf as unknown as KeyFunction] as const,
    );
    return new TableData(definitions, (what, error) => this.#callerError(`${name}: ${what}`, error));
  }

  #emit(cause: ChangeSet['cause'], changes: Changes): void {
    const set = { cause, changes } as unknown as ChangeSet<D>;
    const listeners = [...this.#listeners];
    for (const listener of listeners) {
      try {
        listener(set);
      } catch (error) {
        this.#callerError('change listener', error);
      }
    }
  }

  #enter(event: ReplicaStateEvent): void {
    if (event.state === this.#state.state && event.reason === undefined) return;
    this.#state = event;
    const listeners = [...this.#stateListeners];
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#callerError('state listener', error);
      }
    }
  }

  #callerError(what: string, error: unknown): void {
    const { counters, logger } = this.#environment;
    counters.callerErrors += 1;
    logger.error(
      { database: this.#spec.name, what, error: errorMessage(error) },
      'an exception in a callback',
    );
  }

  async #wait(waiters: Set<Waiter>, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#closed) throw new OvsdbConnectionError('closed', `the replica of ${this.#spec.name} is closed`);
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => waiter.reject(signal?.reason);
      const settled = (): void => {
        waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        resolve: () => {
          settled();
          resolve();
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      waiters.add(waiter);
      signal?.addEventListener('abort', onAbort);
    });
  }
}

function olderMethod(method: MonitorMethod): MonitorMethod | undefined {
  if (method === 'monitor_cond_since') return 'monitor_cond';
  return method === 'monitor_cond' ? 'monitor' : undefined;
}

function parseReply(method: MonitorMethod, result: unknown): { updates: unknown; transaction: string } {
  if (method !== 'monitor_cond_since') return { updates: result, transaction: ZERO_UUID };
  if (!Array.isArray(result) || result.length !== 3) {
    throw new OvsdbProtocolError('the reply to monitor_cond_since is not a list of three');
  }
  return { updates: result[2], transaction: String(result[1]) };
}
