/**
 * Remembers which ports were being migrated to this node a moment ago.
 *
 * During a live migration the port goes down on the source before it comes up here. A port that was "migrating" and is
 * now "down" keeps its exposure for the grace period, so that the address does not leave the fabric in between. A port
 * that comes up meanwhile stays in it: its floating IP has no MAC address until Neutron has heard of that. The
 * exposures are pure: the memory lives here and is handed to them as a set.
 */
import type { Clock } from '../base/clock.ts';
import type { CandidateKey, Residence } from '../ovn/topology.ts';

export class MigrationGrace {
  readonly #graceMs: number;
  readonly #clock: Clock;
  readonly #onExpiry: (key: CandidateKey) => void;
  readonly #migrating = new Set<CandidateKey>();
  readonly #graced = new Set<CandidateKey>();
  readonly #cancel = new Map<CandidateKey, () => void>();

  constructor(graceSec: number, clock: Clock, onExpiry: (key: CandidateKey) => void) {
    this.#graceMs = graceSec * 1000;
    this.#clock = clock;
    this.#onExpiry = onExpiry;
  }

  /** Candidates in their grace period; a live view. */
  get graced(): ReadonlySet<CandidateKey> {
    return this.#graced;
  }

  /** Tells where the port of a candidate is now; call before it is evaluated. */
  observe(key: CandidateKey, residence: Residence | undefined): void {
    if (residence?.kind === 'migrating') {
      this.#end(key);
      this.#migrating.add(key);
      return;
    }
    const wasMigrating = this.#migrating.delete(key);
    if (residence?.kind === 'here' && this.#graced.has(key)) return;
    if (residence?.kind !== 'down') {
      this.#end(key);
      return;
    }
    if (!wasMigrating || this.#graceMs === 0) return;
    this.#graced.add(key);
    this.#cancel.set(
      key,
      this.#clock.after(this.#graceMs, () => {
        this.#end(key);
        this.#onExpiry(key);
      }),
    );
  }

  close(): void {
    for (const key of this.#cancel.keys()) this.#end(key);
  }

  #end(key: CandidateKey): void {
    this.#graced.delete(key);
    this.#cancel.get(key)?.();
    this.#cancel.delete(key);
  }
}
