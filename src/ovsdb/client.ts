/**
 * The client of one database: keeps a connection to a usable server, and runs replicas and transactions over it.
 *
 * In: remotes, the database's name and what to demand of a member. Out: replicas (replica.ts), transactions, the schema,
 * state and counters.
 *
 * Failure: a server that cannot be reached, falls silent, loses its cluster, falls behind, is not the leader or lacks the
 * database is left for the next remote, the first round at once and later rounds with growing, jittered delays. With
 * a single remote the client waits on the connection for the server's state to change.
 */
import { Backoff, type BackoffLimits } from './backoff.ts';
import { type OvsdbClock, systemOvsdbClock } from './clock.ts';
import { Connection } from './connection.ts';
import { newCounters, type OvsdbCounters } from './counters.ts';
import {
  errorMessage,
  OvsdbConnectionError,
  OvsdbError,
  OvsdbProtocolError,
  OvsdbRpcError,
} from './errors.ts';
import { type OvsdbLogger, silentOvsdbLogger } from './logger.ts';
import {
  advancePosition,
  type ClusterPosition,
  judgeMember,
  SERVER_SPEC,
  type ServerDatabase,
} from './member.ts';
import type { Operation, OperationResult } from './operations.ts';
import { formatRemote, parseRemotes, type Remote, shuffled } from './remote.ts';
import { Replica, type ReplicaEnvironment, type ReplicaOptions } from './replica.ts';
import type { DatabaseSchema } from './schema.ts';
import { readTlsMaterial, type TlsMaterial, type TlsOptions, watchTlsMaterial } from './tls-material.ts';
import { asTransactionError, isTemporary, readResults } from './transact.ts';
import { type Connect, connectTransport } from './transport.ts';
import type { DatabaseSpec } from './types.ts';

export interface OvsdbClientOptions {
  /** Comma separated, see remote.ts. */
  readonly remotes: string;
  readonly database: string;
  /** Stay only with the leader of a cluster; otherwise any member that is connected and current will do. */
  readonly leaderOnly?: boolean;
  /** Files for `ssl:` remotes. */
  readonly tls?: TlsOptions;
  /** Silence before an echo is sent; after the same time again the server counts as dead. 0: never. Default 15000. */
  readonly inactivityProbeMs?: number;
  /** For the connection, and for each request that readies it. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** Default 500 to 8000 ms. */
  readonly backoff?: Partial<BackoffLimits>;
  /** Start at a random remote, to spread the load of many clients. Default true. */
  readonly shuffleRemotes?: boolean;
  /** Source of randomness for shuffling and jitter; `Math.random` unless told. */
  readonly random?: () => number;
  readonly logger?: OvsdbLogger;
  /** For logs; the database's name unless told. */
  readonly name?: string;
  /** For tests. */
  readonly clock?: OvsdbClock;
  /** For tests. */
  readonly connect?: Connect;
}

export type ClientState = 'idle' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** What a client knows about its connection, for status pages. */
export interface ClientStatus {
  readonly state: ClientState;
  /** The remote connected to, or tried now. */
  readonly remote: string | undefined;
  /** The server's row in `_Server`; absent with servers before OVS 2.9 and while not connected. */
  readonly member: ServerDatabase | undefined;
  /** Why the last connection or attempt ended. */
  readonly lastError: Error | undefined;
}

export interface TransactOptions {
  readonly signal?: AbortSignal;
  /**
   * The transaction may be executed twice: then it is sent again when its connection was lost before the reply, or the
   * cluster was without a leader. Default false.
   */
  readonly idempotent?: boolean;
}

/** A connection that serves the database. */
interface Ready {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
}

interface ReadyWaiter {
  resolve(ready: Ready): void;
  reject(error: unknown): void;
}

const RETRY_DELAY_MS = 200;

export class OvsdbClient {
  readonly name: string;
  readonly database: string;
  readonly #options: OvsdbClientOptions;
  readonly #remotes: readonly Remote[];
  readonly #logger: OvsdbLogger;
  readonly #clock: OvsdbClock;
  readonly #random: () => number;
  readonly #counters = newCounters();
  readonly #abort = new AbortController();
  readonly #replicas = new Set<Replica>();
  readonly #waiters = new Set<ReadyWaiter>();
  readonly #stateListeners = new Set<(status: ClientStatus) => void>();
  #status: ClientStatus = { state: 'idle', remote: undefined, member: undefined, lastError: undefined };
  #ready: Ready | undefined;
  #seen: ClusterPosition | undefined;
  /** When the connection became usable; `undefined` when the attempt under way has not come so far. */
  #readySince: number | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: OvsdbClientOptions) {
    this.#options = options;
    this.database = options.database;
    this.name = options.name ?? options.database;
    this.#logger = options.logger ?? silentOvsdbLogger;
    this.#clock = options.clock ?? systemOvsdbClock;
    this.#random = options.random ?? Math.random;
    const remotes = parseRemotes(options.remotes);
    this.#remotes = options.shuffleRemotes === false ? remotes : shuffled(remotes, this.#random);
  }

  get state(): ClientState {
    return this.#status.state;
  }

  get status(): ClientStatus {
    return this.#status;
  }

  get counters(): Readonly<OvsdbCounters> {
    return this.#counters;
  }

  onState(listener: (status: ClientStatus) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Starts connecting; from then on the client reconnects by itself until `close`. */
  start(): void {
    if (this.#abort.signal.aborted) throw closedError(this.name);
    this.#loop ??= this.#run();
  }

  /** Ends the connection, the replicas and every outstanding call. */
  async close(): Promise<void> {
    if (!this.#abort.signal.aborted) {
      const reason = closedError(this.name);
      this.#abort.abort(reason);
      this.#ready?.connection.close(reason);
      for (const waiter of this.#waiters) waiter.reject(reason);
    }
    await this.#loop;
    for (const replica of this.#replicas) replica.close();
    this.#enter({ state: 'closed', remote: undefined, member: undefined });
  }

  /** Replicates a part of the database; several replicas share the connection. */
  replicate<D extends DatabaseSpec>(spec: D, options: ReplicaOptions = {}): Replica<D> {
    if (spec.name !== this.database) {
      throw new TypeError(`the client is for ${this.database}, the declaration for ${spec.name}`);
    }
    const replica = new Replica<D>(spec, options, {
      ...this.#environment(),
      released: () => this.#replicas.delete(replica as unknown as Replica),
    });
    this.#replicas.add(replica as unknown as Replica);
    if (this.#ready !== undefined) void replica.attach(this.#ready.connection, this.#ready.schema);
    return replica;
  }

  /**
   * Runs one transaction. Waits for a connection if there is none; throws an `OvsdbTransactionError` when the server
   * refused it, and an `OvsdbConnectionError` when the connection was lost before the reply, so that the outcome is not
   * known. An abort of the signal ends the waiting, not a transaction that was sent already.
   */
  async transact(
    operations: readonly Operation[],
    options: AbortSignal | TransactOptions = {},
  ): Promise<readonly OperationResult[]> {
    const { signal, idempotent = false } = options instanceof AbortSignal ? { signal: options } : options;
    for (;;) {
      const { connection } = await this.#whenReady(signal);
      this.#counters.transactions += 1;
      try {
        const reply = await connection.request('transact', [this.database, ...operations], { signal });
        return readResults(this.database, operations, reply);
      } catch (caught) {
        const error = asTransactionError(this.database, caught);
        this.#counters.transactionErrors += 1;
        const again = idempotent && (isTemporary(error) || error instanceof OvsdbConnectionError);
        if (!again || this.#abort.signal.aborted) throw error;
        this.#counters.transactionRetries += 1;
        const fields = { client: this.name, error: errorMessage(error) };
        this.#logger.info(fields, 'a transaction is sent again');
        await this.#sleep(RETRY_DELAY_MS, signal);
      }
    }
  }

  /** The schema of the server that is connected; waits for one if there is none. */
  async getSchema(signal?: AbortSignal): Promise<DatabaseSchema> {
    return (await this.#whenReady(signal)).schema;
  }

  /** Measures the round trip of an echo, in ms. */
  async echo(signal?: AbortSignal): Promise<number> {
    const { connection } = await this.#whenReady(signal);
    const began = this.#clock.now();
    await connection.request('echo', ['ping'], { signal });
    return this.#clock.now() - began;
  }

  async #run(): Promise<void> {
    const limits = { minMs: 500, maxMs: 8_000, ...this.#options.backoff };
    const backoff = new Backoff(limits, this.#random);
    const { signal } = this.#abort;
    for (let next = 0; !signal.aborted; next++) {
      const remote = this.#remotes[next % this.#remotes.length];
      if (remote === undefined) throw new Error('unreachable: there is at least one remote');
      this.#counters.connectAttempts += 1;
      this.#enter({ state: 'connecting', remote: formatRemote(remote), member: undefined });
      for (const replica of this.#replicas) replica.connecting();
      this.#readySince = undefined;
      const reason = await this.#serve(remote);
      if (this.#status.state !== 'disconnected') this.#lost(reason);
      if (signal.aborted) return;
      this.#logger.warn(
        { client: this.name, remote: formatRemote(remote), error: reason.message },
        'not connected',
      );
      // A connection that ended soon after it was usable may end like that again: it counts as a failed attempt. A good
      // member that was lost took all its clients with it: they come back over a little while, not at once.
      const good = this.#readySince !== undefined && this.#clock.now() - this.#readySince >= limits.maxMs;
      if (good) backoff.succeeded();
      const delay = good ? Math.round(limits.minMs * this.#random()) : backoff.failed(this.#remotes.length);
      await this.#sleep(delay, signal).catch(() => undefined);
    }
  }

  /** One connection from attempt to end; returns why it ended. */
  async #serve(remote: Remote): Promise<OvsdbError> {
    const { signal } = this.#abort;
    let connection: Connection | undefined;
    let stopWatching: () => void = () => undefined;
    try {
      const tls = await this.#tlsMaterial(remote);
      const timeoutMs = this.#connectTimeoutMs;
      const transport = await (this.#options.connect ?? connectTransport)(remote, { timeoutMs, signal, tls });
      const made: Connection = new Connection(
        transport,
        {
          inactivityProbeMs: this.#options.inactivityProbeMs ?? 15_000,
          clock: this.#clock,
          counters: this.#counters,
        },
        (reason) => {
          if (this.#ready?.connection === made) this.#lost(reason);
        },
      );
      connection = made;
      const onAbort = (): void => made.close(closedError(this.name));
      signal.addEventListener('abort', onAbort);
      void made.ended.then(() => signal.removeEventListener('abort', onAbort));
      if (signal.aborted) onAbort();
      if (tls !== undefined && this.#options.tls !== undefined) {
        stopWatching = watchTlsMaterial(this.#options.tls, tls.digest, this.#clock, () =>
          made.close(new OvsdbConnectionError('unsuitable', 'the TLS files have changed')),
        );
      }
      const schema = await this.#qualify(made);
      this.#becomeReady({ connection: made, schema });
      return await made.ended;
    } catch (error) {
      const reason =
        error instanceof OvsdbError ? error : new OvsdbProtocolError(errorMessage(error), { cause: error });
      connection?.close(reason);
      return reason;
    } finally {
      stopWatching();
    }
  }

  /** Nothing may be taken for current from this moment on. */
  #lost(reason: OvsdbError): void {
    this.#ready = undefined;
    this.#enter({ state: 'disconnected', remote: undefined, member: undefined, lastError: reason });
    for (const replica of this.#replicas) replica.detach(reason);
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? 10_000;
  }

  async #tlsMaterial(remote: Remote): Promise<TlsMaterial | undefined> {
    if (remote.kind !== 'ssl' || this.#options.tls === undefined) return undefined;
    return await readTlsMaterial(this.#options.tls);
  }

  /** Makes sure that the server serves the database as demanded, and keeps watching that; returns the schema. */
  async #qualify(connection: Connection): Promise<DatabaseSchema> {
    const timeoutMs = this.#connectTimeoutMs;
    let serverSchema: DatabaseSchema;
    try {
      // Without this the server drops the connection at every change of its databases (ovsdb-server(7) 4.1.18).
      await connection.request('set_db_change_aware', [true], { timeoutMs });
      serverSchema = await connection.getSchema('_Server', timeoutMs);
    } catch (error) {
      if (!(error instanceof OvsdbRpcError)) throw error;
      // OVS before 2.9 has no _Server database, and no clusters to choose members in.
      return await connection.getSchema(this.database, timeoutMs);
    }
    const servers = new Replica(
      SERVER_SPEC,
      { conditions: { Database: [['name', '==', this.database]] } },
      // What the library replicates for itself does not count as the caller's.
      { ...this.#environment(), counters: newCounters(), released: () => undefined },
    );
    const member = (): ServerDatabase | undefined => {
      for (const row of servers.tables.Database) if (row.name === this.database) return row;
      return undefined;
    };
    let schemaText: string | undefined;
    await new Promise<void>((resolve, reject) => {
      void connection.ended.then(reject);
      const look = (): void => {
        const row = member();
        this.#enter({ member: row });
        const verdict = judgeMember(this.database, row, this.#options.leaderOnly === true, this.#seen);
        if (!verdict.suitable) {
          if (schemaText === undefined && this.#remotes.length === 1) {
            const fields = { client: this.name, remote: connection.peer };
            this.#logger.info(fields, `waiting on the connection: ${verdict.why}`);
            return;
          }
          this.#counters.membersSkipped += 1;
          connection.close(
            new OvsdbConnectionError('unsuitable', `${connection.peer} is left: ${verdict.why}`),
          );
          return;
        }
        if (row?.schema === undefined) return;
        this.#seen = advancePosition(this.#seen, row);
        if (schemaText === undefined) {
          schemaText = row.schema;
          resolve();
        } else if (schemaText !== row.schema) {
          connection.close(
            new OvsdbConnectionError(
              'unsuitable',
              `${connection.peer} has converted ${this.database} to a new schema`,
            ),
          );
        }
      };
      servers.subscribe(look);
      void servers.attach(connection, serverSchema);
    });
    // The row has the schema too, but after a conversion of a standalone database OVS 3.1 leaves the old one there.
    return await connection.getSchema(this.database, timeoutMs);
  }

  #becomeReady(ready: Ready): void {
    if (!ready.connection.open) return;
    this.#ready = ready;
    this.#readySince = this.#clock.now();
    this.#counters.connections += 1;
    if (this.#counters.connections > 1) this.#counters.reconnects += 1;
    this.#enter({ state: 'connected' });
    this.#logger.info({ client: this.name, remote: ready.connection.peer }, 'connected');
    for (const replica of this.#replicas) void replica.attach(ready.connection, ready.schema);
    for (const waiter of this.#waiters) waiter.resolve(ready);
  }

  async #whenReady(signal: AbortSignal | undefined): Promise<Ready> {
    signal?.throwIfAborted();
    if (this.#abort.signal.aborted) throw closedError(this.name);
    if (this.#ready?.connection.open === true) return this.#ready;
    return await new Promise<Ready>((resolve, reject) => {
      const onAbort = (): void => waiter.reject(signal?.reason);
      const settled = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: ReadyWaiter = {
        resolve: (ready) => {
          settled();
          resolve(ready);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort);
    });
  }

  async #sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.#clock.after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #environment(): Omit<ReplicaEnvironment, 'released'> {
    return { logger: this.#logger, counters: this.#counters, clock: this.#clock };
  }

  #enter(change: Partial<ClientStatus>): void {
    const before = this.#status;
    this.#status = { ...before, ...change };
    if (before.state === this.#status.state && before.member === this.#status.member) return;
    const listeners = [...this.#stateListeners];
    for (const listener of listeners) {
      try {
        listener(this.#status);
      } catch (error) {
        this.#counters.callerErrors += 1;
        this.#logger.error(
          { client: this.name, error: errorMessage(error) },
          'an exception in a state listener',
        );
      }
    }
  }
}

function closedError(name: string): OvsdbConnectionError {
  return new OvsdbConnectionError('closed', `the OVSDB client ${name} is closed`);
}
