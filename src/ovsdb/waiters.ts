import { whenAborted } from './aborting.ts';

/** Callers that wait for one event, each with a signal of its own. */
interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

export class Waiters<T> {
  readonly #waiters = new Set<Waiter<T>>();

  /** Resolves with the next event; rejects with the signal's reason when that comes first. */
  async wait(signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      const settled = (): void => {
        this.#waiters.delete(waiter);
        forgetSignal();
      };
      const waiter: Waiter<T> = {
        resolve: (value) => {
          settled();
          resolve(value);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
      const forgetSignal = whenAborted(signal, () => waiter.reject(signal?.reason));
    });
  }

  resolve(value: T): void {
    for (const waiter of this.#waiters) waiter.resolve(value);
  }

  reject(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}
