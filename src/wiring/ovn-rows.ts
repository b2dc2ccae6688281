/**
 * Rows of the node's own OVN: the router with its sides towards fabric and provider networks, the ways out, and what one
 * address adds. Pure. Two shapes: `compatible` has the rows of the Python agent (the provider prefixes on the router, a
 * policy that sends everything from there to the peers); `host-routes` has a route for each address and no policy.
 */
import {
  contains,
  familyOf,
  hostPrefix,
  type IpAddress,
  type IpFamily,
  type MacAddress,
  type Prefix,
} from '../base/address.ts';
import { compareText, sortedBy } from '../base/order.ts';
import { type BfdReference, LOCAL_ROUTER, type LocalRow } from '../localnb/types.ts';
import { INNER_MAC, type InnerNames, innerNames, innerNetwork } from './ovn-names.ts';
import { isDown, type Uplink, type Way } from './ovn-uplinks.ts';
import type { LocalOvnFacts, WiringConfig } from './types.ts';

/** Half a second to notice a dead leaf is long; 300 ms thrice leaves room for a busy controller. */
const BFD_INTERVAL_MS = 300;
const BFD_MULTIPLIER = 3;
const REROUTE_PRIORITY = 10;
const ACL_PRIORITY = 1000;
const FAMILIES: readonly IpFamily[] = [4, 6];

/** A provider network as the router meets it. */
export interface InnerSide {
  /** Name in `ovn-bridge-mappings-<chassis>`. */
  readonly network: string;
  /** Counts the provider bridges of the mappings from 0. */
  readonly position: number;
  readonly vlan: number | undefined;
}

export class LocalRows {
  readonly #config: WiringConfig;
  readonly #facts: LocalOvnFacts;
  readonly #uplinks: readonly Uplink[];

  constructor(config: WiringConfig, facts: LocalOvnFacts, uplinks: readonly Uplink[]) {
    this.#config = config;
    this.#facts = facts;
    this.#uplinks = uplinks;
  }

  get compatible(): boolean {
    return this.#config.localOvnCluster.shape === 'compatible';
  }

  router(): readonly LocalRow[] {
    const options = this.compatible ? {} : { chassis: this.#config.localOvnCluster.bgpChassisId };
    return [{ table: 'Logical_Router', name: LOCAL_ROUTER, options }];
  }

  /** The side towards one fabric bridge. */
  outer({ network, names, mac, networks, ways }: Uplink): readonly LocalRow[] {
    return [
      ...switchRows(names, network, undefined, {}),
      ...this.#routerPort(names.routerPort, mac, networks),
      ...ways.flatMap((way): LocalRow[] =>
        way.mac === undefined
          ? []
          : [{ table: 'Static_MAC_Binding', port: names.routerPort, ip: way.nexthop, mac: way.mac }],
      ),
      ...ways
        .filter(({ bfd }) => bfd)
        .map(
          (way): LocalRow => ({
            table: 'BFD',
            ...bfdOf(names.routerPort, way),
            minTxMs: BFD_INTERVAL_MS,
            minRxMs: BFD_INTERVAL_MS,
            detectMultiplier: BFD_MULTIPLIER,
          }),
        ),
    ];
  }

  /** Default routes over all living uplinks. */
  waysOut(): readonly LocalRow[] {
    return this.#living().flatMap((uplink) => this.#defaultRoutes(uplink));
  }

  /** Families in which something can leave the node. */
  families(): ReadonlySet<IpFamily> {
    return new Set(this.#living().flatMap(({ ways }) => ways.map(({ family }) => family)));
  }

  /** The side towards one provider network, or VLAN of one. */
  inner(side: InnerSide): readonly LocalRow[] {
    const names = innerNames(side.network, side.position, side.vlan);
    const { providerNetworksPoolPrefixes: pool, arpProxy } = this.#config.localOvnCluster;
    const pooled = this.hasPool(side);
    const answered = pooled ? pool : arpProxy;
    return [
      ...switchRows(names, side.network, side.vlan, { arp_proxy: answered.join(' ') }),
      ...this.#routerPort(
        names.routerPort,
        INNER_MAC,
        pooled ? pool : [innerNetwork(side.position, side.vlan)],
      ),
      ...(this.compatible ? this.#policies(names.routerPort) : []),
    ];
  }

  /** The provider prefixes are networks of one port only: two ports with the same one would hide each other. */
  hasPool({ position, vlan }: InnerSide): boolean {
    return this.compatible && position === 0 && vlan === undefined;
  }

  /** True when the address is reached through the networks of the router port, without a route of its own. */
  isPooled(side: InnerSide, address: IpAddress): boolean {
    const { providerNetworksPoolPrefixes: pool } = this.#config.localOvnCluster;
    return this.hasPool(side) && pool.some((prefix) => contains(prefix, address));
  }

  /** An address on a provider network, and its MAC address there. */
  host(side: InnerSide, address: IpAddress, mac: MacAddress): readonly LocalRow[] {
    const names = innerNames(side.network, side.position, side.vlan);
    const rows: LocalRow[] = [{ table: 'Static_MAC_Binding', port: names.routerPort, ip: address, mac }];
    if (!this.isPooled(side, address)) {
      rows.push(routeRow(hostPrefix(address), address, names.routerPort));
    }
    // The router answers ARP for everything: without this also when a workload announces its own address.
    if (!this.compatible && familyOf(address) === 4) {
      rows.push({
        table: 'ACL',
        switch: names.switch,
        direction: 'from-lport',
        priority: ACL_PRIORITY,
        match: `inport == "${names.localnet}" && arp.op == 1 && arp.tpa == ${address}`,
        action: 'drop',
      });
    }
    return rows;
  }

  /** A subnet behind a gateway address on a provider network. */
  subnet(side: InnerSide, prefix: Prefix, via: IpAddress, mac: MacAddress): readonly LocalRow[] {
    const { routerPort } = innerNames(side.network, side.position, side.vlan);
    return [
      { table: 'Static_MAC_Binding', port: routerPort, ip: via, mac },
      routeRow(prefix, via, routerPort),
    ];
  }

  #living(): readonly Uplink[] {
    return this.#uplinks.filter(({ alive }) => alive);
  }

  #routerPort(name: string, mac: MacAddress, networks: readonly string[]): readonly LocalRow[] {
    const { bgpChassisId: chassis } = this.#config.localOvnCluster;
    const port: LocalRow = {
      table: 'Logical_Router_Port',
      name,
      router: LOCAL_ROUTER,
      mac,
      networks: [...networks].sort(compareText),
    };
    if (!this.compatible) return [port];
    return [port, { table: 'Gateway_Chassis', name: `${name}_${chassis}`, port: name, chassis, priority: 1 }];
  }

  #defaultRoutes({ names: { routerPort: port }, ways }: Uplink): readonly LocalRow[] {
    return ways.map(
      (way): LocalRow => ({
        table: 'Logical_Router_Static_Route',
        router: LOCAL_ROUTER,
        prefix: way.family === 4 ? '0.0.0.0/0' : '::/0',
        nexthop: way.nexthop,
        // The Python agent leaves it to OVN to find the port by the network.
        ...(this.compatible && !way.needsPort ? {} : { outputPort: port }),
        ...(way.bfd ? { bfd: bfdOf(port, way) } : {}),
      }),
    );
  }

  /**
   * Sends what comes in on a port to the peers, one policy a family: next hops of one policy are of one family. Without
   * `bfd_sessions` (OVN before 24.03) OVN does not take a dead peer out by itself.
   */
  #policies(port: string): readonly LocalRow[] {
    const follows = this.#facts.capabilities?.policyBfd !== false;
    const families = this.families();
    return FAMILIES.flatMap((family): LocalRow[] => {
      const all = this.#living().flatMap((uplink) =>
        uplink.ways.filter((way) => way.family === family).map((way) => ({ uplink, way })),
      );
      const up = all.filter(({ uplink, way }) => follows || !isDown(this.#facts, uplink, way));
      const used = up.length > 0 ? up : all;
      if (used.length === 0) return [];
      const both = families.size > 1 ? ` && ip${family}` : '';
      return [
        {
          table: 'Logical_Router_Policy',
          router: LOCAL_ROUTER,
          priority: REROUTE_PRIORITY,
          match: `inport=="${port}"${both}`,
          action: 'reroute',
          nexthops: used.map(({ way }) => way.nexthop).sort(compareText),
          bfd: sortedBy(
            used
              .filter(({ way }) => way.bfd && follows)
              .map(({ uplink, way }) => bfdOf(uplink.names.routerPort, way)),
            ({ port: name, peer }) => `${name} ${peer}`,
          ),
        },
      ];
    });
  }
}

function bfdOf(port: string, { nexthop }: Way): BfdReference {
  return { port, peer: nexthop };
}

function routeRow(prefix: Prefix, nexthop: IpAddress, outputPort: string): LocalRow {
  return { table: 'Logical_Router_Static_Route', router: LOCAL_ROUTER, prefix, nexthop, outputPort };
}

/** A switch with its way to the bridge and its plug into the router. */
function switchRows(
  names: InnerNames,
  network: string,
  vlan: number | undefined,
  options: Readonly<Record<string, string>>,
): readonly LocalRow[] {
  return [
    { table: 'Logical_Switch', name: names.switch },
    {
      table: 'Logical_Switch_Port',
      name: names.localnet,
      switch: names.switch,
      type: 'localnet',
      addresses: ['unknown'],
      options: { network_name: network },
      ...(vlan === undefined ? {} : { tag: vlan }),
    },
    {
      table: 'Logical_Switch_Port',
      name: names.switchPort,
      switch: names.switch,
      type: 'router',
      addresses: ['router'],
      options: { ...options, 'router-port': names.routerPort },
    },
  ];
}
