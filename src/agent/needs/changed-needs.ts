/**
 * What a change of the node's needs can alter.
 *
 * In: the needs before and after, the verdicts as they are. Out: the candidates to decide on again: those that expose
 * something which the change touches, and those that were kept in for a need. Costs a look at every verdict, and nothing
 * where the needs are the same. Pure.
 */
import { hostPrefix } from '../../base/address.ts';
import type { NodeNeeds } from '../../exposures/needs.ts';
import type { DenialCode, Exposure, Verdict } from '../../exposures/types.ts';
import { type CandidateKey, candidateKind } from '../../ovn/topology.ts';
import type { NodeFacts } from '../../wiring/types.ts';

/** Decided before anybody asks whether a subnet is exposed here; all other reasons may change with the subnet. */
const BEFORE_SUBNETS: ReadonlySet<DenialCode> = new Set([
  'not-bound-here',
  'not-up',
  'port-type',
  'no-router',
  'gateway-elsewhere',
]);

export function affectedByNeeds(
  before: NodeNeeds,
  after: NodeNeeds,
  verdicts: Iterable<readonly [CandidateKey, Verdict]>,
): readonly CandidateKey[] {
  if (before === after) return [];
  const changed = before.difference(after);
  if (changed.all.length === 0) return [];
  const affected: CandidateKey[] = [];
  const denied: CandidateKey[] = [];
  for (const [key, { exposures, denials }] of verdicts) {
    if (
      denials.some(({ code }) => code === 'needed-by-node') ||
      exposures.some((exposure) => reliesOn(exposure, changed))
    ) {
      affected.push(key);
    } else if (denials.some(({ code }) => !BEFORE_SUBNETS.has(code))) {
      denied.push(key);
    }
  }
  // What is in no subnet that is exposed here may be in one of these.
  return affected.some((key) => candidateKind(key) === 'subnet') ? [...affected, ...denied] : affected;
}

function reliesOn({ prefix, delivery }: Exposure, changed: NodeNeeds): boolean {
  if (changed.touches(prefix)) return true;
  if (delivery.type === 'link') return false;
  if (changed.touches(hostPrefix(delivery.via))) return true;
  return delivery.type === 'covered' && changed.touches(delivery.subnet);
}

/** True when nothing that is wired differs. */
export function differInNeedsOnly(before: NodeFacts, after: NodeFacts): boolean {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof NodeFacts>;
  return [...keys].every((key) => key === 'needs' || before[key] === after[key]);
}
