/**
 * The facts that wiring is computed from, put together from what was read of the node. Pure: the daemon reads a node
 * (`facts-reader.ts`), an offline plan reads files (`offline-node.ts`), and both mean the same by it.
 */
import type { IpAddress } from '../base/address.ts';
import { type BridgeMapping, parseBridgeMappings } from '../base/bridge-mappings.ts';
import { compareText, sortedBy } from '../base/order.ts';
import { quote } from '../base/quote.ts';
import type { AgentConfig } from '../config/types.ts';
import { ADVERTISE_METRIC } from '../node/advertise-metrics.ts';
import type { RtTableEntry } from '../node/edge.ts';
import type { KernelFacts } from '../node/kernel-facts.ts';
import type { NodeScope } from '../node/objects.ts';
import type { OvsBridge, OvsSnapshot } from '../openvswitch/types.ts';
import { routeClasses } from '../wiring/route-class.ts';
import { assignTables } from '../wiring/routing-tables.ts';
import type { BridgeFacts, FormerBridge, LocalOvnFacts, NodeFacts } from '../wiring/types.ts';
import type { TableFacts } from './table-book.ts';

/** `Interface.type` of what vswitchd opens as a NIC (ovs-vswitchd.conf.db(5)). */
const NIC_TYPES: ReadonlySet<string> = new Set(['', 'system', 'dpdk', 'afxdp', 'afxdp-nonpmd']);

export interface NodeReadings {
  readonly snapshot: OvsSnapshot;
  readonly kernel: KernelFacts;
  /** Routing tables: as they were found on the node, or the lines of a file that says nothing of what is in them. */
  readonly tables: TableFacts | { readonly lines: readonly RtTableEntry[] };
  readonly routerId: IpAddress | undefined;
  /** Absent: the node has no OVN of its own, or nothing is known of it. */
  readonly localOvn?: LocalOvnFacts | undefined;
  /** Bridges that were in use before. */
  readonly former?: readonly { readonly name: string; readonly settings: boolean }[];
}

export function nodeFacts(
  { snapshot, kernel, tables, routerId, localOvn, former = [] }: NodeReadings,
  config: AgentConfig,
): NodeFacts {
  const { used: mappings, excluded } = usedMappings(snapshot.bridgeMappings, config);
  const names = bridgesOf(mappings);
  const bridges = new Map<string, BridgeFacts>();
  for (const name of names) {
    const bridge = snapshot.bridges.get(name);
    if (bridge === undefined) continue;
    const ofports = new Map<string, number>();
    for (const port of bridge.ports.values()) {
      if (port.type === 'patch' && port.ofport !== undefined) ofports.set(port.name, port.ofport);
    }
    const mac = kernel.macs.get(name);
    const nics = nicsOf(bridge);
    const device = mac === undefined ? undefined : { mac };
    bridges.set(name, { name, device, ofports, ...(nics.length === 0 ? {} : { nics }) });
  }
  const formerBridges = former.map(
    ({ name, settings }): FormerBridge => ({ name, restore: settings && kernel.macs.has(name) }),
  );
  const formerLinks = sortedBy(
    (kernel.advertising ?? []).filter(({ name, table }) =>
      table === undefined ? name !== config.bgpNic : name !== config.bgpVrf || table !== config.bgpVrfTableId,
    ),
    ({ name }) => name,
  );
  return {
    bridgeMappings: mappings,
    ...(excluded.length === 0 ? {} : { excludedMappings: excluded }),
    ...(formerBridges.length === 0 ? {} : { formerBridges }),
    ...(formerLinks.length === 0 ? {} : { formerLinks }),
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

/** The mappings that the agent works with, and those that the operator keeps it off. */
export function usedMappings(
  text: string,
  { excludedPhysicalNetworks }: Pick<AgentConfig, 'excludedPhysicalNetworks'>,
): { readonly used: readonly BridgeMapping[]; readonly excluded: readonly BridgeMapping[] } {
  const { mappings } = parseBridgeMappings(text);
  const isExcluded = ({ physicalNetwork }: BridgeMapping): boolean =>
    excludedPhysicalNetworks.includes(physicalNetwork);
  return {
    used: mappings.filter((mapping) => !isExcluded(mapping)),
    excluded: mappings.filter(isExcluded).map((mapping) => ({ ...mapping, excluded: true })),
  };
}

/** Names of the bridges that the agent works on, each once, in the order of `ovn-bridge-mappings`. */
export function mappedBridges(
  text: string,
  config: Pick<AgentConfig, 'excludedPhysicalNetworks'>,
): readonly string[] {
  return bridgesOf(usedMappings(text, config).used);
}

/** What an operator should know of the mappings and the bridges, one sentence each. */
export function mappingWarnings(
  snapshot: Pick<OvsSnapshot, 'bridgeMappings' | 'bridges'>,
  config: Pick<AgentConfig, 'excludedPhysicalNetworks' | 'exposingMethod'>,
): readonly string[] {
  const { mappings, warnings } = parseBridgeMappings(snapshot.bridgeMappings);
  const known = new Set(mappings.map(({ physicalNetwork }) => physicalNetwork));
  const unknown = config.excludedPhysicalNetworks.filter((name) => !known.has(name));
  // With a router of its own between fabric and provider bridges nothing is taken from the wire.
  const steered = config.exposingMethod === 'underlay' ? mappedBridges(snapshot.bridgeMappings, config) : [];
  const plugged = steered.flatMap((name) => {
    const bridge = snapshot.bridges.get(name);
    return (bridge === undefined ? [] : nicsOf(bridge)).map((nic) => ({ name, nic }));
  });
  return [
    ...warnings,
    ...unknown.map(
      (name) =>
        `excluded_physical_networks names ${quote(name)}, which ovn-bridge-mappings does not have; correct either`,
    ),
    ...plugged.map(
      ({ name, nic }) =>
        `bridge ${name} has a NIC, ${nic}: IP traffic of its networks goes to the kernel and not to what is on that wire; ` +
        'name the physical network in excluded_physical_networks to leave the bridge alone, or take the NIC out',
    ),
  ];
}

function bridgesOf(mappings: readonly BridgeMapping[]): readonly string[] {
  return [...new Set(mappings.map(({ bridge }) => bridge))];
}

/** Ports of a bridge that lead out of the node: what is neither the kernel's, nor another bridge's, nor a tunnel's. */
function nicsOf({ ports }: OvsBridge): readonly string[] {
  return [...ports.values()]
    .filter(({ type }) => NIC_TYPES.has(type))
    .map(({ name }) => name)
    .sort(compareText);
}

/** Fixed names and numbers of a node, for the rooms that must know what is the agent's. */
export function nodeScope(config: AgentConfig, facts: NodeFacts): NodeScope {
  const former = facts.formerBridges ?? [];
  const bridges = [...bridgesOf(facts.bridgeMappings), ...former.map(({ name }) => name)];
  const fabricDevices = [...(facts.localOvn?.bridges.values() ?? [])].flatMap(({ ports }) =>
    ports.filter(({ inKernel, type }) => inKernel && type !== 'internal').map(({ name }) => name),
  );
  const local = facts.localOvn?.mappings.map((mapping) => mapping.bridge);
  return {
    bgpNic: config.bgpNic,
    bgpVrf: config.bgpVrf,
    bgpVrfTable: config.bgpVrfTableId,
    bgpAs: config.bgpAs,
    ...(facts.formerLinks === undefined ? {} : { formerLinks: facts.formerLinks }),
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
