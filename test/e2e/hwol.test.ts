/**
 * `exposing_method = ovn` on nodes whose network devices are inside Open vSwitch (user space data path, as with DPDK): a second
 * OVN on every node routes, the kernel forwards nothing. Every kind of address in and out, both uplinks, one of them
 * cut, every part killed, clean-up, and the change of methods.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FLAT_NETWORK } from '../../lab/content.ts';
import { ADDRESSINGS, UPLINKS } from '../../lab/hwol.ts';
import { Lab } from '../../lab/lab.ts';
import type { ChassisName } from '../../lab/layout.ts';
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
import { awaitLocalOvn, bringUpHwol, GATEWAY_ADDRESSES, type HwolCloud, startMethod } from './hwol/cloud.ts';
import { changeAndBack } from './hwol/method-change.ts';
import { agentFlows, awaitOnBothLeafs, localRows, staticMacs } from './hwol/questions.ts';
import {
  agentOn,
  awaitAnnounced,
  awaitEverythingReachable,
  awaitJoined,
  CUT_MS,
  cutUplink,
  describeCloud,
  expectCleanedUp,
  expectNoKernel,
  expectNothingToDo,
  hasSecondController,
  type OperatorsPart,
  OUTSIDE,
  operatorsPart,
} from './hwol/scenes.ts';
import { slowness } from './machine-speed.ts';

const LAB = 'e2e-hwol';
const SUBJECT: ChassisName = 'compute1';
/** Many commands on every node, in a guest. */
const LONG_MS = 1_200_000;
describe.runIf(hasSecondController()).each(ADDRESSINGS)('BGP %s', (addressing) => {
  let cloud: HwolCloud;
  let before: OperatorsPart;
  let slow: number;

  beforeAll(async () => {
    const made = await bringUpHwol(LAB, addressing);
    before = await operatorsPart(made.lab);
    cloud = { ...made, ...(await startMethod(made.lab)) };
    slow = await slowness();
    for (const agent of cloud.agents.values()) await awaitSettled(agent);
  }, LONG_MS);

  afterAll(async () => {
    await Lab.down(LAB);
  });

  afterEach(async (context) => {
    if (context.task.result?.state === 'fail') console.error(await describeCloud(cloud));
  });

  it('announces every address from the node that it lives on', async () => {
    await awaitAnnounced(cloud);
  });

  it('reaches provider, VLAN, floating, gateway, tenant and load balancer addresses, and lets them out', async () => {
    await awaitEverythingReachable(cloud);
  });

  it('joins machines of different nodes and networks', async () => {
    await awaitJoined(cloud);
  });

  it('takes no part in the kernel: nothing is forwarded, and nothing of ours would route it', async () => {
    await expectNoKernel(cloud);
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
    await expectNothingToDo(cloud);
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
      const { cutMs } = await cutUplink(cloud, leaf, SUBJECT);
      expect(cutMs).toBeLessThan(CUT_MS * slow);
      await awaitEverythingReachable(cloud);
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
    await awaitEverythingReachable(cloud);
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
    await awaitLocalOvn(agentOn(cloud, SUBJECT));
    expect(await pids()).not.toBe(killed);
    for (const address of machine.addresses) await awaitRoute(lab, address, SUBJECT);
    await pingBothWays(cloud, machine);
    await cloud.content.deletePort(machine.port);
    await machine.destroy();
    for (const address of machine.addresses) await awaitNoRoute(lab, address);
    await awaitEverythingReachable(cloud);
  });

  it('T11: neither controller touches the patch ports of the other when it is started again', async () => {
    const { lab } = cloud;
    const node = lab.node(SUBJECT);
    const ports = async (bridge: string): Promise<string> =>
      (await node.exec(['ovs-vsctl', '--columns=name,ofport', 'list', 'Interface'])).stdout
        .split('\n\n')
        .filter((row) => row.includes('patch-') && row.includes(bridge))
        .sort()
        .join('\n');
    const own = await ports('-to-br-bgp');
    const clouds = await ports('provnet');
    expect([own, clouds]).not.toContain('');
    const witness = await Witness.start(lab, cloud.flat.addresses);
    try {
      const fromMs = Date.now();
      await node.script('kill -TERM $(cat /run/ovn/ovn-controller.pid)');
      await untilTrue('the controller of the cloud to be gone', () =>
        gone(cloud, '/run/ovn/ovn-controller.pid'),
      );
      expect(await ports('-to-br-bgp')).toBe(own);
      await node.script(
        'ovn-controller unix:/run/openvswitch/db.sock --pidfile --detach --no-chdir --log-file=/var/log/ovn/ovn-controller.log -vconsole:off >/dev/null 2>&1 </dev/null',
        { timeoutMs: 60_000 },
      );
      await pingBothWays(cloud, cloud.flat);
      await node.script('kill -9 $(cat /run/ovn-bgp/ovn-controller.pid)');
      await awaitLocalOvn(agentOn(cloud, SUBJECT));
      await pingBothWays(cloud, cloud.flat);
      expect(await ports('provnet')).toBe(clouds);
      expect(await ports('-to-br-bgp')).toBe(own);
      console.log(
        `both controllers started again: ${await witness.pingOutageMs({ fromMs, toMs: Date.now() })} ms without an answer`,
      );
    } finally {
      await witness.stop();
    }
  });

  // Unnumbered sessions run over the address that is taken away here.
  it.runIf(addressing === 'numbered')(
    'T15: the node keeps the link-local address of a bridge that its router has as well, with duplicate detection on',
    async () => {
      const { lab } = cloud;
      const node = lab.node(SUBJECT);
      for (const { bridge } of UPLINKS) {
        const address = await linkLocalOf(lab, bridge);
        await node.script(
          `echo 1 >/proc/sys/net/ipv6/conf/${bridge}/accept_dad; echo 1 >/proc/sys/net/ipv6/conf/${bridge}/dad_transmits
ip -6 address del ${address} dev ${bridge}; ip -6 address add ${address} dev ${bridge}`,
        );
        await untilTrue(`${address} to be checked`, async () => {
          const { stdout: state } = await node.exec(['ip', '-6', '-o', 'address', 'show', 'dev', bridge]);
          return state.includes(address) && !/tentative/.test(state);
        });
        const { stdout: failed } = await node.exec([
          'ip',
          '-6',
          '-o',
          'address',
          'show',
          'dev',
          bridge,
          'dadfailed',
        ]);
        expect(failed).toBe('');
      }
      await untilTrue(
        'the sessions to be up again',
        async () => (await lab.fabric.routes(SUBJECT, '::/0')).some(({ nextHops }) => nextHops.length === 2),
        { timeoutMs: 60_000 },
      );
      await awaitEverythingReachable(cloud);
    },
  );

  it('T16: a machine with a link-local gateway of the method underlay gets out all the same', async () => {
    const { lab, flat } = cloud;
    try {
      // Of the provider bridge, and of one that was it before the uplinks moved into Open vSwitch.
      for (const bridge of ['br-osp', 'br-ex']) {
        const gateway = (await linkLocalOf(lab, bridge)).split('/')[0];
        await flat.host.ip([`route replace ::/0 via ${gateway} dev eth0`, 'neigh flush dev eth0']);
        await pingUntil(flat.host, '2001:db8:ff::2', { timeoutMs: PING_TIMEOUT_MS });
      }
    } finally {
      await flat.setRoutes();
    }
    await pingBothWays(cloud, flat);
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

  it(
    'changes a compute node to the method underlay and back, and loses no ping',
    async () => {
      await changeAndBack(
        cloud,
        { node: SUBJECT, addresses: cloud.flat.addresses, inside: cloud.flat },
        slow,
      );
      await awaitEverythingReachable(cloud);
    },
    LONG_MS,
  );

  it(
    'changes a gateway node to the method underlay and back, and loses no ping',
    async () => {
      const addresses = [...GATEWAY_ADDRESSES, ...cloud.open.addresses];
      await changeAndBack(cloud, { node: 'gw1', addresses, inside: cloud.data }, slow);
      await awaitEverythingReachable(cloud);
    },
    LONG_MS,
  );

  it(
    'is removed by cleanup, as --dry-run says, and leaves the operator’s OVN untouched',
    async () => {
      await expectCleanedUp(cloud, before);
    },
    LONG_MS,
  );
});

/** True when the process whose pid is in the file has ended. */
async function gone({ lab }: HwolCloud, file: string): Promise<boolean> {
  const { stdout } = await lab
    .node(SUBJECT)
    .script(`[ -e ${file} ] && kill -0 $(cat ${file}) && echo alive || true`);
  return stdout.trim() === '';
}

/** `address/length` that the kernel made from the MAC address of a bridge. */
async function linkLocalOf(lab: Lab, bridge: string): Promise<string> {
  const argv = ['ip', '-6', '-o', 'address', 'show', 'dev', bridge, 'scope', 'link'];
  const [, address = ''] = /inet6 (\S+)/.exec((await lab.node(SUBJECT).exec(argv)).stdout) ?? [];
  expect(address).toMatch(/^fe80::/);
  return address;
}
