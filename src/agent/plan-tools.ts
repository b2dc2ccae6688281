/** Small pure questions about a plan. */
import type { NodePlan } from '../node/objects.ts';
import { ADVERTISE, ADVERTISE_BEHIND, WITHDRAW, WITHDRAW_BEHIND } from '../node/stages.ts';

/** How many advertisements the plan ends, and how many it makes; one that is only renewed counts as neither. */
export function advertisementChanges(plan: NodePlan): { readonly withdrawn: number; readonly added: number } {
  const keysOf = (...names: readonly string[]): Set<string> =>
    new Set(
      plan.stages.flatMap(({ name, changes }) => (names.includes(name) ? changes.map(({ key }) => key) : [])),
    );
  const [withdrawn, added] = [keysOf(WITHDRAW, WITHDRAW_BEHIND), keysOf(ADVERTISE, ADVERTISE_BEHIND)];
  const renewed = [...withdrawn].filter((key) => added.has(key)).length;
  return { withdrawn: withdrawn.size - renewed, added: added.size - renewed };
}

/** The same plan with nothing taken away. */
export function withoutRemovals(plan: NodePlan): NodePlan {
  const stages = plan.stages
    .map((stage) => ({ ...stage, changes: stage.changes.filter((change) => change.op !== 'remove') }))
    .filter((stage) => stage.changes.length > 0);
  return { ...plan, stages };
}

export function changeCount(plan: NodePlan): number {
  return plan.stages.reduce((count, stage) => count + stage.changes.length, 0);
}
