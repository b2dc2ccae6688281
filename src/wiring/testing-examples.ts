/**
 * The cloud of the worked examples in the rows of both databases: a flat provider network, one on VLAN 100, a tenant
 * network, and a router between the first and the last. Test data.
 *
 * UUIDs are readable, as in `ovn/testing.ts`; rows are written as Neutron and ovn-northd write them.
 */
import type { Transaction, Values } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import type { NorthboundDatabase } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { addRouter, addRouterPort, mapOf } from '../ovn/southbound-testing.ts';
import {
  type NorthboundCloud,
  northboundCloud,
  type SouthboundCloud,
  southboundCloud,
} from '../ovn/testing.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';

export const NODE_1: NodeIdentity = { hostname: 'cmp-1', systemId: 'C1' };
export const NODE_2: NodeIdentity = { hostname: 'cmp-2', systemId: 'C2' };

const PUB_ID = '11111111-1111-4111-8111-111111111111';
export const PUB = `neutron-${PUB_ID}`;
const VL = 'neutron-22222222-2222-4222-8222-222222222222';
export const TEN = 'neutron-33333333-3333-4333-8333-333333333333';
const ROUTER_ID = '44444444-4444-4444-8444-444444444444';
export const ROUTER = `neutron-${ROUTER_ID}`;
const GATEWAY_MAC = 'fa:16:3e:aa:aa:aa';
const GATEWAY_NETWORKS = ['172.24.4.221/24', '2001:db8::221/64'];

export interface ExampleOptions {
  /** Chassis of the gateway port. */
  readonly gatewayOn?: string;
  /** Addresses of the router's interface on the tenant network. */
  readonly interface?: readonly string[];
  /** IPv4 address scope of the tenant network. */
  readonly scope4?: string;
  readonly distributed?: boolean;
  /** How Neutron's rows call the router (Northbound): releases differ. */
  readonly routerName?: string;
  readonly natAddresses?: readonly string[];
}

export interface ExampleHost {
  readonly name: string;
  readonly network: string;
  /** MAC address and IP addresses. */
  readonly addresses: string;
  readonly node: NodeIdentity;
  readonly up?: boolean;
}

/** What both databases can tell of the examples. */
export interface Example {
  readonly on: (node: NodeIdentity) => Topology;
  readonly addHost: (host: ExampleHost) => void;
  readonly moveGateway: (chassis: string) => void;
  /** The tenant network's interface leaves the router. */
  readonly detach: () => void;
}

export interface NorthboundExample extends Example {
  readonly cloud: NorthboundCloud;
  /** Adds a NAT row to the router. */
  readonly addNat: (uuid: string, values: NatValues) => void;
  readonly addLoadBalancer: (
    name: string,
    vips: readonly string[],
    ids: Readonly<Record<string, string>>,
  ) => void;
}

type NatValues = Values<NorthboundDatabase['tables']['NAT']>;

export function northboundExample(options: ExampleOptions = {}): NorthboundExample {
  const cloud = northboundCloud();
  const { db } = cloud;
  const routerName = options.routerName ?? ROUTER_ID;
  addNetworks(cloud);
  db.transact((tx) => {
    const mode = options.distributed === false ? 'False' : 'True';
    tx.insert('NB_Global', { external_ids: mapOf({ 'neutron:fip-distributed': mode }) }, 'global');
    addSwitchSide(tx, 'gw', PUB, 'network:router_gateway', GATEWAY_NETWORKS, routerName, {});
    const scopes: Readonly<Record<string, string>> =
      options.scope4 === undefined ? {} : { 'neutron:subnet_pool_addr_scope4': options.scope4 };
    const networks = options.interface ?? ['192.168.1.1/26'];
    addSwitchSide(tx, 'if', TEN, 'network:router_interface', networks, routerName, scopes);
    tx.insert(
      'Logical_Router_Port',
      {
        name: 'lrp-gw',
        mac: GATEWAY_MAC,
        networks: GATEWAY_NETWORKS,
        gateway_chassis: ['gateway chassis'],
        status: mapOf({ 'hosting-chassis': options.gatewayOn ?? 'C1' }),
        external_ids: mapOf({
          'neutron:network_name': PUB,
          'neutron:router_name': routerName,
        }),
      },
      'router port gw',
    );
    tx.insert(
      'Logical_Router_Port',
      {
        name: 'lrp-if',
        mac: 'fa:16:3e:bb:bb:bb',
        networks,
        external_ids: mapOf({ 'neutron:network_name': TEN }),
      },
      'router port if',
    );
    tx.insert('Logical_Router', { name: ROUTER, ports: ['router port gw', 'router port if'] }, 'router');
  });
  return {
    cloud,
    on: (node) => createNorthboundTopology(db.views, node),
    addHost: ({ node, name, network, addresses, up }) => {
      const cidrs = cidrsOf(addresses);
      cloud.addPort({ name, network, addresses, cidrs, up: up ?? true, requestedChassis: node.hostname });
    },
    addNat: (uuid, values) => {
      db.transact((tx) => {
        tx.insert('NAT', { external_ids: mapOf({ 'neutron:fip_network_id': PUB_ID }), ...values }, uuid);
        const nat = db.views.Logical_Router.get('router')?.nat ?? [];
        tx.update('Logical_Router', 'router', { nat: [...nat, uuid] });
      });
    },
    addLoadBalancer: (name, vips, ids) => {
      const backends = new Map(vips.map((vip) => [vip, '192.168.1.31:80']));
      db.insert('Load_Balancer', { name, vips: backends, external_ids: mapOf(ids) }, `lb ${name}`);
    },
    moveGateway: (chassis) => {
      const status = mapOf({ 'hosting-chassis': chassis });
      db.update('Logical_Router_Port', 'router port gw', { status });
    },
    detach: () => {
      cloud.deletePort('if');
    },
  };
}

export interface SouthboundExample extends Example {
  readonly cloud: SouthboundCloud;
}

export function southboundExample(options: ExampleOptions = {}): SouthboundExample {
  const cloud = southboundCloud();
  for (const { systemId } of [NODE_1, NODE_2]) cloud.addChassis(systemId);
  addNetworks(cloud);
  addRouter(cloud, 'r');
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-gw',
    addresses: [GATEWAY_MAC, ...GATEWAY_NETWORKS].join(' '),
    network: PUB,
    switchPort: 'gw',
    gatewayOn: options.gatewayOn ?? 'C1',
    natAddresses: options.natAddresses ?? [],
  });
  const scopes: Readonly<Record<string, string>> =
    options.scope4 === undefined ? {} : { 'neutron:subnet_pool_addr_scope4': options.scope4 };
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-if',
    addresses: ['fa:16:3e:bb:bb:bb', ...(options.interface ?? ['192.168.1.1/26'])].join(' '),
    network: TEN,
    switchPort: 'if',
    switchIds: scopes,
  });
  return {
    cloud,
    on: (node) => createSouthboundTopology(cloud.db.views, node),
    addHost: ({ node, name, network, addresses, up }) => {
      const cidrs = cidrsOf(addresses);
      cloud.addPort({ name, network, addresses, cidrs, chassis: node.systemId, up: up ?? true });
      cloud.db.update('Port_Binding', `port ${name}`, {
        external_ids: mapOf({ 'neutron:cidrs': cidrs, ...scopes }),
      });
    },
    moveGateway: (chassis) => {
      cloud.db.update('Port_Binding', 'port cr-lrp-gw', { chassis: `chassis ${chassis}` });
    },
    detach: () => {
      cloud.db.transact((tx) => {
        for (const name of ['lrp-if', 'if']) tx.delete('Port_Binding', `port ${name}`);
      });
    },
  };
}

function addNetworks(cloud: Pick<NorthboundCloud | SouthboundCloud, 'addNetwork'>): void {
  cloud.addNetwork({ name: PUB, localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: VL, localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 });
  cloud.addNetwork({ name: TEN });
}

function addSwitchSide(
  tx: Transaction<NorthboundDatabase>,
  name: string,
  network: string,
  owner: string,
  networks: readonly string[],
  routerName: string,
  scopes: Readonly<Record<string, string>>,
): void {
  const ports = network === PUB ? ['port provnet-1'] : [];
  tx.insert(
    'Logical_Switch_Port',
    {
      name,
      type: 'router',
      addresses: ['router'],
      up: true,
      options: mapOf({ 'router-port': `lrp-${name}` }),
      external_ids: mapOf({
        'neutron:network_name': network,
        'neutron:device_owner': owner,
        'neutron:device_id': routerName,
        'neutron:cidrs': networks.join(' '),
        ...scopes,
      }),
    },
    `port ${name}`,
  );
  tx.update('Logical_Switch', `switch ${network}`, { ports: [...ports, `port ${name}`] });
}

function cidrsOf(addresses: string): string {
  const [, ...ips] = addresses.split(' ');
  return ips.map((ip) => `${ip}/${ip.includes(':') ? 64 : 24}`).join(' ');
}
