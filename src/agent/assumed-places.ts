/**
 * Exposures whose place is not known yet: what stands on the node for them stays, new ones wait.
 *
 * In: verdicts, what is exposed already, and once the node was read, what of them stands there. Out: verdicts in which
 * an exposure that only assumes its place is left in where it stood before, and is a denial otherwise. The decision on
 * a candidate lasts until its place is known.
 */
import type { Prefix } from '../base/address.ts';
import { subjectOf } from '../exposures/subject.ts';
import { type Denial, type Exposure, isAssumed, type Verdict } from '../exposures/types.ts';
import { describeRow } from '../ovn/describe.ts';
import type { CandidateKey } from '../ovn/topology.ts';
import type { Pending } from '../wiring/types.ts';

/** As many addresses are named in a line; all of them are denials. */
const NAMED = 3;

export class AssumedPlaces {
  /** Of these candidates, prefixes that stood before. */
  readonly #kept = new Map<CandidateKey, ReadonlySet<Prefix>>();
  readonly #waiting = new Map<CandidateKey, readonly Exposure[]>();
  /** Waiting, and not looked up on the node yet. */
  #unseen = new Set<CandidateKey>();

  /** The verdict that counts; `exposed`: what is exposed before it. */
  admit(key: CandidateKey, verdict: Verdict, exposed: ReadonlyMap<Prefix, Exposure>): Verdict {
    const assumed = verdict.exposures.filter(isAssumed);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    this.#waiting.delete(key);
    if (assumed.length === 0) return verdict;
    const stood = new Set<Prefix>();
    const waiting: Exposure[] = [];
    for (const exposure of assumed) {
      const { prefix } = exposure;
      if (kept?.has(prefix) === true || exposed.get(prefix)?.candidate === key) stood.add(prefix);
      else waiting.push(exposure);
    }
    if (stood.size > 0) this.#kept.set(key, stood);
    if (waiting.length === 0) return verdict;
    this.#waiting.set(key, waiting);
    this.#unseen.add(key);
    return {
      exposures: verdict.exposures.filter((exposure) => !waiting.includes(exposure)),
      denials: [...verdict.denials, ...waiting.map(denialOf)],
    };
  }

  /** Asks of everything that waits and was not asked for yet whether it stands; returns candidates of which something does. */
  recognise(stands: (exposure: Exposure) => boolean): readonly CandidateKey[] {
    const found: CandidateKey[] = [];
    for (const key of this.#unseen) {
      const standing = (this.#waiting.get(key) ?? []).filter(stands).map(({ prefix }) => prefix);
      if (standing.length === 0) continue;
      this.#kept.set(key, new Set([...(this.#kept.get(key) ?? []), ...standing]));
      found.push(key);
    }
    this.#unseen = new Set();
    return found;
  }

  /** One line for all that waits. */
  pending(): readonly Pending[] {
    const addresses = [...this.#waiting.values()].flat().map(subjectOf).sort();
    if (addresses.length === 0) return [];
    const more = addresses.length > NAMED ? `, and ${addresses.length - NAMED} more` : '';
    const which = `${addresses.slice(0, NAMED).join(', ')}${more}`;
    return [
      {
        subject: 'what only the Southbound database places',
        reason: `${which}: announced here if that says so; it has not told anything yet`,
      },
    ];
  }
}

function denialOf(exposure: Exposure): Denial {
  const [first] = exposure.because;
  const assumed = exposure.because.find((reason) => reason.assumed === true);
  if (first === undefined || assumed === undefined) {
    throw new TypeError(`the exposure of ${exposure.prefix} assumes nothing`);
  }
  const address = subjectOf(exposure);
  return {
    candidate: exposure.candidate,
    row: first.row,
    address,
    code: 'place-unknown',
    fault: false,
    message: `${describeRow(first.row)}: ${address} waits; only the Southbound database tells where ${describeRow(assumed.row)} is, and it has not told anything yet`,
  };
}
