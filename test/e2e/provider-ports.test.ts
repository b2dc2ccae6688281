/**
 * VM and virtual ports on provider networks, from database row to the spine's routing table and through the data plane,
 * for both drivers: announce, move, withdraw, repair, restart.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK, VLAN_NETWORK } from '../../lab/content.ts';
import { Lab } from '../../lab/lab.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import {
  awaitLogLine,
  awaitNoRoute,
  awaitOutput,
  awaitRoute,
  awaitSettled,
  bootVm,
  bringUp,
  type Cloud,
  changesSince,
  describeNodes,
  logLength,
  PING_TIMEOUT_MS,
  pingBothWays,
  portSpec,
  REPAIR_MS,
  startAgents,
  stopAgents,
  traces,
} from './fixture.ts';
import { slowness } from './machine-speed.ts';

/** Other runs of the tests may be under way on the machine. */
const LAB = `ports-${process.pid}`;

let cloud: Cloud;

beforeAll(async () => {
  cloud = await bringUp(LAB);
});

afterAll(async () => {
  await Lab.down(LAB);
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let flat: VirtualMachine;
  let vlan: VirtualMachine;

  function agentOn(node: ChassisName): LabAgent {
    const agent = agents.get(node);
    if (agent === undefined) throw new Error(`no agent on ${node}`);
    return agent;
  }

  beforeAll(async () => {
    const last = driver === 'nb' ? 10 : 20;
    flat = await bootVm(cloud, portSpec(`flat-${driver}`, FLAT_NETWORK, 'compute1', last));
    vlan = await bootVm(cloud, portSpec(`vlan-${driver}`, VLAN_NETWORK, 'compute2', last));
    agents = await startAgents(cloud.lab, driver);
  });

  afterAll(async () => {
    await stopAgents(agents);
    for (const vm of [flat, vlan]) {
      await cloud.content.deletePort(vm.port);
      await vm.destroy();
    }
  });

  it('announces IPv4 and IPv6, flat and VLAN, through both leafs', async () => {
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    for (const address of vlan.addresses) await awaitRoute(cloud.lab, address, 'compute2');
  });

  it('carries pings both ways', async () => {
    await pingBothWays(cloud, flat);
    await pingBothWays(cloud, vlan);
  });

  it('has nothing left to do, and says so', async () => {
    const plan = await agentOn('compute1').command(['plan'], { check: false });
    expect(plan.stdout).toMatch(/^Nothing to do: 2 addresses/);
    expect(plan.code).toBe(0);
  });

  it('announces only ports of its own node', async () => {
    expect(await traces(cloud.lab, 'gw1', [...flat.addresses, ...vlan.addresses])).toEqual([]);
    expect(await traces(cloud.lab, 'compute1', vlan.addresses)).toEqual([]);
  });

  it('follows a port to another node and leaves nothing behind', async () => {
    await vlan.move(cloud.content, 'compute1');
    for (const address of vlan.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await pingBothWays(cloud, vlan);
    expect(await traces(cloud.lab, 'compute2', vlan.addresses)).toEqual([]);
    await vlan.move(cloud.content, 'compute2');
    for (const address of vlan.addresses) await awaitRoute(cloud.lab, address, 'compute2');
    await pingBothWays(cloud, vlan);
    expect(await traces(cloud.lab, 'compute1', vlan.addresses)).toEqual([]);
  });

  it('announces a virtual port where its holder is, and moves it', async () => {
    const parents = [
      await bootVm(cloud, {
        ...portSpec(`vrrp1-${driver}`, FLAT_NETWORK, 'compute1', 51),
        allowedAddresses: ['172.24.4.50'],
      }),
      await bootVm(cloud, {
        ...portSpec(`vrrp2-${driver}`, FLAT_NETWORK, 'compute2', 52),
        allowedAddresses: ['172.24.4.50'],
      }),
    ];
    const port = portSpec(`vip-${driver}`, FLAT_NETWORK, 'compute1', 50);
    const vip = {
      id: port.id,
      name: port.name,
      network: FLAT_NETWORK,
      mac: port.mac,
      address: '172.24.4.50',
      parents: parents.map((parent) => parent.port.id),
    };
    await cloud.content.addVirtualPort(vip);
    for (const [index, node] of (['compute1', 'compute2'] as const).entries()) {
      const [holder, other] = index === 0 ? parents : parents.toReversed();
      await other?.disclaim(vip.address).catch(() => undefined);
      await holder?.claim(vip.address);
      await cloud.content.awaitPortUp(vip.id, node);
      // Neutron follows the binding with the host of the port.
      await cloud.content.setExternalIds(vip.id, { 'neutron:host_id': node });
      await awaitRoute(cloud.lab, vip.address, node);
      await pingUntil(cloud.lab.node('ext'), vip.address, { timeoutMs: PING_TIMEOUT_MS });
    }
    await cloud.content.deletePort(vip);
    await awaitNoRoute(cloud.lab, vip.address);
    for (const parent of parents) {
      await cloud.content.deletePort(parent.port);
      await parent.destroy();
    }
    for (const parent of parents)
      for (const address of parent.addresses) await awaitNoRoute(cloud.lab, address);
  });

  it('withdraws what is deleted, down to the last trace', async () => {
    const vm = await bootVm(cloud, portSpec(`gone-${driver}`, FLAT_NETWORK, 'gw1', 60));
    for (const address of vm.addresses) await awaitRoute(cloud.lab, address, 'gw1');
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    for (const address of vm.addresses) await awaitNoRoute(cloud.lab, address);
    expect(await traces(cloud.lab, 'gw1', [...vm.addresses, '2001:db8:4::'])).toEqual([]);
  });

  it('denies a row with nonsense, says so, and serves the others', async () => {
    const bad = { ...portSpec(`bad-${driver}`, FLAT_NETWORK, 'compute1', 61), addresses: ['172.24.4.61'] };
    const vm = await bootVm(cloud, bad);
    await awaitRoute(cloud.lab, '172.24.4.61', 'compute1');
    if (driver === 'nb') {
      await cloud.lab
        .node('central')
        .exec(['ovn-nbctl', 'set', 'logical_switch_port', bad.id, `addresses="${bad.mac} 172.24.4.999"`]);
      await awaitNoRoute(cloud.lab, '172.24.4.61');
      await awaitLogLine(agentOn('compute1'), ['not exposed', '172.24.4.999']);
    }
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await pingBothWays(cloud, flat);
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    await awaitNoRoute(cloud.lab, '172.24.4.61');
  });

  describe('repairs within a second', () => {
    it.each([
      [
        'flushed rules',
        'ip -4 rule flush table 200; ip -6 rule flush table 200',
        'ip -4 rule; ip -6 rule',
        (output: string): boolean =>
          flat.addresses.every((address) => output.includes(`to ${address} lookup`)),
      ],
      [
        'deleted advertisements',
        // Blackhole routes in the main table, or addresses of the dummy device in the VRF.
        'ip -4 route flush proto 179 type blackhole; ip -6 route flush proto 179 type blackhole; if [ -e /sys/class/net/bgp-nic ]; then ip addr flush dev bgp-nic scope global; fi',
        'ip -4 route show type blackhole; ip -6 route show type blackhole; if [ -e /sys/class/net/bgp-nic ]; then ip -o addr show dev bgp-nic; fi',
        (output: string): boolean =>
          flat.addresses.every((address) => output.split(/[\s/]+/).includes(address)),
      ],
      [
        'a deleted flow',
        'ovs-ofctl del-flows br-ex cookie=999/-1,ip',
        'ovs-ofctl dump-flows --no-stats br-ex',
        (output: string): boolean =>
          /cookie=0x3e7, priority=900,ip,in_port=\d+ actions=mod_dl_dst/.test(output),
      ],
      [
        'deleted routes and neighbours',
        'ip -4 route flush table 200; ip -6 route flush table 200; ip neigh flush nud permanent dev br-ex',
        'ip -4 route show table 200; ip -6 route show table 200; ip neigh show nud permanent dev br-ex',
        (output: string): boolean =>
          output.match(/^default dev br-ex/gm)?.length === 2 &&
          flat.addresses.every((address) => output.includes(`${address} dev br-ex`)) &&
          // The Southbound driver wires no neighbours.
          flat.addresses.every((address) => output.includes(`${address} lladdr`) === (driver === 'nb')),
      ],
    ])('%s', async (_what, damage, look, whole) => {
      await awaitOutput(cloud.lab, 'compute1', 'a whole node to begin with', look, whole);
      await cloud.lab.node('compute1').script(damage);
      const elapsedMs = await awaitOutput(cloud.lab, 'compute1', 'the repair', look, whole);
      expect(elapsedMs).toBeLessThan(REPAIR_MS * (await slowness()));
      await pingBothWays(cloud, flat);
    });
  });

  it('enters its stanza again when bgpd was restarted', async () => {
    const node = cloud.lab.node('compute1');
    await node.script('kill -9 $(cat /run/frr/bgpd.pid)');
    await node.script(
      '/usr/lib/frr/bgpd -d -A 127.0.0.1 >/dev/null 2>&1 </dev/null; vtysh -b >/dev/null 2>&1',
    );
    const elapsedMs = await awaitOutput(
      cloud.lab,
      'compute1',
      'the stanza',
      "vtysh -c 'show running-config'",
      (output) => output.includes('redistribute kernel route-map') || output.includes('import vrf'),
    );
    expect(elapsedMs).toBeLessThan(REPAIR_MS * (await slowness()));
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await pingBothWays(cloud, flat);
  });

  it('cleans up after a port that went away while the agent was dead', async () => {
    const vm = await bootVm(cloud, portSpec(`while-dead-${driver}`, FLAT_NETWORK, 'compute1', 62));
    for (const address of vm.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await agentOn('compute1').kill();
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await agentOn('compute1').run();
    for (const address of vm.addresses) await awaitNoRoute(cloud.lab, address);
    await awaitSettled(agentOn('compute1'));
    expect(await traces(cloud.lab, 'compute1', vm.addresses)).toEqual([]);
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
  });

  it('writes nothing when it is killed and started with nothing changed', async () => {
    const node = cloud.lab.node('compute1');
    const agent = agentOn('compute1');
    const frr = "vtysh -c 'show running-config'";
    const before = (await node.script(frr)).stdout;
    await agent.kill();
    const from = await logLength(agent);
    // Witnesses that the agent does not know of: the kernel's, vswitchd's and ovsdb-server's own notifications.
    const witnesses = [
      await node.spawn('witness-kernel', ['ip', '-o', 'monitor', 'link', 'address', 'route', 'rule']),
      await node.spawn('witness-neighbor', ['ip', '-o', 'monitor', 'neigh']),
      await node.spawn('witness-flows', ['ovs-ofctl', 'monitor', 'br-ex', 'watch:!initial']),
      await node.spawn('witness-ports', [
        'ovsdb-client',
        'monitor',
        'unix:/run/openvswitch/db.sock',
        'Open_vSwitch',
        'Port',
        'name,tag,external_ids,!initial',
      ]),
    ];
    await agent.run();
    await awaitSettled(agent);
    // What was waited for is not what an earlier run said.
    const starts = (await agent.runLog()).filter(({ fields }) => fields?.msg === 'starting');
    expect(starts).toHaveLength(1);
    // One more audit of FRR's part: a round trip that the agent answers after everything else.
    const plan = await agent.command(['plan'], { check: false });
    expect(plan.code).toBe(0);
    for (const witness of witnesses) await witness.stop();
    expect(await changesSince(agent, from)).toEqual([]);
    // Its own death is the last thing that an OVS tool writes.
    const heard = async (name: string): Promise<string[]> =>
      ((await node.read(`/var/log/${name}.log`)) ?? '')
        .split('\n')
        .filter((line) => line.trim() !== '' && !line.includes('|fatal_signal|'));
    expect(await heard('witness-kernel')).toEqual([]);
    expect((await heard('witness-neighbor')).filter((line) => /PERMANENT|proxy/.test(line))).toEqual([]);
    expect((await heard('witness-flows')).filter((line) => /cookie=0x3e7/.test(line))).toEqual([]);
    expect(await heard('witness-ports')).toEqual([]);
    expect((await node.script(frr)).stdout).toBe(before);
  });

  it('leaves everything standing when it is stopped', async () => {
    await agentOn('compute1').stop();
    for (const address of flat.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await pingBothWays(cloud, flat);
    await agentOn('compute1').run();
    await awaitSettled(agentOn('compute1'));
  });
});
