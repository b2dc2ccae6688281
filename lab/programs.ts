/**
 * Starting the real programs in a node: FRR, Open vSwitch and OVN, each with its standard paths.
 *
 * The scripts end when the daemons have detached and answer. Output goes to `/var/log/lab-start.log` of the node and
 * never through a pipe: FRR's daemons keep their standard output open after they have detached. Fails with a
 * `LabError` that quotes the log.
 */
import type { UplinkBridge } from './hwol.ts';
import { type Chassis, NORTHBOUND, routerNamed, SOUTHBOUND, TUNNEL_LENGTH } from './layout.ts';
import { LabError } from './machine.ts';
import type { LabNode } from './node.ts';

const START_TIMEOUT_MS = 120_000;

const LOG_TO = (program: string, directory: string): string =>
  `--pidfile --detach --no-chdir --log-file=/var/log/${directory}/${program}.log -vconsole:off`;

/** `datapath`: `netdev` is Open vSwitch's user space data path, `system` the kernel's. */
export interface ChassisPlan {
  readonly chassis: Chassis;
  readonly datapath: 'netdev' | 'system';
  readonly bridges: readonly ProviderBridge[];
  /** Bridges around the node's uplinks, where these belong to Open vSwitch. */
  readonly uplinks?: readonly UplinkBridge[];
}

export interface ProviderBridge {
  readonly name: string;
  readonly physicalNetwork: string;
  readonly mac: string;
}

/** FRR with a configuration written to /etc/frr/frr.conf; `mgmtd` only where the release has it. */
export async function startFrr(node: LabNode, config: string): Promise<void> {
  await node.write('/etc/frr/frr.conf', config, 0o640);
  await node.write('/etc/frr/vtysh.conf', 'service integrated-vtysh-config\n', 0o640);
  await run(
    node,
    `chown frr:frr /etc/frr/frr.conf
chown frr:frrvty /etc/frr/vtysh.conf
for daemon in mgmtd zebra bgpd bfdd; do
  [ -x /usr/lib/frr/$daemon ] || continue
  options=
  [ $daemon = zebra ] && options='-s 16777216'
  /usr/lib/frr/$daemon -d -A 127.0.0.1 $options
done
vtysh -b`,
  );
}

/** The OVN databases, reachable over TCP on the management bridge, and ovn-northd. */
export async function startCentral(node: LabNode): Promise<void> {
  const server = (database: 'nb' | 'sb', port: number): string => `
ovsdb-tool create /var/lib/ovn/ovn${database}_db.db /usr/share/ovn/ovn-${database}.ovsschema
ovsdb-server /var/lib/ovn/ovn${database}_db.db --remote=punix:/run/ovn/ovn${database}_db.sock --remote=ptcp:${port}:0.0.0.0 \\
  --unixctl=/run/ovn/ovn${database}_db.ctl --pidfile=/run/ovn/ovn${database}_db.pid --detach --no-chdir \\
  --log-file=/var/log/ovn/ovsdb-server-${database}.log -vconsole:off`;
  await run(
    node,
    `${server('nb', 6641)}
${server('sb', 6642)}
ovn-nbctl init
ovn-sbctl init
ovn-nbctl set nb_global . name=lab
ovn-northd --ovnnb-db=unix:/run/ovn/ovnnb_db.sock --ovnsb-db=unix:/run/ovn/ovnsb_db.sock \\
  --unixctl=/run/ovn/ovn-northd.ctl ${LOG_TO('ovn-northd', 'ovn')}`,
  );
}

/** Open vSwitch with the provider bridges, and ovn-controller. */
export async function startChassis(node: LabNode, plan: ChassisPlan): Promise<void> {
  await run(
    node,
    `ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock ${LOG_TO('ovsdb-server', 'openvswitch')}
ovs-vsctl --no-wait ${chassisSettings(plan).join(' -- ')}
ovs-vswitchd unix:/run/openvswitch/db.sock ${LOG_TO('ovs-vswitchd', 'openvswitch')}
${linkUp(plan)}
ovn-controller unix:/run/openvswitch/db.sock ${LOG_TO('ovn-controller', 'ovn')}`,
  );
}

/** The commands of the one `ovs-vsctl` call that configures a chassis, quoted for a shell. */
export function chassisSettings(plan: ChassisPlan): readonly string[] {
  const { chassis, datapath, bridges, uplinks = [] } = plan;
  const netdev = datapath === 'netdev';
  const settings = {
    'external_ids:system-id': chassis.systemId,
    'external_ids:hostname': chassis.name,
    'external_ids:ovn-remote': SOUTHBOUND,
    'external_ids:ovn-nb-remote': NORTHBOUND,
    'external_ids:ovn-encap-type': 'geneve',
    'external_ids:ovn-encap-ip': netdev ? chassis.tunnel : routerNamed(chassis.name).loopback4,
    'external_ids:ovn-bridge': 'br-int',
    'external_ids:ovn-bridge-datapath-type': datapath,
    'external_ids:ovn-bridge-mappings': bridges.map((b) => `${b.physicalNetwork}:${b.name}`).join(','),
    ...(chassis.gateway ? { 'external_ids:ovn-cms-options': 'enable-chassis-as-gw' } : {}),
    // A lab node needs no thread for every processor of the machine.
    'other_config:n-handler-threads': '1',
    'other_config:n-revalidator-threads': '1',
  };
  const assignments = Object.entries(settings).map(([key, value]) => `${key}='"${value}"'`);
  return [
    'init',
    `set Open_vSwitch . ${assignments.join(' ')}`,
    ...bridges.flatMap((bridge) => addBridge(bridge.name, datapath, `other_config:hwaddr='"${bridge.mac}"'`)),
    ...uplinks.flatMap(({ name, mac, nic }) => [
      ...addBridge(name, datapath, `other_config:hwaddr='"${mac}"'`),
      `add-port ${name} ${nic}`,
    ]),
    // The user space data path makes tunnels itself, and finds the way only when the tunnel address is on one of its
    // own bridges.
    ...(netdev ? [...addBridge('br-tun', datapath), 'add-port br-tun tun0'] : []),
  ];
}

function addBridge(name: string, datapath: string, ...settings: readonly string[]): readonly string[] {
  const set = [`set Bridge ${name} datapath_type=${datapath} fail_mode=standalone`, ...settings];
  return [`add-br ${name}`, set.join(' ')];
}

/** vswitchd detaches when its first configuration is in place: the bridges' devices are there. */
function linkUp({ chassis, datapath, bridges, uplinks = [] }: ChassisPlan): string {
  return [
    ...bridges.map((bridge) => `ip link set ${bridge.name} up`),
    ...uplinks.flatMap(({ name, addresses }) => [
      ...(datapath === 'netdev' ? [`ethtool -K ${name} tx off >/dev/null`] : []),
      `ip link set ${name} up`,
      ...addresses.map((address) => `ip address add ${address} dev ${name}`),
    ]),
    ...(datapath === 'netdev'
      ? [`ip address add ${chassis.tunnel}/${TUNNEL_LENGTH} dev br-tun`, 'ip link set br-tun up']
      : []),
  ].join('\n');
}

async function run(node: LabNode, script: string): Promise<void> {
  const log = '/var/log/lab-start.log';
  const result = await node.script(`exec >>${log} 2>&1\n${script}`, {
    check: false,
    timeoutMs: START_TIMEOUT_MS,
  });
  if (result.code === 0) return;
  const said = ((await node.read(log)) ?? '').trim().slice(-2000);
  throw new LabError(
    'start',
    `starting the programs of ${node.name} failed (status ${result.code}): ${said}`,
  );
}
