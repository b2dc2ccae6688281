/**
 * The part of the OVN Northbound database that the agent replicates (ovn-nb(5)): columns that decide something, and
 * the indexes that keep every question of the topology independent of the size of the cloud.
 *
 * Columns that the server's schema lacks read as empty, so one declaration serves all OVN releases.
 */
import { type DatabaseSpec, databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';
import { NETWORK_NAME_KEY } from './external-ids.ts';

const logicalSwitch = tableSpec(
  { name: 'string', ports: 'uuid-set' },
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
    up: 'optional-boolean',
    tag: 'optional-integer',
    options: 'string-map',
    external_ids: 'string-map',
  },
  {
    name: (row) => row.name,
    /** Ports that say to which network they belong, by its name. */
    network: (row) => row.external_ids.get(NETWORK_NAME_KEY),
    /** Only the few ports that are not workloads are found by their type. */
    plumbing: (row) => (row.type === 'localnet' || row.type === 'router' ? row.type : undefined),
    /** The switch side of a router port, by the router port's name. */
    routerPort: (row) => (row.type === 'router' ? row.options.get('router-port') : undefined),
  },
);

const logicalRouter = tableSpec(
  { ports: 'uuid-set', static_routes: 'uuid-set', options: 'string-map' },
  {
    port: (row) => row.ports,
    staticRoute: (row) => row.static_routes,
  },
);

const logicalRouterPort = tableSpec(
  {
    name: 'string',
    gateway_chassis: 'uuid-set',
    ha_chassis_group: 'optional-uuid',
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

/** One row as soon as the database is initialised; Neutron keeps its cloud-wide settings there. */
const nbGlobal = tableSpec({ external_ids: 'string-map' });

export const NORTHBOUND = databaseSpec('OVN_Northbound', {
  Logical_Switch: logicalSwitch,
  Logical_Switch_Port: logicalSwitchPort,
  Logical_Router: logicalRouter,
  Logical_Router_Port: logicalRouterPort,
  Logical_Router_Static_Route: logicalRouterStaticRoute,
  NB_Global: nbGlobal,
}) satisfies DatabaseSpec;

export type NorthboundDatabase = typeof NORTHBOUND;
export type NorthboundViews = Views<NorthboundDatabase>;
export type LogicalSwitch = RowOf<typeof logicalSwitch>;
export type LogicalSwitchPort = RowOf<typeof logicalSwitchPort>;
export type LogicalRouter = RowOf<typeof logicalRouter>;
export type LogicalRouterPort = RowOf<typeof logicalRouterPort>;
export type LogicalRouterStaticRoute = RowOf<typeof logicalRouterStaticRoute>;
