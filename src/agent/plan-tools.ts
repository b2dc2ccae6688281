/** Small pure questions about a plan. */
import { ADVERTISE_METRIC, type Change, MAIN_TABLE, type NodePlan } from '../node/objects.ts';

/** True when the change makes or ends an advertisement. */
export function isAdvertisement(change: Change): boolean {
  if (change.op !== 'remove') return change.desired.role === 'advertise';
  const { object } = change.observed;
  switch (object.kind) {
    case 'route':
      return object.table === MAIN_TABLE && object.target.type === 'blackhole' && object.metric === ADVERTISE_METRIC;
    case 'address':
      // Bridges carry two addresses of the agent's; everything else that it owns is on the advertising device.
      return !object.prefix.startsWith('169.254.') && !object.prefix.startsWith('fd53:d91e:400:7f17:');
    default:
      return false;
  }
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
