/**
 * Says when the kernel of a node has what an exposed address needs, by the kernel's own notifications.
 *
 * In: a network namespace and the signs to look for. Times are those of the notification's arrival here
 * (`performance.now()`). Lost notifications are an error.
 */
import { openRtnetlink } from '../../src/netlink/index.ts';
import type { KernelEvent } from '../../src/netlink/types.ts';
import { ADVERTISED_IN_MAIN, type Signs } from './signs.ts';

export class KernelWatch {
  readonly #end: () => void;
  readonly #signs: Signs;
  /** Parts that are there, by address. */
  readonly #held = new Map<string, Set<string>>();
  readonly #waiting = new Set<() => void>();
  #complete = 0;
  #changes = 0;
  #lost: string | undefined;

  constructor(netns: string, signs: Signs = ADVERTISED_IN_MAIN) {
    this.#signs = signs;
    const netlink = openRtnetlink({ netns, eventBufferBytes: 64 << 20 });
    netlink.subscribe(
      (events) => {
        for (const event of events) this.#take(event);
        for (const look of this.#waiting) look();
      },
      { kinds: signs.kinds },
    );
    this.#end = () => netlink.close();
  }

  /** Notifications about what exposed addresses need, since the start. */
  get changes(): number {
    return this.#changes;
  }

  /** Addresses that have everything just now. */
  get complete(): number {
    return this.#complete;
  }

  /** Resolves with the time at which this many addresses had everything. */
  whenComplete(count: number, timeoutMs: number): Promise<number> {
    return this.#when(`${count} addresses are complete`, () => this.#complete >= count, timeoutMs);
  }

  whenExposed(address: string, timeoutMs: number): Promise<number> {
    return this.#when(
      `${address} is complete`,
      () => this.#held.get(address)?.size === this.#signs.parts.length,
      timeoutMs,
    );
  }

  whenWithdrawn(address: string, timeoutMs: number): Promise<number> {
    return this.#when(`${address} is gone`, () => !this.#held.has(address), timeoutMs);
  }

  /** The address lacks this part, whatever else is left of it. */
  whenWithout(address: string, part: string, timeoutMs: number): Promise<number> {
    const lacks = (): boolean => this.#held.get(address)?.has(part) !== true;
    return this.#when(`${address} has no ${part}`, lacks, timeoutMs);
  }

  close(): void {
    this.#end();
  }

  #when(what: string, holds: () => boolean, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(look);
        clearTimeout(timer);
      };
      const look = (): void => {
        if (this.#lost !== undefined) {
          done();
          reject(new Error(`notifications were lost: ${this.#lost}`));
        } else if (holds()) {
          done();
          resolve(performance.now());
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(
          new Error(`timed out after ${timeoutMs} ms waiting until ${what} (${this.#complete} complete)`),
        );
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  #take(event: KernelEvent): void {
    if (event.type === 'resync') {
      this.#lost = event.reason;
      return;
    }
    const seen = this.#signs.seenIn(event);
    if (seen === undefined) return;
    this.#changes += 1;
    const { address, part, gone } = seen;
    const parts = this.#held.get(address) ?? new Set<string>();
    const wanted = this.#signs.parts.length;
    const before = parts.size;
    if (gone) parts.delete(part);
    else parts.add(part);
    if (before < wanted && parts.size === wanted) this.#complete += 1;
    if (before === wanted && parts.size < wanted) this.#complete -= 1;
    if (parts.size === 0) this.#held.delete(address);
    else this.#held.set(address, parts);
  }
}
