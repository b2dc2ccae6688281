/**
 * The part of the OVN Southbound database that the Northbound driver replicates where its own database does not tell
 * where things are: which chassis holds a port (ovn-sb(5)).
 */
import { type DatabaseSpec, databaseSpec, type RowOf, tableSpec, type Views } from '../ovsdb/types.ts';
import { monitorKey, SERVICE_MONITOR_COLUMNS } from './member-health.ts';

const portBinding = tableSpec(
  {
    logical_port: 'string',
    type: 'string',
    chassis: 'optional-uuid',
    /** Bindings beside `chassis` during a live migration (OVN 22.09). */
    additional_chassis: 'uuid-set',
    up: 'optional-boolean',
  },
  { logicalPort: (row) => row.logical_port },
);

const chassis = tableSpec({ name: 'string' });

/** What health checks of load balancers find. */
const serviceMonitor = tableSpec(SERVICE_MONITOR_COLUMNS, { member: monitorKey });

export const BINDINGS = databaseSpec('OVN_Southbound', {
  Port_Binding: portBinding,
  Chassis: chassis,
  Service_Monitor: serviceMonitor,
}) satisfies DatabaseSpec;

/** What the Southbound database is asked about. */
export type BoundThing = 'port' | 'gateway';

export type BindingsDatabase = typeof BINDINGS;
export type BindingsViews = Views<BindingsDatabase>;
export type BoundPort = RowOf<typeof portBinding>;
