/**
 * Holds back a resynchronisation that would withdraw most of what stands.
 *
 * A database that was lost and comes back nearly empty (restored from an old backup, recreated by mistake, an operator
 * on the wrong machine) would take a whole node off the network. Ordinary updates are believed at once; the first
 * contents after a connection are believed only when they leave enough standing, or still say the same after the hold.
 */
import type { Clock } from '../base/clock.ts';

export interface WithdrawGuardOptions {
  /** Held when more than this share of what is advertised would go. */
  readonly percent: number;
  /** Never held when fewer than this many addresses would go. */
  readonly minimum: number;
  readonly holdSec: number;
}

export type GuardDecision =
  | { readonly kind: 'proceed' }
  /** Nothing may be withdrawn now; ask again after `retryMs`. `started`: this call began the hold. */
  | { readonly kind: 'hold'; readonly retryMs: number; readonly started: boolean };

export class WithdrawGuard {
  readonly #options: WithdrawGuardOptions;
  readonly #clock: Clock;
  #suspicious = false;
  #heldSince: number | undefined;
  #holds = 0;

  constructor(options: WithdrawGuardOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** How often something was held back since the start. */
  get holds(): number {
    return this.#holds;
  }

  /** True when the next decision depends on how much stands. */
  get suspicious(): boolean {
    return this.#suspicious;
  }

  get holding(): boolean {
    return this.#heldSince !== undefined;
  }

  /** The next withdrawals come from contents that were read anew, not from an update. */
  suspect(): void {
    this.#suspicious = true;
  }

  /** Decides on withdrawing `withdrawn` of the `standing` advertised addresses. */
  decide(withdrawn: number, standing: number): GuardDecision {
    const { percent, minimum, holdSec } = this.#options;
    const most = withdrawn > 0 && withdrawn >= minimum && withdrawn * 100 > standing * percent;
    if (!this.#suspicious || !most) return this.#release();
    const now = this.#clock.now();
    const started = this.#heldSince === undefined;
    if (started) this.#holds += 1;
    this.#heldSince ??= now;
    const remainingMs = this.#heldSince + holdSec * 1000 - now;
    return remainingMs > 0 ? { kind: 'hold', retryMs: remainingMs, started } : this.#release();
  }

  #release(): GuardDecision {
    this.#suspicious = false;
    this.#heldSince = undefined;
    return { kind: 'proceed' };
  }
}
