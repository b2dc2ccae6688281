/**
 * Taking turns: one user of a socket at a time, in the order of the calls, and a pause for the event loop when the
 * current turn of it has lasted long enough.
 */
import { setImmediate } from 'node:timers/promises';

/** Runs tasks one after the other; a failing one does not stop the next. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}

/** Long dumps and batches give way to the event loop after this long. */
const SLICE_MS = 4;

export class TimeSlice {
  #start = performance.now();

  /** Resolves at once while the slice lasts. */
  async pause(): Promise<void> {
    if (performance.now() - this.#start < SLICE_MS) return;
    await setImmediate();
    this.#start = performance.now();
  }
}
