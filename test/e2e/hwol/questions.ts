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

/**
 * What is the operator's on a node: the flows that the cloud's own controller wrote, and the switch's database without
 * what changes by itself.
 */
export async function operatorsPart(lab: Lab, node: ChassisName): Promise<string> {
  const { stdout } = await lab.node(node).script(
    `echo "== flows"
# Tables 66, 67 and 79 hold what routers learned from traffic (OFTABLE_MAC_* of OVN).
ovs-ofctl --no-stats --no-names dump-flows br-int | grep -vE 'table=(66|67|79),' | sort
for bridge in $(ovs-vsctl list-br | grep -v '^br-int$' | grep -v '^br-bgp$'); do
  echo "== $bridge"
  ovs-ofctl --no-stats --no-names dump-flows $bridge | sort
  ovs-vsctl list-ports $bridge | sort
done
echo "== settings"
ovs-vsctl get Open_vSwitch . external_ids | tr ',' '\\n' | tr -d '{} '| grep -v -- -bgp= | sort
ovs-vsctl --columns=name,datapath_type,fail_mode,other_config,external_ids list Bridge br-int br-ex br-ex-2 br-osp`,
  );
  return stdout;
}

/** The rows that Neutron wrote, without what northd reports. */
export async function cloudRows(lab: Lab): Promise<string> {
  const { stdout } = await lab.node('central').script(
    `ovsdb-client dump --no-headings unix:/run/ovn/ovnnb_db.sock OVN_Northbound Logical_Switch name external_ids other_config ports
ovsdb-client dump --no-headings unix:/run/ovn/ovnnb_db.sock OVN_Northbound Logical_Switch_Port name addresses options external_ids tag up
ovsdb-client dump --no-headings unix:/run/ovn/ovnnb_db.sock OVN_Northbound Logical_Router name options external_ids static_routes nat
ovsdb-client dump --no-headings unix:/run/ovn/ovnnb_db.sock OVN_Northbound NAT external_ip logical_ip type`,
  );
  return stdout;
}

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
