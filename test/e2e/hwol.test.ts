/**
 * `exposing_method = ovn` on nodes whose network devices are inside Open vSwitch (user space data path, as with DPDK): a second
 * OVN on every node routes, the kernel forwards nothing. Every kind of address in and out, both uplinks, one of them
 * cut, every part killed, clean-up, and the change of methods.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_CONFIG, type LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK } from '../../lab/content.ts';
import { ADDRESSINGS, UPLINKS } from '../../lab/hwol.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName } from '../../lab/layout.ts';
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
import {
  agentFlows,
  awaitOnBothLeafs,
  cloudRows,
  forwarded,
  kernelRouting,
  localRows,
  NO_LOCAL_ROWS,
  operatorsPart,
  staticMacs,
} from './hwol/questions.ts';
import { slowness } from './machine-speed.ts';

const LAB = 'e2e-hwol';
const SUBJECT: ChassisName = 'compute1';
const OUTSIDE = '10.255.0.2';
/** The promise for traffic over two uplinks of which one goes. */
const CUT_MS = 1000;

/** Older releases cannot run a second controller on one switch; there the command says so, and this scenario does not run. */
function hasSecondController(): boolean {
  return execFileSync('ovn-controller', ['--help'], { encoding: 'utf8' }).includes('--unixctl');
}

describe.runIf(hasSecondController()).each(ADDRESSINGS)('BGP %s', (addressing) => {
  let cloud: HwolCloud;
  let before: ReadonlyMap<ChassisName, string>;
  let rows: string;
  let slow: number;

  const agentOn = (node: ChassisName): LabAgent => {
    const agent = cloud.agents.get(node);
    if (agent === undefined) throw new Error(`no agent on ${node}`);
    return agent;
  };

  beforeAll(async () => {
    const made = await bringUpHwol(LAB, addressing);
    before = await operatorsParts(made.lab);
    rows = await cloudRows(made.lab);
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

  const operatorsParts = async (lab: Lab): Promise<ReadonlyMap<ChassisName, string>> => {
    const parts = new Map<ChassisName, string>();
    for (const node of CHASSIS_NAMES) parts.set(node, await operatorsPart(lab, node));
    return parts;
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

  it('changes to the method underlay and back, and leaves nothing of the other behind', async () => {
    const { lab, flat } = cloud;
    const agent = agentOn(SUBJECT);
    const standing = await localRows(lab, SUBJECT);
    await agent.stop();
    const settings = {
      ...AGENT_SETTINGS,
      DEFAULT: { ...AGENT_SETTINGS.DEFAULT, exposing_method: 'underlay' },
    };
    await agent.configure(lab, SUBJECT, { driver: 'nb', settings });
    await setForwarding(lab, true);
    await agent.run();
    await awaitSettled(agent);
    await untilTrue(
      'no local rows',
      async () => JSON.stringify(await localRows(lab, SUBJECT)) === JSON.stringify(NO_LOCAL_ROWS),
    );
    for (const { bridge } of UPLINKS) {
      await untilTrue(`no flows of ours on ${bridge}`, async () => {
        const flows = await agentFlows(lab, SUBJECT, bridge);
        return flows.length === 0;
      });
      await untilTrue(`no static entry in the MAC table of ${bridge}`, async () => {
        const entries = await staticMacs(lab, SUBJECT, bridge);
        return entries.length === 0;
      });
    }
    for (const address of flat.addresses) await awaitRoute(lab, address, SUBJECT);
    await pingBothWays(cloud, flat);

    await agent.stop();
    await agent.configure(lab, SUBJECT, { driver: 'nb', settings: AGENT_SETTINGS });
    await agent.run();
    await awaitSettled(agent);
    await setForwarding(lab, false);
    await untilTrue(
      'the local rows',
      async () => JSON.stringify(await localRows(lab, SUBJECT)) === JSON.stringify(standing),
    );
    await untilTrue(
      'nothing left in the kernel',
      async () => (await kernelRouting(lab, SUBJECT)).length === 0,
    );
    await awaitEverythingReachable();
  });

  it('is removed by cleanup, and leaves the operator’s OVN untouched', async () => {
    const { lab } = cloud;
    for (const node of CHASSIS_NAMES) {
      const agent = agentOn(node);
      await agent.stop();
      await agent.command(['cleanup'], { timeoutMs: 120_000 });
      expect(await localRows(lab, node)).toEqual(NO_LOCAL_ROWS);
      await cloud.supervisors.get(node)?.stop();
      const { code, stderr } = await lab
        .node(node)
        .exec(['/run/lab/bin/ovn-bgp-agent', 'local-ovn', 'down', '--purge', '--config-file', AGENT_CONFIG], {
          check: false,
          timeoutMs: 120_000,
        });
      expect(stderr).toBe('');
      expect(code).toBe(0);
      const { stdout } = await lab
        .node(node)
        .script(
          'ovs-vsctl list-br; ovs-vsctl get Open_vSwitch . external_ids; ls /var/lib/ovn-bgp; ip route show proto 179; ip -6 route show proto 179',
        );
      expect(stdout).not.toMatch(/br-bgp|-bgp=|proto 179|ovnnb_db/);
      expect(await operatorsPart(lab, node)).toBe(before.get(node));
    }
    expect(await cloudRows(lab)).toBe(rows);
  });
});

async function setForwarding(lab: Lab, on: boolean): Promise<void> {
  const value = on ? 1 : 0;
  await lab
    .node(SUBJECT)
    .script(
      `echo ${value} >/proc/sys/net/ipv4/ip_forward; echo ${value} >/proc/sys/net/ipv6/conf/all/forwarding`,
    );
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
