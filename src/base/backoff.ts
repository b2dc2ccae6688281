/** Doubling delays between two bounds, in milliseconds. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  #nextMs: number;

  constructor(bounds: { readonly minMs: number; readonly maxMs: number }) {
    this.#minMs = bounds.minMs;
    this.#maxMs = bounds.maxMs;
    this.#nextMs = bounds.minMs;
  }

  /** The delay before the next attempt; the one after is twice as long. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(this.#maxMs, delayMs * 2);
    return delayMs;
  }

  /** It worked: the next delay is the shortest again. */
  reset(): void {
    this.#nextMs = this.#minMs;
  }
}
