/**
 * The client of one database: keeps a connection to a usable server, and runs replicas and transactions over it.
 *
 * In: remotes, the database's name and what to demand of a member. Out: replicas (replica.ts), transactions, the schema,
 * state and counters.
 *
 * Failure: a server (each address of a name is one) that cannot be reached, falls silent, loses its cluster, falls behind, is not the leader or lacks the
 * database is left for the next remote, the first round at once and later rounds with growing, jittered delays. With
 * a single remote the client waits on the connection for the server's state to change.
 */
import { whenAborted } from './aborting.ts';
import { Backoff } from './backoff.ts';
import type {
  ClientState,
  ClientStatus,
  OvsdbClientOptions,
  RemoteFailure,
  TransactOptions,
} from './client-options.ts';
import { type OvsdbClock, systemOvsdbClock } from './clock.ts';
import { Connection } from './connection.ts';
import { newCounters, type OvsdbCounters } from './counters.ts';
import {
  errorMessage,
  OvsdbConfigurationError,
  OvsdbConnectionError,
  OvsdbError,
  OvsdbProtocolError,
  problemOf,
} from './errors.ts';
import { type OvsdbLogger, silentOvsdbLogger } from './logger.ts';
import type { ClusterPosition } from './member.ts';
import type { Operation, OperationResult } from './operations.ts';
import { qualify } from './qualification.ts';
import { formatRemote, parseRemotes } from './remote.ts';
import { type Endpoint, RemoteRotation, systemLookup } from './remote-rotation.ts';
import { Replica, type ReplicaEnvironment, type ReplicaOptions } from './replica.ts';
import type { DatabaseSchema } from './schema.ts';
import { assertSendable } from './sendable.ts';
import { readTlsMaterial, type TlsMaterial, watchTlsMaterial } from './tls-material.ts';
import { asTransactionError, isTemporary, readResults } from './transact.ts';
import { connectTransport } from './transport.ts';
import { type ConnectionTrouble, connectionTrouble } from './trouble.ts';
import type { DatabaseSpec } from './types.ts';
import { Waiters } from './waiters.ts';

/** A connection that serves the database. */
interface Ready {
  readonly connection: Connection;
  readonly schema: DatabaseSchema;
}

const RETRY_DELAY_MS = 200;
const MOST_FAILURES = 20;
const IDLE: ClientStatus = {
  state: 'idle',
  remote: undefined,
  address: undefined,
  member: undefined,
  lastError: undefined,
  problem: undefined,
  failures: [],
};
const AWAY = { remote: undefined, address: undefined, member: undefined } as const;

export class OvsdbClient {
  readonly name: string;
  readonly database: string;
  readonly #options: OvsdbClientOptions;
  readonly #rotation: RemoteRotation;
  readonly #timeoutMs: number;
  readonly #logger: OvsdbLogger;
  readonly #clock: OvsdbClock;
  readonly #random: () => number;
  readonly #counters = newCounters();
  readonly #abort = new AbortController();
  readonly #replicas = new Set<Replica>();
  readonly #waiters = new Waiters<Ready>();
  readonly #position: { seen: ClusterPosition | undefined } = { seen: undefined };
  readonly #failures = new Map<string, RemoteFailure>();
  readonly #stateListeners = new Set<(status: ClientStatus) => void>();
  #status: ClientStatus = IDLE;
  /** The last failure is another one than the one before it at the same remote and address. */
  #isNews = true;
  /** From the moment there is one, usable or not. */
  #connection: Connection | undefined;
  #ready: Ready | undefined;
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
    this.#timeoutMs = options.connectTimeoutMs ?? 10_000;
    const remotes = parseRemotes(options.remotes);
    this.#rotation = new RemoteRotation(remotes, {
      lookup: options.lookup ?? systemLookup,
      random: options.shuffleRemotes === false ? undefined : this.#random,
      clock: this.#clock,
      timeoutMs: this.#timeoutMs,
    });
  }

  get state(): ClientState {
    return this.#status.state;
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Why there is no usable connection now; `undefined` while there is one, and before the first attempt failed. */
  get trouble(): ConnectionTrouble | undefined {
    return connectionTrouble(this.#status, this.#rotation.size);
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
      this.#waiters.reject(reason);
    }
    await this.#loop;
    for (const replica of this.#replicas) replica.close();
    this.#enter({ state: 'closed', ...AWAY });
  }

  /**
   * Forgets how far this client has seen the cluster, and connects anew. For a cluster that was put back to an earlier
   * state under the same id (a restored virtual machine): its members look stale for ever otherwise.
   */
  reset(): void {
    this.#position.seen = undefined;
    const message = `the OVSDB client ${this.name} was told to forget what it has seen`;
    this.#connection?.close(new OvsdbConnectionError('unsuitable', message));
  }

  /**
   * Replicates a part of the database; several replicas share the connection. Throws an `OvsdbConfigurationError` for a
   * declaration or conditions that cannot be meant.
   */
  replicate<D extends DatabaseSpec>(spec: D, options: ReplicaOptions = {}): Replica<D> {
    if (this.#abort.signal.aborted) throw closedError(this.name);
    if (spec.name !== this.database) {
      throw new OvsdbConfigurationError(
        `the client is for ${this.database}, the declaration for ${spec.name}`,
      );
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
   * known. An abort of the signal ends the waiting; the server is told to forget the transaction, which it does as long
   * as that waits for something. Operations that no server could parse are an `OvsdbConfigurationError`.
   */
  async transact(
    operations: readonly Operation[],
    options: AbortSignal | TransactOptions = {},
  ): Promise<readonly OperationResult[]> {
    const { signal, idempotent = false } = options instanceof AbortSignal ? { signal: options } : options;
    assertSendable(operations, `a transaction on ${this.database}`);
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
    const rotation = this.#rotation;
    while (!signal.aborted) {
      const remote = formatRemote(rotation.upcoming);
      this.#counters.connectAttempts += 1;
      this.#enter({ state: 'connecting', ...AWAY, remote });
      for (const replica of this.#replicas) replica.connecting();
      this.#readySince = undefined;
      const reason = await this.#serve();
      const { address } = this.#status;
      if (this.#status.state !== 'disconnected') this.#lost(reason);
      if (signal.aborted) return;
      const fields = {
        client: this.name,
        remote,
        address,
        problem: problemOf(reason),
        error: reason.message,
      };
      if (this.#isNews) this.#logger.warn(fields, 'not connected');
      else this.#logger.debug(fields, 'not connected');
      // A connection that ended soon after it was usable may end like that again: it counts as a failed attempt. A good
      // member that was lost took all its clients with it: they come back over a little while, not at once.
      const good = this.#readySince !== undefined && this.#clock.now() - this.#readySince >= limits.maxMs;
      if (good) backoff.succeeded();
      const delay = good ? Math.round(limits.minMs * this.#random()) : backoff.failed(rotation.size);
      await this.#sleep(delay, signal).catch(() => undefined);
    }
  }

  /** One connection from attempt to end; returns why it ended. */
  async #serve(): Promise<OvsdbError> {
    const { signal } = this.#abort;
    const timeoutMs = this.#timeoutMs;
    const stops: (() => void)[] = [];
    try {
      const endpoint = await this.#rotation.next(signal);
      this.#enter({ address: endpoint.address });
      const tls = await this.#tlsMaterial(endpoint);
      const transport = await (this.#options.connect ?? connectTransport)(endpoint, {
        timeoutMs,
        signal,
        tls,
      });
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
      this.#connection = made;
      stops.push(whenAborted(signal, () => made.close(closedError(this.name))));
      if (tls !== undefined && this.#options.tls !== undefined) {
        const stop = watchTlsMaterial(this.#options.tls, tls.digest, this.#clock, () =>
          made.close(new OvsdbConnectionError('unsuitable', 'the TLS files have changed')),
        );
        stops.push(stop);
      }
      let isWaiting = false;
      const schema = await qualify(made, {
        database: this.database,
        leaderOnly: this.#options.leaderOnly === true,
        timeoutMs,
        patient: () => this.#rotation.size === 1,
        environment: this.#environment(),
        position: this.#position,
        member: (row) => this.#enter({ member: row }),
        waiting: (reason) => {
          this.#noteFailure(reason);
          this.#enter({ lastError: reason, problem: reason.problem });
          if (!isWaiting && endpoint.address !== undefined) stops.push(this.#watchName(endpoint, made));
          isWaiting = true;
        },
      });
      this.#becomeReady({ connection: made, schema });
      return await made.ended;
    } catch (error) {
      const reason =
        error instanceof OvsdbError ? error : new OvsdbProtocolError(errorMessage(error), { cause: error });
      this.#connection?.close(reason);
      return reason;
    } finally {
      this.#connection = undefined;
      for (const stop of stops) stop();
    }
  }

  /** While the only address of a name is waited for: leaves it when the name has got others. */
  #watchName(endpoint: Endpoint, connection: Connection): () => void {
    let cancel: () => void = () => undefined;
    const look = async (): Promise<void> => {
      const hasOthers = await this.#rotation.hasOthers(endpoint, this.#abort.signal);
      if (!connection.open || this.#ready !== undefined) return;
      if (!hasOthers) schedule();
      else {
        const message = `${connection.peer} is left: the name has other addresses now`;
        connection.close(new OvsdbConnectionError('unsuitable', message, { problem: this.#status.problem }));
      }
    };
    const schedule = (): void => {
      cancel = this.#clock.after(this.#timeoutMs, () => void look());
    };
    schedule();
    return () => cancel();
  }

  /** Nothing may be taken for current from this moment on. */
  #lost(reason: OvsdbError): void {
    this.#ready = undefined;
    this.#noteFailure(reason);
    this.#enter({ state: 'disconnected', ...AWAY, lastError: reason, problem: problemOf(reason) });
    for (const replica of this.#replicas) replica.detach(reason);
  }

  /** For `status.failures`, under the remote and address that are tried now. */
  #noteFailure(error: OvsdbError): void {
    const { remote, address } = this.#status;
    if (remote === undefined) return;
    const key = `${remote} ${address ?? ''}`;
    for (const [other, failure] of this.#failures) {
      // A name that had no address has got some, or the other way round.
      const isOutdated = (failure.address === undefined) !== (address === undefined);
      if (failure.remote === remote && isOutdated) this.#failures.delete(other);
    }
    this.#isNews = this.#failures.get(key)?.error.message !== error.message;
    this.#failures.delete(key);
    this.#failures.set(key, { remote, address, problem: problemOf(error), error });
    // Addresses of names that change would gather for ever.
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_FAILURES && oldest !== undefined) this.#failures.delete(oldest);
  }

  async #tlsMaterial({ remote }: Endpoint): Promise<TlsMaterial | undefined> {
    if (remote.kind !== 'ssl' || this.#options.tls === undefined) return undefined;
    return await readTlsMaterial(this.#options.tls);
  }

  #becomeReady(ready: Ready): void {
    if (!ready.connection.open) return;
    this.#ready = ready;
    this.#readySince = this.#clock.now();
    this.#counters.connections += 1;
    if (this.#counters.connections > 1) this.#counters.reconnects += 1;
    this.#failures.clear();
    this.#enter({ state: 'connected', problem: undefined });
    this.#logger.info({ client: this.name, remote: ready.connection.peer }, 'connected');
    for (const replica of this.#replicas) void replica.attach(ready.connection, ready.schema);
    this.#waiters.resolve(ready);
  }

  async #whenReady(signal: AbortSignal | undefined): Promise<Ready> {
    signal?.throwIfAborted();
    if (this.#abort.signal.aborted) throw closedError(this.name);
    if (this.#ready?.connection.open === true) return this.#ready;
    return await this.#waiters.wait(signal);
  }

  async #sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      let forgetSignal: () => void = () => undefined;
      const cancel = this.#clock.after(delayMs, () => {
        forgetSignal();
        resolve();
      });
      forgetSignal = whenAborted(signal, () => {
        cancel();
        reject(signal?.reason as Error);
      });
    });
  }

  #environment(): Omit<ReplicaEnvironment, 'released'> {
    return { logger: this.#logger, counters: this.#counters, clock: this.#clock };
  }

  #enter(change: Partial<ClientStatus>): void {
    const before = this.#status;
    const failures = [...this.#failures.values()];
    this.#status = { ...before, ...change, failures };
    const { state, member, lastError } = this.#status;
    if (before.state === state && before.member === member && before.lastError === lastError) return;
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
