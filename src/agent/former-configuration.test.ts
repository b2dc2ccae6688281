/** What a former configuration made is taken back by a start with another one, and nothing is withdrawn on the way. */
import { afterEach, describe, expect, it } from 'vitest';
import { parseIp } from '../base/address.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Request } from '../netlink/types.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { type NorthboundCloud, northboundCloud } from '../ovn/testing.ts';
import { bareNode, TestAgent } from './testing.ts';

const COUNT = 12;

let agent: TestAgent | undefined;
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
});

function cloud(): NorthboundCloud {
  const made = northboundCloud();
  made.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  for (let number = 1; number <= COUNT; number++) {
    const mac = `fa:16:3e:00:00:${number.toString(16).padStart(2, '0')}`;
    made.addPort({
      name: `vm-${number}`,
      network: 'PUB',
      addresses: `${mac} 172.24.4.${number}`,
      requestedChassis: 'cmp-1',
    });
  }
  return made;
}

/** One life of the agent with this configuration; its predecessor ends. */
async function life(edge: FakeNode, made: NorthboundCloud, config: Partial<AgentConfig>): Promise<TestAgent> {
  await agent?.stop();
  const topology = createNorthboundTopology(made.db.views, { hostname: 'cmp-1', systemId: 'C1' });
  agent = new TestAgent(edge, topology, config);
  await agent.settle();
  return agent;
}

/** Devices of the agent's, and what is advertised through which. */
async function advertising(edge: FakeNode): Promise<readonly string[]> {
  const { netlink } = edge;
  const links = await netlink.links();
  const nameOf = (index: number | undefined): string | undefined =>
    links.find((link) => link.index === index)?.name;
  const made = links.filter(({ alias }) => alias === 'ovn-bgp-agent');
  const counts = new Map<string, number>();
  const count = (way: string): void => void counts.set(way, (counts.get(way) ?? 0) + 1);
  for (const { index, address, protocol } of await netlink.addresses()) {
    if (protocol === 179 && address.startsWith('172.24.4.')) count(`addresses on ${nameOf(index)}`);
  }
  for (const { type, table } of await netlink.routes({ protocol: 179 })) {
    if (type === 'blackhole') count(`routes in ${table}`);
  }
  return [
    ...made.map(({ name, master, data }) => `${name} ${data?.kind === 'vrf' ? data.table : nameOf(master)}`),
    ...[...counts].map(([way, number]) => `${number} ${way}`),
  ].sort();
}

/** Smallest number of advertised prefixes at any moment of a list of requests, from all of them. */
function fewest(requests: readonly Request[]): number {
  const ways = new Map<string, number>();
  let least = COUNT;
  for (const request of requests) {
    const prefix =
      request.type === 'address'
        ? request.address.address
        : request.type === 'route' && request.route.type === 'blackhole'
          ? request.route.destination
          : undefined;
    if (prefix === undefined || !prefix.startsWith('172.24.4.')) continue;
    ways.set(prefix, (ways.get(prefix) ?? 1) + (request.op === 'delete' ? -1 : 1));
    least = Math.min(least, COUNT - [...ways.values()].filter((each) => each === 0).length);
  }
  return least;
}

const VRF: Partial<AgentConfig> = { advertiseVia: 'vrf', bgpRouterId: parseIp('10.0.0.1') };

describe('another', () => {
  it.each<readonly [string, Partial<AgentConfig>, Partial<AgentConfig>, readonly string[]]>([
    [
      'name of the dummy',
      VRF,
      { ...VRF, bgpNic: 'bgp-two' },
      [`${COUNT} addresses on bgp-two`, 'bgp-two bgp-vrf', 'bgp-vrf 10'],
    ],
    ['way of advertising', VRF, { advertiseVia: 'main' }, [`${COUNT} routes in 254`]],
    [
      'way of advertising, back',
      { advertiseVia: 'main' },
      VRF,
      [`${COUNT} addresses on bgp-nic`, 'bgp-nic bgp-vrf', 'bgp-vrf 10'],
    ],
  ])('%s is there before the former one goes', async (_, before, after, left) => {
    const edge = bareNode();
    const made = cloud();
    await life(edge, made, before);
    const from = edge.netlink.log.length;
    const running = await life(edge, made, after);
    expect(await advertising(edge)).toEqual(left);
    expect(fewest(edge.netlink.log.slice(from))).toBe(COUNT);
    expect(running.guard.holds).toBe(0);
  });

  it.each<readonly [string, Partial<AgentConfig>, readonly string[]]>([
    [
      'name of the VRF',
      { ...VRF, bgpVrf: 'bgp-two' },
      [`${COUNT} addresses on bgp-nic`, 'bgp-nic bgp-two', 'bgp-two 10'],
    ],
    [
      'number of its table',
      { ...VRF, bgpVrfTableId: 11 },
      [`${COUNT} addresses on bgp-nic`, 'bgp-nic bgp-vrf', 'bgp-vrf 11'],
    ],
    [
      'name and number',
      { ...VRF, bgpVrf: 'bgp-two', bgpVrfTableId: 11 },
      [`${COUNT} addresses on bgp-nic`, 'bgp-nic bgp-two', 'bgp-two 11'],
    ],
  ])('%s leaves nothing of the former one, also in FRR', async (_, after, left) => {
    const edge = bareNode();
    const made = cloud();
    await life(edge, made, VRF);
    const from = edge.netlink.log.length;
    const running = await life(edge, made, after);
    expect(await advertising(edge)).toEqual(left);
    // There is never a second VRF with the table of another one.
    const vrfs = edge.netlink.log.slice(from).flatMap((request) => {
      if (request.type !== 'link') return [];
      if (request.op === 'add') return request.link.data?.kind === 'vrf' ? ['add'] : [];
      return request.op === 'delete' ? ['delete'] : [];
    });
    expect(vrfs).toEqual(
      after.bgpVrfTableId === 11 && after.bgpVrf !== undefined ? ['add', 'delete'] : ['delete', 'add'],
    );
    for (const vrf of ['bgp-vrf', 'bgp-two']) {
      const stanzas = await edge.frr.stanzas({ as: 64999, vrf, former: true });
      expect([vrf, stanzas.length]).toEqual([vrf, vrf === (after.bgpVrf ?? 'bgp-vrf') ? 1 : 0]);
    }
    expect(running.guard.holds).toBe(0);
    const writes = edge.writes();
    await life(edge, made, after);
    expect(edge.writes()).toBe(writes);
  });

  it('name of the dummy, and a database that is nearly empty: what stands is held', async () => {
    const edge = bareNode();
    const made = cloud();
    await life(edge, made, VRF);
    for (let number = 1; number <= COUNT; number++) made.deletePort(`vm-${number}`);
    const running = await life(edge, made, { ...VRF, bgpNic: 'bgp-two' });
    expect(running.guard.hold).toMatchObject({ causes: ['start'], held: COUNT });
    expect(await advertising(edge)).toContain(`${COUNT} addresses on bgp-nic`);
    running.clock.advance(60_000);
    await running.settle();
    expect(await advertising(edge)).toEqual(['bgp-two bgp-vrf', 'bgp-vrf 10']);
  });
});
