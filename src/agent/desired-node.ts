/**
 * One computation from the databases to the desired state of a node: what `plan` prints, of this node or of another.
 *
 * The same stages as the daemon's, once and without a memory: ports that are down in a live migration count as if their
 * grace period had passed.
 */

import { compareIp } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { sortedBy } from '../base/order.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Denial, Exposure } from '../exposures/types.ts';
import type { Node } from '../node/node.ts';
import type { DesiredObject, ObjectKey } from '../node/objects.ts';
import type { Topology } from '../ovn/topology.ts';
import type { NodeFacts, Pending } from '../wiring/types.ts';
import { methodOf } from '../wiring/wire.ts';
import { MethodHandover } from './method-handover.ts';
import { MigrationGrace } from './migration-grace.ts';
import { Planner } from './planner.ts';

/** A denial with all addresses that it keeps from being exposed; where it is about one, that one. */
export type ExplainedDenial = Denial & { readonly addresses: readonly string[] };

/** Sorted: the same databases give the same lists, whatever the order of their rows. */
export interface DesiredNode {
  readonly desired: ReadonlyMap<ObjectKey, DesiredObject>;
  readonly exposures: readonly Exposure[];
  readonly denials: readonly ExplainedDenial[];
  readonly pending: readonly Pending[];
  /** Keys of the objects that announce an exposure; none while something is missing for it. */
  readonly advertisedBy: (exposure: Exposure) => readonly ObjectKey[];
}

/** `node`: the node that it is for, already read; what carries its addresses meanwhile is wanted, too. */
export function desiredNode(
  config: AgentConfig,
  topology: Topology,
  facts: NodeFacts,
  node?: Node,
): DesiredNode {
  const grace = new MigrationGrace(0, systemClock, () => undefined);
  const planner = new Planner(config, methodOf(config.exposingMethod), grace);
  planner.setTopology(topology);
  planner.setFacts(facts);
  planner.step();
  if (node !== undefined && planner.keepStanding((key) => node.observed(key) !== undefined)) planner.step();
  if (node !== undefined) new MethodHandover(config, silentLogger).hold(planner, node);
  return {
    desired: planner.desired,
    exposures: [...planner.exposures.values()].sort((a, b) => compareIp(a.prefix, b.prefix)),
    denials: sortedBy(
      explained(planner),
      ({ row, address, code }) => `${row.name ?? ''} ${row.uuid} ${address ?? ''} ${code}`,
    ),
    pending: sortedBy(planner.pending(), ({ subject }) => subject),
    advertisedBy: (exposure) => planner.advertisedBy(exposure),
  };
}

function* explained(planner: Planner): Iterable<ExplainedDenial> {
  for (const denial of planner.denials()) {
    const { address, candidate } = denial;
    yield { ...denial, addresses: address === undefined ? planner.addressesOf(candidate) : [address] };
  }
}
