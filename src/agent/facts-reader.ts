/**
 * Collects the facts that wiring is computed from: bridges of the local vswitchd, their kernel devices, routing table
 * numbers, what the kernel can do, FRR's router id.
 *
 * Every call reads anew and returns the previous object when nothing differs, so that "same object" means "same facts".
 * What cannot be told right now (FRR away) keeps its last value.
 */
import type { IpAddress } from '../base/address.ts';
import type { Logger } from '../base/logger.ts';
import { sortedBy } from '../base/order.ts';
import type { AgentConfig } from '../config/types.ts';
import { parseBridgeMappings } from '../exposures/bridge-mappings.ts';
import type { BridgeMapping } from '../exposures/types.ts';
import type { KernelEvent } from '../netlink/types.ts';
import { ADVERTISE_METRIC } from '../node/advertise-metrics.ts';
import type { NodeEdge } from '../node/edge.ts';
import { kernelFacts } from '../node/kernel-facts.ts';
import type { NodeScope } from '../node/objects.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import { routeClasses } from '../wiring/route-class.ts';
import { assignTables } from '../wiring/routing-tables.ts';
import type { BridgeFacts, LocalOvnFacts, NodeFacts } from '../wiring/types.ts';
import { LocalOvnFactsReader } from './local-ovn-facts.ts';

export class FactsReader {
  readonly #edge: NodeEdge;
  readonly #config: AgentConfig;
  readonly #log: Logger;
  #last: NodeFacts | undefined;
  #routerId: IpAddress | undefined;
  #mappingsText: string | undefined;
  readonly #localOvn: LocalOvnFactsReader;
  #localWarnings = '';

  constructor(edge: NodeEdge, config: AgentConfig, log: Logger) {
    this.#edge = edge;
    this.#config = config;
    this.#log = log;
    this.#routerId = config.bgpRouterId;
    this.#localOvn = new LocalOvnFactsReader(edge, config);
  }

  async read(signal: AbortSignal): Promise<NodeFacts> {
    const snapshot = this.#edge.ovs.snapshot();
    if (snapshot === undefined) throw new Error('the local Open_vSwitch database has not been read yet');
    const bridgeMappings = this.#mappings(snapshot);
    const names = [...new Set(bridgeMappings.map((mapping) => mapping.bridge))];
    const kernel = await kernelFacts(this.#edge, names);
    const rtTables = await this.#edge.files.readRtTables();
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
    const localOvn = await this.#readLocalOvn(snapshot, names);
    return this.#remember({
      bridgeMappings,
      bridges,
      tables: assignTables(rtTables, names, [this.#config.bgpVrfTableId]),
      kernelVlan: kernel.vlan,
      routerId: await this.#readRouterId(signal),
      ...(localOvn === undefined ? {} : { localOvn }),
    });
  }

  /** True when the kernel reports something that the facts depend on. */
  concerns(events: readonly KernelEvent[]): boolean {
    return events.some((event) => this.#localOvn.concerns(event));
  }

  /** Fixed names and numbers of this node, for the rooms that must know what is the agent's. */
  scope(facts: NodeFacts): NodeScope {
    const bridges = [...new Set(facts.bridgeMappings.map((mapping) => mapping.bridge))];
    const fabricDevices = [...(facts.localOvn?.bridges.values() ?? [])].flatMap(({ ports }) =>
      ports.filter(({ inKernel, type }) => inKernel && type !== 'internal').map(({ name }) => name),
    );
    const local = facts.localOvn?.mappings.map((mapping) => mapping.bridge);
    return {
      bgpNic: this.#config.bgpNic,
      bgpVrf: this.#config.bgpVrf,
      bgpVrfTable: this.#config.bgpVrfTableId,
      bgpAs: this.#config.bgpAs,
      bridges,
      advertiseMetrics: [ADVERTISE_METRIC, ...routeClasses(this.#config).map(({ metric }) => metric)],
      tables: new Set(facts.tables.values()),
      ...(local === undefined
        ? {}
        : { flowBridges: [...new Set([...bridges, ...local])], localBridges: local, fabricDevices }),
      ...(this.#config.exposingMethod === 'ovn' ? { localOvn: true } : {}),
    };
  }

  async #readLocalOvn(snapshot: OvsSnapshot, bridges: readonly string[]): Promise<LocalOvnFacts | undefined> {
    const result = await this.#localOvn.read(snapshot, bridges);
    const text = result?.warnings.join('\n') ?? '';
    if (text !== this.#localWarnings)
      for (const warning of result?.warnings ?? []) this.#log.warn({}, warning);
    this.#localWarnings = text;
    return result?.facts;
  }

  #mappings(snapshot: OvsSnapshot): readonly BridgeMapping[] {
    const { mappings, warnings } = parseBridgeMappings(snapshot.bridgeMappings);
    if (snapshot.bridgeMappings !== this.#mappingsText) {
      this.#mappingsText = snapshot.bridgeMappings;
      for (const warning of warnings) this.#log.warn({ mappings: snapshot.bridgeMappings }, warning);
    }
    return mappings;
  }

  async #readRouterId(signal: AbortSignal): Promise<IpAddress | undefined> {
    if (this.#config.bgpRouterId !== undefined) return this.#config.bgpRouterId;
    // Only the VRF instance needs one; the default instance has its own.
    if (this.#config.advertiseVia === 'main') return undefined;
    try {
      this.#routerId = (await this.#edge.frr.routerId(signal)) ?? this.#routerId;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#log.warn({ err: error }, 'the router id cannot be read from FRR; the last known one is kept');
    }
    return this.#routerId;
  }

  #remember(facts: NodeFacts): NodeFacts {
    if (this.#last !== undefined && factsText(this.#last) === factsText(facts)) return this.#last;
    this.#last = facts;
    return facts;
  }
}

function factsText(facts: NodeFacts): string {
  const bridges = [...facts.bridges.values()].map((bridge) => ({
    ...bridge,
    ofports: sortedBy(bridge.ofports, ([name]) => name),
  }));
  const local = facts.localOvn;
  const localOvn =
    local === undefined
      ? undefined
      : {
          ...local,
          bridges: [...local.bridges.values()],
          peerMacs: [...local.peerMacs],
          bfdStatus: [...local.bfdStatus],
        };
  return JSON.stringify({ ...facts, bridges, localOvn, tables: [...facts.tables] });
}
