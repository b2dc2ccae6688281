/**
 * JSON-RPC 1.0 over one transport, as RFC 7047 section 4 uses it: requests with ids, notifications, `echo` in both
 * directions, and an inactivity probe.
 *
 * Messages are handled strictly one after the other: a handler that returns a promise holds up the next message and, by
 * pausing the transport, the peer. Between messages and between chunks of a big one the event loop is given back every
 * few milliseconds.
 *
 * Failure: the session ends once, with a reason; every outstanding request is rejected with it.
 */
import { whenAborted } from './aborting.ts';
import { Breather } from './breather.ts';
import type { OvsdbClock } from './clock.ts';
import type { OvsdbCounters } from './counters.ts';
import { deadline } from './deadline.ts';
import {
  OvsdbConnectionError,
  OvsdbError,
  OvsdbProtocolError,
  OvsdbRpcError,
  OvsdbTimeoutError,
} from './errors.ts';
import { Framer } from './framing.ts';
import type { RowSink } from './row-slicer.ts';
import { socketProblem } from './socket-errors.ts';
import type { Transport } from './transport.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the owner of a session does with what the peer sends by itself. */
export interface SessionHandlers {
  notification(method: string, parameters: readonly unknown[]): void | Promise<void>;
  /** Takes the rows of a big notification while it arrives; `undefined` leaves them in the message. */
  rows(method: string, parameters: readonly unknown[]): RowSink | undefined;
  closed(reason: OvsdbError): void;
}

export interface SessionOptions {
  /** Silence after which an echo is sent; the session ends after the same time again without any byte. 0: never. */
  readonly inactivityProbeMs: number;
  readonly clock: OvsdbClock;
  readonly counters: OvsdbCounters;
}

export interface RequestOptions {
  /** Ends the waiting; the peer is told to forget a transaction by `cancel` (RFC 7047 4.1.4). */
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Takes the rows of a big reply while it arrives, given the `result` as far as it is known. */
  readonly rows?: ((result: unknown) => RowSink) | undefined;
  /** Handles the result before the next message is looked at. */
  readonly handle?: ((result: unknown) => void | Promise<void>) | undefined;
}

interface Pending {
  readonly method: string;
  readonly options: RequestOptions;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

const LOST = { problem: 'connection-lost', text: '' } as const;
/** How long a passed deadline waits for what was received and is not yet looked at. */
const BUSY_MS = 10;
/** Bigger chunks are cut, so that one step of the framer stays short. */
const STEP_BYTES = 64 * 1024;

export class Session {
  readonly #transport: Transport;
  readonly #handlers: SessionHandlers;
  readonly #options: SessionOptions;
  readonly #framer: Framer;
  readonly #pending = new Map<number, Pending>();
  readonly #chunks: Buffer[] = [];
  readonly #breather = new Breather();
  #nextId = 1;
  #pumping = false;
  #paused = false;
  #closed: OvsdbError | undefined;
  #lastHeard: number;
  #probing = false;
  #cancelProbe: () => void = () => undefined;

  constructor(transport: Transport, handlers: SessionHandlers, options: SessionOptions) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#options = options;
    this.#framer = new Framer((envelope) => this.#rowSink(envelope));
    this.#lastHeard = options.clock.now();
    transport.open({
      data: (chunk) => this.#receive(chunk),
      closed: (error) => this.close(this.#lost(error)),
    });
    this.#armProbe(options.inactivityProbeMs);
  }

  get peer(): string {
    return this.#transport.peer;
  }

  get closed(): OvsdbError | undefined {
    return this.#closed;
  }

  /** Sends a request and waits for its reply; the peer's error becomes an `OvsdbRpcError`. */
  async request(
    method: string,
    parameters: readonly unknown[],
    options: RequestOptions = {},
  ): Promise<unknown> {
    options.signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const id = this.#nextId++;
    return await new Promise<unknown>((resolve, reject) => {
      let cancelDeadline: () => void = () => undefined;
      let forgetSignal: () => void = () => undefined;
      const settled = (): void => {
        this.#pending.delete(id);
        cancelDeadline();
        forgetSignal();
      };
      this.#pending.set(id, {
        method,
        options,
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      forgetSignal = whenAborted(options.signal, () => {
        settled();
        // A transaction that waits for rows would wait at the server for the life of the connection.
        if (method === 'transact') this.notify('cancel', [id]);
        reject(options.signal?.reason);
      });
      const { timeoutMs } = options;
      if (timeoutMs !== undefined) {
        const arm = (delayMs: number): void => {
          cancelDeadline = deadline(this.#options.clock, delayMs, () => {
            // What has arrived is looked at first: the reply may be in it.
            if (this.#pumping) arm(BUSY_MS);
            else {
              settled();
              reject(new OvsdbTimeoutError(`no reply to ${method} from ${this.peer} within ${timeoutMs} ms`));
            }
          });
        };
        arm(timeoutMs);
      }
      this.#send({ id, method, params: parameters });
    });
  }

  notify(method: string, parameters: readonly unknown[]): void {
    this.#send({ id: null, method, params: parameters });
  }

  /** Ends the session; later calls change nothing. */
  close(reason: OvsdbError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#cancelProbe();
    this.#transport.destroy();
    this.#chunks.length = 0;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#handlers.closed(reason);
  }

  #send(message: Json): void {
    const text = JSON.stringify(message);
    this.#options.counters.bytesSent += Buffer.byteLength(text);
    this.#transport.write(text);
  }

  #receive(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    this.#lastHeard = this.#options.clock.now();
    this.#probing = false;
    this.#options.counters.bytesReceived += chunk.length;
    for (let at = 0; at < chunk.length; at += STEP_BYTES) {
      this.#chunks.push(chunk.length <= STEP_BYTES ? chunk : chunk.subarray(at, at + STEP_BYTES));
    }
    if (!this.#pumping) void this.#pump();
    else if (!this.#paused) {
      this.#paused = true;
      this.#transport.pause();
    }
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    const breather = this.#breather;
    try {
      for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
        this.#framer.feed(chunk);
        for (;;) {
          const message = this.#framer.next();
          if (message === undefined) break;
          const work = this.#dispatch(message);
          if (work !== undefined) await work;
          if (breather.due()) await breather.breathe();
          if (this.#closed !== undefined) return;
        }
        if (breather.due()) await breather.breathe();
      }
    } catch (error) {
      this.close(
        error instanceof OvsdbError
          ? error
          : new OvsdbProtocolError(`cannot handle what ${this.peer} sent: ${String(error)}`, {
              cause: error,
            }),
      );
    } finally {
      this.#pumping = false;
      if (this.#paused && this.#closed === undefined) {
        this.#paused = false;
        // What the peer could not send while we were busy is not its silence.
        this.#lastHeard = this.#options.clock.now();
        this.#transport.resume();
      }
    }
  }

  #dispatch(message: Json): void | Promise<void> {
    const { method, params, id } = message;
    if (typeof method === 'string') {
      const parameters: readonly unknown[] = Array.isArray(params) ? params : [];
      if (id === null || id === undefined) return this.#handlers.notification(method, parameters);
      if (method === 'echo') this.#send({ id, result: parameters, error: null });
      else this.#send({ id, result: null, error: 'unknown method' });
      return undefined;
    }
    if (id === 'echo') return undefined;
    if (typeof id !== 'number')
      throw new OvsdbProtocolError(`${this.peer} sent a message without method and id`);
    const pending = this.#pending.get(id);
    // The reply to a request that was given up.
    if (pending === undefined) return undefined;
    if (message.error !== null && message.error !== undefined) {
      pending.reject(new OvsdbRpcError(pending.method, this.peer, message.error));
      return undefined;
    }
    return this.#settle(pending, message.result);
  }

  #settle(pending: Pending, result: unknown): void | Promise<void> {
    try {
      const work = pending.options.handle?.(result);
      if (work === undefined) pending.resolve(result);
      else {
        return work.then(
          () => pending.resolve(result),
          (error: unknown) => pending.reject(error),
        );
      }
    } catch (error) {
      pending.reject(error);
    }
    return undefined;
  }

  #rowSink(envelope: Json): RowSink | undefined {
    const { method, params, id, result } = envelope;
    if (typeof method === 'string') return this.#handlers.rows(method, Array.isArray(params) ? params : []);
    return typeof id === 'number' ? this.#pending.get(id)?.options.rows?.(result) : undefined;
  }

  #lost(error: Error | undefined): OvsdbConnectionError {
    const { problem, text } = error === undefined ? LOST : socketProblem(error);
    const message = `${this.peer} ended the connection${text === '' ? '' : `: ${text}`}`;
    return new OvsdbConnectionError('connection-lost', message, { problem, cause: error });
  }

  #armProbe(delayMs: number): void {
    if (this.#options.inactivityProbeMs <= 0) return;
    this.#cancelProbe = deadline(this.#options.clock, delayMs, () => this.#probe());
  }

  #probe(): void {
    const { inactivityProbeMs, clock, counters } = this.#options;
    const silentMs = this.#paused ? 0 : clock.now() - this.#lastHeard;
    if (silentMs < inactivityProbeMs) {
      this.#armProbe(inactivityProbeMs - silentMs);
      return;
    }
    if (this.#probing) {
      counters.probeTimeouts += 1;
      const waiting = [...this.#pending.values()].map((pending) => pending.method).join(', ');
      this.close(
        new OvsdbConnectionError(
          'inactive',
          `${this.peer} sent nothing for ${Math.round(silentMs)} ms and did not answer an echo` +
            (waiting === '' ? '' : `; outstanding: ${waiting}`),
        ),
      );
      return;
    }
    this.#probing = true;
    counters.probes += 1;
    this.#send({ id: 'echo', method: 'echo', params: [] });
    this.#armProbe(inactivityProbeMs);
  }
}
