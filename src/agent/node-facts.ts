/**
 * The facts that wiring is computed from, put together from what was read of the node. Pure: the daemon reads a node
 * (`facts-reader.ts`), an offline plan reads files (`offline-node.ts`), and both mean the same by it.
 */
import type { IpAddress } from '../base/address.ts';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import type { AgentConfig } from '../config/types.ts';
import { ADVERTISE_METRIC } from '../node/advertise-metrics.ts';
import type { RtTableEntry } from '../node/edge.ts';
import type { KernelFacts } from '../node/kernel-facts.ts';
import type { NodeScope } from '../node/objects.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import { routeClasses } from '../wiring/route-class.ts';
import { assignTables } from '../wiring/routing-tables.ts';
import type { BridgeFacts, LocalOvnFacts, NodeFacts } from '../wiring/types.ts';
import type { TableFacts } from './table-book.ts';

export interface NodeReadings {
  readonly snapshot: OvsSnapshot;
  readonly kernel: KernelFacts;
  /** Routing tables: as they were found on the node, or the lines of a file that says nothing of what is in them. */
  readonly tables: TableFacts | { readonly lines: readonly RtTableEntry[] };
  readonly routerId: IpAddress | undefined;
  /** Absent: the node has no OVN of its own, or nothing is known of it. */
  readonly localOvn?: LocalOvnFacts | undefined;
}

export function nodeFacts(
  { snapshot, kernel, tables, routerId, localOvn }: NodeReadings,
  config: AgentConfig,
): NodeFacts {
  const { mappings } = parseBridgeMappings(snapshot.bridgeMappings);
  const names = mappedBridges(snapshot.bridgeMappings);
  const bridges = new Map<string, BridgeFacts>();
  for (const name of names) {
    const bridge = snapshot.bridges.get(name);
    if (bridge === undefined) continue;
    const ofports = new Map<string, number>();
    for (const port of bridge.ports.values()) {
      if (port.type === 'patch' && port.ofport !== undefined) ofports.set(port.name, port.ofport);
    }
    const mac = kernel.macs.get(name);
    bridges.set(name, { name, device: mac === undefined ? undefined : { mac }, ofports });
  }
  return {
    bridgeMappings: mappings,
    bridges,
    integrationBridge: snapshot.integrationBridge,
    ...('lines' in tables
      ? { tables: assignTables(tables.lines, names, [config.bgpVrfTableId]) }
      : { tables: tables.numbers, tableProblems: tables.problems, adopted: tables.adopted }),
    kernelVlan: kernel.vlan,
    routerId,
    ...(localOvn === undefined ? {} : { localOvn }),
  };
}

/** Names of the bridges in the text of `ovn-bridge-mappings`, each once, in its order. */
export function mappedBridges(text: string): readonly string[] {
  return [...new Set(parseBridgeMappings(text).mappings.map((mapping) => mapping.bridge))];
}

/** Fixed names and numbers of a node, for the rooms that must know what is the agent's. */
export function nodeScope(config: AgentConfig, facts: NodeFacts): NodeScope {
  const bridges = [...new Set(facts.bridgeMappings.map((mapping) => mapping.bridge))];
  const fabricDevices = [...(facts.localOvn?.bridges.values() ?? [])].flatMap(({ ports }) =>
    ports.filter(({ inKernel, type }) => inKernel && type !== 'internal').map(({ name }) => name),
  );
  const local = facts.localOvn?.mappings.map((mapping) => mapping.bridge);
  return {
    bgpNic: config.bgpNic,
    bgpVrf: config.bgpVrf,
    bgpVrfTable: config.bgpVrfTableId,
    bgpAs: config.bgpAs,
    bridges,
    advertiseMetrics: [ADVERTISE_METRIC, ...routeClasses(config).map(({ metric }) => metric)],
    tables: new Set([...facts.tables.values(), ...(facts.adopted?.tables ?? [])]),
    ...(facts.adopted === undefined ? {} : { adopted: facts.adopted }),
    ...(local === undefined
      ? {}
      : { flowBridges: [...new Set([...bridges, ...local])], localBridges: local, fabricDevices }),
    ...(config.exposingMethod === 'ovn' ? { localOvn: true as const } : {}),
  };
}
