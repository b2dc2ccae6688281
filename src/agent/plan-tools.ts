/** Small pure questions about a plan. */
import type { NodePlan } from '../node/objects.ts';
import { ADVERTISE, WITHDRAW } from '../node/stages.ts';

/** How many advertisements the plan ends, and how many it makes; one that is only renewed counts as neither. */
export function advertisementChanges(plan: NodePlan): { readonly withdrawn: number; readonly added: number } {
  const keysOf = (name: string): Set<string> =>
    new Set(plan.stages.find((stage) => stage.name === name)?.changes.map((change) => change.key));
  const [withdrawn, added] = [keysOf(WITHDRAW), keysOf(ADVERTISE)];
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
