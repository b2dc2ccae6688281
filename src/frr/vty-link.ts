/**
 * Keeps one vty socket connected, and tells when the daemon goes and comes.
 *
 * In: a socket path. Out: an open `VtySocket` on demand, and `up`/`down` events once `watch` was called. A daemon that is
 * away is asked for again after 20 ms, then at growing intervals up to one second: connecting to a socket that nobody
 * listens on costs next to nothing, and every moment without the agent's stanzas is an outage.
 */
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FrrError } from './errors.ts';
import { VtySocket } from './vty-socket.ts';

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1000;
/** A daemon that accepts but does not answer `enable` is as good as absent. */
const CONNECT_TIMEOUT_MS = 5000;

export interface VtyLinkOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (event: 'up' | 'down') => void;
}

export class VtyLink {
  readonly #options: VtyLinkOptions;
  #socket: VtySocket | undefined;
  #connecting: Promise<VtySocket> | undefined;
  #watching = false;
  #closed = false;
  readonly #retry = new Backoff({ minMs: FIRST_RETRY_MS, maxMs: LAST_RETRY_MS });
  #cancelRetry: (() => void) | undefined;

  constructor(options: VtyLinkOptions) {
    this.#options = options;
  }

  /** Starts to reconnect by itself; until then a connection is made only when it is asked for. */
  watch(): void {
    if (this.#watching || this.#closed) return;
    this.#watching = true;
    this.#attempt();
  }

  /** The open connection, or a new one; throws `unreachable` at once when the daemon is away. */
  async socket(): Promise<VtySocket> {
    if (this.#closed) throw closedError(this.#options.path);
    if (this.#socket !== undefined) return this.#socket;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#socket?.close();
  }

  async #connect(): Promise<VtySocket> {
    const socket = await VtySocket.connect(this.#options.path, AbortSignal.timeout(CONNECT_TIMEOUT_MS));
    if (this.#closed) {
      socket.close();
      throw closedError(this.#options.path);
    }
    this.#socket = socket;
    this.#retry.reset();
    socket.onClose(() => this.#lost(socket));
    this.#options.logger.info({ path: socket.path }, 'connected to FRR');
    this.#options.onChange('up');
    return socket;
  }

  #lost(socket: VtySocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (this.#closed) return;
    this.#options.logger.warn({ path: socket.path }, 'lost the connection to FRR');
    this.#options.onChange('down');
    if (this.#watching) this.#retryLater();
  }

  #attempt(): void {
    this.socket().catch((error: unknown) => {
      const { path, logger } = this.#options;
      logger.debug({ path, error: String(error) }, 'FRR is away');
      this.#retryLater();
    });
  }

  #retryLater(): void {
    if (this.#closed || this.#cancelRetry !== undefined) return;
    this.#cancelRetry = this.#options.clock.after(this.#retry.next(), () => {
      this.#cancelRetry = undefined;
      if (this.#socket === undefined) this.#attempt();
    });
  }
}

function closedError(path: string): FrrError {
  return new FrrError('unreachable', `the connection to ${path} was closed`, { path });
}
