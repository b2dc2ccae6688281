/**
 * What every run of the `hwol` scenario does, whatever the shape of the rows and the addressing: everything announced and
 * reachable, an uplink cut, cleaned up. Every wait polls until the state is there.
 */
import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';
import type { LabAgent } from '../../../lab/agent-process.ts';
import type { Lab } from '../../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName } from '../../../lab/layout.ts';
import { untilTrue } from '../../../lab/until.ts';
import { pingUntil } from '../../../lab/vm.ts';
import { Witness } from '../faults/witness.ts';
import { awaitRoute, awaitSettled, PING_TIMEOUT_MS, pingBothWays } from '../fixture.ts';
import { awaitMembers, GATEWAY_ADDRESSES, type HwolCloud } from './cloud.ts';
import { cloudDatabases, operatorsNode } from './operator.ts';
import { forwarded, kernelRouting, localRows, NO_LOCAL_ROWS } from './questions.ts';

export const OUTSIDE = '10.255.0.2';
/** The promise for traffic over two uplinks of which one goes. */
export const CUT_MS = 1000;

/** Older releases cannot run a second controller on one switch; there the command says so, and this scenario does not run. */
export function hasSecondController(): boolean {
  return execFileSync('ovn-controller', ['--help'], { encoding: 'utf8' }).includes('--unixctl');
}

export function agentOn({ agents }: HwolCloud, node: ChassisName): LabAgent {
  const agent = agents.get(node);
  if (agent === undefined) throw new Error(`no agent on ${node}`);
  return agent;
}

export async function awaitAnnounced(cloud: HwolCloud): Promise<void> {
  const { lab, flat, neighbour, vlan, open, floatingIp, balancer } = cloud;
  for (const machine of [flat, neighbour, vlan]) {
    for (const address of machine.addresses) await awaitRoute(lab, address, machine.node);
  }
  await awaitRoute(lab, floatingIp.address, 'compute2');
  for (const address of [...GATEWAY_ADDRESSES, ...open.addresses, balancer.vip]) {
    await awaitRoute(lab, address, 'gw1');
  }
}

/** Every kind of address, in and out. */
export async function awaitEverythingReachable(cloud: HwolCloud): Promise<void> {
  const { lab, flat, neighbour, vlan, web, data, open, floatingIp, balancer } = cloud;
  for (const machine of [flat, neighbour, vlan]) await pingBothWays(cloud, machine);
  const outside = lab.node('ext');
  for (const address of [floatingIp.address, ...GATEWAY_ADDRESSES, ...open.addresses]) {
    await pingUntil(outside, address, { timeoutMs: PING_TIMEOUT_MS });
  }
  for (const machine of [web, data, open]) {
    await pingUntil(machine.host, OUTSIDE, { timeoutMs: PING_TIMEOUT_MS });
  }
  await awaitMembers(outside, balancer.vip, ['web', 'data']);
}

/** Machines of different nodes and networks reach each other. */
export async function awaitJoined({ flat, neighbour, vlan, data, floatingIp }: HwolCloud): Promise<void> {
  for (const [from, to] of [
    [flat, neighbour.addresses],
    [flat, vlan.addresses],
    [vlan, flat.addresses],
    [flat, [floatingIp.address]],
    [data, [floatingIp.address]],
  ] as const) {
    for (const address of to) await pingUntil(from.host, address, { timeoutMs: PING_TIMEOUT_MS });
  }
}

/** Everything goes through while the kernel forwards nothing, and has nothing of ours that would route it. */
export async function expectNoKernel(cloud: HwolCloud): Promise<void> {
  const counts = new Map<ChassisName, number>();
  for (const node of CHASSIS_NAMES) counts.set(node, await forwarded(cloud.lab, node));
  await awaitEverythingReachable(cloud);
  for (const node of CHASSIS_NAMES) {
    expect(await kernelRouting(cloud.lab, node)).toEqual([]);
    expect(await forwarded(cloud.lab, node)).toBe(counts.get(node));
    const { stdout } = await cloud.lab
      .node(node)
      .script('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding');
    expect(stdout.trim().split('\n')).toEqual(['0', '0']);
  }
}

export async function expectNothingToDo(cloud: HwolCloud): Promise<void> {
  for (const node of CHASSIS_NAMES) {
    const { stdout, code } = await agentOn(cloud, node).command(['plan'], { check: false });
    expect(stdout).toMatch(/^Nothing to do/);
    expect(code).toBe(0);
  }
}

/** Cuts the cable between a leaf and a node, and joins it again; how long nothing came through, at the worst. */
export async function cutUplink(
  cloud: HwolCloud,
  leaf: 'leaf1' | 'leaf2',
  node: ChassisName,
): Promise<{ readonly cutMs: number; readonly backMs: number }> {
  const { lab, flat, floatingIp } = cloud;
  const pinged = [...flat.addresses, floatingIp.address];
  const witness = await Witness.start(lab, pinged);
  try {
    const cable = `to-${node}`;
    const fromMs = Date.now();
    await lab.node(leaf).ip([`link set ${cable} down`]);
    // Long enough for every timer that a repair could wait for: BFD, and BGP's hold time.
    await untilTrue('the session to be down', async () =>
      (await lab.fabric.bgpSessions(leaf)).some(
        ({ peer, state }) => peer === node && state !== 'Established',
      ),
    );
    for (const address of pinged) await pingUntil(lab.node('ext'), address, { timeoutMs: PING_TIMEOUT_MS });
    const cutMs = await witness.pingOutageMs({ fromMs, toMs: Date.now() });
    const backFromMs = Date.now();
    await lab.node(leaf).ip([`link set ${cable} up`]);
    await untilTrue(
      'the session to be up again',
      async () =>
        (await lab.fabric.bgpSessions(leaf)).every(({ state }) => state === 'Established') &&
        (await lab.fabric.routes(node, '0.0.0.0/0')).some(({ nextHops }) => nextHops.length === 2),
      { timeoutMs: 60_000 },
    );
    await awaitSettled(agentOn(cloud, node));
    const backMs = await witness.pingOutageMs({ fromMs: backFromMs, toMs: Date.now() });
    console.log(`uplink to ${leaf} cut: ${cutMs} ms without an answer; taken back: ${backMs} ms`);
    return { cutMs, backMs };
  } finally {
    await witness.stop();
  }
}

/** What is the operator's, of all nodes and of the cloud. */
export interface OperatorsPart {
  readonly nodes: ReadonlyMap<ChassisName, readonly string[]>;
  readonly databases: readonly string[];
}

export async function operatorsPart(lab: Lab): Promise<OperatorsPart> {
  const nodes = new Map<ChassisName, readonly string[]>();
  for (const node of CHASSIS_NAMES) nodes.set(node, await operatorsNode(lab, node));
  return { nodes, databases: await cloudDatabases(lab) };
}

/** Removes everything from every node: as `--dry-run` says, and with what was there before the agent ever ran left. */
export async function expectCleanedUp(cloud: HwolCloud, before: OperatorsPart): Promise<void> {
  const { lab } = cloud;
  for (const node of CHASSIS_NAMES) {
    const agent = agentOn(cloud, node);
    await agent.stop();
    const told = await agent.command(['cleanup', '--dry-run'], { check: false, timeoutMs: 120_000 });
    expect(told.code).toBe(2);
    const done = await agent.command(['cleanup'], { timeoutMs: 120_000 });
    expect(linesOf(done.stdout)).toEqual(linesOf(told.stdout));
    expect(linesOf(done.stdout).filter((line) => line.startsWith('- local OVN'))).not.toEqual([]);
    expect((await agent.command(['cleanup', '--dry-run'])).stdout).toBe('');
    expect(await localRows(lab, node)).toEqual(NO_LOCAL_ROWS);
    await cloud.supervisors.get(node)?.stop();
    const { code, stderr } = await agent.localOvn(['down', '--purge'], { check: false });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { stdout } = await lab
      .node(node)
      .script(
        'ovs-vsctl list-br; ovs-vsctl get Open_vSwitch . external_ids; ls /var/lib/ovn-bgp; ip route show proto 179; ip -6 route show proto 179',
      );
    expect(stdout).not.toMatch(/br-bgp|-bgp=|proto 179|ovnnb_db/);
    // All differences are worth seeing: those of a node may come from the databases.
    expect.soft(await operatorsNode(lab, node)).toEqual(before.nodes.get(node));
  }
  expect.soft(await cloudDatabases(lab)).toEqual(before.databases);
}

/** What to look at first when something failed. */
export async function describeCloud(cloud: HwolCloud | undefined): Promise<string> {
  if (cloud === undefined) return 'the cloud did not come up';
  const parts: string[] = [];
  for (const node of CHASSIS_NAMES) {
    const { stdout } = await cloud.lab.node(node).script(
      `set +e
ip route; ip -6 route | grep -v fe80; ip neigh
for bridge in br-ex br-ex-2 br-osp; do ovs-ofctl --no-stats dump-flows $bridge; ovs-appctl fdb/show $bridge | grep static; done
ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock lr-route-list bgp-router
ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock list Static_MAC_Binding | grep -E 'ip|mac'
vtysh -c 'show bgp summary' | grep -A3 Neighbor; tail -n 12 /var/log/frr/frr.log; tail -n 15 /var/log/local-ovn.log; tail -n 25 /var/log/ovn-bgp-agent/agent.log`,
      { check: false },
    );
    parts.push(`== ${node}\n${stdout}`);
  }
  return parts.join('\n');
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
