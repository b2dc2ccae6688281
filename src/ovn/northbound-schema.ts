/**
 * The part of the OVN Northbound database that the agent replicates (ovn-nb(5)): columns that decide something, and
 * the indexes that keep every question of the topology independent of the size of the cloud.
 *
 * Columns and tables that the server's schema lacks read as empty, so one declaration serves all OVN releases.
 */
import { type DatabaseSpec, databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';
import { NETWORK_NAME_KEY, withoutNamePrefix } from './external-ids.ts';
import type { NatType } from './topology.ts';

const logicalSwitch = tableSpec(
  { name: 'string', ports: 'uuid-set', external_ids: 'string-map' },
  {
    name: (row) => row.name,
    /** The switch that contains a port. */
    port: (row) => row.ports,
  },
);

const logicalSwitchPort = tableSpec(
  {
    name: 'string',
    type: 'string',
    addresses: 'string-set',
    /** What OVN chose where `addresses` says `dynamic`. */
    dynamic_addresses: 'optional-string',
    port_security: 'string-set',
    up: 'optional-boolean',
    tag: 'optional-integer',
    /** Administrative state; absent: on. */
    enabled: 'optional-boolean',
    options: 'string-map',
    external_ids: 'string-map',
  },
  {
    name: (row) => row.name,
    /** Only the few ports that are not workloads are found by their type. */
    plumbing: (row) => plumbingType(row),
    /** The switch side of a router port, by the router port's name. */
    routerPort: (row) => (row.type === 'router' ? row.options.get('router-port') : undefined),
  },
);

const logicalRouter = tableSpec(
  {
    name: 'string',
    ports: 'uuid-set',
    static_routes: 'uuid-set',
    nat: 'uuid-set',
    load_balancer: 'uuid-set',
    load_balancer_group: 'uuid-set',
    enabled: 'optional-boolean',
    options: 'string-map',
    external_ids: 'string-map',
  },
  {
    /** By the name without Neutron's prefix: references have it or not, by release. */
    name: (row) => withoutNamePrefix(row.name),
    port: (row) => row.ports,
    staticRoute: (row) => row.static_routes,
    nat: (row) => row.nat,
    loadBalancer: (row) => row.load_balancer,
    loadBalancerGroup: (row) => row.load_balancer_group,
  },
);

const logicalRouterPort = tableSpec(
  {
    name: 'string',
    mac: 'string',
    networks: 'string-set',
    gateway_chassis: 'uuid-set',
    ha_chassis_group: 'optional-uuid',
    enabled: 'optional-boolean',
    /** `hosting-chassis`: where a gateway port is active (OVN 23.09). */
    status: 'string-map',
    external_ids: 'string-map',
  },
  {
    name: (row) => row.name,
    network: (row) => row.external_ids.get(NETWORK_NAME_KEY),
  },
);

const logicalRouterStaticRoute = tableSpec({
  ip_prefix: 'string',
  nexthop: 'string',
  output_port: 'optional-string',
});

const nat = tableSpec(
  {
    type: 'string',
    external_ip: 'string',
    external_mac: 'optional-string',
    logical_ip: 'string',
    logical_port: 'optional-string',
    gateway_port: 'optional-uuid',
    allowed_ext_ips: 'optional-uuid',
    exempted_ext_ips: 'optional-uuid',
    external_ids: 'string-map',
  },
  {
    externalIp: (row) => row.external_ip,
    logicalPort: (row) => row.logical_port,
  },
);

const loadBalancer = tableSpec({
  name: 'string',
  vips: 'string-map',
  protocol: 'optional-string',
  /** Rows of Load_Balancer_Health_Check, one for a key of `vips`. */
  health_check: 'uuid-set',
  /** `port:source address` by member: who is checked for it. */
  ip_port_mappings: 'string-map',
  external_ids: 'string-map',
});

const healthCheck = tableSpec({ vip: 'string' });

/** Load balancers that are put on routers together (OVN 22.03). */
const loadBalancerGroup = tableSpec(
  { name: 'string', load_balancer: 'uuid-set' },
  { loadBalancer: (row) => row.load_balancer },
);

/** One row as soon as the database is initialised; Neutron keeps its cloud-wide settings there. */
const nbGlobal = tableSpec({ external_ids: 'string-map' }, { all: () => ALL_GLOBALS });

/** Key of the index `all` of NB_Global. */
export const ALL_GLOBALS = 'all';

export const NORTHBOUND = databaseSpec('OVN_Northbound', {
  Logical_Switch: logicalSwitch,
  Logical_Switch_Port: logicalSwitchPort,
  Logical_Router: logicalRouter,
  Logical_Router_Port: logicalRouterPort,
  Logical_Router_Static_Route: logicalRouterStaticRoute,
  NAT: nat,
  Load_Balancer: loadBalancer,
  Load_Balancer_Health_Check: healthCheck,
  Load_Balancer_Group: loadBalancerGroup,
  NB_Global: nbGlobal,
}) satisfies DatabaseSpec;

export type NorthboundDatabase = typeof NORTHBOUND;
export type NorthboundViews = Views<NorthboundDatabase>;
export type LogicalSwitch = RowOf<typeof logicalSwitch>;
export type LogicalSwitchPort = RowOf<typeof logicalSwitchPort>;
export type LogicalRouter = RowOf<typeof logicalRouter>;
export type LogicalRouterPort = RowOf<typeof logicalRouterPort>;
export type LogicalRouterStaticRoute = RowOf<typeof logicalRouterStaticRoute>;
export type Nat = RowOf<typeof nat>;
export type LoadBalancerRow = RowOf<typeof loadBalancer>;

const NAT_TYPES: ReadonlySet<string> = new Set<NatType>(['dnat_and_snat', 'snat', 'dnat']);

export function natType(row: { readonly type: string }): NatType | undefined {
  return NAT_TYPES.has(row.type) ? (row.type as NatType) : undefined;
}

/** Ports that belong to the network and not to a workload: `localnet` and `router`. */
export function plumbingType(row: { readonly type: string }): 'localnet' | 'router' | undefined {
  return row.type === 'localnet' || row.type === 'router' ? row.type : undefined;
}
