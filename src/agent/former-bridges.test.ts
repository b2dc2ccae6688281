/** What becomes of a bridge that is mapped no more, and of networks that the operator keeps for himself. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../base/logger.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { AgentConfig } from '../config/types.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud } from '../ovn/testing.ts';
import type { Topology } from '../ovn/topology.ts';
import { FactsReader } from './facts-reader.ts';
import { mappingWarnings } from './node-facts.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

const OTHER = 'br-new';
const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const PROXIES = [`net/ipv4/conf/${BRIDGE}/proxy_arp`, `net/ipv6/conf/${BRIDGE}/proxy_ndp`];

let agent: TestAgent | undefined;
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
});

function cloud(): Topology {
  const made = northboundCloud();
  made.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  made.addNetwork({ name: 'VLAN', localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 });
  for (const [name, network, address] of [
    ['vm-1', 'PUB', '172.24.4.10 2001:db8::10'],
    ['vm-2', 'VLAN', '172.24.4.11'],
  ] as const) {
    made.addPort({
      name,
      network,
      addresses: `fa:16:3e:00:00:01 ${address}`,
      requestedChassis: 'cmp-1',
      cidrs: '172.24.4.10/24 2001:db8::10/64',
    });
  }
  return createNorthboundTopology(made.db.views, IDENTITY);
}

/** A node with a second bridge, which nobody mapped yet. */
function node(): FakeNode {
  const edge = bareNode();
  edge.ovs.setBridge(OTHER, []);
  return edge;
}

async function started(edge: FakeNode, changes: Partial<AgentConfig> = {}): Promise<TestAgent> {
  agent = new TestAgent(edge, cloud(), changes);
  await agent.settle();
  return agent;
}

/** Everything with a mark of the agent's that has to do with the bridge, and its settings. */
async function traces(edge: FakeNode, bridge = BRIDGE): Promise<readonly string[]> {
  const { netlink, ovs, files } = edge;
  const links = (await netlink.links()).filter(
    ({ name, alias }) => alias === 'ovn-bgp-agent' && name.startsWith(`${bridge}.`),
  );
  const index = netlink.linkNamed(bridge)?.index;
  const on = <T extends { readonly index?: number }>(items: readonly T[]): readonly T[] =>
    items.filter((item) => item.index === index);
  return [
    ...ovs.allFlows(bridge).map(({ match }) => `flow ${match}`),
    ...links.map(({ name }) => `link ${name}`),
    ...on(await netlink.addresses()).map(({ address }) => `address ${address}`),
    ...on(await netlink.routes()).map(({ destination }) => `route ${destination}`),
    ...on(await netlink.neighbors()).map(({ address }) => `neighbour ${address}`),
    ...(await files.readRtTables()).flatMap(({ name }) => (name === bridge ? [`table ${name}`] : [])),
    ...(await Promise.all(PROXIES.map(async (path) => `${await files.readSysctl(path)}`))),
  ];
}

const CLEAN = ['0', '0'];

describe('a bridge that is mapped no more', () => {
  it.each([
    ['the network moves to another bridge', `physnet1:${OTHER}`],
    ['nothing is mapped', ''],
    ['its name was mistyped', 'physnet1:br-xe'],
  ])('is left as it was before the agent came: %s', async (_, bridgeMappings) => {
    const edge = node();
    const running = await started(edge);
    expect((await traces(edge)).length).toBeGreaterThan(10);
    edge.ovs.set({ bridgeMappings });
    await running.settle();
    expect(await traces(edge)).toEqual(CLEAN);
    // Nothing is left to look after: the bridge is somebody else's now.
    expect(running.node.scope.bridges).not.toContain(BRIDGE);
    edge.files.tamper(PROXIES[0] ?? '', '1');
    running.reconciler.audit();
    await running.settle();
    expect(await traces(edge)).toEqual(['1', '0']);
  });

  it('is left so by a start, when the mapping was changed while no agent ran', async () => {
    const edge = node();
    await (await started(edge)).stop();
    edge.ovs.set({ bridgeMappings: `physnet1:${OTHER}` });
    await started(edge);
    expect(await traces(edge)).toEqual(CLEAN);
  });

  it('is left so by a start after one that was killed in between', async () => {
    const edge = node();
    await (await started(edge)).stop();
    edge.ovs.set({ bridgeMappings: '' });
    edge.netlink.fail = (request) =>
      request.op === 'delete' && request.type === 'address' ? 'EPERM' : undefined;
    await (await started(edge)).stop();
    edge.netlink.fail = undefined;
    await started(edge);
    expect(await traces(edge)).toEqual(CLEAN);
  });

  it('is asked again when the switch did not answer, also where flows are all that is left', async () => {
    const edge = node();
    await (await started(edge)).stop();
    edge.ovs.set({ bridgeMappings: '' });
    const { index = 0 } = edge.netlink.linkNamed(BRIDGE) ?? {};
    for (const address of await edge.netlink.addresses({ index })) {
      edge.netlink.foreign({ type: 'address', op: 'delete', address });
    }
    edge.netlink.foreign({ type: 'link', op: 'delete', link: { name: `${BRIDGE}.100` } });
    const flows = edge.ovs.flows.bind(edge.ovs);
    edge.ovs.flows = async () => Promise.reject(new Error('not now'));
    const running = await started(edge);
    edge.ovs.flows = flows;
    running.clock.advance(60_000);
    running.reconciler.audit();
    await running.settle();
    expect((await traces(edge)).filter((trace) => trace.startsWith('flow'))).toEqual([]);
  });

  it('keeps what an operator has on it, and bridges where the agent never was are left alone', async () => {
    const edge = node();
    const running = await started(edge);
    const [bridge, other] = [edge.netlink.linkNamed(BRIDGE), edge.netlink.linkNamed(OTHER)];
    for (const link of [bridge, other]) {
      edge.netlink.addAddress({
        family: 4,
        index: link?.index ?? 0,
        address: '192.0.2.1/24',
        scope: 0,
        flags: 0x80,
      });
    }
    edge.ovs.tamper(BRIDGE, [
      { op: 'add', flow: { cookie: 7, priority: 5, match: 'arp', actions: 'NORMAL' } },
    ]);
    edge.files.tamper(`net/ipv4/conf/${OTHER}/proxy_arp`, '1');
    edge.ovs.set({ bridgeMappings: '' });
    await running.settle();
    expect(await traces(edge)).toEqual(['flow arp', 'address 192.0.2.1/24', ...CLEAN]);
    expect(await edge.files.readSysctl(`net/ipv4/conf/${OTHER}/proxy_arp`)).toBe('1');
  });

  it('is taken over again when it is mapped again', async () => {
    const edge = node();
    const running = await started(edge);
    const before = await traces(edge);
    edge.ovs.set({ bridgeMappings: '' });
    await running.settle();
    edge.ovs.set({ bridgeMappings: `physnet1:${BRIDGE}` });
    await running.settle();
    expect((await traces(edge)).toSorted()).toEqual(before.toSorted());
  });
});

describe('a physical network that is excluded', () => {
  const excludedPhysicalNetworks = ['physnet1'];

  it('is not announced, its bridge is left alone, and the reason names the option', async () => {
    const edge = node();
    const running = await started(edge, { excludedPhysicalNetworks });
    expect(await traces(edge)).toEqual(CLEAN);
    expect(running.planner.exposures.size).toBe(0);
    expect([...running.planner.denials()].map(({ code }) => code)).toEqual([
      'network-excluded',
      'network-excluded',
    ]);
    expect([...running.planner.denials()][0]?.message).toMatch(/"physnet1".*excluded_physical_networks/);
  });

  it('gives back what was made for it before', async () => {
    const edge = node();
    await (await started(edge)).stop();
    await started(edge, { excludedPhysicalNetworks });
    expect(await traces(edge)).toEqual(CLEAN);
  });

  it('leaves the others their places in the mappings', async () => {
    const edge = node();
    edge.ovs.set({ bridgeMappings: `physnet9:${OTHER},physnet1:${BRIDGE}` });
    await started(edge, { excludedPhysicalNetworks: ['physnet9'] });
    expect(await traces(edge)).toContain('address 169.254.2.2/32');
  });
});

describe('a warning', () => {
  it('is given for a NIC in a bridge that is steered, once, and for an excluded network that is not there', async () => {
    const edge = node();
    edge.ovs.setPort(BRIDGE, { name: 'eth9', type: '', tag: undefined, ofport: 9, externalIds: new Map() });
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (__, text) => void warnings.push(text) };
    const config = defaultConfig({ advertiseVia: 'main', excludedPhysicalNetworks: ['physnet7'] });
    const reader = new FactsReader(edge, config, log);
    const { signal } = new AbortController();
    await reader.read(signal);
    await reader.read(signal);
    expect(warnings).toEqual([
      expect.stringContaining('"physnet7"'),
      expect.stringMatching(/bridge br-ex has a NIC, eth9/),
    ]);
    const snapshot = edge.ovs.snapshot();
    if (snapshot === undefined) throw new Error('no snapshot');
    expect(mappingWarnings(snapshot, { ...config, excludedPhysicalNetworks: ['physnet1'] })).toEqual([]);
    expect(mappingWarnings(snapshot, { exposingMethod: 'ovn', excludedPhysicalNetworks: [] })).toEqual([]);
  });
});
