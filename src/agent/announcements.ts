/**
 * What becomes of each exposure on a node: announced or not, and why not.
 *
 * In: exposures, what each wants on the node for its announcement, and a plan for that node. Out: a state for each. Pure.
 */
import type { Prefix } from '../base/address.ts';
import type { Exposure } from '../exposures/types.ts';
import type { NodePlan, ObjectKey } from '../node/objects.ts';

/** In the order in which they are printed. */
export const ANNOUNCEMENT_STATES = ['announced', 'changes', 'waiting', 'blocked', 'routed'] as const;
/**
 * `announced`: it is, and what it needs is in place. `changes`: it will be when the changes of the plan are made. `waiting`:
 * something is missing that somebody else makes. `blocked`: something foreign stands in the way. `routed`: it is not to be
 * announced itself, only wired for the addresses inside it.
 */
export type AnnouncementState = (typeof ANNOUNCEMENT_STATES)[number];

export type Announcements = ReadonlyMap<Prefix, AnnouncementState>;

/** `advertisedBy`: keys of the objects that announce an exposure; none while something is missing. */
export function announcements(
  exposures: Iterable<Exposure>,
  advertisedBy: (exposure: Exposure) => readonly ObjectKey[],
  plan: NodePlan,
): Announcements {
  const changed = new Set(plan.stages.flatMap(({ changes }) => changes.map(({ key }) => key)));
  const blocked = new Set(plan.blocked.map(({ key }) => key));
  return new Map(Array.from(exposures, (exposure) => [exposure.prefix, stateOf(exposure)] as const));

  function stateOf(exposure: Exposure): AnnouncementState {
    if (!exposure.announce) return 'routed';
    const keys = advertisedBy(exposure);
    if (keys.length === 0) return 'waiting';
    const needed = withRequirements(keys, plan);
    if ([...needed].some((key) => blocked.has(key))) return 'blocked';
    return [...needed].some((key) => changed.has(key)) ? 'changes' : 'announced';
  }
}

/** How many are in each state. */
export function countByState(
  states: Iterable<AnnouncementState>,
): Readonly<Record<AnnouncementState, number>> {
  const counts = { announced: 0, changes: 0, waiting: 0, blocked: 0, routed: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}

function withRequirements(keys: readonly ObjectKey[], { desired }: NodePlan): ReadonlySet<ObjectKey> {
  const all = new Set(keys);
  // A set grows while it is walked.
  for (const key of all) for (const required of desired.get(key)?.requires ?? []) all.add(required);
  return all;
}
