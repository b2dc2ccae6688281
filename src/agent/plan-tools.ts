/** Small pure questions about a plan. */
import type { NodePlan } from '../node/objects.ts';

export function changeCount(plan: NodePlan): number {
  return plan.stages.reduce((count, stage) => count + stage.changes.length, 0);
}
