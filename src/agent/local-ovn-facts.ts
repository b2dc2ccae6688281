/**
 * What wiring must know of the node's own OVN: its mappings, the bridges with their ports and carrier, the ways to the
 * fabric as the kernel's default routes have them, what its database can hold.
 *
 * In: the edges. Out: facts, or nothing when the local Open_vSwitch database names no such cluster and none is asked for.
 * The last ways out that worked are remembered, and so are MAC addresses of next hops that the kernel forgot meanwhile:
 * with none at all nothing would leave the node, while a stale one may still work.
 */
import {
  type InterfaceAddress,
  type IpAddress,
  type MacAddress,
  parseInterfaceAddress,
  parseIp,
  parseMac,
  unannounceable,
} from '../base/address.ts';
import { compareText, sortedBy } from '../base/order.ts';
import type { AgentConfig } from '../config/types.ts';
import type { KernelEvent, Link, Neighbor, NextHop, Route } from '../netlink/types.ts';
import type { NodeEdge } from '../node/edge.ts';
import { MAIN_TABLE } from '../node/objects.ts';
import type { OvsBridge, OvsSnapshot } from '../openvswitch/types.ts';
import type { DefaultNextHop, LocalBridgeFacts, LocalOvnFacts, LocalPortFacts } from '../wiring/types.ts';
import { localOvnKeys } from './local-ovn-keys.ts';

const DEFAULTS: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0']);
/** NUD_INCOMPLETE and NUD_FAILED of linux/neighbour.h: there is no answer (any more). */
const NUD_UNUSABLE = 0x01 | 0x20;

export interface LocalOvnFactsResult {
  readonly facts: LocalOvnFacts;
  readonly warnings: readonly string[];
}

export class LocalOvnFactsReader {
  readonly #edge: Pick<NodeEdge, 'netlink' | 'localOvn'>;
  readonly #config: Pick<AgentConfig, 'exposingMethod' | 'localOvnCluster'>;
  readonly #macs = new Map<string, MacAddress>();
  #lastNextHops: readonly DefaultNextHop[] = [];
  /** Devices that the facts depend on: the bridges and what is plugged into them. */
  #devices: { readonly names: ReadonlySet<string>; readonly indexes: ReadonlySet<number> } = {
    names: new Set(),
    indexes: new Set(),
  };

  constructor(
    edge: Pick<NodeEdge, 'netlink' | 'localOvn'>,
    config: Pick<AgentConfig, 'exposingMethod' | 'localOvnCluster'>,
  ) {
    this.#edge = edge;
    this.#config = config;
  }

  /** `undefined`: this node has no OVN of its own and needs none. */
  async read(
    snapshot: OvsSnapshot,
    providerBridges: readonly string[],
  ): Promise<LocalOvnFactsResult | undefined> {
    const { bgpChassisId } = this.#config.localOvnCluster;
    const wanted = this.#config.exposingMethod === 'ovn';
    const keys = localOvnKeys(snapshot, bgpChassisId);
    if (!keys.present && !wanted) return undefined;
    const { mappings, integrationBridge, zoneRange, warnings, bridges: names } = keys;
    const links = await this.#edge.netlink.links();
    const addresses = await this.#addresses(links, names);
    const bridges = new Map<string, LocalBridgeFacts>();
    for (const name of names) {
      const bridge = snapshot.bridges.get(name);
      if (bridge !== undefined) bridges.set(name, bridgeFacts(bridge, links, addresses.get(name) ?? []));
    }
    this.#remember(links, bridges);
    const fabric = names.filter((name) => !providerBridges.includes(name));
    const ways = wanted ? await this.#ways(links, fabric, bridges) : { nextHops: [], peerMacs: new Map() };
    const local = this.#edge.localOvn?.snapshot();
    return {
      facts: {
        mappings,
        integrationBridge,
        bridges,
        ...ways,
        capabilities: local?.capabilities,
        ...(local?.foreign === undefined ? {} : { foreign: local.foreign }),
        bfdStatus: (this.#config.localOvnCluster.bfd ? local?.bfdStatus : undefined) ?? new Map(),
        zoneRange,
      },
      warnings,
    };
  }

  /** True when the facts may be others after this. */
  concerns(event: KernelEvent): boolean {
    switch (event.type) {
      case 'resync':
        return this.#devices.names.size > 0;
      case 'link':
        return this.#devices.names.has(event.link.name);
      case 'address':
        return this.#devices.indexes.has(event.address.index);
      case 'neighbor':
        return this.#devices.indexes.has(event.neighbor.index);
      case 'route':
        return event.route.table === MAIN_TABLE && DEFAULTS.has(event.route.destination);
      case 'rule':
        return false;
      default:
        return event satisfies never;
    }
  }

  #remember(links: readonly Link[], bridges: ReadonlyMap<string, LocalBridgeFacts>): void {
    const names = new Set(
      [...bridges.values()].flatMap(({ name, ports }) => [name, ...ports.map((port) => port.name)]),
    );
    const indexes = new Set(links.filter(({ name }) => names.has(name)).map(({ index }) => index));
    this.#devices = { names, indexes };
  }

  async #addresses(
    links: readonly Link[],
    names: readonly string[],
  ): Promise<ReadonlyMap<string, readonly InterfaceAddress[]>> {
    const byIndex = new Map(
      links.filter(({ name }) => names.includes(name)).map((link) => [link.index, link.name]),
    );
    const found = new Map<string, InterfaceAddress[]>();
    if (byIndex.size === 0) return found;
    for (const { index, address } of await this.#edge.netlink.addresses()) {
      const name = byIndex.get(index);
      const parsed = parseInterfaceAddress(address);
      if (name === undefined || parsed === undefined || unannounceable(parsed.address) !== undefined)
        continue;
      const list = found.get(name);
      if (list === undefined) found.set(name, [parsed]);
      else list.push(parsed);
    }
    return found;
  }

  async #ways(
    links: readonly Link[],
    fabric: readonly string[],
    bridges: ReadonlyMap<string, LocalBridgeFacts>,
  ): Promise<Pick<LocalOvnFacts, 'nextHops' | 'peerMacs'>> {
    const { peerIps } = this.#config.localOvnCluster;
    const indexes = new Map(
      links.filter(({ name }) => fabric.includes(name)).map(({ index, name }) => [index, name]),
    );
    const neighbors = await this.#neighbors(indexes);
    const peerMacs = new Map<IpAddress, MacAddress>();
    for (const peer of peerIps) {
      for (const device of fabric) {
        const mac = this.#mac(neighbors, device, peer);
        if (mac !== undefined) peerMacs.set(peer, mac);
      }
    }
    const routes = indexes.size === 0 ? [] : await this.#edge.netlink.routes({ table: MAIN_TABLE });
    const hops = nextHopsOf(routes, indexes).map((hop) => ({
      ...hop,
      mac: this.#mac(neighbors, hop.device, hop.via),
    }));
    const alive = hops.filter(({ device }) => hasCarrier(bridges.get(device)));
    if (alive.length > 0 || hops.length > 0) {
      // Without carrier anywhere the routes are about to go: the last ones that worked are kept.
      if (alive.length > 0 || this.#lastNextHops.length === 0) {
        this.#lastNextHops = alive.length > 0 ? alive : hops;
      }
    }
    return { nextHops: this.#lastNextHops, peerMacs };
  }

  async #neighbors(indexes: ReadonlyMap<number, string>): Promise<ReadonlyMap<string, MacAddress>> {
    const known = new Map<string, MacAddress>();
    for (const [index, device] of indexes) {
      for (const neighbor of await this.#edge.netlink.neighbors({ index, proxy: false })) {
        const mac = usableMac(neighbor);
        const address = neighbor.address === undefined ? undefined : parseIp(neighbor.address);
        if (mac !== undefined && address !== undefined) known.set(`${device} ${address}`, mac);
      }
    }
    return known;
  }

  #mac(
    neighbors: ReadonlyMap<string, MacAddress>,
    device: string,
    address: IpAddress,
  ): MacAddress | undefined {
    const key = `${device} ${address}`;
    const mac = neighbors.get(key);
    if (mac !== undefined) this.#macs.set(key, mac);
    return mac ?? this.#macs.get(key);
  }
}

function bridgeFacts(
  bridge: OvsBridge,
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): LocalBridgeFacts {
  const mac = parseMac(links.find(({ name }) => name === bridge.name)?.mac ?? '');
  const ports = [...bridge.ports.values()].map((port): LocalPortFacts => {
    const link = links.find(({ name }) => name === port.name);
    // A NIC of DPDK is no device of the kernel; vswitchd knows its carrier.
    const carrier = link === undefined ? port.linkUp : link.up && link.running;
    return { name: port.name, type: port.type, ofport: port.ofport, carrier, inKernel: link !== undefined };
  });
  return {
    name: bridge.name,
    datapathType: bridge.datapathType,
    device: mac === undefined ? undefined : { mac },
    addresses,
    ports: sortedBy(ports, ({ name }) => name),
  };
}

/** False when every device of the bridge that could be the way to the fabric is without carrier. */
function hasCarrier(bridge: LocalBridgeFacts | undefined): boolean {
  const nics = bridge?.ports.filter(({ type }) => type !== 'patch' && type !== 'internal') ?? [];
  return nics.length === 0 || nics.some(({ carrier }) => carrier !== false);
}

type Hop = Omit<DefaultNextHop, 'mac'>;

/** Of each family, those of the best default route that leaves through one of the devices. */
function nextHopsOf(routes: readonly Route[], devices: ReadonlyMap<number, string>): readonly Hop[] {
  const found: Hop[] = [];
  for (const family of [4, 6] as const) {
    const candidates = routes
      .filter(
        (route) => route.family === family && DEFAULTS.has(route.destination) && route.type === 'unicast',
      )
      .map((route) => ({ route, hops: hopsOf(route, devices) }))
      .filter(({ hops }) => hops.length > 0)
      .sort((a, b) => a.route.metric - b.route.metric);
    const best = candidates[0]?.route.metric;
    for (const { route, hops } of candidates) if (route.metric === best) found.push(...hops);
  }
  const unique = new Map(found.map((hop) => [`${hop.family} ${hop.device} ${hop.via}`, hop]));
  return [...unique].sort(([a], [b]) => compareText(a, b)).map(([, hop]) => hop);
}

function hopsOf(route: Route, devices: ReadonlyMap<number, string>): readonly Hop[] {
  const nextHops: readonly Pick<NextHop, 'index' | 'via'>[] = route.nextHops ?? [route];
  return nextHops.flatMap(({ index, via }): Hop[] => {
    const device = index === undefined ? undefined : devices.get(index);
    const address = via === undefined ? undefined : parseIp(via);
    if (device === undefined || address === undefined) return [];
    return [{ family: route.family, device, via: address }];
  });
}

function usableMac(neighbor: Neighbor): MacAddress | undefined {
  if (neighbor.family === 'bridge' || neighbor.mac === undefined) return undefined;
  return (neighbor.state & NUD_UNUSABLE) === 0 ? parseMac(neighbor.mac) : undefined;
}
