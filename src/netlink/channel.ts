/**
 * A request socket with what dumps and batches share: sequence numbers, a writer, a receive buffer, counters.
 *
 * The kernel handles a request inside `send` and produces the next part of a dump inside `receive`, so replies are
 * always there at once. A missing one is given a short while all the same; then it counts as lost (ETIMEDOUT).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { MessageWriter } from './codec/writer.ts';
import type { RequestSocket } from './socket.ts';

export const ERRNO = { EINTR: 4, EINVAL: 22, EMSGSIZE: 90, ENOBUFS: 105, ETIMEDOUT: 110 } as const;

/** Counters since the socket was opened; for metrics. */
export interface ChannelCounters {
  requests: number;
  /** Requests that the kernel refused, or that could not be encoded. */
  refused: number;
  /** Requests of unknown outcome, because replies were lost. */
  unknown: number;
  dumps: number;
  /** Dumps that were made again, mostly because the state changed meanwhile. */
  dumpsRepeated: number;
}

/** The kernel fills dump parts up to 32 KiB, more for single large objects. */
const RECEIVE_BYTES = 128 * 1024;
const RECEIVE_BYTES_MAX = 8 * 1024 * 1024;
const REPLY_DEADLINE_MS = 5000;

export class Channel {
  readonly writer = new MessageWriter(64 * 1024);
  readonly counters: ChannelCounters = { requests: 0, refused: 0, unknown: 0, dumps: 0, dumpsRepeated: 0 };
  readonly #socket: RequestSocket;
  readonly #replyDeadlineMs: number;
  #buffer = Buffer.alloc(RECEIVE_BYTES);
  #sequence = 0;

  constructor(socket: RequestSocket, replyDeadlineMs = REPLY_DEADLINE_MS) {
    this.#socket = socket;
    this.#replyDeadlineMs = replyDeadlineMs;
  }

  /** The largest datagram that the socket takes. */
  get sendLimitBytes(): number {
    return this.#socket.sendLimitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** The last one given out. */
  get sequence(): number {
    return this.#sequence;
  }

  nextSequence(): number {
    this.#sequence = this.#sequence === 0xffffffff ? 1 : this.#sequence + 1;
    return this.#sequence;
  }

  /** Sends what is in the writer. */
  send(): void {
    this.#socket.send(this.writer.bytes);
  }

  /**
   * The next datagram, valid until the next call; or why there is none. After `truncated` the buffer is large enough
   * for the next datagram of that size.
   */
  async receive(): Promise<Buffer | 'overrun' | 'truncated' | 'timeout'> {
    const deadline = performance.now() + this.#replyDeadlineMs;
    for (;;) {
      const received = this.#socket.receive(this.#buffer);
      switch (received.kind) {
        case 'datagram':
          return this.#buffer.subarray(0, received.length);
        case 'truncated':
          if (received.length <= RECEIVE_BYTES_MAX) this.#buffer = Buffer.alloc(received.length * 2);
          return 'truncated';
        case 'overrun':
          return 'overrun';
        case 'nothing':
          if (performance.now() >= deadline) return 'timeout';
          await delay(1);
      }
    }
  }

  /** What is left of an exchange that went wrong; false when nothing is there. */
  receiveLeftover(): Buffer | 'lost' | undefined {
    const received = this.#socket.receive(this.#buffer);
    if (received.kind === 'nothing') return undefined;
    return received.kind === 'datagram' ? this.#buffer.subarray(0, received.length) : 'lost';
  }

  close(): void {
    this.#socket.close();
  }
}
