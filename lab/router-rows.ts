/**
 * Northbound rows of routers, floating IPs and load balancers as Neutron's ML2/OVN driver, its port forwarding and
 * Octavia's OVN provider write them, as OVSDB operations (RFC 7047 section 5.2). Pure.
 */
import type { ChassisName } from './layout.ts';
import { chassisNamed } from './layout.ts';
import {
  commonIds,
  insertPort,
  isProviderNetwork,
  map,
  type Network,
  type OvsdbOperation,
  type ProviderNetwork,
  switchName,
  withLength,
} from './neutron-rows.ts';

/** A router's connection to a network: its port there, whose id both of its rows are named after. */
export interface RouterInterface {
  readonly portId: string;
  readonly mac: string;
  readonly network: Network;
  readonly addresses: readonly string[];
}

export interface RouterSpec {
  readonly id: string;
  readonly name: string;
  readonly gateway: RouterInterface & { readonly network: ProviderNetwork };
  /** Where the gateway port may be active, the preferred node first. */
  readonly gatewayNodes: readonly ChassisName[];
  readonly interfaces: readonly RouterInterface[];
  /** Translate what leaves to the gateway port's address; IPv4 alone, as Neutron does. */
  readonly sourceNat: boolean;
}

/** A floating IP; with a MAC address of its own it is distributed, translated where its port runs. */
export interface FloatingIpSpec {
  readonly id: string;
  readonly address: string;
  readonly logicalAddress: string;
  /** Absent: what is behind it is no port of a machine (the VIP of a load balancer). */
  readonly portId?: string;
  readonly mac?: string;
}

/** A load balancer of Octavia's OVN provider: one listener, one pool. */
export interface LoadBalancerSpec {
  readonly id: string;
  readonly vip: string;
  readonly vipPort: { readonly id: string; readonly mac: string; readonly network: Network };
  /** Floating IP of the VIP. */
  readonly vipFip?: string;
  readonly port: number;
  readonly members: readonly string[];
  readonly memberPort: number;
  readonly memberNetwork: Network;
}

export interface PortForwardingSpec {
  readonly fipId: string;
  readonly address: string;
  readonly port: number;
  readonly member: string;
  readonly memberPort: number;
}

export function routerName(router: Pick<RouterSpec, 'id'>): string {
  return `neutron-${router.id}`;
}

export function routerPortName(port: Pick<RouterInterface, 'portId'>): string {
  return `lrp-${port.portId}`;
}

/** The router with its gateway port and its interfaces, and the switch ports at their other ends. */
export function routerOperations(router: RouterSpec): readonly OvsdbOperation[] {
  const { gateway, interfaces } = router;
  const nats = router.sourceNat ? sourceNats(router) : [];
  const routes = gateway.network.subnets.map((subnet, index) => ({
    op: 'insert',
    table: 'Logical_Router_Static_Route',
    'uuid-name': `route${index}`,
    row: {
      ip_prefix: subnet.prefix.includes(':') ? '::/0' : '0.0.0.0/0',
      nexthop: subnet.gateway,
      external_ids: map({ 'neutron:is_ext_gw': 'true', 'neutron:subnet_id': subnet.id }),
    },
  }));
  const logicalRouter = {
    op: 'insert',
    table: 'Logical_Router',
    row: {
      name: routerName(router),
      enabled: true,
      ports: ['set', ['gateway', ...interfaces.map((_, index) => `interface${index}`)].map(namedUuid)],
      static_routes: ['set', routes.map((route) => namedUuid(route['uuid-name']))],
      nat: ['set', nats.map((_, index) => namedUuid(`nat${index}`))],
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
  };
  const gatewayRow = {
    ...routerPortRow(router, gateway, { 'neutron:is_ext_gw': 'True' }),
    options: map({ 'reside-on-redirect-chassis': 'false' }),
    gateway_chassis: ['set', router.gatewayNodes.map((_, index) => namedUuid(`chassis${index}`))],
  };
  return [
    ...gatewayChassis(router),
    { op: 'insert', table: 'Logical_Router_Port', 'uuid-name': 'gateway', row: gatewayRow },
    ...interfaces.map((port, index) => ({
      op: 'insert',
      table: 'Logical_Router_Port',
      'uuid-name': `interface${index}`,
      row: routerPortRow(router, port, {}),
    })),
    ...routes,
    ...nats,
    logicalRouter,
    ...[gateway, ...interfaces].flatMap((port, index) => switchPortOperations(router, port, index)),
  ];
}

/** The gateway port is to be active on the first of these nodes that can. */
export function gatewayOrderOperations(
  router: Pick<RouterSpec, 'gateway'>,
  nodes: readonly ChassisName[],
): readonly OvsdbOperation[] {
  return nodes.map((node, index) => ({
    op: 'update',
    table: 'Gateway_Chassis',
    where: [['name', '==', gatewayChassisName(router, node)]],
    row: { priority: nodes.length - index },
  }));
}

/** `gatewayPortRow`: UUID of the row of the router's gateway port. */
export function floatingIpOperations(
  router: RouterSpec,
  fip: FloatingIpSpec,
  gatewayPortRow: string,
): readonly OvsdbOperation[] {
  const nat = {
    op: 'insert',
    table: 'NAT',
    'uuid-name': 'nat',
    row: {
      type: 'dnat_and_snat',
      external_ip: fip.address,
      logical_ip: fip.logicalAddress,
      gateway_port: ['uuid', gatewayPortRow],
      ...(fip.portId === undefined ? {} : { logical_port: fip.portId }),
      ...(fip.mac === undefined ? {} : { external_mac: fip.mac }),
      external_ids: map({
        'neutron:fip_id': fip.id,
        'neutron:fip_network_id': router.gateway.network.id,
        'neutron:fip_port_id': fip.portId ?? '',
        'neutron:fip_external_mac': fip.mac ?? '',
        'neutron:revision_number': '3',
        'neutron:router_name': routerName(router),
      }),
    },
  };
  return [nat, routerMutation(router, 'nat', 'insert', namedUuid('nat'))];
}

/** The load balancer on the router and on the switches of its tenant networks, and the port of its VIP. */
export function loadBalancerOperations(
  router: Pick<RouterSpec, 'id'>,
  lb: LoadBalancerSpec,
): readonly OvsdbOperation[] {
  const { vipPort, memberNetwork } = lb;
  // Not on the switch of a provider network: the router answers for a VIP there.
  const switches = isProviderNetwork(vipPort.network) ? [memberNetwork] : [vipPort.network, memberNetwork];
  const networks = [...new Map(switches.map((item) => [item.id, item])).values()];
  const members = lb.members.map((member) => endpoint(member, lb.memberPort)).join(',');
  const row = {
    name: lb.id,
    protocol: 'tcp',
    vips: map(
      Object.fromEntries(
        [lb.vip, ...(lb.vipFip === undefined ? [] : [lb.vipFip])].map((address) => [
          endpoint(address, lb.port),
          members,
        ]),
      ),
    ),
    external_ids: map({
      enabled: 'True',
      lr_ref: routerName(router),
      ls_refs: JSON.stringify(Object.fromEntries(networks.map((network) => [switchName(network), 1]))),
      'neutron:vip': lb.vip,
      'neutron:vip_port_id': vipPort.id,
      ...(lb.vipFip === undefined ? {} : { 'neutron:vip_fip': lb.vipFip }),
      'octavia:healthmonitors': '[]',
    }),
  };
  const vip = insertPort(vipPort.network, {
    name: vipPort.id,
    type: '',
    enabled: true,
    // Octavia's VIP ports have no address, lest the switch answers for what the load balancer answers for.
    addresses: ['set', []],
    port_security: ['set', []],
    options: map({ mcast_flood_reports: 'true' }),
    external_ids: map({
      ...commonIds(vipPort.network, `ovn-lb-vip-${lb.id}`, [lb.vip]),
      'neutron:device_id': `lb-${lb.id}`,
      'neutron:device_owner': 'Octavia',
      'neutron:host_id': '',
      'neutron:vnic_type': 'normal',
      'neutron:subnet_pool_addr_scope4': '',
      'neutron:subnet_pool_addr_scope6': '',
    }),
  });
  return [
    ...vip,
    { op: 'insert', table: 'Load_Balancer', 'uuid-name': 'lb', row },
    routerMutation(router, 'load_balancer', 'insert', namedUuid('lb')),
    ...networks.map((network) => ({
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', switchName(network)]],
      mutations: [['load_balancer', 'insert', namedUuid('lb')]],
    })),
  ];
}

/** A port forwarding is a load balancer on the router of the floating IP. */
export function portForwardingOperations(
  router: Pick<RouterSpec, 'id'>,
  forwarding: PortForwardingSpec,
): readonly OvsdbOperation[] {
  const row = {
    name: portForwardingName(forwarding),
    protocol: 'tcp',
    vips: map({
      [endpoint(forwarding.address, forwarding.port)]: endpoint(forwarding.member, forwarding.memberPort),
    }),
    options: map({ hairpin_snat_ip: forwarding.address }),
    external_ids: map({
      'neutron:device_owner': 'port_forwarding_plugin',
      'neutron:fip_id': forwarding.fipId,
      'neutron:router_name': routerName(router),
      'neutron:revision_number': '3',
    }),
  };
  return [
    { op: 'insert', table: 'Load_Balancer', 'uuid-name': 'lb', row },
    routerMutation(router, 'load_balancer', 'insert', namedUuid('lb')),
  ];
}

export function portForwardingName({ fipId }: Pick<PortForwardingSpec, 'fipId'>): string {
  return `pf-floatingip-${fipId}-tcp`;
}

/** `row`: what the column of the router refers to, a UUID of either kind. */
export function routerMutation(
  router: Pick<RouterSpec, 'id'>,
  column: 'nat' | 'load_balancer',
  mutator: 'insert' | 'delete',
  row: readonly [string, string],
): OvsdbOperation {
  return {
    op: 'mutate',
    table: 'Logical_Router',
    where: [['name', '==', routerName(router)]],
    mutations: [[column, mutator, row]],
  };
}

/** `address:port`, an IPv6 address in brackets: the key of `vips`. */
export function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function gatewayChassis(router: RouterSpec): readonly OvsdbOperation[] {
  return router.gatewayNodes.map((node, index) => ({
    op: 'insert',
    table: 'Gateway_Chassis',
    'uuid-name': `chassis${index}`,
    row: {
      name: gatewayChassisName(router, node),
      chassis_name: chassisNamed(node).systemId,
      priority: router.gatewayNodes.length - index,
    },
  }));
}

function gatewayChassisName({ gateway }: Pick<RouterSpec, 'gateway'>, node: ChassisName): string {
  return `${routerPortName(gateway)}_${chassisNamed(node).systemId}`;
}

function routerPortRow(
  router: RouterSpec,
  port: RouterInterface,
  ids: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return {
    name: routerPortName(port),
    mac: port.mac,
    networks: ['set', port.addresses.map((address) => withLength(port.network, address))],
    external_ids: map({
      'neutron:network_name': switchName(port.network),
      'neutron:router_name': routerName(router),
      'neutron:subnet_ids': port.network.subnets.map(({ id }) => id).join(' '),
      'neutron:revision_number': '4',
      ...ids,
    }),
  };
}

function switchPortOperations(
  router: RouterSpec,
  port: RouterInterface,
  index: number,
): readonly OvsdbOperation[] {
  const isGateway = port === router.gateway;
  const name = `switchport${index}`;
  const row = {
    name: port.portId,
    type: 'router',
    enabled: true,
    addresses: 'router',
    options: map({
      'router-port': routerPortName(port),
      ...(isGateway ? { 'nat-addresses': 'router', 'exclude-lb-vips-from-garp': 'true' } : {}),
    }),
    external_ids: map({
      ...commonIds(port.network, '', port.addresses),
      'neutron:device_id': router.id,
      'neutron:device_owner': isGateway ? 'network:router_gateway' : 'network:router_interface',
      'neutron:subnet_pool_addr_scope4': '',
      'neutron:subnet_pool_addr_scope6': '',
    }),
  };
  return [
    { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': name, row },
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', switchName(port.network)]],
      mutations: [['ports', 'insert', namedUuid(name)]],
    },
  ];
}

function sourceNats({ gateway, interfaces }: RouterSpec): readonly OvsdbOperation[] {
  const external = gateway.addresses.find((address) => !address.includes(':'));
  if (external === undefined) return [];
  const subnets = interfaces
    .flatMap(({ network }) => network.subnets)
    .filter(({ prefix }) => !prefix.includes(':'));
  return subnets.map((subnet, index) => ({
    op: 'insert',
    table: 'NAT',
    'uuid-name': `nat${index}`,
    row: { type: 'snat', external_ip: external, logical_ip: `${subnet.prefix}/${subnet.length}` },
  }));
}

function namedUuid(name: string): readonly [string, string] {
  return ['named-uuid', name];
}
