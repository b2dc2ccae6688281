/**
 * What took the place of an object of the agent while it was looking. Pure.
 *
 * A route, neighbour or flow that somebody else put in place of one of the agent's bears no mark and would be taken for
 * foreign. In: what was believed, and what was found. Out: what was found, where what displaced an object of the agent may
 * be overwritten, as long as it is still about what the agent's own things are about. It is never removed.
 */
import { keyOf } from './keys.ts';
import type { NodeObject, NodeScope, ObjectKey, ObservedObject } from './objects.ts';
import { isHandoverDevice } from './ownership.ts';

export function reclaimed(
  scope: NodeScope,
  believed: (key: ObjectKey) => ObservedObject | undefined,
  found: readonly ObservedObject[],
): readonly ObservedObject[] {
  return found.map((each) => {
    // The bridge has another address now; the entry is the one that the agent made for the old one.
    if (each.object.kind === 'fdb' && believed(keyOf(each.object))?.owned === true)
      return { ...each, owned: true };
    if (each.owned || each.foreign === undefined || each.unlike === true || !isBetween(scope, each.object))
      return each;
    const before = believed(keyOf(each.object));
    if (before === undefined || (!before.owned && before.foreign !== undefined)) return each;
    const { foreign: _displaced, ...mine } = each;
    return mine;
  });
}

/** Between the fabric and the overlay. */
function isBetween(scope: NodeScope, object: NodeObject): boolean {
  if (object.kind === 'flow') return true;
  if (object.kind === 'neighbor') return isHandoverDevice(scope, object.device);
  if (object.kind !== 'route' || object.target.type !== 'device') return false;
  return scope.tables.has(object.table) && isHandoverDevice(scope, object.target.device);
}
