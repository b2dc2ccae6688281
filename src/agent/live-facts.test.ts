/** What changes while the agent runs: facts of the node, and rows that change faster than they are handled. */
import { describe, expect, it } from 'vitest';
import { testTenant } from '../exposures/testing.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud, testPortKey } from '../ovn/testing.ts';
import { NODE_1, NODE_2, northboundExample, TEN } from '../wiring/testing-examples.ts';
import { bareNode, TestAgent } from './testing.ts';

const NETWORK = { name: 'neutron-pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' };
const VM = {
  name: 'vm',
  network: NETWORK.name,
  addresses: 'fa:16:3e:00:00:10 172.24.4.10',
  requestedChassis: 'cmp-1',
};

function start() {
  const cloud = northboundCloud();
  cloud.addNetwork(NETWORK);
  cloud.addPort(VM);
  const edge = bareNode();
  const topology = createNorthboundTopology(cloud.db.views, { hostname: 'cmp-1', systemId: 'C1' });
  return { cloud, edge, topology, agent: new TestAgent(edge, topology) };
}

async function rules(edge: FakeNode): Promise<string[]> {
  return (await edge.netlink.rules()).flatMap(({ to, table }) =>
    to === undefined ? [] : [`${to} ${table}`],
  );
}

describe('an agent that runs', () => {
  it('has a tenant network in place after one pass, without another attempt', async () => {
    const example = northboundExample();
    const addresses = 'fa:16:3e:00:00:31 192.168.1.31';
    example.addHost({ name: 'vm', network: TEN, addresses, node: NODE_2 });
    const edge = bareNode();
    const agent = new TestAgent(edge, example.on(NODE_1), { tenant: testTenant({ exposeNetworks: true }) });
    await agent.settle();
    expect(await agent.node.read()).toEqual([]);
    expect(agent.node.plan(agent.planner.desired).stages).toEqual([]);
    const vias = (await edge.netlink.routes()).filter(({ via }) => via === '172.24.4.221');
    expect(vias.map(({ destination }) => destination)).toEqual(['192.168.1.0/26']);
    await agent.stop();
  });

  it('D-18: follows ovn-bridge-mappings while it runs', async () => {
    const { edge, agent } = start();
    await agent.settle();
    const [before] = await rules(edge);
    expect(before).toMatch(/^172\.24\.4\.10\/32 \d+$/);
    edge.ovs.set({ systemId: 'C1', hostname: 'cmp-1', bridgeMappings: 'physnet9:br-ex' });
    await agent.settle();
    expect(await rules(edge)).toEqual([]);
    edge.ovs.set({ systemId: 'C1', hostname: 'cmp-1', bridgeMappings: 'physnet9:br-9,physnet1:br-ex' });
    await agent.settle();
    expect(await rules(edge)).toEqual([before]);
    await agent.stop();
  });

  it('D-21: ends where the rows end, however fast they change', async () => {
    const { cloud, edge, topology, agent } = start();
    await agent.settle();
    const writes = edge.writes();
    const up = (value: boolean): void =>
      agent.reconciler.topologyChanged(
        topology.affected(
          cloud.db.update('Logical_Switch_Port', testPortKey('vm').replace('port:', ''), { up: value }),
        ),
        'update',
      );
    // Down and up again before the loop had its turn: there is nothing to do.
    up(false);
    up(true);
    await agent.settle();
    expect([await rules(edge), edge.writes()]).toEqual([[expect.stringContaining('172.24.4.10/32')], writes]);
    // While the loop writes, the row changes back: the last word counts.
    for (const last of [true, false]) {
      edge.netlink.fail = undefined;
      up(last);
      await agent.settle();
      let written = false;
      edge.netlink.fail = () => {
        if (!written) up(last);
        written = true;
        return undefined;
      };
      up(!last);
      await agent.settle();
      expect([written, (await rules(edge)).length]).toEqual([true, last ? 1 : 0]);
    }
    await agent.stop();
  });
});
