/** The lab itself, with a stand-in doing the agent's job: when this fails, nothing else that uses the lab can be trusted. */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Content, FLAT_NETWORK, SECOND_NETWORK, VLAN_NETWORK } from '../../lab/content.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, EXTERNAL } from '../../lab/layout.ts';
import { LabError } from '../../lab/machine.ts';
import type { PortSpec } from '../../lab/neutron-rows.ts';
import { STATE_ROOT } from '../../lab/state.ts';
import { untilTrue } from '../../lab/until.ts';
import { bootVirtualMachine, pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import { StandInAgent } from '../support/stand-in-agent.ts';

/** Other runs of the tests may be under way on the machine. */
const NAME = `selftest-${process.pid}`;
const PASSING = `passing-${process.pid}`;
const HALFWAY = `halfway-${process.pid}`;

const FLAT_PORT: PortSpec = {
  id: '44444444-0000-4000-8000-000000000001',
  name: 'flat',
  network: FLAT_NETWORK,
  mac: 'fa:16:3e:00:00:01',
  addresses: ['172.24.4.10', '2001:db8:4::10'],
  host: 'compute1',
  deviceId: 'aaaaaaaa-0000-4000-8000-000000000001',
  allowedAddresses: ['172.24.4.100'],
};

const VLAN_PORT: PortSpec = {
  id: '44444444-0000-4000-8000-000000000002',
  name: 'tagged',
  network: VLAN_NETWORK,
  mac: 'fa:16:3e:00:00:02',
  addresses: ['172.25.0.10', '2001:db8:5::10'],
  host: 'compute2',
  deviceId: 'aaaaaaaa-0000-4000-8000-000000000002',
};

const VIRTUAL_PORT = {
  id: '44444444-0000-4000-8000-000000000003',
  name: 'vip',
  network: FLAT_NETWORK,
  mac: 'fa:16:3e:00:00:03',
  address: '172.24.4.100',
  parents: [FLAT_PORT.id],
};

describe('the lab', () => {
  let lab: Lab;
  let content: Content;
  let flat: VirtualMachine;
  let tagged: VirtualMachine;
  let agents: readonly StandInAgent[] = [];

  beforeAll(async () => {
    lab = await Lab.up({ name: NAME, secondBridge: true });
    content = new Content(lab);
    await content.addNetwork(FLAT_NETWORK);
    await content.addNetwork(VLAN_NETWORK);
    await content.addNetwork(SECOND_NETWORK);
    await content.addPort(FLAT_PORT);
    await content.addPort(VLAN_PORT);
    flat = await bootVirtualMachine(lab, 'flat', FLAT_PORT);
    tagged = await bootVirtualMachine(lab, 'tagged', VLAN_PORT);
    await content.awaitPortUp(FLAT_PORT.id, 'compute1');
    await content.awaitPortUp(VLAN_PORT.id, 'compute2');
    agents = await Promise.all(CHASSIS_NAMES.map((name) => StandInAgent.start(lab, name)));
  });

  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
    await Lab.down(NAME);
  });

  it('refuses a second lab of the same name and finds the first', async () => {
    await expect(Lab.up({ name: NAME })).rejects.toThrow(/is up already/);
    const again = await Lab.attach(NAME);
    expect(again.node('gw1').pid).toBe(lab.node('gw1').pid);
    expect(again.blueprint.bridges).toEqual(['br-ex', 'br-ex2']);
  });

  it('leaves the network of the machine as it was', async () => {
    expect(await strayDevices(lab)).toEqual([]);
    expect(await mountsOf(NAME)).toEqual([`${STATE_ROOT}/${NAME}`]);
  });

  it('has a session with BFD between every pair of neighbours', async () => {
    for (const name of CHASSIS_NAMES) {
      const sessions = await lab.fabric.bgpSessions(name);
      expect(sessions.map(({ peer, family, state }) => `${peer}/${family} ${state}`)).toEqual([
        'leaf1/4 Established',
        'leaf2/4 Established',
        'leaf1/6 Established',
        'leaf2/6 Established',
      ]);
      expect(await lab.fabric.bfdDown(name)).toEqual([]);
    }
  });

  it.each([...FLAT_PORT.addresses, ...VLAN_PORT.addresses])(
    'carries a ping from outside to %s',
    async (address) => {
      expect(await pingUntil(lab.node('ext'), address)).toBeGreaterThan(0);
    },
  );

  it.each([EXTERNAL.address4, EXTERNAL.address6])(
    'carries pings from the machines to %s',
    async (address) => {
      expect(await pingUntil(flat.host, address)).toBeGreaterThan(0);
      expect(await pingUntil(tagged.host, address)).toBeGreaterThan(0);
    },
  );

  it('has a host route over both leafs at the spine', async () => {
    const [route] = await lab.fabric.routes('spine', '172.24.4.10');
    expect(route?.nextHops.map(({ node }) => node)).toEqual(['leaf1', 'leaf2']);
    const paths = await lab.fabric.bgpPaths('spine', '172.24.4.10');
    expect(paths.map(({ asPath }) => asPath)).toEqual([
      [65001, 64999],
      [65002, 64999],
    ]);
  });

  it('follows a machine that moves, and its virtual address', async () => {
    await content.addVirtualPort(VIRTUAL_PORT);
    await flat.claim(VIRTUAL_PORT.address);
    await content.awaitPortUp(VIRTUAL_PORT.id, 'compute1');
    await pingUntil(lab.node('ext'), VIRTUAL_PORT.address);
    await flat.move(content, 'gw1');
    await content.awaitPortUp(FLAT_PORT.id, 'gw1');
    await untilTrue('the route at leaf1 to lead to gw1', async () => {
      const [route] = await lab.fabric.routes('leaf1', '172.24.4.10');
      return route?.nextHops.every(({ node }) => node === 'gw1') === true;
    });
    expect(await pingUntil(lab.node('ext'), '172.24.4.10')).toBeGreaterThan(0);
    expect(await pingUntil(flat.host, EXTERNAL.address6)).toBeGreaterThan(0);
  });

  it('forgets the address of a deleted port', async () => {
    await content.deletePort(VLAN_PORT);
    await tagged.destroy();
    for (const address of VLAN_PORT.addresses) {
      await untilTrue(`${address} to be gone from BGP and the kernel of the spine`, async () => {
        const paths = await lab.fabric.bgpPaths('spine', address);
        return paths.length === 0 && (await lab.fabric.routes('spine', address)).length === 0;
      });
    }
    await expect(content.deletePort(VLAN_PORT)).rejects.toThrow(LabError);
  });

  it('runs, finds, stops and kills long-running processes', async () => {
    const node = lab.node('compute1');
    await node.spawn('counter', ['bash', '-c', 'echo hello; sleep 1000']);
    await untilTrue('the output', async () => (await node.read('/var/log/counter.log'))?.trim() === 'hello');
    await expect(node.spawn('counter', ['true'])).rejects.toThrow(/runs on compute1 already/);
    const found = await (await Lab.attach(NAME)).node('compute1').process('counter');
    expect(await node.processes()).toEqual(['counter']);
    await found?.stop('SIGKILL');
    expect(await node.process('counter')).toBeUndefined();
    // It may be seen before it has ended, or not: both ways tell its status.
    const failing = node.spawn('failing', ['bash', '-c', 'echo no good >&2; exit 3']);
    const end = await failing.then(
      (process) => process.exited,
      (error: unknown) => String(error),
    );
    expect(String(end)).toMatch(/^3$|status 3\): no good/);
    expect(await node.read('/var/log/failing.log')).toBe('no good\n');
  });
});

describe('taking a lab away', () => {
  afterAll(async () => {
    for (const name of [PASSING, HALFWAY]) await Lab.down(name);
  });

  it('leaves nothing of it on the machine', async () => {
    const lab = await Lab.up({ name: PASSING });
    const inside = lab.nodes.map(({ pid }) => pid);
    expect(await lab.node('gw1').programs()).toContain('ovs-vswitchd');
    // One that was left stopped does not keep the lab from ending.
    const frozen = await lab.node('gw1').spawn('frozen', ['sleep', 'infinity']);
    await frozen.signal('SIGSTOP');
    await untilTrue('the process and what started it to be stopped', async () => {
      const stats = await Promise.all([frozen.pid, await parentOf(frozen.pid)].map(statOf));
      return stats.every((stat) => stat.startsWith('T'));
    });
    await lab.down();
    expect(await mountsOf(PASSING)).toEqual([]);
    expect(await readdir(STATE_ROOT).catch(() => [])).not.toContain(PASSING);
    for (const pid of inside) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it('does nothing where there is none', async () => {
    expect(await Lab.down('nosuchlab')).toBe(false);
  });

  it('clears what a failed start left, and says how', async () => {
    const failing = Lab.up({ name: HALFWAY }, ({ step, state }) => {
      if (step === 'links and addresses' && state === 'end') throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    await expect(Lab.up({ name: HALFWAY })).rejects.toThrow(/take it down first/);
    await expect(Lab.attach(HALFWAY)).rejects.toThrow(/incomplete/);
    expect(await Lab.down(HALFWAY)).toBe(true);
    await expect(Lab.attach(HALFWAY)).rejects.toThrow(/there is no lab/);
  });
});

/** The fields of proc(5) stat from the state on. */
async function statOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2);
}

async function parentOf(pid: number): Promise<number> {
  return Number((await statOf(pid)).split(' ')[1]);
}

/** Devices of the machine's own network namespace that have a name which the lab uses for one of its own. */
async function strayDevices(lab: Lab): Promise<readonly string[]> {
  const machine = await readdir('/sys/class/net');
  const inside = await Promise.all(
    lab.nodes.map(async (node) => (await node.exec(['ls', '/sys/class/net'])).stdout.split('\n')),
  );
  // Every namespace has these two by nature.
  const names = new Set(inside.flat().filter((name) => name !== '' && name !== 'lo' && name !== 'eth0'));
  expect(names).toContain('br-int');
  return machine.filter((name) => names.has(name));
}

/** Mount points on the machine that belong to a lab. */
async function mountsOf(name: string): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return mounts.map((line) => line.split(' ')[1] ?? '').filter((point) => point.includes(`/${name}`));
}
