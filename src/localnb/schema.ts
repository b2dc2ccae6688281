/**
 * The tables and columns of the node's own Northbound database that the agent reads (ovn-nb(5)). Columns that an older
 * server lacks read as empty and are never written.
 */
import { databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';

const logicalSwitch = tableSpec({
  name: 'string',
  ports: 'uuid-set',
  acls: 'uuid-set',
  external_ids: 'string-map',
});

const logicalSwitchPort = tableSpec({
  name: 'string',
  type: 'string',
  addresses: 'string-set',
  tag: 'optional-integer',
  options: 'string-map',
  external_ids: 'string-map',
});

const logicalRouter = tableSpec({
  name: 'string',
  ports: 'uuid-set',
  policies: 'uuid-set',
  static_routes: 'uuid-set',
  options: 'string-map',
  external_ids: 'string-map',
});

const logicalRouterPort = tableSpec({
  name: 'string',
  mac: 'string',
  networks: 'string-set',
  gateway_chassis: 'uuid-set',
  external_ids: 'string-map',
});

const gatewayChassis = tableSpec({
  name: 'string',
  chassis_name: 'string',
  priority: 'integer',
  external_ids: 'string-map',
});

const logicalRouterPolicy = tableSpec({
  priority: 'integer',
  match: 'string',
  action: 'string',
  nexthop: 'optional-string',
  nexthops: 'string-set',
  bfd_sessions: 'uuid-set',
  output_port: 'optional-uuid',
  external_ids: 'string-map',
});

const logicalRouterStaticRoute = tableSpec({
  ip_prefix: 'string',
  nexthop: 'string',
  output_port: 'optional-string',
  route_table: 'string',
  policy: 'optional-string',
  bfd: 'optional-uuid',
  external_ids: 'string-map',
});

const staticMacBinding = tableSpec({
  logical_port: 'string',
  ip: 'string',
  mac: 'string',
  override_dynamic_mac: 'boolean',
});

const bfd = tableSpec({
  logical_port: 'string',
  dst_ip: 'string',
  min_tx: 'optional-integer',
  min_rx: 'optional-integer',
  detect_mult: 'optional-integer',
  status: 'optional-string',
  external_ids: 'string-map',
});

const acl = tableSpec({
  priority: 'integer',
  direction: 'string',
  match: 'string',
  action: 'string',
  external_ids: 'string-map',
});

/** `nb_cfg` is raised by writers and comes back as `hv_cfg` when ovn-controller has put everything in place. */
const nbGlobal = tableSpec({ nb_cfg: 'integer', hv_cfg: 'integer' });

export const LOCAL_NORTHBOUND = databaseSpec('OVN_Northbound', {
  Logical_Switch: logicalSwitch,
  Logical_Switch_Port: logicalSwitchPort,
  Logical_Router: logicalRouter,
  Logical_Router_Port: logicalRouterPort,
  Gateway_Chassis: gatewayChassis,
  Logical_Router_Policy: logicalRouterPolicy,
  Logical_Router_Static_Route: logicalRouterStaticRoute,
  Static_MAC_Binding: staticMacBinding,
  BFD: bfd,
  ACL: acl,
  NB_Global: nbGlobal,
});

export type LocalNorthbound = typeof LOCAL_NORTHBOUND;
export type LocalTables = Views<LocalNorthbound>;
export type SwitchRow = RowOf<typeof logicalSwitch>;
export type SwitchPortRow = RowOf<typeof logicalSwitchPort>;
export type RouterRow = RowOf<typeof logicalRouter>;
export type RouterPortRow = RowOf<typeof logicalRouterPort>;
export type StaticRouteRow = RowOf<typeof logicalRouterStaticRoute>;
export type PolicyRow = RowOf<typeof logicalRouterPolicy>;
