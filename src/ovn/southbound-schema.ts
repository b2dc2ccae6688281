/**
 * The part of the OVN Southbound database that the agent replicates (ovn-sb(5)): columns that decide something, and
 * the indexes that keep every question of the topology independent of the size of the cloud.
 *
 * Columns and tables that the server's schema lacks read as empty, so one declaration serves all OVN releases.
 */
import { type DatabaseSpec, databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';

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
    options: 'string-map',
    external_ids: 'string-map',
  },
  {
    logicalPort: (row) => row.logical_port,
    datapath: (row) => row.datapath,
    /** Everywhere the port is bound. */
    chassis: (row) =>
      row.chassis === undefined ? row.additional_chassis : [row.chassis, ...row.additional_chassis],
    /** Only localnet ports: all of them, or those of a datapath. */
    localnet: (row) => (row.type === 'localnet' ? [ALL_LOCALNETS, row.datapath] : undefined),
  },
);

/** Key of the index `localnet` that holds every localnet port; no UUID looks like it. */
export const ALL_LOCALNETS = 'all';

/** Logical switches and routers; `external_ids:name` is the switch's name. */
const datapathBinding = tableSpec({ external_ids: 'string-map' });

const chassis = tableSpec({ name: 'string' }, { name: (row) => row.name });

const chassisPrivate = tableSpec({ name: 'string' }, { name: (row) => row.name });

export const SOUTHBOUND = databaseSpec('OVN_Southbound', {
  Port_Binding: portBinding,
  Datapath_Binding: datapathBinding,
  Chassis: chassis,
  Chassis_Private: chassisPrivate,
}) satisfies DatabaseSpec;

export type SouthboundDatabase = typeof SOUTHBOUND;
export type SouthboundViews = Views<SouthboundDatabase>;
export type PortBinding = RowOf<typeof portBinding>;
