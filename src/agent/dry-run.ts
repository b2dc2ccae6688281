/**
 * One computation without a write: what `plan` prints.
 *
 * The same stages as the daemon's, once: databases, facts, exposures, wiring, comparison with the node. Throws when a
 * database does not answer before the signal aborts; the message says which.
 */
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Denial, Exposure } from '../exposures/types.ts';
import type { NodeEdge } from '../node/edge.ts';
import { Node } from '../node/node.ts';
import type { NodePlan } from '../node/objects.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import type { Pending } from '../wiring/types.ts';
import { desiredNode } from './desired-node.ts';
import { FactsReader } from './facts-reader.ts';
import { readIdentity } from './identity.ts';
import { openOvnSource, ovnPlaces } from './ovn-source.ts';
import { whenSnapshot } from './when-snapshot.ts';

export interface DryRun {
  readonly identity: NodeIdentity;
  readonly plan: NodePlan;
  readonly exposures: readonly Exposure[];
  readonly denials: readonly Denial[];
  readonly pending: readonly Pending[];
}

export interface DryRunParts {
  readonly config: AgentConfig;
  readonly edge: NodeEdge;
  readonly log: Logger;
  readonly osHostname: string;
}

export async function dryRun(parts: DryRunParts, signal: AbortSignal): Promise<DryRun> {
  const { config, edge, log, osHostname } = parts;
  const local = `the local Open_vSwitch database at ${config.ovsdbConnection}`;
  const snapshot = await awaiting(local, whenSnapshot(edge.ovs, signal));
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
    await awaiting(`the OVN database at ${places.database}`, source.whenSynchronized(signal));
    const reader = new FactsReader(edge, config, log);
    const before = await reader.read(signal);
    await reader.former.ask(signal);
    const facts = reader.former.isEmpty ? before : await reader.read(signal);
    node.setScope(reader.scope(facts));
    await node.read(undefined, signal);
    const { desired, exposures, denials, pending } = desiredNode(config, source.topology, facts, node);
    return { identity, plan: node.plan(desired), exposures, denials, pending };
  } finally {
    node.close();
    await source.close();
  }
}

async function awaiting<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new Error(`no answer from ${what}`, { cause });
  }
}
