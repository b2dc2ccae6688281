/**
 * Load balancers of the Southbound database, and VIP ports that no load balancer claims.
 *
 * In: a row. Out: the load balancer as a candidate, with the port of its VIP and the routers that serve it. External ids
 * of the Northbound row are not copied: an Octavia load balancer is recognised by its VIP's port. Cannot fail: a reference
 * that leads nowhere is absent.
 */
import type { IpAddress } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { CIDRS_KEY, words } from './external-ids.ts';
import { marksOf, nearestMarks } from './marks.ts';
import { offlineVips } from './member-health.ts';
import type { QueryGraph } from './query-graph.ts';
import type { SouthboundRouters } from './southbound-routers.ts';
import { bindingMarks, bindingReference, withoutLengths } from './southbound-rows.ts';
import {
  ALL,
  ALL_MEMBERLESS,
  isAdditionalVip,
  isVipPort,
  loadBalancerOf,
  type PortBinding,
  type SouthboundLoadBalancer,
  type SouthboundViews,
} from './southbound-schema.ts';
import {
  candidateKey,
  type LoadBalancer,
  type LoadBalancerVip,
  type Router,
  type RowReference,
  type Subnet,
  type VipPort,
} from './topology.ts';
import { emptyVipAddresses, emptyVips, peopledVipAddresses } from './vip-members.ts';

/** Neutron's port forwardings of a floating IP: `pf-floatingip-<id>-<protocol>`. */
const PORT_FORWARDING_PREFIX = 'pf-floatingip-';

export class SouthboundLoadBalancers {
  readonly #views: SouthboundViews;
  readonly #graph: QueryGraph;
  readonly #routers: SouthboundRouters;
  /** Whether health checks count. */
  readonly #health: boolean;

  constructor(views: SouthboundViews, graph: QueryGraph, routers: SouthboundRouters, health: boolean) {
    this.#health = health;
    this.#views = views;
    this.#graph = graph;
    this.#routers = routers;
  }

  loadBalancer(row: SouthboundLoadBalancer): LoadBalancer {
    const [port, ...further] = sortedBy(this.#views.Port_Binding.find('vip', row.name), byName);
    const vipPort = port === undefined ? undefined : this.#vipPort(port);
    const reference: RowReference = {
      database: 'southbound',
      table: 'Load_Balancer',
      uuid: row._uuid,
      name: row.name,
    };
    return this.#candidate(reference, {
      name: row.name,
      flavor: flavorOf(row.name, vipPort),
      vipTexts: [...row.vips.keys()],
      emptyVipTexts: emptyVips(row.vips),
      offlineVipTexts: this.#offline(row),
      vipPort,
      additionalVips: further.map((binding) => vipOf(this.#vipPort(binding))),
      routers: this.#routersOf(row),
      marks: nearestMarks(marksOf(row.external_ids, reference), bindingMarks(port)),
    });
  }

  /**
   * The port of a VIP whose load balancer this database does not show: OVN before 23.09 leaves out those that are on no
   * switch, and a VIP's port may bear any name.
   */
  unclaimedVip(row: PortBinding): LoadBalancer | undefined {
    if (!isVipPort(row)) return undefined;
    const name = loadBalancerOf(row);
    if (name !== undefined && this.#views.Load_Balancer.find('name', name).length > 0) return undefined;
    const vipPort = this.#vipPort(row);
    return this.#candidate(bindingReference(row), {
      name: name ?? row.logical_port,
      flavor: 'octavia',
      // What listens on it is not told here: it is announced all the same.
      vipTexts: vipPort.addressTexts.slice(0, 1),
      emptyVipTexts: [],
      offlineVipTexts: [],
      vipPort,
      additionalVips: [],
      routers: routersAttached(vipPort.subnets.map(({ router }) => router)),
      marks: bindingMarks(row),
    });
  }

  /** Addresses of a router's load balancers with nothing behind them, sorted. */
  memberlessOf(router: Uuid): readonly IpAddress[] {
    return this.#graph.query(`memberless of router ${router}`, () => this.#memberless().get(router) ?? []);
  }

  #memberless(): ReadonlyMap<Uuid, readonly IpAddress[]> {
    return this.#graph.query('memberless', () => {
      const found = new Map<Uuid, Set<IpAddress>>();
      for (const row of this.#views.Load_Balancer.find('memberless', this.#health ? ALL : ALL_MEMBERLESS)) {
        for (const address of emptyVipAddresses(this.#reachedVips(row))) {
          // Octavia has a row for each protocol of a load balancer.
          const served = new Set(this.#servingRouters(address));
          for (const { row: router } of this.#routersOf(row)) {
            if (served.has(router.uuid)) continue;
            const addresses = found.get(router.uuid) ?? new Set();
            found.set(router.uuid, addresses.add(address));
          }
        }
      }
      return new Map([...found].map(([router, addresses]) => [router, [...addresses].sort()]));
    });
  }

  /** With nothing behind the keys of which no member is online. */
  #reachedVips(row: SouthboundLoadBalancer): ReadonlyMap<string, string> {
    const vips = new Map(row.vips);
    for (const key of this.#offline(row)) vips.set(key, '');
    return vips;
  }

  /** Routers of which a load balancer has a member behind the address. */
  #servingRouters(address: IpAddress): readonly Uuid[] {
    const rows = this.#views.Load_Balancer.find('peopled', address);
    return rows
      .filter((row) => peopledVipAddresses(this.#reachedVips(row)).includes(address))
      .flatMap((row) => this.#routersOf(row).map(({ row: router }) => router.uuid));
  }

  /** Which port is checked for a member is not told: one of several with the same address may be another tenant's. */
  #offline({ vips, protocol }: SouthboundLoadBalancer): readonly string[] {
    if (!this.#health) return [];
    return offlineVips({
      vips,
      protocol,
      isChecked: () => true,
      monitorsOf: (_, key) => this.#views.Service_Monitor.find('member', key),
    });
  }

  #candidate(
    row: RowReference,
    found: Pick<
      LoadBalancer,
      | 'name'
      | 'flavor'
      | 'vipTexts'
      | 'emptyVipTexts'
      | 'offlineVipTexts'
      | 'vipPort'
      | 'additionalVips'
      | 'routers'
      | 'marks'
    >,
  ): LoadBalancer {
    return {
      kind: 'load-balancer',
      key: candidateKey('load-balancer', row.uuid),
      row,
      ...found,
      ...vipOf(found.vipPort),
      routerName: found.routers[0]?.name,
      subnets: this.#subnetsOf(found.routers),
    };
  }

  #vipPort(row: PortBinding): VipPort {
    const network = this.#routers.network(row.datapath);
    return {
      row: bindingReference(row),
      addressTexts: withoutLengths(words(row.external_ids.get(CIDRS_KEY))),
      networkName: network?.name,
      network,
      subnets: this.#routers.subnetsOf(row.datapath),
    };
  }

  #subnetsOf(routers: readonly Router[]): readonly Subnet[] {
    const subnets = routers.flatMap((router) => this.#routers.subnetsOfRouter(router.row.uuid));
    return sortedBy(subnets, (subnet) => `${subnet.name} ${subnet.row.uuid}`);
  }

  /**
   * Those that the row names. Rows of releases that tell only switches (before OVN 23.09) mean those that the switches are
   * attached to; of others, load balancers of switches alone serve what is inside.
   */
  #routersOf(row: SouthboundLoadBalancer): readonly Router[] {
    const named = row.lr_datapath_group === undefined ? [] : this.#routersOfGroup(row.lr_datapath_group);
    if (named.length > 0 || row.ls_datapath_group !== undefined) return named;
    const group = row.datapath_group;
    return group === undefined ? this.#routersOfDatapaths(row.datapaths) : this.#routersOfGroup(group);
  }

  /** Groups are shared by many load balancers and may be large. */
  #routersOfGroup(group: Uuid): readonly Router[] {
    return this.#graph.query(`routers of group ${group}`, () =>
      this.#routersOfDatapaths(this.#views.Logical_DP_Group.get(group)?.datapaths ?? []),
    );
  }

  #routersOfDatapaths(datapaths: readonly Uuid[]): readonly Router[] {
    return routersAttached(
      datapaths.flatMap((datapath) =>
        this.#routers.isRouter(datapath)
          ? [this.#routers.router(datapath)]
          : this.#routers.subnetsOf(datapath).map(({ router }) => router),
      ),
    );
  }
}

function flavorOf(name: string, vipPort: VipPort | undefined): LoadBalancer['flavor'] {
  if (vipPort !== undefined) return 'octavia';
  return name.startsWith(PORT_FORWARDING_PREFIX) ? 'port-forwarding' : 'plain';
}

/** Each once, sorted by name. */
function routersAttached(routers: readonly (Router | undefined)[]): readonly Router[] {
  const byUuid = new Map<Uuid, Router>();
  for (const router of routers) if (router !== undefined) byUuid.set(router.row.uuid, router);
  return sortedBy(byUuid.values(), (router) => `${router.name} ${router.row.uuid}`);
}

/** The load balancer's own VIP first. */
function byName(row: PortBinding): string {
  return `${isAdditionalVip(row) ? 1 : 0} ${row.logical_port} ${row._uuid}`;
}

/** Floating IPs of VIPs are among the translated addresses of a gateway. */
function vipOf(vipPort: VipPort | undefined): LoadBalancerVip {
  return { vipText: vipPort?.addressTexts[0], vipFipText: undefined, vipFipMacText: undefined, vipPort };
}
