/**
 * What took the place of an object of the agent while it was looking. Pure.
 *
 * A route or neighbour that somebody else put in place of one of the agent's bears no mark and would be taken for foreign.
 * In: what was believed, and what was found. Out: what was found, and what displaced an object of the agent may be
 * overwritten, as long as it still leads to where the agent's own things are. It is never removed.
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
    if (each.owned || each.foreign === undefined || each.unlike === true || !isBetween(scope, each.object))
      return each;
    const before = believed(keyOf(each.object));
    if (before === undefined || (!before.owned && before.foreign !== undefined)) return each;
    const { foreign: _displaced, ...mine } = each;
    return mine;
  });
}

/** On a device between the fabric and the overlay. */
function isBetween(scope: NodeScope, object: NodeObject): boolean {
  if (object.kind === 'neighbor') return isHandoverDevice(scope, object.device);
  if (object.kind !== 'route' || object.target.type !== 'device') return false;
  return scope.tables.has(object.table) && isHandoverDevice(scope, object.target.device);
}
