/**
 * A file that lines are appended to, at once and in order; what cannot be written is lost and never kept in memory.
 *
 * pino's own destination keeps every line for which a full disk has no room, until memory is full as well. Here a line is
 * written or given up. In: a path, or a file descriptor that somebody else owns. Failures to open throw; failures to write
 * do not: the agent's work does not depend on its log.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

/** A reader of a pipe that is slower than this for one line loses it. */
const EAGAIN_ROUNDS = 200;
const EAGAIN_PAUSE_MS = 1;

export class LogFile {
  readonly #path: string | undefined;
  #descriptor: number;
  /** The last line was cut off: the next one must not continue it. */
  #torn = false;

  constructor(target: string | number) {
    this.#path = typeof target === 'string' ? target : undefined;
    this.#descriptor = typeof target === 'string' ? opened(target) : target;
  }

  /** Appends a line that ends with a line feed. */
  write(line: string): void {
    let rest = Buffer.from(this.#torn ? `\n${line}` : line);
    const whole = rest.length;
    for (let rounds = 0; rest.length > 0; ) {
      try {
        rest = rest.subarray(writeSync(this.#descriptor, rest));
      } catch (error) {
        rounds += 1;
        if (!isBusy(error) || rounds > EAGAIN_ROUNDS) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EAGAIN_PAUSE_MS);
      }
    }
    if (rest.length < whole) this.#torn = rest.length > 0;
  }

  /** Opens the file again under its name: the old one may have been moved away. Keeps the old one where that fails. */
  reopen(): void {
    if (this.#path === undefined) return;
    const descriptor = opened(this.#path);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
    this.#torn = false;
  }
}

function opened(path: string): number {
  return openSync(path, 'a', 0o644);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EBUSY');
}
