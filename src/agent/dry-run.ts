/**
 * One computation without a write: what `plan` prints.
 *
 * The same stages as the daemon's, once: databases, facts, exposures, wiring, comparison with the node. Throws when a
 * database cannot be read before the signal aborts; the message says which, and why.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Exposure } from '../exposures/types.ts';
import type { NodeEdge } from '../node/edge.ts';
import { Node } from '../node/node.ts';
import type { Adopted, NodePlan } from '../node/objects.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import type { Pending } from '../wiring/types.ts';
import { type Announcements, announcements } from './announcements.ts';
import { awaitDatabase, awaitSwitch } from './await-database.ts';
import { type DesiredNode, desiredNode, type ExplainedDenial } from './desired-node.ts';
import { FactsReader } from './facts-reader.ts';
import { readIdentity } from './identity.ts';
import { openOvnSource, ovnPlaces } from './ovn-source.ts';

export interface DryRun {
  readonly identity: NodeIdentity;
  readonly plan: NodePlan;
  readonly exposures: readonly Exposure[];
  /** By prefix of the exposure. */
  readonly announcements: Announcements;
  readonly denials: readonly ExplainedDenial[];
  readonly pending: readonly Pending[];
  /** What the Python agent left on the node without marks, and counts as this one's. */
  readonly adopted?: Adopted;
}

export interface DryRunParts {
  readonly config: AgentConfig;
  readonly edge: NodeEdge;
  readonly log: Logger;
  readonly osHostname: string;
  readonly clock?: Clock;
  /** Hears what is wrong with a database that is waited for. */
  readonly tell?: (trouble: DatabaseTrouble) => void;
}

export async function dryRun(parts: DryRunParts, signal: AbortSignal): Promise<DryRun> {
  const { config, edge, log, osHostname, clock = systemClock, tell = () => undefined } = parts;
  const snapshot = await awaitSwitch(edge, config, clock, tell, signal);
  const identity = readIdentity(snapshot, osHostname);
  if (identity === undefined) {
    throw new Error(
      'the local Open_vSwitch database has no external_ids:system-id; ovn-controller needs one as well',
    );
  }
  const places = ovnPlaces(config, snapshot);
  if (!places.ok) throw new Error(places.problem);
  const source = openOvnSource(config, places, identity, log, { changed: () => undefined });
  const node = new Node(edge, log);
  try {
    await awaitDatabase(source.whenSynchronized(signal), {
      what: `the OVN database at ${places.database}`,
      troubles: () => source.troubles(),
      clock,
      tell,
    });
    const reader = new FactsReader(edge, config, log);
    const before = await reader.read(signal);
    await reader.former.ask(signal);
    const facts = reader.former.isEmpty ? before : await reader.read(signal);
    node.setScope(reader.scope(facts));
    await node.read(undefined, signal);
    return dryRunOf(identity, desiredNode(config, source.topology, facts, node), node);
  } finally {
    node.close();
    await source.close();
  }
}

/** What is wanted against a node that was read. */
export function dryRunOf(identity: NodeIdentity, wanted: DesiredNode, node: Node): DryRun {
  const { desired, exposures, denials, pending, advertisedBy } = wanted;
  const plan = node.plan(desired);
  const { adopted } = node.scope;
  return {
    identity,
    plan,
    exposures,
    announcements: announcements(exposures, advertisedBy, plan),
    denials,
    pending,
    ...(adopted === undefined ? {} : { adopted }),
  };
}
