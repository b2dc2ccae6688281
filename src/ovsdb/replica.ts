/**
 * A live copy of a part of one database.
 *
 * In: a declaration of tables, conditions, and one connection after the other. Out: immutable rows in indexed tables, one
 * change set for each transaction of the server, and state events.
 *
 * Failure: while there is no connection the last contents stay. After a reconnect the replica continues from the last
 * transaction where the server can (clustered databases), else it takes a new dump, builds it aside and reports the true
 * difference. Anything that contradicts what is held is counted and answered with a new dump; twice within a short time,
 * and the connection is given up. A request that the server refuses is the replica's own affair: it says so to those who
 * wait for it and leaves the connection to the others.
 */
import type { OvsdbClock } from './clock.ts';
import type { Changes } from './collector.ts';
import type { Connection } from './connection.ts';
import { Contents, type ReportTargets } from './contents.ts';
import {
  errorMessage,
  OvsdbConnectionError,
  type OvsdbError,
  OvsdbInconsistencyError,
  OvsdbProtocolError,
  OvsdbRpcError,
  OvsdbTimeoutError,
} from './errors.ts';
import { checkConditions, columnsKey, effectiveConditions } from './monitor-request.ts';
import { MonitorRun, type Position } from './monitor-run.ts';
import type { DatabaseSchema, SchemaProblem } from './schema.ts';
import { isTemporaryCode } from './transact.ts';
import type { ChangeSet, Conditions, DatabaseSpec, ReplicaState, ReplicaStateEvent, Views } from './types.ts';
import { Waiters } from './waiters.ts';
import { ZERO_UUID } from './wire.ts';

export interface ReplicaOptions {
  readonly conditions?: Conditions;
}

export interface ReplicaEnvironment extends ReportTargets {
  readonly clock: OvsdbClock;
  /** Called by `close`. */
  readonly released: () => void;
}

/** The connection to follow, and how long its first reply may take. */
interface Attachment {
  readonly connection: Connection;
  readonly timeoutMs: number | undefined;
}

/** A second inconsistency within this time ends the connection, so that a broken server is not asked for ever. */
const INCONSISTENCY_WINDOW_MS = 10_000;

export class Replica<D extends DatabaseSpec = DatabaseSpec> {
  /** The tables; the views stay the same objects for the life of the replica. */
  readonly tables: Views<D>;
  readonly #spec: D;
  readonly #database: string;
  readonly #environment: ReplicaEnvironment;
  readonly #contents: Contents;
  readonly #listeners = new Set<(changes: ChangeSet<D>) => void>();
  readonly #stateListeners = new Set<(event: ReplicaStateEvent) => void>();
  readonly #syncWaiters = new Waiters<void>();
  readonly #conditionWaiters = new Waiters<void>();
  #state: ReplicaStateEvent = { state: 'connecting' };
  #schema: DatabaseSchema | undefined;
  #attached: Attachment | undefined;
  #run: MonitorRun | undefined;
  #position: Position | undefined;
  #populated = false;
  #lastInconsistency: number | undefined;
  #closed = false;
  /** What the caller wants. */
  #conditions: Conditions;
  /** What a server accepted last. */
  #accepted: Conditions | undefined;
  /** Why the conditions set last were refused. */
  #refusal: unknown;
  /** Why the server that is connected does not let us replicate at all. */
  #refused: OvsdbRpcError | undefined;
  #conditionProblems: readonly SchemaProblem[] = [];

  /** Use `OvsdbClient.replicate`. */
  constructor(spec: D, options: ReplicaOptions, environment: ReplicaEnvironment) {
    this.#spec = spec;
    this.#database = spec.name;
    this.#environment = environment;
    this.#contents = new Contents(spec, environment);
    this.#conditions = options.conditions ?? {};
    checkConditions(spec, this.#conditions);
    this.tables = Object.fromEntries(this.#contents.views) as unknown as Views<D>;
  }

  get state(): ReplicaState {
    return this.#state.state;
  }

  /** True while the contents follow the server. While false they are the last known ones, never partial ones. */
  get synchronized(): boolean {
    return this.#state.state === 'synchronized';
  }

  /** Whether any contents were ever received. */
  get populated(): boolean {
    return this.#populated;
  }

  /** Whether the server has this table, or column with a usable type; false before the first connection. */
  has(table: keyof D['tables'] & string, column?: string): boolean {
    const codec = this.#contents.tables.get(table)?.codec;
    return codec?.present === true && (column === undefined || codec.has(column));
  }

  /** How the server's schema differs from the declaration. */
  get problems(): readonly SchemaProblem[] {
    return [...this.#contents.problems, ...this.#conditionProblems];
  }

  /** Resolves as soon as the contents follow the server; rejects when the server that is connected refuses the request. */
  async whenSynchronized(signal?: AbortSignal): Promise<void> {
    this.#assertOpen();
    if (this.#refused !== undefined) throw this.#refused;
    if (!this.synchronized) await this.#syncWaiters.wait(signal);
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
    checkConditions(this.#spec, conditions);
    this.#conditions = conditions;
    this.#refusal = undefined;
    if (this.#run?.ready === true) this.#changeConditions(this.#run);
    else if (this.#refused !== undefined) this.#again();
  }

  /**
   * Resolves when the server has applied the conditions set last and their rows are here; rejects when it refused them,
   * in which case the ones before stay in force.
   */
  async whenConditionsApplied(signal?: AbortSignal): Promise<void> {
    this.#assertOpen();
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#refused !== undefined) throw this.#refused;
    const applied = this.#run?.ready === true && !this.#run.changingConditions;
    if (!applied) await this.#conditionWaiters.wait(signal);
  }

  /** Stops replicating; the contents stay readable. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const run = this.#run;
    if (run?.connection.open === true) run.cancel();
    const reason = this.#closedError();
    this.detach(reason);
    this.#syncWaiters.reject(reason);
    this.#conditionWaiters.reject(reason);
    this.#environment.released();
  }

  /** For the client: an attempt to connect begins. */
  connecting(): void {
    if (!this.#closed) this.#enter({ state: 'connecting' });
  }

  /**
   * For the client: follow this connection. Resolves when synchronized, refused, or failed, which ends the connection.
   * Without `timeoutMs` the first reply may take as long as the server answers probes: it can be big, and the server busy.
   */
  async attach(connection: Connection, schema: DatabaseSchema, timeoutMs?: number): Promise<void> {
    if (this.#closed) return;
    this.#schema = schema;
    this.#attached = { connection, timeoutMs };
    this.#refused = undefined;
    this.#enter({ state: 'synchronizing' });
    this.#contents.compile(schema);
    await this.#follow();
  }

  /** For the client: the connection has ended. */
  detach(reason: OvsdbError): void {
    const run = this.#run;
    this.#run = undefined;
    this.#attached = undefined;
    this.#refused = undefined;
    if (run !== undefined) {
      run.stop();
      // A run that never became ready has changed nothing: what it was to continue from still holds.
      if (run.ready) this.#position = run.position;
    }
    this.#enter({ state: 'disconnected', reason });
  }

  async #follow(): Promise<void> {
    const attached = this.#attached;
    if (attached === undefined) return;
    const { connection, timeoutMs } = attached;
    const wanted = this.#wantedConditions();
    const columns = columnsKey(this.#contents.codecs);
    // Standalone databases have no transaction ids; there is nothing to continue from.
    const resumable = this.#position?.columns === columns && this.#position.transaction !== ZERO_UUID;
    const position = resumable ? this.#position : undefined;
    const requested = position === undefined ? this.#conditions : (this.#accepted ?? this.#conditions);
    const run: MonitorRun = new MonitorRun({
      connection,
      database: this.#database,
      tables: this.#contents.tables,
      timeoutMs,
      from: position ?? { transaction: ZERO_UUID, conditions: wanted, columns },
      owner: {
        synchronized: (changes, info) => {
          this.#accepted = requested;
          this.#synchronized(run, changes, info);
        },
        updated: (changes, rows) => this.#updated(changes, rows),
        inconsistent: (error) => this.#inconsistent(run, error),
      },
    });
    this.#run = run;
    try {
      await run.start();
      if (this.#run === run) this.#changeConditions(run);
    } catch (error) {
      this.#failed(run, requested, error);
    }
  }

  #synchronized(
    run: MonitorRun,
    changes: Changes,
    info: { readonly dump: boolean; readonly rows: number },
  ): void {
    const { counters, logger } = this.#environment;
    counters.rows += info.rows;
    if (info.dump) counters.fullDumps += 1;
    else counters.resumes += 1;
    if (info.dump && this.#populated) counters.resyncs += 1;
    this.#populated = true;
    logger.debug({ database: this.#database, remote: run.connection.peer, ...info }, 'replica synchronized');
    this.#enter({ state: 'synchronized' });
    this.#emit('snapshot', changes);
    this.#syncWaiters.resolve();
  }

  #updated(changes: Changes, rows: number): void {
    const { counters } = this.#environment;
    counters.updates += 1;
    counters.rows += rows;
    if (Object.keys(changes).length > 0) this.#emit('update', changes);
  }

  /** Asks for a new dump on the same connection. */
  #inconsistent(run: MonitorRun, error: unknown): void {
    if (this.#run !== run) return;
    const { counters, logger, clock } = this.#environment;
    counters.inconsistencies += 1;
    const reason =
      error instanceof OvsdbInconsistencyError || error instanceof OvsdbProtocolError
        ? error
        : new OvsdbInconsistencyError(errorMessage(error), { cause: error });
    const repeated =
      this.#lastInconsistency !== undefined &&
      clock.now() - this.#lastInconsistency < INCONSISTENCY_WINDOW_MS;
    this.#lastInconsistency = clock.now();
    const fields = { database: this.#database, remote: run.connection.peer, error: reason.message };
    if (repeated) {
      logger.error(fields, 'the replica contradicts the server again; the connection is given up');
      this.#forget(run);
      run.connection.close(reason);
      return;
    }
    logger.warn(fields, 'the replica contradicts the server; all contents are fetched again');
    this.#reload(run, reason);
  }

  /** Ends a run whose contents cannot be continued from. */
  #forget(run: MonitorRun): void {
    this.#run = undefined;
    this.#position = undefined;
    run.cancel();
  }

  #reload(run: MonitorRun, reason: Error): void {
    this.#forget(run);
    this.#enter({ state: 'synchronizing', reason });
    void this.#follow();
  }

  #again(): void {
    this.#refused = undefined;
    this.#enter({ state: 'synchronizing' });
    void this.#follow();
  }

  #failed(run: MonitorRun, requested: Conditions, error: unknown): void {
    if (this.#run !== run || !run.connection.open) return;
    if (error instanceof OvsdbInconsistencyError || error instanceof OvsdbProtocolError) {
      this.#inconsistent(run, error);
    } else if (error instanceof OvsdbRpcError && !isTemporaryCode(error.code)) {
      this.#requestRefused(run, requested, error);
    } else {
      const message = `cannot replicate ${this.#database} from ${run.connection.peer}: ${errorMessage(error)}`;
      const problem = error instanceof OvsdbTimeoutError ? 'no-answer' : 'other';
      run.connection.close(new OvsdbConnectionError('unsuitable', message, { problem, cause: error }));
    }
  }

  /** The server did not take the first request of a run. */
  #requestRefused(run: MonitorRun, requested: Conditions, error: OvsdbRpcError): void {
    run.stop();
    this.#run = undefined;
    // What an earlier server accepted this one may not: its columns can have other types.
    const resuming = this.#position !== undefined;
    this.#position = undefined;
    const accepted = this.#accepted;
    if (accepted !== undefined && this.#conditions === requested && requested !== accepted) {
      this.#conditionsRefused(run, accepted, error);
    } else if (!resuming && this.#conditions === requested) {
      this.#refused = error;
      const fields = { database: this.#database, remote: run.connection.peer, error: error.message };
      this.#environment.logger.error(fields, 'the server refuses what is asked for; nothing is replicated');
      this.#enter({ state: 'disconnected', reason: error });
      this.#syncWaiters.reject(error);
      this.#conditionWaiters.reject(error);
      return;
    }
    void this.#follow();
  }

  #wantedConditions(): ReturnType<typeof effectiveConditions>['conditions'] {
    if (this.#schema === undefined) return new Map();
    const wanted = effectiveConditions(this.#contents.tables.keys(), this.#conditions, this.#schema);
    this.#conditionProblems = wanted.problems;
    return wanted.conditions;
  }

  #changeConditions(run: MonitorRun): void {
    // When the change under way is settled, this is called again.
    if (run.changingConditions) return;
    const requested = this.#conditions;
    const changing = run.changeConditions(this.#wantedConditions(), (error) => {
      if (this.#run !== run) return;
      if (error === undefined) {
        this.#accepted = requested;
        this.#changeConditions(run);
        return;
      }
      if (this.#conditions === requested) this.#conditionsRefused(run, this.#accepted ?? {}, error);
      // A request that is refused may be in force for some of its tables: which rows the server sends is not known.
      this.#reload(run, error instanceof Error ? error : new Error(errorMessage(error)));
    });
    if (!changing) this.#conditionWaiters.resolve();
  }

  /** The conditions set last are given up for those that were accepted before. */
  #conditionsRefused(run: MonitorRun, accepted: Conditions, error: unknown): void {
    this.#conditions = accepted;
    this.#refusal = error;
    const fields = { database: this.#database, remote: run.connection.peer, error: errorMessage(error) };
    this.#environment.logger.error(fields, 'the server refused the new conditions; the old ones stay');
    this.#conditionWaiters.reject(error);
  }

  #emit(cause: ChangeSet['cause'], changes: Changes): void {
    const set = { cause, changes } as unknown as ChangeSet<D>;
    this.#tell(this.#listeners, set, 'change listener');
  }

  #enter(event: ReplicaStateEvent): void {
    if (event.state === this.#state.state && event.reason === undefined) return;
    this.#state = event;
    this.#tell(this.#stateListeners, event, 'state listener');
  }

  /** A listener that throws harms neither the others nor the replica. */
  #tell<E>(listeners: ReadonlySet<(event: E) => void>, event: E, what: string): void {
    const current = [...listeners];
    for (const listener of current) {
      try {
        listener(event);
      } catch (error) {
        this.#contents.callerError(what, error);
      }
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): OvsdbConnectionError {
    return new OvsdbConnectionError('closed', `the replica of ${this.#database} is closed`);
  }
}
