/** One part of the node fails, hangs or is fought over: the others go on, at their usual speed and cost. */
import { afterEach, describe, expect, it } from 'vitest';
import type { IpAddress } from '../base/address.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud } from '../ovn/testing.ts';
import { OvnNode } from './local-ovn-testing.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

/** Lets a while pass in small steps; nobody is waited for that does not answer. */
async function pass({ clock }: TestAgent, forMs: number): Promise<void> {
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let waitedMs = 0; waitedMs <= forMs; waitedMs += 100) {
    await turns();
    clock.advance(waitedMs < forMs ? 100 : 0);
  }
  await turns();
}

class World {
  readonly cloud = northboundCloud();
  readonly edge: FakeNode = bareNode();
  readonly topology = createNorthboundTopology(this.cloud.db.views, { hostname: 'cmp-1', systemId: 'C1' });
  readonly agent: TestAgent;

  constructor(ports: number, advertiseVia: 'main' | 'vrf' = 'main') {
    this.edge.frr.configure({ routerId: '10.0.0.1' as IpAddress });
    this.cloud.addNetwork({ name: 'neutron-pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
    for (let number = 1; number <= ports; number++) this.#port(number);
    this.agent = new TestAgent(this.edge, this.topology, { advertiseVia });
  }

  #port(number: number): ReturnType<typeof this.cloud.addPort> {
    return this.cloud.addPort({
      name: `vm${number}`,
      network: 'neutron-pub',
      addresses: `fa:16:3e:00:00:${number.toString(16).padStart(2, '0')} 172.24.4.${number}`,
      requestedChassis: 'cmp-1',
    });
  }

  add(number: number): void {
    this.agent.reconciler.topologyChanged(this.topology.affected(this.#port(number)), 'update');
  }

  down(number: number): void {
    const change = this.cloud.db.update('Logical_Switch_Port', `port vm${number}`, { up: false });
    this.agent.reconciler.topologyChanged(this.topology.affected(change), 'update');
  }

  async wait(forMs: number): Promise<void> {
    await pass(this.agent, forMs);
  }

  async advertised(): Promise<string[]> {
    const routes = await this.edge.netlink.routes();
    return routes.flatMap(({ type, destination }) => (type === 'blackhole' ? [destination] : [])).sort();
  }

  async rules(): Promise<string[]> {
    return (await this.edge.netlink.rules()).flatMap(({ to }) => to ?? []).sort();
  }

  deleteRule(to: string): void {
    const [rule] = this.edge.netlink.log.flatMap((request) =>
      request.type === 'rule' && request.rule.to === to ? [request.rule] : [],
    );
    if (rule === undefined) throw new Error(`no rule to ${to} was written`);
    this.edge.netlink.foreign({ type: 'rule', op: 'delete', rule });
  }
}

let world: World;
let running: World | undefined;
afterEach(async () => {
  running?.edge.frr.thaw();
  running?.edge.ovs.thaw();
  await running?.agent.stop();
  running = undefined;
});

/** Longer than anybody is waited for, and far shorter than any deadline of a daemon. */
const SOON_MS = 400;

describe.each(['main', 'vrf'] as const)('while bgpd hangs (advertise_via = %s)', (via) => {
  it('rules are repaired and addresses go and come, also in the moment in which it begins to hang', async () => {
    world = running = new World(2, via);
    await world.agent.settle();
    world.edge.frr.freeze();
    // The periodic check is what meets the hanging daemon.
    world.agent.reconciler.recheck(['frr']);
    world.deleteRule('172.24.4.1/32');
    world.down(2);
    world.add(3);
    await world.wait(SOON_MS);
    expect(await world.rules()).toEqual(['172.24.4.1/32', '172.24.4.3/32']);
    expect(world.agent.reconciler.busyMs).toBe(0);
    for (let round = 0; round < 5; round++) {
      world.agent.reconciler.audit();
      world.deleteRule('172.24.4.1/32');
      await world.wait(SOON_MS);
      expect(await world.rules()).toContain('172.24.4.1/32');
      await world.wait(20_000);
    }
    expect(world.agent.reconciler.state()).toMatchObject({
      state: 'degraded',
      concerns: expect.arrayContaining([
        expect.objectContaining({ concern: 'bgpd', state: 'not answering' }),
      ]),
    });
    world.edge.frr.tamper('kernel-routes', undefined);
    world.edge.frr.tamper('leak', undefined);
    world.edge.frr.thaw();
    await world.wait(SOON_MS);
    expect(await world.edge.frr.stanzas({ as: 64999, vrf: 'bgp-vrf' })).toHaveLength(1);
    expect(world.agent.reconciler.state().state).toBe('in sync');
  });
});

describe('while vswitchd hangs', () => {
  it('rules and addresses are served, and flows that had to change meanwhile are right afterwards', async () => {
    world = running = new World(2);
    await world.agent.settle();
    const before = world.edge.ovs.allFlows(BRIDGE);
    world.edge.ovs.freeze();
    world.edge.ovs.restart();
    world.deleteRule('172.24.4.1/32');
    world.down(2);
    world.add(3);
    await world.wait(SOON_MS);
    expect(await world.rules()).toEqual(['172.24.4.1/32', '172.24.4.3/32']);
    // The flows are believed to be there: nobody has said otherwise.
    expect(await world.advertised()).toEqual(['172.24.4.1/32', '172.24.4.3/32']);
    await world.wait(60_000);
    expect(await world.advertised()).toEqual(['172.24.4.1/32', '172.24.4.3/32']);
    world.edge.ovs.thaw();
    await world.wait(SOON_MS);
    expect(world.edge.ovs.allFlows(BRIDGE)).toEqual(before);
    expect(world.agent.reconciler.state().state).toBe('in sync');
  });

  it('what is new there waits and is not advertised, and comes when it answers', async () => {
    world = running = new World(0);
    world.edge.ovs.freeze();
    world.add(1);
    await world.wait(5000);
    expect(await world.advertised()).toEqual([]);
    expect(await world.rules()).toEqual(['172.24.4.1/32']);
    world.edge.ovs.thaw();
    await world.wait(SOON_MS);
    expect(await world.advertised()).toEqual(['172.24.4.1/32']);
    expect(world.agent.reconciler.state().state).toBe('in sync');
  });
});

describe('an object that fails for good', () => {
  const PERMANENT = '172.24.4.1/32';

  it('does not delay another one that failed once', async () => {
    world = running = new World(1);
    let once = 1;
    world.edge.netlink.fail = (request) => {
      if (request.type !== 'rule' || request.op !== 'add') return undefined;
      if (request.rule.to === PERMANENT) return 'EPERM';
      return request.rule.to === '172.24.4.2/32' && once-- > 0 ? 'ENOBUFS' : undefined;
    };
    await world.agent.settle();
    await world.wait(100_000);
    world.add(2);
    await world.wait(1000);
    expect(await world.advertised()).toEqual(['172.24.4.2/32']);
  });

  it('is not tried again because something else happens, but when its own time comes', async () => {
    world = running = new World(1);
    world.edge.netlink.fail = (request) =>
      request.type === 'rule' && request.rule.to === PERMANENT ? 'EPERM' : undefined;
    await world.agent.settle();
    await world.wait(60_000);
    const tries = (): number =>
      world.edge.netlink.log.filter((request) => request.type === 'rule' && request.rule.to === PERMANENT)
        .length;
    const before = tries();
    for (let number = 2; number < 20; number++) world.add(number);
    await world.wait(100);
    world.deleteRule('172.24.4.2/32');
    await world.wait(500);
    expect(tries() - before).toBeLessThan(2);
    expect(world.agent.reconciler.state()).toMatchObject({ failing: 1, waiting: 1, notAdvertised: 1 });
    world.edge.netlink.fail = () => undefined;
    await world.wait(31_000);
    expect(await world.advertised()).toContain(PERMANENT);
    expect(world.agent.reconciler.state().state).toBe('in sync');
  });

  it('is forgotten when it is not wanted any more', async () => {
    world = running = new World(1);
    world.edge.netlink.fail = (request) =>
      request.type === 'rule' && request.rule.to === PERMANENT ? 'EPERM' : undefined;
    await world.agent.settle();
    world.down(1);
    await world.wait(100);
    expect(world.agent.reconciler.state()).toMatchObject({ state: 'in sync', failing: 0, waiting: 0 });
  });
});

describe('an object that somebody takes away again and again', () => {
  it('is put back at once a few times, then at growing intervals; what OVN wants is done at once', async () => {
    world = running = new World(2);
    await world.agent.settle();
    const repairs = (): number =>
      world.edge.netlink.log.filter(
        (request) => request.type === 'rule' && request.op === 'add' && request.rule.to === '172.24.4.1/32',
      ).length;
    for (let round = 0; round < 300; round++) {
      if ((await world.rules()).includes('172.24.4.1/32')) world.deleteRule('172.24.4.1/32');
      await world.wait(200);
    }
    expect(repairs()).toBeGreaterThan(9);
    expect(repairs()).toBeLessThan(18);
    expect(world.agent.reconciler.state().conflicts).toEqual([
      expect.objectContaining({ object: expect.stringContaining('172.24.4.1/32') }),
    ]);
    // It stays wanted: nothing flaps because of it.
    expect(await world.advertised()).toEqual(['172.24.4.1/32', '172.24.4.2/32']);
    world.deleteRule('172.24.4.2/32');
    await world.wait(100);
    expect(await world.rules()).toContain('172.24.4.2/32');
    // Right after a repair is when the next one would be held back.
    while (!(await world.rules()).includes('172.24.4.1/32')) await world.wait(1000);
    world.down(1);
    await world.wait(100);
    expect(await world.advertised()).toEqual(['172.24.4.2/32']);
    expect(await world.rules()).toEqual(['172.24.4.2/32']);
    await world.wait(200_000);
    expect(world.agent.reconciler.state()).toMatchObject({ state: 'in sync', conflicts: [] });
  });
});

describe("while the database of the node's own OVN hangs", () => {
  it('what is new in it waits and is not advertised, and comes when it answers', async () => {
    const node = new OvnNode();
    await node.ready();
    const { agent, local } = node;
    if (agent === undefined) throw new Error('the agent was not started');
    local.database.freeze();
    agent.reconciler.topologyChanged(node.topology.affected(node.vm(11)), 'update');
    agent.reconciler.audit();
    await pass(agent, 20_000);
    expect(agent.reconciler.busyMs).toBe(0);
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    expect(agent.reconciler.state()).toMatchObject({ state: 'degraded' });
    local.database.thaw();
    await pass(agent, 1000);
    expect(await node.advertised()).toContain('172.24.4.11/32');
    await agent.stop();
  });
});
