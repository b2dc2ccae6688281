/** Files of a node with an OVN of its own, for tests of offline plans: two fabric bridges and a provider bridge. */
import { SWITCH_SPEC } from '../openvswitch/schema.ts';
import { memoryDatabase } from '../ovn/memory-database.ts';
import { type DatabaseFile, databaseFile } from '../ovsdb/index.ts';
import { databaseLog } from '../ovsdb/testing/database-log.ts';

const BRIDGES = [
  ['br-ex', '52:54:00:00:00:01', 'nic1', 'patch-bgp-ex-localnet-to-br-bgp'],
  ['br-ex-2', '52:54:00:00:00:02', 'nic2', 'patch-bgp-ex-2-localnet-to-br-bgp'],
  ['br-osp', '52:54:00:00:00:03', 'patch-provnet-1-to-br-int', 'patch-bgp-osp-localnet-to-br-bgp'],
] as const;

/** Its Open_vSwitch database; `ids` win over its own `external_ids`, an empty value takes one away. */
export function ovnSwitchFile(ids: Readonly<Record<string, string>> = {}): DatabaseFile {
  const db = memoryDatabase(SWITCH_SPEC);
  const all = {
    'system-id': 'C1',
    hostname: 'cmp-1',
    'ovn-bridge-mappings': 'physnet1:br-osp',
    'ovn-bridge-mappings-bgp': 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp',
    'ct-zone-range-bgp': '60000-64000',
    ...ids,
  };
  const kept = Object.entries(all).filter(([, value]) => value !== '');
  db.insert('Open_vSwitch', { external_ids: new Map(kept) }, 'root');
  for (const [bridge, mac, ...others] of BRIDGES) {
    const ports = [bridge, ...others].map((name, ofport) => {
      const type = name === bridge ? 'internal' : name.startsWith('patch') ? 'patch' : '';
      const seen = name === bridge ? { mac_in_use: mac } : {};
      db.insert('Interface', { name, type, ofport: ofport === 0 ? 65534 : ofport, ...seen }, `i ${name}`);
      db.insert('Port', { name, interfaces: [`i ${name}`] }, `p ${name}`);
      return `p ${name}`;
    });
    db.insert('Bridge', { name: bridge, datapath_type: 'netdev', ports }, `b ${bridge}`);
  }
  return databaseFile(databaseLog(SWITCH_SPEC, db.views), 'Open_vSwitch.db');
}
