/**
 * The exposures of this node, kept up to date candidate by candidate.
 *
 * In: verdicts of the candidates that changed. Out: which winning exposures came and went. Claims on one prefix are
 * settled by the rank of `exposures/conflicts.ts`, so the result does not depend on the order of events; a full
 * recompute over all candidates gives the same state, and a test compares the two.
 */
import type { Prefix } from '../base/address.ts';
import { resolveConflict } from '../exposures/conflicts.ts';
import type { Denial, Exposure, Verdict } from '../exposures/types.ts';
import type { CandidateKey } from '../ovn/topology.ts';

export interface ExposureDelta {
  /** Prefixes that are no longer exposed. */
  readonly withdrawn: readonly Exposure[];
  /** Exposures that are new or differ from what was exposed for the prefix. */
  readonly exposed: readonly Exposure[];
  /** Denials that were not there before this update. */
  readonly denied: readonly Denial[];
}

export class ExposureState {
  readonly #verdicts = new Map<CandidateKey, Verdict>();
  readonly #claims = new Map<Prefix, Exposure[]>();
  readonly #winners = new Map<Prefix, Exposure>();
  readonly #conflicts = new Map<Prefix, readonly Denial[]>();

  /** Winning exposures by prefix. */
  get exposures(): ReadonlyMap<Prefix, Exposure> {
    return this.#winners;
  }

  *denials(): Iterable<Denial> {
    for (const verdict of this.#verdicts.values()) yield* verdict.denials;
    for (const denials of this.#conflicts.values()) yield* denials;
  }

  candidates(): Iterable<CandidateKey> {
    return this.#verdicts.keys();
  }

  /** Takes new verdicts; `undefined` means that the candidate is gone. */
  update(verdicts: Iterable<readonly [CandidateKey, Verdict | undefined]>): ExposureDelta {
    const prefixes = new Set<Prefix>();
    const denied: Denial[] = [];
    for (const [key, verdict] of verdicts) {
      const before = this.#verdicts.get(key);
      for (const exposure of before?.exposures ?? []) {
        prefixes.add(exposure.prefix);
        this.#drop(exposure);
      }
      for (const exposure of verdict?.exposures ?? []) {
        prefixes.add(exposure.prefix);
        this.#claim(exposure);
      }
      const known = new Set(before?.denials.map(denialText));
      denied.push(...(verdict?.denials ?? []).filter((denial) => !known.has(denialText(denial))));
      if (verdict === undefined || (verdict.exposures.length === 0 && verdict.denials.length === 0)) {
        this.#verdicts.delete(key);
      } else {
        this.#verdicts.set(key, verdict);
      }
    }
    return this.#settle(prefixes, denied);
  }

  #settle(prefixes: Iterable<Prefix>, denied: Denial[]): ExposureDelta {
    const withdrawn: Exposure[] = [];
    const exposed: Exposure[] = [];
    for (const prefix of prefixes) {
      const before = this.#winners.get(prefix);
      const claims = this.#claims.get(prefix);
      if (claims === undefined) {
        if (before !== undefined) withdrawn.push(before);
        this.#winners.delete(prefix);
        this.#conflicts.delete(prefix);
        continue;
      }
      const { winner, denials } = resolveConflict(claims);
      this.#winners.set(prefix, winner);
      if (before === undefined || JSON.stringify(before) !== JSON.stringify(winner)) exposed.push(winner);
      const known = new Set(this.#conflicts.get(prefix)?.map(denialText));
      denied.push(...denials.filter((denial) => !known.has(denialText(denial))));
      if (denials.length === 0) this.#conflicts.delete(prefix);
      else this.#conflicts.set(prefix, denials);
    }
    return { withdrawn, exposed, denied };
  }

  #claim(exposure: Exposure): void {
    const claims = this.#claims.get(exposure.prefix);
    if (claims === undefined) this.#claims.set(exposure.prefix, [exposure]);
    else claims.push(exposure);
  }

  #drop(exposure: Exposure): void {
    const rest = this.#claims.get(exposure.prefix)?.filter((claim) => claim !== exposure) ?? [];
    if (rest.length === 0) this.#claims.delete(exposure.prefix);
    else this.#claims.set(exposure.prefix, rest);
  }
}

function denialText(denial: Denial): string {
  return `${denial.code} ${denial.address ?? ''} ${denial.message}`;
}
