/**
 * Northbound rows of routers and what hangs on them, as Neutron's ML2/OVN driver and Octavia's OVN provider write them. Pure.
 *
 * A router has a gateway port on a provider network and interfaces to tenant networks; floating IPs are distributed (they
 * live where their port does); a load balancer's VIP is an address of the provider network.
 */
import {
  commonIds,
  insertPort,
  map,
  type Network,
  type OvsdbOperation,
  switchName,
  withLength,
} from './neutron-rows.ts';

export interface RouterSpec {
  readonly id: string;
  readonly name: string;
  readonly gateway: RouterPort & {
    /** System id of the chassis that hosts it. */
    readonly chassis: string;
  };
  readonly interfaces: readonly RouterPort[];
  /** Whether tenants' packets leave with the gateway's address. */
  readonly snat: boolean;
}

export interface RouterPort {
  readonly portId: string;
  readonly network: Network;
  readonly mac: string;
  readonly addresses: readonly string[];
}

export interface FloatingIpSpec {
  readonly id: string;
  readonly address: string;
  readonly mac: string;
  readonly router: RouterSpec;
  /** The port that it leads to, and its address. */
  readonly portId: string;
  readonly inside: string;
}

export interface LoadBalancerSpec {
  readonly id: string;
  readonly router: RouterSpec;
  readonly network: Network;
  readonly vip: string;
  readonly vipPortId: string;
  readonly port: number;
  /** `address:port` of the members. */
  readonly members: readonly string[];
}

export function routerName(router: Pick<RouterSpec, 'id'>): string {
  return `neutron-${router.id}`;
}

export function gatewayPortName({ gateway }: Pick<RouterSpec, 'gateway'>): string {
  return `lrp-${gateway.portId}`;
}

export function routerOperations(router: RouterSpec): readonly OvsdbOperation[] {
  const { gateway, interfaces } = router;
  const ports = [gateway, ...interfaces];
  const symbol = (index: number): string => `port${index}`;
  const routes = gateway.network.subnets.filter(({ gateway: via }) =>
    gateway.addresses.some((address) => address.includes(':') === via.includes(':')),
  );
  const snats = router.snat ? interfaces.flatMap(({ network }) => network.subnets) : [];
  return [
    {
      op: 'insert',
      table: 'Gateway_Chassis',
      'uuid-name': 'chassis',
      row: {
        name: `${gatewayPortName(router)}_${gateway.chassis}`,
        chassis_name: gateway.chassis,
        priority: 1,
      },
    },
    ...ports.map((port, index) => ({
      op: 'insert',
      table: 'Logical_Router_Port',
      'uuid-name': symbol(index),
      row: {
        name: `lrp-${port.portId}`,
        mac: port.mac,
        networks: ['set', port.addresses.map((address) => withLength(port.network, address))],
        external_ids: map({
          'neutron:network_name': switchName(port.network),
          'neutron:router_name': router.id,
          'neutron:revision_number': '4',
          'neutron:subnet_ids': port.network.subnets.map(({ id }) => id).join(' '),
          ...(port === gateway ? { 'neutron:is_ext_gw': 'True' } : {}),
        }),
        ...(port === gateway
          ? {
              gateway_chassis: ['named-uuid', 'chassis'],
              options: map({ 'reside-on-redirect-chassis': 'false' }),
            }
          : {}),
      },
    })),
    ...routes.map(({ gateway: via }, index) => ({
      op: 'insert',
      table: 'Logical_Router_Static_Route',
      'uuid-name': `route${index}`,
      row: { ip_prefix: via.includes(':') ? '::/0' : '0.0.0.0/0', nexthop: via },
    })),
    ...snats.map(({ prefix, length }, index) => ({
      op: 'insert',
      table: 'NAT',
      'uuid-name': `snat${index}`,
      row: {
        type: 'snat',
        external_ip: gateway.addresses[0],
        logical_ip: `${prefix}/${length}`,
        gateway_port: ['named-uuid', symbol(0)],
      },
    })),
    {
      op: 'insert',
      table: 'Logical_Router',
      row: {
        name: routerName(router),
        ports: named(ports.map((_, index) => symbol(index))),
        static_routes: named(routes.map((_, index) => `route${index}`)),
        nat: named(snats.map((_, index) => `snat${index}`)),
        enabled: true,
        options: map({
          always_learn_from_arp_request: 'false',
          dynamic_neigh_routers: 'true',
          mac_binding_age_threshold: '0',
        }),
        external_ids: map({
          'neutron:router_name': router.name,
          'neutron:gw_port_id': gateway.portId,
          'neutron:gw_network_id': gateway.network.id,
          'neutron:revision_number': '3',
          'neutron:availability_zone_hints': '',
        }),
      },
    },
    ...ports.flatMap((port, index) => switchSide(router, port, `switch${index}`)),
  ];
}

/** The switch's end of a router port. */
function switchSide(router: RouterSpec, port: RouterPort, symbol: string): readonly OvsdbOperation[] {
  const external = port === router.gateway;
  return insertPort(
    port.network,
    {
      name: port.portId,
      type: 'router',
      enabled: true,
      addresses: 'router',
      options: map({
        'router-port': `lrp-${port.portId}`,
        ...(external ? { 'nat-addresses': 'router', 'exclude-lb-vips-from-garp': 'true' } : {}),
      }),
      external_ids: map({
        ...commonIds(port.network, '', port.addresses),
        'neutron:device_id': router.id,
        'neutron:device_owner': external ? 'network:router_gateway' : 'network:router_interface',
        'neutron:subnet_pool_addr_scope4': '',
        'neutron:subnet_pool_addr_scope6': '',
      }),
    },
    symbol,
  );
}

/** `gatewayPort` is the row of the router's gateway port. */
export function floatingIpOperations(ip: FloatingIpSpec, gatewayPort: string): readonly OvsdbOperation[] {
  return [
    {
      op: 'insert',
      table: 'NAT',
      'uuid-name': 'fip',
      row: {
        type: 'dnat_and_snat',
        external_ip: ip.address,
        logical_ip: ip.inside,
        logical_port: ip.portId,
        external_mac: ip.mac,
        gateway_port: ['uuid', gatewayPort],
        external_ids: map({
          'neutron:fip_id': ip.id,
          'neutron:fip_network_id': ip.router.gateway.network.id,
          'neutron:fip_port_id': ip.portId,
          'neutron:fip_external_mac': ip.mac,
          'neutron:router_name': routerName(ip.router),
          'neutron:revision_number': '3',
        }),
      },
    },
    mutateRouter(ip.router, 'nat', 'insert', ['named-uuid', 'fip']),
    {
      op: 'mutate',
      table: 'Logical_Switch_Port',
      where: [['name', '==', ip.portId]],
      mutations: [['external_ids', 'insert', map({ 'neutron:port_fip': ip.address })]],
    },
  ];
}

/** `rowUuid` is that of the NAT row. */
export function deleteFloatingIpOperations(ip: FloatingIpSpec, rowUuid: string): readonly OvsdbOperation[] {
  return [
    mutateRouter(ip.router, 'nat', 'delete', ['uuid', rowUuid]),
    {
      op: 'mutate',
      table: 'Logical_Switch_Port',
      where: [['name', '==', ip.portId]],
      mutations: [['external_ids', 'delete', ['set', ['neutron:port_fip']]]],
    },
  ];
}

/** The VIP's own port has no addresses in OVN: nothing is bound to it, the router answers. */
export function loadBalancerOperations(balancer: LoadBalancerSpec): readonly OvsdbOperation[] {
  const { id, router, network, vip, vipPortId, port, members } = balancer;
  return [
    ...insertPort(
      network,
      {
        name: vipPortId,
        type: '',
        enabled: true,
        external_ids: map({
          ...commonIds(network, `ovn-lb-vip-${id}`, [vip]),
          'neutron:device_id': `ovn-lb-${id}`,
          'neutron:device_owner': '',
          'neutron:host_id': '',
        }),
      },
      'vip',
    ),
    {
      op: 'insert',
      table: 'Load_Balancer',
      'uuid-name': 'balancer',
      row: {
        name: id,
        protocol: 'tcp',
        vips: map({ [`${vip}:${port}`]: members.join(',') }),
        external_ids: map({
          enabled: 'True',
          'neutron:vip': vip,
          'neutron:vip_port_id': vipPortId,
          lr_ref: routerName(router),
          ls_refs: '{}',
        }),
      },
    },
    mutateRouter(router, 'load_balancer', 'insert', ['named-uuid', 'balancer']),
  ];
}

function mutateRouter(
  router: RouterSpec,
  column: string,
  mutator: 'insert' | 'delete',
  value: readonly [string, string],
): OvsdbOperation {
  return {
    op: 'mutate',
    table: 'Logical_Router',
    where: [['name', '==', routerName(router)]],
    mutations: [[column, mutator, value]],
  };
}

function named(symbols: readonly string[]): readonly unknown[] {
  return ['set', symbols.map((symbol) => ['named-uuid', symbol])];
}
