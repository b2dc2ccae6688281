/**
 * The topology as the Southbound database shows it: ports where ovn-controller bound them.
 *
 * In: views of the replicated tables and this node's identity. Out: candidates, resolved on request, and the candidates
 * that a change set can alter. Holds no state of its own: what it tells is what the tables hold at that moment.
 */
import { sortedBy } from '../base/order.ts';
import type { ChangeSet, Uuid } from '../ovsdb/types.ts';
import { rowsOf } from './changes.ts';
import { CIDRS_KEY, words } from './external-ids.ts';
import { southboundResidence } from './residence.ts';
import {
  ALL_LOCALNETS,
  type PortBinding,
  type SouthboundDatabase,
  type SouthboundViews,
} from './southbound-schema.ts';
import {
  type CandidateKey,
  candidateUuid,
  type IncrementalTopology,
  type Localnet,
  type Network,
  type NodeIdentity,
  portKey,
  type Residence,
  type WorkloadPort,
} from './topology.ts';

/** Bindings that OVN makes for its own plumbing: no workload has them. */
const PLUMBING: ReadonlySet<string> = new Set(['localnet', 'patch', 'chassisredirect', 'l3gateway']);

export function createSouthboundTopology(
  views: SouthboundViews,
  identity: NodeIdentity,
): IncrementalTopology<SouthboundDatabase> {
  return {
    database: 'southbound',
    *candidates() {
      for (const row of views.Port_Binding) if (!PLUMBING.has(row.type)) yield portKey(row._uuid);
    },
    resolve: (key) => {
      const row = views.Port_Binding.get(candidateUuid(key));
      return row === undefined || PLUMBING.has(row.type) ? undefined : workloadPort(row, views, identity);
    },
    companions: () => [],
    *localnets() {
      for (const row of views.Port_Binding.find('localnet', ALL_LOCALNETS)) yield localnet(row);
    },
    affected: (changes) => (changes.cause === 'snapshot' ? 'all' : affected(changes, views)),
  };
}

function workloadPort(row: PortBinding, views: SouthboundViews, identity: NodeIdentity): WorkloadPort {
  const network = networkOf(row.datapath, views);
  return {
    kind: 'port',
    key: portKey(row._uuid),
    row: { database: 'southbound', table: 'Port_Binding', uuid: row._uuid, name: row.logical_port },
    name: row.logical_port,
    type: row.type,
    addressTexts: row.mac.slice(0, 1),
    cidrs: words(row.external_ids.get(CIDRS_KEY)),
    networkName: network?.name,
    network,
    residence: residence(row, views, identity),
    active: row.chassis !== undefined,
    scopes: {},
    subnets: [],
    neighbor: false,
    proxyNdp: row.type === 'virtual',
    marks: {},
  };
}

function residence(row: PortBinding, views: SouthboundViews, identity: NodeIdentity): Residence {
  // A chassis that is not in the replica (yet) is not this one: its UUID stands for its name.
  const nameOf = (uuid: Uuid): string => views.Chassis.get(uuid)?.name ?? uuid;
  return southboundResidence(
    {
      type: row.type,
      chassis: row.chassis === undefined ? undefined : nameOf(row.chassis),
      additionalChassis: row.additional_chassis.map(nameOf),
      up: row.up,
    },
    identity.systemId,
  );
}

function networkOf(datapath: Uuid, views: SouthboundViews): Network | undefined {
  const row = views.Datapath_Binding.get(datapath);
  if (row === undefined) return undefined;
  const name = row.external_ids.get('name') ?? datapath;
  return {
    row: { database: 'southbound', table: 'Datapath_Binding', uuid: datapath, name },
    name,
    localnets: sortedBy(
      views.Port_Binding.find('localnet', datapath).map(localnet),
      (port) => `${port.name} ${port.row.uuid}`,
    ),
    // Static routes are compiled into flows here: custom IPv6 gateways cannot be told from this database.
    gateways6: [],
  };
}

function localnet(row: PortBinding): Localnet {
  return {
    row: { database: 'southbound', table: 'Port_Binding', uuid: row._uuid, name: row.logical_port },
    name: row.logical_port,
    physicalNetwork: row.options.get('network_name'),
    tag: row.tag,
  };
}

function affected(changes: ChangeSet<SouthboundDatabase>, views: SouthboundViews): ReadonlySet<CandidateKey> {
  const keys = new Set<CandidateKey>();
  const datapaths = new Set<Uuid>();
  const addPorts = (rows: Iterable<PortBinding>): void => {
    for (const row of rows) if (!PLUMBING.has(row.type)) keys.add(portKey(row._uuid));
  };
  const { Port_Binding: ports, Datapath_Binding: networks, Chassis: chassis } = changes.changes;
  for (const change of ports ?? []) {
    const rows = rowsOf(change);
    if (rows.some((row) => !PLUMBING.has(row.type))) for (const row of rows) keys.add(portKey(row._uuid));
    if (localnetText(rows[0]) === localnetText(rows[1])) continue;
    for (const row of rows) if (row.type === 'localnet') datapaths.add(row.datapath);
  }
  for (const change of networks ?? []) {
    const [before, after] = rowsOf(change).map((row) => row.external_ids.get('name'));
    if (change.kind === 'modify' && before === after) continue;
    for (const row of rowsOf(change)) datapaths.add(row._uuid);
  }
  for (const change of chassis ?? []) {
    if (change.kind === 'modify' && change.old.name === change.row.name) continue;
    for (const row of rowsOf(change)) {
      addPorts(views.Port_Binding.find('chassis', row._uuid));
    }
  }
  for (const datapath of datapaths) addPorts(views.Port_Binding.find('datapath', datapath));
  return keys;
}

/** Everything that a network takes over from its localnet port; undefined for no row and empty for other ports. */
function localnetText(row: PortBinding | undefined): string | undefined {
  if (row === undefined) return undefined;
  if (row.type !== 'localnet') return '';
  return JSON.stringify([row.datapath, row.logical_port, row.options.get('network_name'), row.tag]);
}
