/** What the guard holds back, seen at the node: the loop is real, the node and the database are in memory. */
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../config/types.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { AGENT_PROTOCOL } from '../node/objects.ts';
import { type MemoryDatabase, memoryDatabase } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import type { IncrementalTopology, NodeIdentity } from '../ovn/topology.ts';
import type { ChangeSet } from '../ovsdb/types.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

const COUNT = 20;
const HOLD_MS = 60_000;

class Cloud {
  readonly database: MemoryDatabase<typeof NORTHBOUND> = memoryDatabase(NORTHBOUND);
  readonly edge: FakeNode = bareNode();
  topology: IncrementalTopology<typeof NORTHBOUND>;
  agent: TestAgent;
  readonly #config: Partial<AgentConfig>;

  constructor(config: Partial<AgentConfig> = {}) {
    this.#config = config;
    this.database.transact((tx) => {
      const options = new Map([['network_name', 'physnet1']]);
      tx.insert('Logical_Switch_Port', { name: 'provnet-flat', type: 'localnet', options }, 'localnet');
      tx.insert('Logical_Switch', { name: 'neutron-pub', ports: ['localnet'] }, 'switch');
    });
    for (let number = 1; number <= COUNT; number++) this.port(number);
    this.topology = this.topologyOf({ hostname: 'cmp-1', systemId: 'C1' });
    this.agent = this.start();
  }

  topologyOf(identity: NodeIdentity): IncrementalTopology<typeof NORTHBOUND> {
    return createNorthboundTopology(this.database.views, identity);
  }

  start(): TestAgent {
    this.agent = new TestAgent(this.edge, this.topology, this.#config);
    return this.agent;
  }

  port(number: number): ChangeSet<typeof NORTHBOUND> {
    const mac = `fa:16:3e:00:00:${number.toString(16).padStart(2, '0')}`;
    return this.database.insert(
      'Logical_Switch_Port',
      {
        name: `vm-${number}`,
        addresses: [`${mac} 172.24.4.${number}`],
        up: true,
        options: new Map([['requested-chassis', 'cmp-1']]),
        external_ids: new Map([['neutron:network_name', 'neutron-pub']]),
      },
      `port-${number}`,
    );
  }

  /** Deletes all ports but the first `left`. */
  empty(left = 0): ChangeSet<typeof NORTHBOUND> {
    return this.database.transact((tx) => {
      for (let number = left + 1; number <= COUNT; number++)
        tx.delete('Logical_Switch_Port', `port-${number}`);
    });
  }

  affect(changes: ChangeSet<typeof NORTHBOUND>, cause: 'snapshot' | 'update'): void {
    this.agent.reconciler.topologyChanged(this.topology.affected(changes), cause);
  }

  async tell(changes: ChangeSet<typeof NORTHBOUND>, cause: 'snapshot' | 'update' = 'update'): Promise<void> {
    this.affect(changes, cause);
    await this.agent.settle();
  }

  async map(bridgeMappings: string): Promise<void> {
    this.edge.ovs.set({ bridgeMappings });
    await this.agent.settle();
  }

  async advance(ms: number): Promise<void> {
    this.agent.clock.advance(ms);
    await this.agent.settle();
  }

  async advertised(): Promise<number> {
    return (await this.edge.netlink.routes()).filter((route) => route.type === 'blackhole').length;
  }

  /** What brings traffic to addresses through the first table and the bridge, and the flows that divert their own. */
  async wires(): Promise<readonly [rules: number, routes: number, neighbours: number, flows: number]> {
    const { netlink, ovs } = this.edge;
    const hosts = (await netlink.routes()).filter(
      ({ type, destination }) => type === 'unicast' && destination.startsWith('172.24.4.'),
    );
    const neighbours = (await netlink.neighbors()).filter(({ proxy }) => !proxy);
    const rules = (await netlink.rules()).filter(({ table }) => table === 1);
    return [rules.length, hosts.length, neighbours.length, ovs.allFlows(BRIDGE).length];
  }
}

let cloud: Cloud;
afterEach(() => cloud.agent.stop());

const WIRED = [COUNT, COUNT, COUNT, 2];

describe('what is not the change of single rows', () => {
  it('is held back with all its wire, and withdrawn after the hold', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(), 'snapshot');
    expect(await cloud.advertised()).toBe(COUNT);
    expect(cloud.agent.guard.hold).toMatchObject({ causes: ['snapshot'], held: COUNT, advertised: COUNT });
    await cloud.advance(HOLD_MS - 1);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
    await cloud.advance(1);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([0, [0, 0, 0, 2]]);
    expect(cloud.agent.guard.hold).toBeUndefined();
  });

  it('is held back also when it comes while a pass reads the node', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    const read = cloud.edge.frr.stanzas.bind(cloud.edge.frr);
    let once = (): void => cloud.affect(cloud.empty(), 'snapshot');
    cloud.edge.frr.stanzas = (scope, signal) => {
      once();
      once = () => undefined;
      return read(scope, signal);
    };
    cloud.agent.reconciler.recheck(['frr', 'sysctl']);
    await cloud.agent.settle();
    expect([await cloud.advertised(), cloud.agent.guard.holds]).toEqual([COUNT, 1]);
  });

  it.each([
    ['a mapping with a typing error in the bridge', 'physnet1:br-xe'],
    ['a mapping with a typing error in the network', 'physent1:br-ex'],
    ['no mapping', ''],
  ])('is held back: %s', async (_, mappings) => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.map(mappings);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
    expect(cloud.agent.guard.hold?.causes).toEqual(['mappings']);
    await cloud.advance(HOLD_MS);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([0, [0, 0, 0, 0]]);
  });

  it('changes nothing on the node when it is corrected in time', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    const before = await cloud.edge.netlink.routes();
    await cloud.map('');
    const writes = cloud.edge.writes();
    await cloud.map(`physnet1:${BRIDGE}`);
    expect(cloud.edge.writes()).toBe(writes);
    expect(await cloud.edge.netlink.routes()).toEqual(before);
    expect(cloud.agent.guard.hold).toBeUndefined();
    await cloud.advance(HOLD_MS);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
  });

  it('is held back: another chassis and host name', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    cloud.topology = cloud.topologyOf({ hostname: 'cmp-2', systemId: 'C2' });
    cloud.agent.planner.setTopology(cloud.topology);
    cloud.agent.reconciler.topologyChanged('all', 'snapshot');
    await cloud.agent.settle();
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
    expect(cloud.agent.guard.hold?.causes).toContain('source');
  });

  it('changes nothing for as long as the local database does not say who this node is', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    const writes = cloud.edge.writes();
    cloud.edge.ovs.set({ systemId: undefined, bridgeMappings: '', externalIds: new Map() });
    await cloud.agent.settle();
    await cloud.advance(2 * HOLD_MS);
    expect(cloud.edge.writes()).toBe(writes);
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'port-1'));
    expect(await cloud.advertised()).toBe(COUNT - 1);
  });

  it('is held back at a start, compared with what stands on the node', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.agent.stop();
    cloud.empty();
    cloud.start();
    await cloud.agent.settle();
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
    expect(cloud.agent.guard.hold?.causes).toEqual(['start']);
    await cloud.advance(HOLD_MS);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([0, [0, 0, 0, 2]]);
  });

  it('is held back at a start at which the node can be read only later', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.agent.stop();
    cloud.empty();
    const { netlink } = cloud.edge;
    const routes = netlink.routes.bind(netlink);
    let answers = false;
    netlink.routes = async (filter) => {
      if (!answers && filter?.protocol === AGENT_PROTOCOL) throw new Error('not now');
      return routes(filter);
    };
    cloud.start();
    await cloud.agent.settle();
    expect(cloud.edge.ovs.allFlows(BRIDGE)).toHaveLength(2);
    answers = true;
    await cloud.advance(30_000);
    expect([await cloud.advertised(), await cloud.wires()]).toEqual([COUNT, WIRED]);
    expect(cloud.agent.guard.hold?.causes).toEqual(['start']);
  });
});

describe('what is not held back', () => {
  it('is a snapshot that withdraws little, and an update that withdraws all', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'port-1'), 'snapshot');
    expect(await cloud.advertised()).toBe(COUNT - 1);
    await cloud.tell(
      cloud.database.transact((tx) => {
        for (let number = 2; number <= COUNT; number++) tx.delete('Logical_Switch_Port', `port-${number}`);
      }),
    );
    expect(await cloud.advertised()).toBe(0);
    expect(cloud.agent.guard.holds).toBe(0);
  });

  it.each([
    ['fewer than the minimum', { withdrawGuardMinimum: COUNT + 1 }, 0],
    ['exactly the share', {}, COUNT / 2],
    ['anything, where the share is 100', { withdrawGuardPercent: 100 }, 0],
  ] as const)('is %s', async (_, config, left) => {
    cloud = new Cloud(config);
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(left), 'snapshot');
    expect(await cloud.advertised()).toBe(left);
  });

  it('is the withdrawal of a single row, also during a hold', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(2), 'snapshot');
    expect(await cloud.advertised()).toBe(COUNT);
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'port-1'));
    expect([await cloud.advertised(), (await cloud.wires())[0]]).toEqual([COUNT - 1, COUNT - 1]);
    await cloud.tell(cloud.port(COUNT));
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', `port-${COUNT}`));
    expect(await cloud.advertised()).toBe(COUNT - 2);
    expect(cloud.agent.guard.hold?.held).toBe(COUNT - 3);
  });

  it.each(['snapshot', 'start'] as const)(
    'is what the node needs itself, during a hold of a %s and at its beginning',
    async (cause) => {
      cloud = new Cloud();
      const need = (address: string, op: 'add' | 'delete' = 'add'): void => {
        const index = cloud.edge.netlink.linkNamed('lo')?.index ?? 0;
        cloud.edge.netlink.foreign({ type: 'address', op, address: { family: 4, index, address } });
      };
      await cloud.agent.settle();
      const changes = cloud.empty();
      if (cause === 'start') {
        await cloud.agent.stop();
        need('172.24.4.3/32');
        cloud.start();
        await cloud.agent.settle();
      } else {
        need('172.24.4.3/32');
        await cloud.tell(changes, 'snapshot');
      }
      expect([await cloud.advertised(), (await cloud.wires())[0]]).toEqual([COUNT - 1, COUNT - 1]);
      need('172.24.4.4/32');
      await cloud.agent.settle();
      expect([await cloud.advertised(), (await cloud.wires())[0]]).toEqual([COUNT - 2, COUNT - 2]);
      expect(cloud.agent.guard.hold?.causes).toEqual([cause]);
      await cloud.advance(HOLD_MS);
      expect([await cloud.advertised(), await cloud.wires()]).toEqual([0, [0, 0, 0, 2]]);
    },
  );

  it('is a bridge that is gone: what cannot carry traffic does not attract it', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    cloud.edge.ovs.deletePort(BRIDGE, 'patch-provnet-flat-to-br-int');
    await cloud.agent.settle();
    expect(await cloud.advertised()).toBe(0);
  });

  it('is another way of advertising the same at a start', async () => {
    cloud = new Cloud({ advertiseVia: 'vrf', bgpRouterId: undefined });
    await cloud.agent.settle();
    await cloud.agent.stop();
    cloud.agent = new TestAgent(cloud.edge, cloud.topology, { advertiseVia: 'main' });
    await cloud.agent.settle();
    expect(cloud.agent.guard.holds).toBe(0);
    expect(await cloud.advertised()).toBe(COUNT);
  });
});

describe('a hold', () => {
  it('keeps up what it holds: what somebody takes away is put back', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(), 'snapshot');
    const rule = { family: 4, priority: 32000, table: 1, to: '172.24.4.7/32' } as const;
    cloud.edge.netlink.foreign({ type: 'rule', op: 'delete', rule });
    cloud.agent.reconciler.audit();
    await cloud.agent.settle();
    expect(await cloud.wires()).toEqual(WIRED);
  });

  it('begins anew when as much is lost again, and not for a picture that is the same', async () => {
    cloud = new Cloud({ withdrawGuardMinimum: 5 });
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(), 'snapshot');
    await cloud.advance(HOLD_MS / 2);
    cloud.agent.reconciler.topologyChanged('all', 'snapshot');
    await cloud.agent.settle();
    await cloud.advance(HOLD_MS / 2 - 1);
    expect(await cloud.advertised()).toBe(COUNT);
    await cloud.advance(1);
    expect(await cloud.advertised()).toBe(0);
    for (let number = 1; number <= COUNT; number++) await cloud.tell(cloud.port(number));
    await cloud.tell(cloud.empty(COUNT / 2 - 1), 'snapshot');
    await cloud.advance(HOLD_MS - 1);
    await cloud.map('');
    expect(cloud.agent.guard.hold?.held).toBe(COUNT);
    await cloud.advance(1);
    // The rest was not lost long enough.
    expect(await cloud.advertised()).toBe(COUNT);
  });

  it('lets what makes room for what is wanted go: additions do not wait for its end', async () => {
    cloud = new Cloud({ vlanHandover: 'ovs' });
    const options = new Map([['network_name', 'physnet1']]);
    cloud.database.transact((tx) => {
      tx.insert('Logical_Switch_Port', { name: 'provnet-vlan', type: 'localnet', tag: 100, options }, 'vlan');
      tx.insert('Logical_Switch', { name: 'neutron-vlan', ports: ['vlan'] }, 'vlan switch');
    });
    await cloud.agent.stop();
    cloud.start();
    await cloud.agent.settle();
    const device = async (): Promise<string | undefined> =>
      (await cloud.edge.netlink.links()).find(({ name }) => name === `${BRIDGE}.100`)?.kind;
    expect(await device()).toBe('openvswitch');
    await cloud.agent.stop();
    cloud.empty();
    cloud.agent = new TestAgent(cloud.edge, cloud.topology, { vlanHandover: 'kernel' });
    await cloud.agent.settle();
    expect([await cloud.advertised(), cloud.agent.guard.hold?.held]).toEqual([COUNT, COUNT]);
    expect(await device()).toBe('vlan');
  });

  it('lets rows that come back go their way, and the others wait', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.empty(), 'snapshot');
    for (let number = 1; number < COUNT; number++) await cloud.tell(cloud.port(number));
    expect([await cloud.advertised(), cloud.agent.guard.hold?.held]).toEqual([COUNT, 1]);
    await cloud.advance(HOLD_MS);
    expect([await cloud.advertised(), (await cloud.wires())[0]]).toEqual([COUNT - 1, COUNT - 1]);
  });
});
