/**
 * The part of the OVN Southbound database that the agent replicates (ovn-sb(5)): columns that decide something, and
 * the indexes that keep every question of the topology independent of the size of the cloud.
 *
 * Columns and tables that the server's schema lacks read as empty, so one declaration serves all OVN releases.
 */
import { type DatabaseSpec, databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';
import { CIDRS_KEY, PORT_NAME_KEY, words } from './external-ids.ts';
import { monitorKey, SERVICE_MONITOR_COLUMNS } from './member-health.ts';
import type { BulkColumns } from './tracked-views.ts';
import { emptyVipAddresses, peopledVipAddresses } from './vip-members.ts';

const portBinding = tableSpec(
  {
    logical_port: 'string',
    type: 'string',
    mac: 'string-set',
    chassis: 'optional-uuid',
    /** Bindings beside `chassis` during a live migration (OVN 22.09). */
    additional_chassis: 'uuid-set',
    up: 'optional-boolean',
    datapath: 'uuid',
    tag: 'optional-integer',
    /** On the switch side of a router port: the addresses that the router answers for there. */
    nat_addresses: 'string-set',
    options: 'string-map',
    external_ids: 'string-map',
  },
  {
    logicalPort: (row) => row.logical_port,
    /** Both sides of router ports, by the name of the other side. */
    peer: (row) => (isRouterLink(row) ? row.options.get('peer') : undefined),
    /** Both sides of router ports, by their datapath: few among many. */
    routerLink: (row) => (isRouterLink(row) ? row.datapath : undefined),
    /** What may be a gateway port of a router, by the router's datapath. */
    gateway: (row) => (mayBeGateway(row) ? row.datapath : undefined),
    /** The part of a gateway port that moves between chassis, by the name of the port itself. */
    redirect: (row) => (row.type === 'chassisredirect' ? row.options.get('distributed-port') : undefined),
    /** Ports that stand for the VIPs of a load balancer, by the load balancer's name. */
    vip: (row) => (isVipPort(row) ? loadBalancerOf(row) : undefined),
    /** The switch's side of router ports that tells more than the router port's own addresses, by its name. */
    natTold: (row) => (isRouterLink(row) && row.nat_addresses.length > 1 ? row.logical_port : undefined),
    /** Only localnet ports: all of them, or those of a datapath. */
    localnet: (row) => (row.type === 'localnet' ? [ALL_LOCALNETS, row.datapath] : undefined),
  },
);

/** Key of the index `localnet` that holds every localnet port; no UUID looks like it. */
export const ALL_LOCALNETS = 'all';

/**
 * Logical switches and routers. `external_ids` tells the name and, by the keys `logical-switch` and `logical-router`, which
 * it is; releases from 25.09 on say that in `type`, too.
 */
const datapathBinding = tableSpec({ external_ids: 'string-map', type: 'optional-string' });

/**
 * Which datapaths have a load balancer was told in three ways: `datapaths`; `datapath_group` (OVN 21.12); one group for
 * switches and one for routers (OVN 23.09). The older ways name switches alone.
 */
const loadBalancer = tableSpec(
  {
    name: 'string',
    vips: 'string-map',
    protocol: 'optional-string',
    datapaths: 'uuid-set',
    datapath_group: 'optional-uuid',
    ls_datapath_group: 'optional-uuid',
    lr_datapath_group: 'optional-uuid',
    external_ids: 'string-map',
  },
  {
    name: (row) => row.name,
    /** All of them, and those that have an address with nothing behind it. */
    memberless: (row) => (emptyVipAddresses(row.vips).length > 0 ? [ALL, ALL_MEMBERLESS] : ALL),
    /** By the addresses behind which there are members. */
    peopled: (row) => peopledVipAddresses(row.vips),
  },
);

/** Keys of the index `memberless`: every load balancer; those that have an address with nothing behind it. */
export const ALL = 'all';
export const ALL_MEMBERLESS = 'memberless';

const datapathGroup = tableSpec({ datapaths: 'uuid-set' });

/** What health checks of load balancers find. */
const serviceMonitor = tableSpec(SERVICE_MONITOR_COLUMNS, { member: monitorKey });

const chassis = tableSpec({ name: 'string' }, { name: (row) => row.name });

const chassisPrivate = tableSpec({ name: 'string' }, { name: (row) => row.name });

const encap = tableSpec({ ip: 'string', chassis_name: 'string' });

export const SOUTHBOUND = databaseSpec('OVN_Southbound', {
  Port_Binding: portBinding,
  Datapath_Binding: datapathBinding,
  Load_Balancer: loadBalancer,
  Logical_DP_Group: datapathGroup,
  Chassis: chassis,
  Chassis_Private: chassisPrivate,
  Encap: encap,
  Service_Monitor: serviceMonitor,
}) satisfies DatabaseSpec;

/** `nat_addresses` changes with every floating IP of a gateway: no reason to look at the attachments of its network. */
export const SOUTHBOUND_BULK: BulkColumns<SouthboundDatabase> = { Port_Binding: ['nat_addresses'] };

export type SouthboundDatabase = typeof SOUTHBOUND;
export type SouthboundViews = Views<SouthboundDatabase>;
export type PortBinding = RowOf<typeof portBinding>;
export type DatapathBinding = RowOf<typeof datapathBinding>;
export type SouthboundLoadBalancer = RowOf<typeof loadBalancer>;

interface PortColumns {
  readonly type: string;
  readonly mac: readonly string[];
  readonly chassis: string | undefined;
  readonly up: boolean | undefined;
  readonly logical_port: string;
  readonly external_ids: ReadonlyMap<string, string>;
}

/** One side of a port between a router and a switch. OVN makes `l3gateway` of `patch` for routers pinned to a chassis. */
export function isRouterLink(row: { readonly type: string }): boolean {
  return row.type === 'patch' || row.type === 'l3gateway';
}

/** `MAC address/length...`: the router's side; the switch's side has no lengths, mostly the word `router` alone. */
export function hasInterfaceAddresses(row: { readonly mac: readonly string[] }): boolean {
  return row.mac[0]?.includes('/') === true;
}

export function mayBeGateway(row: { readonly type: string; readonly mac: readonly string[] }): boolean {
  return row.type === 'chassisredirect' || (row.type === 'l3gateway' && hasInterfaceAddresses(row));
}

/**
 * A port without addresses of its own that is never bound: ovn-octavia-provider takes the MAC address away from the port
 * that reserves a VIP, so that nothing but the load balancer answers for it.
 */
export function isVipPort(row: PortColumns): boolean {
  return (
    row.type === '' &&
    row.mac.length === 0 &&
    row.chassis === undefined &&
    row.up !== true &&
    words(row.external_ids.get(CIDRS_KEY)).length > 0
  );
}

const VIP_PORT_PREFIX = 'ovn-lb-vip-';
/** Ports of further VIPs of a load balancer have a number besides. */
const ADDITIONAL_VIP = /^additional-[0-9]+-/;

/** True for the port of a further VIP of a load balancer. */
export function isAdditionalVip(row: PortColumns): boolean {
  const name = row.external_ids.get(PORT_NAME_KEY) ?? '';
  return name.startsWith(VIP_PORT_PREFIX) && ADDITIONAL_VIP.test(name.slice(VIP_PORT_PREFIX.length));
}

/** Name of the load balancer that a VIP's port says it belongs to. */
export function loadBalancerOf(row: PortColumns): string | undefined {
  const name = row.external_ids.get(PORT_NAME_KEY);
  if (name?.startsWith(VIP_PORT_PREFIX) !== true) return undefined;
  return name.slice(VIP_PORT_PREFIX.length).replace(ADDITIONAL_VIP, '');
}
