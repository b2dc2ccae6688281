/** The tables and columns of the local `Open_vSwitch` database that the agent reads (ovs-vswitchd.conf.db(5)). */
import { databaseSpec, tableSpec } from '../ovsdb/types.ts';

const root = tableSpec({ external_ids: 'string-map' });

const bridge = tableSpec(
  { name: 'string', datapath_type: 'string', ports: 'uuid-set' },
  { name: (row) => row.name },
);

const port = tableSpec(
  { name: 'string', tag: 'optional-integer', interfaces: 'uuid-set', external_ids: 'string-map' },
  { name: (row) => row.name },
);

/** Counters and status columns are left out on purpose: they change every few seconds. */
const device = tableSpec({
  name: 'string',
  type: 'string',
  ofport: 'optional-integer',
  error: 'optional-string',
  mac: 'optional-string',
  mac_in_use: 'optional-string',
  link_state: 'optional-string',
  options: 'string-map',
  external_ids: 'string-map',
});

export const SWITCH_SPEC = databaseSpec('Open_vSwitch', {
  Open_vSwitch: root,
  Bridge: bridge,
  Port: port,
  Interface: device,
});

export type SwitchSpec = typeof SWITCH_SPEC;
