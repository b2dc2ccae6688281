/**
 * How long to wait before the next connection attempt. The first round over all remotes is made without delay, so that
 * the loss of one cluster member costs no time; later rounds wait twice as long each, with a jitter of half the delay
 * either way, so that a thousand nodes do not come back in the same instant.
 */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Backoff {
  readonly #limits: BackoffLimits;
  readonly #random: () => number;
  #failures = 0;
  #rounds = 0;

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /**
   * Counts one failed attempt and says how long to wait before the next, in ms. `remotes`: how many alternatives there
   * are now; with names that are looked up again the number changes.
   */
  failed(remotes: number): number {
    this.#failures += 1;
    if (this.#failures < remotes) return 0;
    this.#failures = 0;
    const delay = Math.min(this.#limits.maxMs, this.#limits.minMs * 2 ** Math.min(this.#rounds, 30));
    this.#rounds += 1;
    return Math.round(delay * (0.5 + this.#random()));
  }

  /** The connection proved good. */
  succeeded(): void {
    this.#failures = 0;
    this.#rounds = 0;
  }
}
