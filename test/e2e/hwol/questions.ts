/** What the `hwol` scenario asks of a node: what it holds of each method, what the switch holds, which way packets went. */
import type { Lab } from '../../../lab/lab.ts';
import type { ChassisName, NodeName } from '../../../lab/layout.ts';
import { type Seen, until } from '../../../lab/until.ts';

/** Everything that routes packets through the kernel on the agent's behalf; empty where the kernel has no part. */
export async function kernelRouting(lab: Lab, node: ChassisName): Promise<readonly string[]> {
  const { stdout } = await lab.node(node).script(
    `ip -4 rule; ip -6 rule
ip -4 route show table all proto 179 type unicast; ip -6 route show table all proto 179 type unicast
ip -4 neigh show proxy; ip -6 neigh show proxy
ip -o link show type vlan`,
  );
  // The kernel's own rules, and that of devices in a VRF.
  return linesOf(stdout).filter((line) => !/lookup (local|main|default)$|l3mdev-table/.test(line));
}

/** How many packets the kernel of the node has forwarded so far, of both families. */
export async function forwarded(lab: Lab, node: ChassisName): Promise<number> {
  const { stdout } = await lab.node(node).script(
    `awk '/^Ip:/ && !names { names = 1; for (i = 1; i <= NF; i++) if ($i == "ForwDatagrams") column = i; next } /^Ip:/ { print $column }' /proc/net/snmp
awk '$1 == "Ip6OutForwDatagrams" { print $2 }' /proc/net/snmp6`,
  );
  return linesOf(stdout).reduce((sum, line) => sum + Number(line), 0);
}

/** Flows of the agent on a bridge, sorted, without counters. */
export async function agentFlows(lab: Lab, node: ChassisName, bridge: string): Promise<readonly string[]> {
  const argv = ['ovs-ofctl', '--no-stats', 'dump-flows', bridge, 'cookie=999/-1'];
  const { stdout } = await lab.node(node).exec(argv);
  return linesOf(stdout)
    .filter((line) => line.includes('cookie=0x3e7'))
    .sort();
}

/** Static entries of a bridge's MAC table, sorted. */
export async function staticMacs(lab: Lab, node: ChassisName, bridge: string): Promise<readonly string[]> {
  const { stdout } = await lab.node(node).exec(['ovs-appctl', 'fdb/show', bridge]);
  return linesOf(stdout)
    .filter((line) => line.includes('static'))
    .map((line) => line.trim().split(/\s+/).join(' '))
    .sort();
}

/**
 * Everything that either method makes on a node: in the kernel, on the bridges, in the node's own Northbound database. One
 * thing a line, sorted; what FRR, OVN or an operator made is not in it.
 */
export async function methodState(lab: Lab, node: ChassisName): Promise<readonly string[]> {
  const { stdout } = await lab.node(node).script(
    `set +e
say() { sed "s/^/$1 /"; }
for family in -4 -6; do
  ip $family rule show priority 32000 | say "rule $family"
  ip $family route show table all proto 179 | say "route $family"
  ip $family neigh show nud permanent proto 179 2>/dev/null | say "neighbour $family"
  ip $family neigh show proxy | say "proxy $family"
done
ip -o address show dev br-osp | awk '{ print "address br-osp", $4 }' | grep -v fe80:
ip -o address show dev bgp-nic | awk '{ print "address bgp-nic", $4 }' | grep -v fe80:
grep . /proc/sys/net/ipv4/conf/br-osp/proxy_arp /proc/sys/net/ipv6/conf/br-osp/proxy_ndp
ovs-vsctl --columns=name find Port external_ids:ovn-bgp-agent!='[]' | say port
ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock --no-leader-only show | sed -E 's/ [0-9a-f-]{36}//' | say row
for table in Logical_Router_Static_Route:ip_prefix,nexthop,output_port Logical_Router_Policy:match,nexthops \
  Static_MAC_Binding:logical_port,ip,mac BFD:logical_port,dst_ip ACL:match,action Gateway_Chassis:name; do
  ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock --no-leader-only --format=csv --no-headings --columns=\${table#*:} \
    list \${table%%:*} | say \${table%%:*}
done`,
    { check: false },
  );
  const flows = [];
  for (const bridge of ['br-ex', 'br-ex-2', 'br-osp']) {
    // Patch ports that were made anew have other numbers.
    const named = (flow: string): string => flow.replace(/output:\d+/, 'output:patch');
    flows.push(...(await agentFlows(lab, node, bridge)).map((flow) => `${bridge} ${named(flow)}`));
    flows.push(...(await staticMacs(lab, node, bridge)).map((entry) => `${bridge} ${entry}`));
  }
  return [...linesOf(stdout), ...flows].sort();
}

/** Rows of the node's own Northbound database, by table: how many. */
export async function localRows(lab: Lab, node: ChassisName): Promise<Readonly<Record<string, number>>> {
  const tables = ['Logical_Router', 'Logical_Switch', 'Static_MAC_Binding', 'BFD', 'Gateway_Chassis'];
  const operations = tables.map((table) => ({ op: 'select', table, where: [], columns: ['_uuid'] }));
  const request = JSON.stringify(['OVN_Northbound', ...operations]);
  const argv = ['ovsdb-client', 'transact', 'unix:/run/ovn-bgp/ovnnb_db.sock', request];
  const results = JSON.parse((await lab.node(node).exec(argv)).stdout) as readonly {
    readonly rows: readonly unknown[];
  }[];
  return Object.fromEntries(tables.map((table, index) => [table, results[index]?.rows.length ?? -1]));
}

export const NO_LOCAL_ROWS = {
  Logical_Router: 0,
  Logical_Switch: 0,
  Static_MAC_Binding: 0,
  BFD: 0,
  Gateway_Chassis: 0,
} as const;

/** Waits until packets that match were seen on both leafs' cables to a node, in the direction that the filter tells. */
export async function awaitOnBothLeafs(
  lab: Lab,
  node: ChassisName,
  filter: string,
  traffic: (attempt: number) => Promise<unknown>,
): Promise<void> {
  const leafs = ['leaf1', 'leaf2'] as const satisfies readonly NodeName[];
  const capture = ['tcpdump', '-n', '-l', '-c', '1', '-i', `to-${node}`, filter];
  const captures = await Promise.all(leafs.map((leaf) => lab.node(leaf).spawn('capture', capture)));
  try {
    let attempt = 0;
    const probe = async (): Promise<Seen<true>> => {
      await traffic(attempt++);
      const waiting = await Promise.all(captures.map((one) => one.alive()));
      const missing = leafs.filter((_, index) => waiting[index] === true);
      return missing.length === 0 ? { value: true } : { seen: `no packet yet on ${missing.join(', ')}` };
    };
    await until(`packets "${filter}" through both leafs`, probe, { timeoutMs: 60_000 });
  } finally {
    for (const one of captures) await one.stop('SIGKILL');
  }
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}
