/**
 * What is the operator's: the cloud's databases and, on a node, the switch's database and OpenFlow tables. Read whole; only
 * what changes by itself is left out: counters, times, what routers learned from traffic, and what vswitchd reports of devices.
 */
import type { Lab } from '../../../lab/lab.ts';
import type { ChassisName, NodeName } from '../../../lab/layout.ts';

/** Columns that nobody writes on purpose: `Table.column`, or a column of every table. */
const VOLATILE: ReadonlySet<string> = new Set([
  // Sequence numbers and times of changes (ovn-nb(5), ovn-sb(5)).
  'nb_cfg',
  'nb_cfg_timestamp',
  'sb_cfg',
  'sb_cfg_timestamp',
  'hv_cfg',
  'hv_cfg_timestamp',
  'Connection.status',
  // Of ovs-vswitchd: counters, configuration numbers, what it sees of devices (ovs-vswitchd.conf.db(5)).
  'Open_vSwitch.cur_cfg',
  'Open_vSwitch.next_cfg',
  'statistics',
  'Datapath.capabilities',
  'Interface.ifindex',
  'Interface.link_resets',
  'Interface.link_state',
  // Random for devices without an address of their own, at every start of vswitchd.
  'Interface.mac_in_use',
  'Interface.status',
  'Port.status',
]);

/** What routers learned from traffic; rows age. */
const LEARNED: ReadonlySet<string> = new Set(['MAC_Binding', 'FDB', 'Learned_Route', 'ECMP_Nexthop']);

/** `external_ids` in which ovn-controller says when, and up to which change, it was done. */
const TIMES = /^ovn-(?:installed-ts|startup-ts|nb-cfg|nb-cfg-ts)$/;

/**
 * Has ovn-northd compute everything anew, before anything is compared: what it and ovn-controller keep up to date bit by bit
 * depends on the order of events (ports of `_MC_mrouter_flood`, for one).
 */
async function recompute(lab: Lab): Promise<void> {
  const central = lab.node('central');
  await central.exec(['ovn-appctl', '-t', '/run/ovn/ovn-northd.ctl', 'inc-engine/recompute']);
  await central.exec(['ovn-nbctl', '--wait=hv', '--timeout=60', 'sync']);
}

/** Both databases of the cloud, one row a line. */
export async function cloudDatabases(lab: Lab): Promise<readonly string[]> {
  await recompute(lab);
  const rows = [];
  for (const [socket, name] of [
    ['ovnnb_db', 'OVN_Northbound'],
    ['ovnsb_db', 'OVN_Southbound'],
  ] as const) {
    rows.push(...(await databaseRows(lab, 'central', `/run/ovn/${socket}.sock`, name)));
  }
  return rows;
}

/** The switch's database and its flows and groups, one row or flow a line. */
export async function operatorsNode(lab: Lab, node: ChassisName): Promise<readonly string[]> {
  await lab.node(node).exec(['ovn-appctl', '-t', 'ovn-controller', 'inc-engine/recompute']);
  await recompute(lab);
  const { stdout } = await lab.node(node).script(
    `for bridge in $(ovs-vsctl list-br); do
  ovs-ofctl --no-stats --no-names dump-flows $bridge | sed "s/^/$bridge /"
  ovs-ofctl --no-names dump-groups $bridge | grep -v 'xid=' | sed "s/^/$bridge /"
done`,
  );
  const rows = await databaseRows(lab, node, '/run/openvswitch/db.sock', 'Open_vSwitch');
  return [...rows, ...linesOf(stdout).filter(isSettled)].sort();
}

function isSettled(flow: string): boolean {
  // Tables 66, 67 and 79 hold what routers learned from traffic (OFTABLE_MAC_* of OVN). Two routers on one provider network
  // want the same conjunctive flows: ovn-controller keeps those of the one that it met last.
  return !/table=(?:66|67|79),|conj_id=|conjunction\(/.test(flow);
}

interface Table {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

async function databaseRows(lab: Lab, node: NodeName, socket: string, database: string): Promise<string[]> {
  const { stdout } = await lab
    .node(node)
    .exec(['ovsdb-client', 'dump', '-f', 'json', `unix:${socket}`, database]);
  const tables = linesOf(stdout).map((line) => JSON.parse(line) as Table);
  return tables
    .flatMap(({ caption, headings, data }) => {
      const name = caption.replace(/ table$/, '');
      if (LEARNED.has(name)) return [];
      const kept = headings.map((column) => !VOLATILE.has(column) && !VOLATILE.has(`${name}.${column}`));
      return data.map((row) => {
        const values = row.flatMap((value, index) =>
          kept[index] === true ? [`${headings[index]}=${JSON.stringify(ordered(value))}`] : [],
        );
        return `${name} ${values.join(' ')}`;
      });
    })
    .sort();
}

/** OVSDB notation (RFC 7047, 5.1): members of a set or map have no order. */
function ordered(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 2) return value;
  const [kind, members] = value as [unknown, unknown];
  if ((kind !== 'set' && kind !== 'map') || !Array.isArray(members)) return value;
  const kept = members.filter((member) => !(Array.isArray(member) && TIMES.test(String(member[0]))));
  return [kind, kept.map((member) => JSON.stringify(member)).sort()];
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
