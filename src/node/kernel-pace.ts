/**
 * Lets writes to the kernel go as fast as those who listen can follow.
 *
 * zebra reads the kernel's notifications from a buffer that holds some ten thousand of them by default (FRR's --nl-bufsize),
 * and the agent writes faster than zebra reads: of 20,000 routes with all that belongs to them it would miss thousands, for
 * good. So a burst goes on while the fullest listener's buffer has room, which costs one look into /proc for some hundreds of
 * requests, and nothing for a small change. Listeners that lose messages all the same have a smaller buffer: less is kept
 * in it from then on.
 *
 * In: how many requests are to be sent. Out: how many may be sent now. A listener that reads nothing for a while (a frozen
 * zebra, a forgotten `ip monitor`) is not waited for any longer, until it reads again. Where the listeners cannot be seen,
 * time is the measure.
 */
import type { Clock } from '../base/clock.ts';
import { type NetlinkListener, routeListeners } from './netlink-listeners.ts';

/** The text of /proc/net/netlink; `undefined` where it cannot be read. */
export type ReadListeners = () => string | undefined;

/** Requests that need no look: their notifications fit every buffer. */
const FREE = 32;
/** Bytes to keep in a listener's buffer at the most: half of what FRR has by default, 4 MiB that the kernel doubles. */
const MOST_BYTES = 4_000_000;
/** Fits into the smallest buffer that is usual: net.core.rmem_default, 212,992. */
const LEAST_BYTES = 160_000;
/** An IPv6 address makes three messages of 1,280 bytes each, with the kernel's overhead. */
const REQUEST_BYTES = 4_000;
/** Fewer requests than these are not worth a batch. */
const LEAST = 8;
const POLL_MS = 1;
/** A listener that did not read for so long is left alone. */
const STALLED_MS = 200;
/** Where nothing can be seen: some twelve thousand requests a second, half of what zebra takes in. */
const BLIND = { requests: 25, waitMs: 2 };

interface Lag {
  queuedBytes: number;
  /** Since when the queue has not become shorter although nothing was written. */
  sinceMs: number;
  /** It is not waited for until its queue is shorter. */
  stalled: boolean;
}

export class KernelPace {
  readonly #read: ReadListeners;
  readonly #clock: Clock;
  /** Requests since the last look. */
  #unseen = 0;
  readonly #lags = new Map<number, Lag>();
  #budgetBytes = MOST_BYTES;
  #drops: number | undefined;

  constructor(read: ReadListeners, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Waits until there is room for some of the requests; returns for how many, one at least. Throws when aborted. */
  async room(wanted: number, signal?: AbortSignal): Promise<number> {
    if (this.#unseen + wanted <= FREE) {
      this.#unseen += wanted;
      return wanted;
    }
    // A queue that grew meanwhile grew by what was written.
    let written = true;
    for (;;) {
      signal?.throwIfAborted();
      const text = this.#read();
      if (text === undefined) {
        await this.#wait(BLIND.waitMs);
        this.#unseen = 0;
        return Math.min(wanted, BLIND.requests);
      }
      const free = this.#freeRequests(routeListeners(text), written);
      written = false;
      if (free >= Math.min(wanted, LEAST)) {
        const allowed = Math.min(wanted, free);
        this.#unseen = allowed;
        return allowed;
      }
      await this.#wait(POLL_MS);
    }
  }

  #freeRequests(listeners: readonly NetlinkListener[], written: boolean): number {
    const nowMs = this.#clock.now();
    this.#noteDrops(listeners);
    let fullest = 0;
    let followed = 0;
    for (const { inode, queuedBytes } of listeners) {
      const lag = this.#lags.get(inode);
      if (lag === undefined || queuedBytes < lag.queuedBytes || queuedBytes === 0) {
        this.#lags.set(inode, { queuedBytes, sinceMs: nowMs, stalled: false });
      } else {
        lag.queuedBytes = queuedBytes;
        if (written) lag.sinceMs = nowMs;
        lag.stalled ||= nowMs - lag.sinceMs >= STALLED_MS;
        if (lag.stalled) continue;
      }
      followed += 1;
      fullest = Math.max(fullest, queuedBytes);
    }
    this.#forget(listeners);
    if (followed === 0) return Number.POSITIVE_INFINITY;
    return Math.floor((this.#budgetBytes - fullest) / REQUEST_BYTES);
  }

  /** Some listener had less room than was thought. One that reads nothing loses messages however little is written. */
  #noteDrops(listeners: readonly NetlinkListener[]): void {
    const reading = listeners.filter(({ inode }) => this.#lags.get(inode)?.stalled !== true);
    const drops = reading.reduce((sum, listener) => sum + listener.drops, 0);
    if (this.#drops !== undefined && drops > this.#drops) {
      this.#budgetBytes = Math.max(LEAST_BYTES, this.#budgetBytes / 2);
    }
    this.#drops = drops;
  }

  #forget(listeners: readonly NetlinkListener[]): void {
    if (this.#lags.size <= listeners.length) return;
    const present = new Set(listeners.map(({ inode }) => inode));
    for (const inode of this.#lags.keys()) if (!present.has(inode)) this.#lags.delete(inode);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(delayMs, resolve));
  }
}
