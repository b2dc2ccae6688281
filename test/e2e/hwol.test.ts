/**
 * `exposing_method = ovn` on nodes whose network devices are inside Open vSwitch (user space data path, as with DPDK): a second
 * OVN on every node routes, the kernel forwards nothing. Every kind of address in and out, both uplinks, one of them
 * cut, every part killed, clean-up, and the change of methods.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK } from '../../lab/content.ts';
import { ADDRESSINGS, UPLINKS } from '../../lab/hwol.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName } from '../../lab/layout.ts';
import { PingWatch } from '../../lab/ping-watch.ts';
import { untilTrue } from '../../lab/until.ts';
import { pingUntil } from '../../lab/vm.ts';
import { Witness } from './faults/witness.ts';
import {
  awaitNoRoute,
  awaitRoute,
  awaitSettled,
  bootVm,
  PING_TIMEOUT_MS,
  pingBothWays,
  portSpec,
} from './fixture.ts';
import {
  AGENT_SETTINGS,
  awaitLocalOvn,
  awaitMembers,
  bringUpHwol,
  GATEWAY_ADDRESSES,
  type HwolCloud,
  startMethod,
} from './hwol/cloud.ts';
import { cloudDatabases, operatorsNode } from './hwol/operator.ts';
import {
  agentFlows,
  awaitOnBothLeafs,
  forwarded,
  kernelRouting,
  localRows,
  methodState,
  NO_LOCAL_ROWS,
  staticMacs,
} from './hwol/questions.ts';
import { slowness } from './machine-speed.ts';

const LAB = 'e2e-hwol';
const SUBJECT: ChassisName = 'compute1';
const OUTSIDE = '10.255.0.2';
/** The promise for traffic over two uplinks of which one goes. */
const CUT_MS = 1000;
const PING_INTERVAL_MS = 50;
/**
 * The promise for a change of methods. Routes stay announced, and both ways are complete while the flows are exchanged;
 * packets that are in between at that moment may be lost: one ping of twenty a second.
 */
const CHANGE_MS = PING_INTERVAL_MS;
/** Nodes that change their method, and addresses of theirs besides those of their machine. */
const CHANGED = [
  { node: 'compute1', addresses: [] },
  { node: 'gw1', addresses: GATEWAY_ADDRESSES },
] as const satisfies readonly { readonly node: ChassisName; readonly addresses: readonly string[] }[];

/** Older releases cannot run a second controller on one switch; there the command says so, and this scenario does not run. */
function hasSecondController(): boolean {
  return execFileSync('ovn-controller', ['--help'], { encoding: 'utf8' }).includes('--unixctl');
}

describe.runIf(hasSecondController()).each(ADDRESSINGS)('BGP %s', (addressing) => {
  let cloud: HwolCloud;
  let before: ReadonlyMap<ChassisName, readonly string[]>;
  let databases: readonly string[];
  let slow: number;

  const agentOn = (node: ChassisName): LabAgent => {
    const agent = cloud.agents.get(node);
    if (agent === undefined) throw new Error(`no agent on ${node}`);
    return agent;
  };

  beforeAll(async () => {
    const made = await bringUpHwol(LAB, addressing);
    before = await operatorsNodes(made.lab);
    databases = await cloudDatabases(made.lab);
    cloud = { ...made, ...(await startMethod(made.lab)) };
    slow = await slowness();
    for (const agent of cloud.agents.values()) await awaitSettled(agent);
  }, 600_000);

  afterAll(async () => {
    await Lab.down(LAB);
  });

  afterEach(async (context) => {
    if (context.task.result?.state === 'fail') console.error(await describeCloud(cloud));
  });

  const operatorsNodes = async (lab: Lab): Promise<ReadonlyMap<ChassisName, readonly string[]>> => {
    const nodes = new Map<ChassisName, readonly string[]>();
    for (const node of CHASSIS_NAMES) nodes.set(node, await operatorsNode(lab, node));
    return nodes;
  };

  /** Every kind of address, in and out. */
  const awaitEverythingReachable = async (): Promise<void> => {
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
  };

  it('announces every address from the node that it lives on', async () => {
    const { lab, flat, neighbour, vlan, open, floatingIp, balancer } = cloud;
    for (const machine of [flat, neighbour, vlan]) {
      for (const address of machine.addresses) await awaitRoute(lab, address, machine.node);
    }
    await awaitRoute(lab, floatingIp.address, 'compute2');
    for (const address of [...GATEWAY_ADDRESSES, ...open.addresses, balancer.vip]) {
      await awaitRoute(lab, address, 'gw1');
    }
  });

  it('reaches provider, VLAN, floating, gateway, tenant and load balancer addresses, and lets them out', async () => {
    await awaitEverythingReachable();
  });

  it('joins machines of different nodes and networks', async () => {
    const { flat, neighbour, vlan, data, floatingIp } = cloud;
    for (const [from, to] of [
      [flat, neighbour.addresses],
      [flat, vlan.addresses],
      [vlan, flat.addresses],
      [flat, [floatingIp.address]],
      [data, [floatingIp.address]],
    ] as const) {
      for (const address of to) await pingUntil(from.host, address, { timeoutMs: PING_TIMEOUT_MS });
    }
  });

  it('takes no part in the kernel: nothing is forwarded, and nothing of ours would route it', async () => {
    const counts = new Map<ChassisName, number>();
    for (const node of CHASSIS_NAMES) counts.set(node, await forwarded(cloud.lab, node));
    await awaitEverythingReachable();
    for (const node of CHASSIS_NAMES) {
      expect(await kernelRouting(cloud.lab, node)).toEqual([]);
      expect(await forwarded(cloud.lab, node)).toBe(counts.get(node));
      const { stdout } = await cloud.lab
        .node(node)
        .script('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding');
      expect(stdout.trim().split('\n')).toEqual(['0', '0']);
    }
  });

  it('uses both uplinks, out and in', async () => {
    const { lab, flat } = cloud;
    const [address = ''] = flat.addresses;
    const sources = Array.from({ length: 16 }, (_, index) => `10.255.0.${20 + index}`);
    await lab.node('ext').ip(sources.map((source) => `address replace ${source}/24 dev eth0`));
    const probe = (attempt: number): Promise<unknown> => {
      const source = sources[attempt % sources.length] ?? OUTSIDE;
      return lab
        .node('ext')
        .exec(['ping', '-n', '-c', '1', '-W', '1', '-I', source, address], { check: false });
    };
    await awaitOnBothLeafs(lab, SUBJECT, `icmp and src host ${address}`, probe);
    await awaitOnBothLeafs(lab, SUBJECT, `icmp and dst host ${address}`, probe);
  });

  it('says that there is nothing to do', async () => {
    for (const node of CHASSIS_NAMES) {
      const { stdout, code } = await agentOn(node).command(['plan'], { check: false });
      expect(stdout).toMatch(/^Nothing to do/);
      expect(code).toBe(0);
    }
  });

  it('follows a machine that comes, and one that goes', async () => {
    const machine = await bootVm(cloud, portSpec('spare', FLAT_NETWORK, SUBJECT, 30));
    for (const address of machine.addresses) await awaitRoute(cloud.lab, address, SUBJECT);
    await pingBothWays(cloud, machine);
    await cloud.content.deletePort(machine.port);
    await machine.destroy();
    for (const address of machine.addresses) await awaitNoRoute(cloud.lab, address);
    for (const { bridge } of UPLINKS) {
      const flows = (await agentFlows(cloud.lab, SUBJECT, bridge)).join('\n');
      for (const address of machine.addresses) expect(flows).not.toContain(`${address},`);
    }
  });

  it.each(UPLINKS)(
    'loses less than a second when the uplink to $leaf is cut, and takes it back',
    async ({ leaf }) => {
      const { lab, flat, floatingIp } = cloud;
      const pinged = [...flat.addresses, floatingIp.address];
      const witness = await Witness.start(lab, pinged);
      try {
        const cable = `to-${SUBJECT}`;
        const fromMs = Date.now();
        await lab.node(leaf).ip([`link set ${cable} down`]);
        // Long enough for every timer that a repair could wait for: BFD, and BGP's hold time.
        await untilTrue('the session to be down', async () =>
          (await lab.fabric.bgpSessions(leaf)).some(
            ({ peer, state }) => peer === SUBJECT && state !== 'Established',
          ),
        );
        for (const address of pinged)
          await pingUntil(lab.node('ext'), address, { timeoutMs: PING_TIMEOUT_MS });
        const cutMs = await witness.pingOutageMs({ fromMs, toMs: Date.now() });
        const backFromMs = Date.now();
        await lab.node(leaf).ip([`link set ${cable} up`]);
        await untilTrue(
          'the session to be up again',
          async () =>
            (await lab.fabric.bgpSessions(leaf)).every(({ state }) => state === 'Established') &&
            (await lab.fabric.routes(SUBJECT, '0.0.0.0/0')).some(({ nextHops }) => nextHops.length === 2),
          { timeoutMs: 60_000 },
        );
        await awaitSettled(agentOn(SUBJECT));
        const backMs = await witness.pingOutageMs({ fromMs: backFromMs, toMs: Date.now() });
        console.log(`uplink to ${leaf} cut: ${cutMs} ms without an answer; taken back: ${backMs} ms`);
        expect(cutMs).toBeLessThan(CUT_MS * slow);
      } finally {
        await witness.stop();
      }
      await awaitEverythingReachable();
    },
  );

  it('has its flows and MAC table entries back after a restart of vswitchd', async () => {
    const { lab } = cloud;
    const node = lab.node(SUBJECT);
    const whole = async (): Promise<string> =>
      JSON.stringify(
        await Promise.all(
          ['br-ex', 'br-ex-2', 'br-osp'].map(async (bridge) => ({
            flows: (await agentFlows(lab, SUBJECT, bridge)).length,
            macs: await staticMacs(lab, SUBJECT, bridge),
          })),
        ),
      );
    const standing = await whole();
    expect(standing).toMatch(/static/);
    await node.script('kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid)');
    await node.script(
      'ovs-vswitchd unix:/run/openvswitch/db.sock --pidfile --detach --no-chdir --log-file=/var/log/openvswitch/ovs-vswitchd.log -vconsole:off >/dev/null 2>&1 </dev/null',
      { timeoutMs: 60_000 },
    );
    await untilTrue('flows and MAC table entries to be back', async () => (await whole()) === standing, {
      timeoutMs: 60_000,
    });
    await awaitEverythingReachable();
  });

  it.each([
    ['ovn-northd', ['ovn-northd']],
    ['the local databases', ['ovnnb_db', 'ovnsb_db']],
    ['the second ovn-controller', ['ovn-controller']],
  ])('ends in the right state when %s is killed', async (_what, programs) => {
    const { lab } = cloud;
    const files = programs.map((program) => `/run/ovn-bgp/${program}.pid`);
    const pids = async (): Promise<string> =>
      (await lab.node(SUBJECT).script(`cat ${files.join(' ')}`)).stdout;
    const killed = await pids();
    await lab.node(SUBJECT).script(`kill -9 $(cat ${files.join(' ')})`);
    // While nothing of it runs, a machine comes.
    const machine = await bootVm(cloud, portSpec('meanwhile', FLAT_NETWORK, SUBJECT, 40));
    await awaitLocalOvn(agentOn(SUBJECT));
    expect(await pids()).not.toBe(killed);
    for (const address of machine.addresses) await awaitRoute(lab, address, SUBJECT);
    await pingBothWays(cloud, machine);
    await cloud.content.deletePort(machine.port);
    await machine.destroy();
    for (const address of machine.addresses) await awaitNoRoute(lab, address);
    await awaitEverythingReachable();
  });

  it('puts rows right that somebody changed', async () => {
    const { lab } = cloud;
    const standing = await localRows(lab, SUBJECT);
    const nbctl = 'ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock';
    await lab.node(SUBJECT).script(
      `${nbctl} lr-route-del bgp-router 0.0.0.0/0
${nbctl} --all destroy Static_MAC_Binding`,
    );
    await untilTrue(
      'the rows to be back',
      async () => JSON.stringify(await localRows(lab, SUBJECT)) === JSON.stringify(standing),
    );
    await pingBothWays(cloud, cloud.flat);
  });

  it.each(CHANGED)(
    'changes $node to the method underlay and back, loses no ping, and leaves nothing of the other behind',
    async ({ node, addresses }) => {
      const { lab } = cloud;
      const agent = agentOn(node);
      const inside = cloud[node === SUBJECT ? 'flat' : 'data'];
      const standing = await methodState(lab, node);
      const pinged = [...addresses, ...(node === SUBJECT ? cloud.flat.addresses : cloud.open.addresses)];
      const witness = await Witness.start(lab, pinged);
      const outwards = await PingWatch.start(inside.host, OUTSIDE);
      /** Restarts the agent with a method; returns how long routes and answers were missing at the worst. */
      const change = async (method: 'underlay' | 'ovn'): Promise<number> => {
        const fromMs = Date.now();
        const sent = (await outwards.look()).answers;
        await agent.stop();
        const settings = {
          ...AGENT_SETTINGS,
          DEFAULT: { ...AGENT_SETTINGS.DEFAULT, exposing_method: method },
        };
        await agent.configure(lab, node, { driver: 'nb', settings });
        await agent.run();
        await awaitSettled(agent);
        await untilTrue('nothing left to do', async () =>
          (await agent.command(['plan'], { check: false })).stdout.startsWith('Nothing to do'),
        );
        await outwards.awaitAnswers(10);
        const span = { fromMs, toMs: Date.now() };
        const [withdrawnMs, silentMs] = [
          await witness.routeOutageMs(pinged, span),
          await witness.pingOutageMs(span),
        ];
        const { lost, answers } = await outwards.look();
        console.log(
          `${node} to ${method}: routes missing ${withdrawnMs} ms, ${silentMs} ms without an answer from outside; ` +
            `${lost} of ${answers - sent} pings from inside lost so far`,
        );
        expect(withdrawnMs).toBe(0);
        return silentMs;
      };
      try {
        await setForwarding(lab, node, true);
        expect(await change('underlay')).toBeLessThanOrEqual(CHANGE_MS);
        const underlay = await methodState(lab, node);
        expect(underlay.filter((line) => /^rule/.test(line))).not.toEqual([]);
        expect(await localRows(lab, node)).toEqual(NO_LOCAL_ROWS);
        expect(underlay.filter((line) => /^br-ex|static|40:44:00/.test(line))).toEqual([]);

        expect(await change('ovn')).toBeLessThanOrEqual(CHANGE_MS);
        await setForwarding(lab, node, false);
        expect(await methodState(lab, node)).toEqual(standing);
        expect(await kernelRouting(lab, node)).toEqual([]);
        expect((await outwards.look()).lost * PING_INTERVAL_MS).toBeLessThanOrEqual(2 * CHANGE_MS);
      } finally {
        await witness.stop();
        await outwards.stop();
      }
      await awaitEverythingReachable();
    },
  );

  it('is removed by cleanup, as --dry-run says, and leaves the operator’s OVN untouched', async () => {
    const { lab } = cloud;
    for (const node of CHASSIS_NAMES) {
      const agent = agentOn(node);
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
      expect(await operatorsNode(lab, node)).toEqual(before.get(node));
    }
    expect(await cloudDatabases(lab)).toEqual(databases);
  });
});

async function setForwarding(lab: Lab, node: ChassisName, on: boolean): Promise<void> {
  const value = on ? 1 : 0;
  await lab
    .node(node)
    .script(
      `echo ${value} >/proc/sys/net/ipv4/ip_forward; echo ${value} >/proc/sys/net/ipv6/conf/all/forwarding`,
    );
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** What to look at first when something failed. */
async function describeCloud(cloud: HwolCloud | undefined): Promise<string> {
  if (cloud === undefined) return 'the cloud did not come up';
  const parts: string[] = [];
  for (const node of CHASSIS_NAMES) {
    const { stdout } = await cloud.lab.node(node).script(
      `ip route; ip -6 route | grep -v fe80; ip neigh
for bridge in br-ex br-ex-2 br-osp; do ovs-ofctl --no-stats dump-flows $bridge; ovs-appctl fdb/show $bridge | grep static; done
ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock lr-route-list bgp-router
ovn-nbctl --db=unix:/run/ovn-bgp/ovnnb_db.sock list Static_MAC_Binding | grep -E 'ip|mac'
tail -n 15 /var/log/local-ovn.log; tail -n 25 /var/log/ovn-bgp-agent/agent.log`,
      { check: false },
    );
    parts.push(`== ${node}\n${stdout}`);
  }
  return parts.join('\n');
}
