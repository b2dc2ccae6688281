/** Whether an object of the node would take something from it that it needs. Pure. */
import { isHostPrefix } from '../../base/address.ts';
import { isNeededNetwork, type NodeNeeds } from '../../exposures/needs.ts';
import type { DesiredObject } from '../../node/objects.ts';
import { advertisedPrefix } from '../../node/ownership.ts';

/**
 * True for what announces or steers something needed. An address in a network that the node is merely connected to may be
 * one of a provider network, and is none.
 */
export function takesNeeded({ object, role }: DesiredObject, needs: NodeNeeds): boolean {
  const announced = role === 'advertise' ? advertisedPrefix(object) : undefined;
  const prefix = object.kind === 'rule' ? object.to : announced;
  if (prefix === undefined) return false;
  const isAddress = isHostPrefix(prefix);
  return [...needs.inside(prefix), ...needs.around(prefix)].some(
    (need) => !isAddress || !isNeededNetwork(need),
  );
}
