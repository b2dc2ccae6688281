/**
 * A time limit together with a caller's abort, as one signal.
 *
 * In: milliseconds, what is waited for, perhaps the caller's signal. Out: a signal that aborts with an `FrrError` naming
 * what was waited for, or with the caller's reason. `clear` must be called: the caller's signal may live as long as the
 * process, and would otherwise collect listeners.
 */
import { FrrError } from './errors.ts';

export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(timeoutMs: number, waitingFor: string, outer?: AbortSignal) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#controller.abort(
        new FrrError('unreachable', `waited ${timeoutMs} ms in vain for ${waitingFor}`, { timeoutMs }),
      );
    }, timeoutMs);
    if (outer?.aborted === true) this.#forward();
    else outer?.addEventListener('abort', this.#forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The outcome of something that cannot be aborted itself, unless time runs out first. */
  race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#controller;
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(signal.reason);
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
    });
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#forward);
  }
}
