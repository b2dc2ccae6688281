/** The whole loop over a node in memory: what it needs changes under the agent. */
import { afterEach, describe, expect, it } from 'vitest';
import { type IpAddress, parseIp } from '../../base/address.ts';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtual-clock.ts';
import { defaultConfig } from '../../config/assemble.ts';
import type { AgentConfig } from '../../config/types.ts';
import { testTenant } from '../../exposures/testing.ts';
import type { Address } from '../../netlink/types.ts';
import type { FakeNode } from '../../node/fake-node.ts';
import { memoryDatabase } from '../../ovn/memory-database.ts';
import { createNorthboundTopology } from '../../ovn/northbound.ts';
import { NORTHBOUND } from '../../ovn/northbound-schema.ts';
import { bareNode, TestAgent } from '../testing.ts';
import { NeedsReader } from './needs-reader.ts';

function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new TypeError(text);
  return address;
}

/** A VM at 172.24.4.10, and a tenant network 10.99.0.0/24 behind a router whose gateway port is here. */
function cloud() {
  const db = memoryDatabase(NORTHBOUND);
  const ids = (values: Readonly<Record<string, string>>) => new Map(Object.entries(values));
  db.insert(
    'Logical_Switch_Port',
    { name: 'provnet-flat', type: 'localnet', options: ids({ network_name: 'physnet1' }) },
    'localnet',
  );
  db.insert(
    'Logical_Switch_Port',
    {
      name: 'vm',
      addresses: ['fa:16:3e:00:00:10 172.24.4.10'],
      up: true,
      options: ids({ 'requested-chassis': 'cmp-1' }),
      external_ids: ids({ 'neutron:network_name': 'neutron-pub' }),
    },
    'vm',
  );
  db.insert(
    'Logical_Switch_Port',
    { name: 'to-gw', type: 'router', up: true, options: ids({ 'router-port': 'gw' }) },
    'to-gw',
  );
  db.insert(
    'Logical_Switch_Port',
    {
      name: 'to-ten',
      type: 'router',
      up: true,
      options: ids({ 'router-port': 'ten' }),
      external_ids: ids({
        'neutron:device_owner': 'network:router_interface',
        'neutron:device_id': 'r',
        'neutron:cidrs': '10.99.0.254/24',
      }),
    },
    'to-ten',
  );
  db.insert('Logical_Switch', { name: 'neutron-pub', ports: ['localnet', 'vm', 'to-gw'] }, 'pub');
  db.insert('Logical_Switch', { name: 'neutron-ten', ports: ['to-ten'] }, 'ten');
  db.insert(
    'Logical_Router_Port',
    { name: 'gw', mac: 'fa:16:3e:aa:aa:aa', networks: ['172.24.4.221/24'] },
    'gw',
  );
  db.insert(
    'Logical_Router_Port',
    { name: 'ten', mac: 'fa:16:3e:bb:bb:bb', networks: ['10.99.0.254/24'] },
    'lrp-ten',
  );
  db.insert(
    'Logical_Router',
    { name: 'neutron-r', ports: ['gw', 'lrp-ten'], options: ids({ chassis: 'C1' }) },
    'r',
  );
  return createNorthboundTopology(db.views, { hostname: 'cmp-1', systemId: 'C1' });
}

let agent: TestAgent | undefined;
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
});

const ALL = ['10.99.0.0/24', '172.24.4.10/32', '172.24.4.221/32'];
const TENANT_REFUSED = ['172.24.4.10/32', '172.24.4.221/32'];

async function start(edge: FakeNode, settings: Partial<AgentConfig> = {}): Promise<TestAgent> {
  const tenant = testTenant({ exposeNetworks: true });
  edge.netlink.addLink({ name: 'eth0', up: true });
  agent = new TestAgent(edge, cloud(), { tenant, ...settings });
  await agent.settle();
  return agent;
}

async function steered(edge: FakeNode): Promise<readonly string[]> {
  return (await edge.netlink.rules()).flatMap(({ to }) => to ?? []).sort();
}

function put(edge: FakeNode, op: 'add' | 'delete', device: string, text: string): void {
  const index = edge.netlink.linkNamed(device)?.index ?? 0;
  const address: Pick<Address, 'family' | 'index' | 'address'> = { family: 4, index, address: text };
  edge.netlink.foreign({ type: 'address', op, address });
}

describe('what the node needs is followed', () => {
  it('in the kernel: an address that comes and goes', async () => {
    const edge = bareNode();
    await start(edge);
    expect(await steered(edge)).toEqual(ALL);
    put(edge, 'add', 'eth0', '10.99.0.7/30');
    await agent?.settle();
    expect(await steered(edge)).toEqual(TENANT_REFUSED);
    put(edge, 'delete', 'eth0', '10.99.0.7/30');
    await agent?.settle();
    expect(await steered(edge)).toEqual(ALL);
  });

  it('in the kernel: a network on a provider bridge does not count', async () => {
    const edge = bareNode();
    await start(edge);
    put(edge, 'add', 'br-ex', '172.24.4.1/24');
    await agent?.settle();
    expect(await steered(edge)).toEqual(ALL);
    expect([...(agent?.planner.exposures.values() ?? [])].filter(({ warning }) => warning)).toEqual([]);
  });

  it('in the local database: where the OVN database is, and the ends of tunnels', async () => {
    const edge = bareNode();
    await start(edge);
    edge.ovs.set({ externalIds: new Map([['ovn-remote', 'tcp:10.99.0.1:6642']]) });
    await agent?.settle();
    expect(await steered(edge)).toEqual(TENANT_REFUSED);
    edge.ovs.set({ externalIds: new Map() });
    await agent?.settle();
    expect(await steered(edge)).toEqual(ALL);
    edge.ovs.setBridge('br-int', [
      {
        name: 'ovn-x-0',
        type: 'geneve',
        tag: undefined,
        ofport: 1,
        externalIds: new Map(),
        tunnelTo: ip('172.24.4.10'),
      },
    ]);
    await agent?.settle();
    expect(await steered(edge)).toEqual(['10.99.0.0/24', '172.24.4.221/32']);
  });

  it('in FRR: when bgpd is back, and when it is asked; what it last said counts while it is away', async () => {
    const edge = bareNode();
    await start(edge);
    edge.frr.setPeers({ peers: [{ address: ip('10.99.0.1') }] });
    edge.frr.kill();
    await agent?.settle();
    expect(await steered(edge)).toEqual(ALL);
    edge.frr.start();
    await agent?.settle();
    expect(await steered(edge)).toEqual(TENANT_REFUSED);
    edge.frr.kill();
    agent?.reconciler.audit();
    await agent?.settle();
    expect(await steered(edge)).toEqual(TENANT_REFUSED);
  });

  it('decides on nothing else when a need comes that touches nothing', async () => {
    const edge = bareNode();
    await start(edge);
    const writes = edge.writes();
    put(edge, 'add', 'eth0', '10.1.0.7/24');
    await agent?.settle();
    expect(edge.writes()).toBe(writes);
    const denials = [...(agent?.planner.denials() ?? [])].filter(({ code }) => code === 'needed-by-node');
    expect(denials).toEqual([]);
  });

  it('reads the kernel no more for what the agent writes itself', async () => {
    const edge = bareNode();
    await start(edge, { advertiseVia: 'vrf' });
    const { dumps } = edge.netlink;
    agent?.reconciler.factsChanged();
    await agent?.settle();
    // Links, of which the wiring must know.
    expect(edge.netlink.dumps - dumps).toBe(1);
  });
});

it('what is known is not put together again for a change of the switch that says nothing of it', async () => {
  const edge = bareNode();
  const ends = Array.from({ length: 3 }, (_, index) => ({
    name: `ovn-${index}-0`,
    type: 'geneve',
    tag: undefined,
    ofport: index + 1,
    externalIds: new Map(),
    tunnelTo: ip(`10.1.0.${index + 1}`),
  }));
  edge.ovs.setBridge('br-int', ends);
  const needs = new NeedsReader(edge, defaultConfig(), silentLogger, new VirtualClock());
  const read = async () => {
    const snapshot = edge.ovs.snapshot();
    if (snapshot === undefined) throw new Error('no snapshot');
    return needs.read(snapshot, ['br-ex'], AbortSignal.timeout(5000));
  };
  const first = await read();
  expect(first.all.map(({ prefix }) => prefix)).toEqual(['10.1.0.1/32', '10.1.0.2/32', '10.1.0.3/32']);
  edge.ovs.setPort('br-int', { name: 'tap1', type: '', tag: undefined, ofport: 9, externalIds: new Map() });
  expect(await read()).toBe(first);
  edge.ovs.deletePort('br-int', 'ovn-0-0');
  expect((await read()).all).toHaveLength(2);
});

describe('a name of a database', () => {
  function reader(answers: () => Promise<readonly IpAddress[]>) {
    const edge = bareNode();
    edge.ovs.set({ externalIds: new Map([['ovn-remote', 'tcp:db.example:6642']]) });
    const clock = new VirtualClock();
    const names = { addressesOf: answers, servers: () => [ip('10.0.0.53')] };
    const parts = { netlink: edge.netlink, ovs: edge.ovs, frr: edge.frr, names };
    const needs = new NeedsReader(parts, defaultConfig(), silentLogger, clock);
    const read = async (): Promise<readonly string[]> => {
      const snapshot = edge.ovs.snapshot();
      if (snapshot === undefined) throw new Error('no snapshot');
      const { all } = await needs.read(snapshot, ['br-ex'], AbortSignal.timeout(5000));
      return all.map(({ kind, prefix }) => `${kind} ${prefix}`);
    };
    return { needs, clock, read };
  }

  it('means each of its addresses, also those that it had a moment ago, and the name servers', async () => {
    let answer = ['10.0.0.1', '10.0.0.2'];
    const { needs, clock, read } = reader(async () => answer.map(ip));
    expect(await read()).toEqual([
      'database 10.0.0.1/32',
      'database 10.0.0.2/32',
      'name-server 10.0.0.53/32',
    ]);
    answer = ['10.0.0.3'];
    let told = 0;
    needs.follow(() => (told += 1));
    clock.advance(60_000);
    await needs.ask();
    expect(told).toBe(1);
    expect(await read()).toEqual([
      'database 10.0.0.1/32',
      'database 10.0.0.2/32',
      'database 10.0.0.3/32',
      'name-server 10.0.0.53/32',
    ]);
    clock.advance(3_600_000);
    await needs.ask();
    expect(await read()).toEqual(['database 10.0.0.3/32', 'name-server 10.0.0.53/32']);
  });

  it('keeps its addresses while nobody answers, and holds nothing up', async () => {
    let isAway = false;
    const { needs, clock, read } = reader(async () => {
      if (isAway) throw new Error('ENOTFOUND');
      return [ip('10.0.0.1')];
    });
    const known = await read();
    expect(known).toEqual(['database 10.0.0.1/32', 'name-server 10.0.0.53/32']);
    isAway = true;
    clock.advance(60_000);
    await needs.ask();
    expect(await read()).toEqual(known);

    const hanging = reader(() => new Promise(() => undefined));
    const first = hanging.read();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    hanging.clock.advance(2_000);
    expect(await first).toEqual([]);
    expect(await hanging.read()).toEqual([]);
  });
});
