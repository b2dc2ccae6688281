/**
 * The exposures of this node, kept up to date candidate by candidate.
 *
 * In: verdicts of the candidates that changed. Out: which winning exposures came and went. Claims on one prefix are
 * settled by the rank of `exposures/conflicts.ts`, after those whose subnet is exposed for somebody else were set aside,
 * so the result does not depend on the order of events; a full recompute over all candidates gives the same state, and a
 * test compares the two.
 */
import { networkAddress, type Prefix } from '../base/address.ts';
import { ownWinner, settle } from '../exposures/conflicts.ts';
import type { Denial, Exposure, Verdict } from '../exposures/types.ts';
import { describeRow } from '../ovn/describe.ts';
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
  /** Prefixes with claims that need this subnet, with how many need it. */
  readonly #inside = new Map<Prefix, Map<Prefix, number>>();
  /** Which candidate carries the subnets that others need. */
  readonly #carriers = new Map<Prefix, CandidateKey>();
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

  verdicts(): Iterable<readonly [CandidateKey, Verdict]> {
    return this.#verdicts;
  }

  /** Why this is exposed no more, after the update that ended it. */
  whyNot({ candidate, prefix, because }: Exposure): string {
    const row = because[0] === undefined ? candidate : describeRow(because[0].row);
    const verdict = this.#verdicts.get(candidate);
    const lost = this.#conflicts.get(prefix)?.find((denial) => denial.candidate === candidate);
    if (lost !== undefined) return lost.message;
    if (verdict === undefined) return `${row} is gone`;
    const own = new Set<string>([prefix, networkAddress(prefix)]);
    const denial =
      verdict.denials.find(({ address }) => address !== undefined && own.has(address)) ??
      verdict.denials.find(({ address }) => address === undefined);
    return denial?.message ?? `${row} does not have it any more`;
  }

  candidates(): Iterable<CandidateKey> {
    return this.#verdicts.keys();
  }

  /** Takes new verdicts; an empty one is that of a candidate that is gone. */
  update(verdicts: Iterable<readonly [CandidateKey, Verdict]>): ExposureDelta {
    const prefixes = new Set<Prefix>();
    const denied: Denial[] = [];
    for (const [key, verdict] of verdicts) {
      const before = this.#verdicts.get(key);
      for (const exposure of before?.exposures ?? []) {
        prefixes.add(exposure.prefix);
        this.#drop(exposure);
      }
      for (const exposure of verdict.exposures) {
        prefixes.add(exposure.prefix);
        this.#claim(exposure);
      }
      const known = new Set(before?.denials.map(denialText));
      denied.push(...verdict.denials.filter((denial) => !known.has(denialText(denial))));
      if (verdict.exposures.length === 0 && verdict.denials.length === 0) {
        this.#verdicts.delete(key);
      } else {
        this.#verdicts.set(key, verdict);
      }
    }
    return this.#settle(prefixes, denied);
  }

  #settle(prefixes: Set<Prefix>, denied: Denial[]): ExposureDelta {
    const withdrawn: Exposure[] = [];
    const exposed: Exposure[] = [];
    // Grows while it is walked: what is inside is never what others are inside of.
    for (const subnet of prefixes) {
      const inside = this.#inside.get(subnet);
      if (inside === undefined) continue;
      const carrier = ownWinner(this.#claims.get(subnet))?.candidate;
      if (carrier === this.#carriers.get(subnet)) continue;
      if (carrier === undefined) this.#carriers.delete(subnet);
      else this.#carriers.set(subnet, carrier);
      for (const prefix of inside.keys()) prefixes.add(prefix);
    }
    for (const prefix of prefixes) {
      const before = this.#winners.get(prefix);
      const after = this.#resolve(prefix, denied);
      if (after === undefined) {
        if (before !== undefined) withdrawn.push(before);
        this.#winners.delete(prefix);
      } else {
        this.#winners.set(prefix, after);
        if (before === undefined || JSON.stringify(before) !== JSON.stringify(after)) exposed.push(after);
      }
    }
    return { withdrawn, exposed, denied };
  }

  #resolve(prefix: Prefix, denied: Denial[]): Exposure | undefined {
    const { winner, denials } = settle(this.#claims.get(prefix) ?? [], (subnet) =>
      ownWinner(this.#claims.get(subnet)),
    );
    const known = new Set(this.#conflicts.get(prefix)?.map(denialText));
    denied.push(...denials.filter((denial) => !known.has(denialText(denial))));
    if (denials.length === 0) this.#conflicts.delete(prefix);
    else this.#conflicts.set(prefix, denials);
    return winner;
  }

  #claim(exposure: Exposure): void {
    const claims = this.#claims.get(exposure.prefix);
    if (claims === undefined) this.#claims.set(exposure.prefix, [exposure]);
    else claims.push(exposure);
    if (exposure.delivery.type === 'covered') this.#count(exposure.delivery.subnet, exposure.prefix, 1);
  }

  #drop(exposure: Exposure): void {
    const rest = this.#claims.get(exposure.prefix)?.filter((claim) => claim !== exposure) ?? [];
    if (rest.length === 0) this.#claims.delete(exposure.prefix);
    else this.#claims.set(exposure.prefix, rest);
    if (exposure.delivery.type === 'covered') this.#count(exposure.delivery.subnet, exposure.prefix, -1);
  }

  #count(subnet: Prefix, inside: Prefix, by: 1 | -1): void {
    const counts = this.#inside.get(subnet) ?? this.#firstInside(subnet);
    const count = (counts.get(inside) ?? 0) + by;
    if (count > 0) counts.set(inside, count);
    else counts.delete(inside);
    if (counts.size > 0) {
      this.#inside.set(subnet, counts);
    } else {
      this.#inside.delete(subnet);
      this.#carriers.delete(subnet);
    }
  }

  /** From now on it matters who carries the subnet; what touched it before did not have to be noted. */
  #firstInside(subnet: Prefix): Map<Prefix, number> {
    const carrier = ownWinner(this.#claims.get(subnet))?.candidate;
    if (carrier !== undefined) this.#carriers.set(subnet, carrier);
    return new Map();
  }
}

function denialText(denial: Denial): string {
  return `${denial.code} ${denial.address ?? ''} ${denial.message}`;
}
