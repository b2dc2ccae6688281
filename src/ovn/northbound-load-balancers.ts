/**
 * Load balancers of the Northbound database: those of Octavia, the port forwardings of Neutron, and any others that
 * routers serve.
 */
import { type IpAddress, parseIp } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { madeByNeutron, neutronId } from './cms.ts';
import {
  ADDITIONAL_VIP_FIPS_KEY,
  ADDITIONAL_VIP_PORTS_KEY,
  ADDITIONAL_VIPS_KEY,
  LB_ROUTER_KEY,
  ROUTER_NAME_KEY,
  VIP_FIP_KEY,
  VIP_KEY,
  VIP_PORT_KEY,
  withoutNamePrefix,
} from './external-ids.ts';
import { marksOf, NO_MARKS, nearestMarks } from './marks.ts';
import { offlineVips } from './member-health.ts';
import type { NorthboundContext } from './northbound-context.ts';
import type { NorthboundPorts } from './northbound-ports.ts';
import type { NorthboundRouters } from './northbound-routers.ts';
import type { LoadBalancerRow } from './northbound-schema.ts';
import { candidateKey, type LoadBalancer, type LoadBalancerVip, type Marks } from './topology.ts';
import { emptyVips } from './vip-members.ts';

/** Neutron names the load balancers of port forwardings so. */
const PORT_FORWARDING_PREFIX = 'pf-floatingip-';

export class NorthboundLoadBalancers {
  readonly #context: NorthboundContext;
  readonly #routers: NorthboundRouters;
  readonly #ports: NorthboundPorts;
  /** Whether health checks count. */
  readonly #health: boolean;

  constructor(
    context: NorthboundContext,
    routers: NorthboundRouters,
    ports: NorthboundPorts,
    health: boolean,
  ) {
    this.#health = health;
    this.#context = context;
    this.#routers = routers;
    this.#ports = ports;
  }

  loadBalancer(row: LoadBalancerRow): LoadBalancer {
    const { cms } = this.#context;
    const ids = row.external_ids;
    const reference = this.#context.reference('Load_Balancer', row);
    const flavor = this.#flavor(row);
    const routerId =
      flavor === 'plain'
        ? undefined
        : neutronId(ids, flavor === 'octavia' ? LB_ROUTER_KEY : ROUTER_NAME_KEY, cms);
    const named = routerId === undefined ? [] : this.#routers.named(routerId);
    const uuids = routerId === undefined ? this.#serving(row._uuid) : named;
    const routers = sortedBy(
      uuids.flatMap((uuid) => this.#routers.router(uuid) ?? []),
      ({ router }) => `${router.name} ${router.row.uuid}`,
    );
    const { vip, additional, marks } = this.#vips(flavor === 'octavia' ? ids : new Map());
    return {
      kind: 'load-balancer',
      key: candidateKey('load-balancer', row._uuid),
      row: reference,
      name: row.name,
      flavor,
      vipTexts: [...row.vips.keys()].sort(),
      emptyVipTexts: emptyVips(row.vips),
      offlineVipTexts: this.#offline(row),
      ...vip,
      additionalVips: additional,
      routerName: routerId === undefined ? routers[0]?.router.name : withoutNamePrefix(routerId),
      routers: routers.map(({ router }) => router),
      subnets: sortedBy(
        routers.flatMap(({ router }) => this.#routers.subnetsBehind(router.row.uuid)),
        (subnet) => `${subnet.name} ${subnet.row.uuid}`,
      ),
      marks: nearestMarks(marksOf(ids, reference), marks, ...routers.map(({ marks }) => marks)),
    };
  }

  /** The VIPs of a load balancer of Octavia, and the marks of the network of the first. */
  #vips(ids: ReadonlyMap<string, string>): {
    readonly vip: LoadBalancerVip;
    readonly additional: readonly LoadBalancerVip[];
    readonly marks: Marks;
  } {
    const { cms } = this.#context;
    const list = (key: string): readonly string[] => (neutronId(ids, key, cms) ?? '').split(',');
    const made = (text: string | undefined, fip: string | undefined, name: string | undefined) => {
      const port = name === undefined ? undefined : this.#ports.vipPort(name);
      const vip: LoadBalancerVip = {
        vipText: text,
        vipFipText: fip,
        vipFipMacText: fip === undefined ? undefined : this.#macOf(fip, name),
        vipPort: port?.port,
      };
      return { vip, marks: port?.marks ?? NO_MARKS };
    };
    const [fips, ports] = [list(ADDITIONAL_VIP_FIPS_KEY), list(ADDITIONAL_VIP_PORTS_KEY)];
    const additional = list(ADDITIONAL_VIPS_KEY).flatMap((text, index) =>
      text === '' ? [] : [made(text, fips[index] || undefined, ports[index] || undefined).vip],
    );
    const first = made(
      neutronId(ids, VIP_KEY, cms),
      neutronId(ids, VIP_FIP_KEY, cms),
      neutronId(ids, VIP_PORT_KEY, cms),
    );
    return { ...first, additional };
  }

  #flavor(row: LoadBalancerRow): LoadBalancer['flavor'] {
    const { cms } = this.#context;
    if (cms !== 'ovn' && row.name.startsWith(PORT_FORWARDING_PREFIX)) return 'port-forwarding';
    const ids = row.external_ids;
    return madeByNeutron(ids, cms) || neutronId(ids, LB_ROUTER_KEY, cms) !== undefined ? 'octavia' : 'plain';
  }

  #offline({
    vips,
    protocol,
    health_check: checks,
    ip_port_mappings: mappings,
  }: LoadBalancerRow): readonly string[] {
    const { views, bindings } = this.#context;
    if (!this.#health || bindings === undefined || checks.length === 0) return [];
    const checked = new Set(checks.map((uuid) => views.Load_Balancer_Health_Check.get(uuid)?.vip));
    return offlineVips({
      vips,
      protocol,
      isChecked: (key) => checked.has(key),
      monitorsOf: (member, key) => {
        const port = portOf(mappings, member);
        if (port === undefined) return [];
        return bindings.Service_Monitor.find('member', key).filter((row) => row.logical_port === port);
      },
    });
  }

  /** Routers that list it, or a group that it belongs to. */
  #serving(uuid: Uuid): readonly Uuid[] {
    const { views } = this.#context;
    const groups = views.Load_Balancer_Group.uuids('loadBalancer', uuid);
    const routers = new Set(views.Logical_Router.uuids('loadBalancer', uuid));
    for (const group of groups) {
      for (const router of views.Logical_Router.uuids('loadBalancerGroup', group)) routers.add(router);
    }
    return [...routers];
  }

  /** The MAC that a NAT row gives to the floating IP of a VIP. */
  #macOf(fip: string, portName: string | undefined): string | undefined {
    const { views } = this.#context;
    const rows = [
      ...views.NAT.find('externalIp', fip),
      ...(portName === undefined ? [] : views.NAT.find('logicalPort', portName)),
    ].filter((row) => row.type === 'dnat_and_snat');
    // The row of the address itself counts more than another one of the port.
    const ranked = sortedBy(rows, (row) => `${row.external_ip === fip ? 0 : 1} ${row._uuid}`);
    const macs = ranked.map((row) => row.external_mac);
    return macs.find((mac) => mac !== undefined && mac !== '');
  }
}

/** The port that is checked for a member: `port:source address` (ovn-nb(5)); keys of IPv6 may be in brackets. */
function portOf(mappings: ReadonlyMap<string, string>, member: IpAddress): string | undefined {
  for (const [key, value] of mappings) {
    if (parseIp(key.replaceAll(/^\[|\]$/g, '')) === member) return value.split(':')[0];
  }
  return undefined;
}
