/**
 * What the agent ever made on a node, for every exposing method, as a plan that takes it away.
 *
 * In: the edges, the fixed names and numbers of the configuration. Out: a plan with an empty desired state over everything
 * that may hold something of the agent's; carrying it out withdraws first and unwires last, as always. What is not the
 * agent's by mark or name is not in it. Settings below /proc/sys are put back where what they served is taken away.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import type { NodeEdge } from '../node/edge.ts';
import { keyOf } from '../node/keys.ts';
import { Node, type ReadProblem } from '../node/node.ts';
import type {
  ChangeOutcome,
  DesiredObject,
  NodeObject,
  NodePlan,
  NodeScope,
  ObjectKey,
} from '../node/objects.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import { proxyArpPath, proxyNdpPath } from '../wiring/names.ts';
import { awaitSwitch } from './await-database.ts';
import { FactsReader } from './facts-reader.ts';
import { changeCount } from './plan-tools.ts';
import { TableBook } from './table-book.ts';

export interface CleanupParts {
  readonly config: AgentConfig;
  readonly edge: NodeEdge;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Hears what is wrong with a database that is waited for. */
  readonly tell?: (trouble: DatabaseTrouble) => void;
}

export interface Cleanup {
  readonly plan: NodePlan;
  /** What could not be looked at: something of the agent's may be left there. */
  readonly problems: readonly ReadProblem[];
  /** Takes everything away; one outcome a change. */
  apply(signal: AbortSignal): Promise<readonly ChangeOutcome[]>;
  close(): void;
}

/** What serves settings that are put back, by device: settings are no objects that could be owned. */
type Served = ReadonlyMap<string, readonly { readonly path: string; readonly made: string }[]>;

/** Looks at the node; throws when the local Open_vSwitch database does not answer. */
export async function planCleanup(parts: CleanupParts, signal: AbortSignal): Promise<Cleanup> {
  const { config, edge, log, clock = systemClock, tell = () => undefined } = parts;
  const snapshot = await awaitSwitch(edge, config, clock, tell, signal);
  const reader = new FactsReader(edge, config, log);
  const facts = await reader.read(signal);
  const scope = await wholeScope(reader.scope(facts), edge, snapshot, config, signal);
  const node = new Node(edge, log);
  node.setScope(scope);
  const problems = await node.read(undefined, signal);
  const bare = node.plan(new Map());
  const desired = restoredSettings(bare, node, scope, await settingsOf(edge, scope));
  const plan = desired.size === 0 ? bare : node.plan(desired);
  return {
    plan,
    problems,
    apply: (abort) => applyAll(node, plan, desired, abort),
    close: () => node.close(),
  };
}

/** Removing one thing can bring another into view (the twin of a row): looked at until nothing is left. */
async function applyAll(
  node: Node,
  first: NodePlan,
  desired: ReadonlyMap<ObjectKey, DesiredObject>,
  signal: AbortSignal,
): Promise<readonly ChangeOutcome[]> {
  const outcomes = await node.apply(first, signal);
  if (outcomes.some(({ problem }) => problem !== undefined)) return outcomes;
  await node.read(undefined, signal);
  const rest = node.plan(desired);
  return changeCount(rest) === 0 ? outcomes : [...outcomes, ...(await node.apply(rest, signal))];
}

/**
 * Everywhere: also bridges that are mapped no more but have a routing table or flows of the agent. A line in rt_tables for a
 * bridge that neither the agent nor its predecessor ever came to is an operator's.
 */
async function wholeScope(
  scope: NodeScope,
  edge: NodeEdge,
  snapshot: OvsSnapshot,
  config: AgentConfig,
  signal: AbortSignal,
): Promise<NodeScope> {
  const candidates = [...new Set([...scope.bridges, ...[...snapshot.bridges.keys()].sort()])];
  const tables = await new TableBook(edge, config).read(candidates, [], signal);
  const worked = candidates.filter((name) => tables.worked.has(name));
  const numbers = worked.flatMap((bridge) => tables.numbers.get(bridge) ?? []);
  const { localOvn: _optional, ...rest } = scope;
  return {
    ...rest,
    bridges: [...new Set([...scope.bridges, ...worked])],
    tables: new Set([...numbers, ...tables.adopted.tables]),
    adopted: tables.adopted,
    flowBridges: [...new Set([...candidates, ...(scope.flowBridges ?? [])])].sort(),
  };
}

async function settingsOf(edge: NodeEdge, scope: NodeScope): Promise<Served> {
  const served = new Map<string, { readonly path: string; readonly made: string }[]>();
  const wanted = [
    ...scope.bridges.flatMap((device) => [
      { device, path: proxyArpPath(device), made: '1' },
      { device, path: proxyNdpPath(device), made: '1' },
    ]),
    ...(scope.fabricDevices ?? []).flatMap((device) => [
      { device, path: `net/ipv4/conf/${device}/arp_ignore`, made: '8' },
      { device, path: `net/ipv6/conf/${device}/disable_ipv6`, made: '1' },
    ]),
  ];
  for (const { device, path, made } of wanted) {
    if ((await edge.files.readSysctl(path)) !== made) continue;
    served.set(device, [...(served.get(device) ?? []), { path, made }]);
  }
  return served;
}

/** Settings of a device go back only where the plan takes away what they were made for. */
function restoredSettings(
  plan: NodePlan,
  node: Node,
  scope: NodeScope,
  settings: Served,
): ReadonlyMap<ObjectKey, DesiredObject> {
  const removed = plan.stages.flatMap(({ changes }) =>
    changes.flatMap((change) => (change.op === 'remove' ? [change.observed.object] : [])),
  );
  const hasLocalRows = removed.some(({ kind }) => kind === 'local-row');
  const desired = new Map<ObjectKey, DesiredObject>();
  for (const [device, each] of settings) {
    const fabric = scope.fabricDevices?.includes(device) === true;
    const used = removed.some((object) => object.kind === 'address' && object.device === device);
    if (fabric ? !hasLocalRows : !used) continue;
    for (const { path } of each) {
      const object: NodeObject = { kind: 'sysctl', path, value: '0' };
      if (node.observed(keyOf(object)) === undefined) continue;
      desired.set(keyOf(object), { object, role: 'wire', requires: [], because: 'cleanup' });
    }
  }
  return desired;
}
