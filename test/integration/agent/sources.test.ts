/**
 * Each source stands alone: a Northbound database in a real ovsdb-server with a port that Neutron made and one that only the
 * Southbound database places, and everything that can be wrong with the latter and with where the databases are said to be.
 * The node is in memory.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../../src/agent/agent.ts';
import { bareNode } from '../../../src/agent/testing.ts';
import { type Logger, silentLogger } from '../../../src/base/logger.ts';
import { VirtualClock } from '../../../src/base/virtual-clock.ts';
import { defaultConfig } from '../../../src/config/assemble.ts';
import type { AgentConfig } from '../../../src/config/types.ts';
import type { FakeNode } from '../../../src/node/fake-node.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

/** Nothing listens there. */
const NOBODY = 'unix:/nonexistent/ovn-bgp-agent.sock';
const NEUTRON = '172.24.4.10/32';
const PLAIN = '172.24.4.20/32';

let northbound: OvsdbServer;
let edge: FakeNode;
let clock: VirtualClock;
let said: string[];
let ends: (() => Promise<void>)[];

beforeEach(async () => {
  northbound = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
  ends = [() => northbound.stop()];
  edge = bareNode();
  clock = new VirtualClock();
  said = [];
  edge.ovs.set({ ovnNbRemote: northbound.remote });
  await northbound.transact('OVN_Northbound', [
    port('provnet-flat', { type: 'localnet', options: map({ network_name: 'physnet1' }) }),
    port('neutron-vm', {
      addresses: 'fa:16:3e:00:00:10 172.24.4.10',
      up: true,
      options: map({ 'requested-chassis': 'cmp-1' }),
      external_ids: map({ 'neutron:network_name': 'neutron-pub' }),
    }),
    port('plain-vm', { addresses: 'fa:16:3e:00:00:20 172.24.4.20', up: true }),
    {
      op: 'insert',
      table: 'Logical_Switch',
      row: {
        name: 'neutron-pub',
        ports: ['set', ['provnet_flat', 'neutron_vm', 'plain_vm'].map((name) => ['named-uuid', name])],
      },
    },
  ]);
});
afterEach(async () => {
  for (const end of ends.toReversed()) await end();
});

function map(entries: Readonly<Record<string, string>>): unknown {
  return ['map', Object.entries(entries)];
}

function port(name: string, row: Readonly<Record<string, unknown>>): unknown {
  return {
    op: 'insert',
    table: 'Logical_Switch_Port',
    'uuid-name': name.replace('-', '_'),
    row: { name, ...row },
  };
}

async function startSouthbound(): Promise<OvsdbServer> {
  const server = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
  ends.push(() => server.stop());
  return server;
}

/** What ovn-northd and the ovn-controller of `chassis` write for the plain port. */
async function bind(southbound: OvsdbServer, chassis: string): Promise<void> {
  await southbound.transact('OVN_Southbound', [
    {
      op: 'insert',
      table: 'Encap',
      'uuid-name': 'encap',
      row: { type: 'geneve', ip: '192.0.2.1', chassis_name: chassis },
    },
    {
      op: 'insert',
      table: 'Chassis',
      'uuid-name': 'chassis',
      row: { name: chassis, hostname: `host-${chassis}`, encaps: ['named-uuid', 'encap'] },
    },
    { op: 'insert', table: 'Datapath_Binding', 'uuid-name': 'datapath', row: { tunnel_key: 1 } },
    {
      op: 'insert',
      table: 'Port_Binding',
      row: {
        logical_port: 'plain-vm',
        tunnel_key: 1,
        datapath: ['named-uuid', 'datapath'],
        chassis: ['named-uuid', 'chassis'],
        up: true,
      },
    },
  ]);
}

function start(changes: Partial<AgentConfig> = {}): {
  readonly ready: () => boolean;
  readonly stop: () => Promise<void>;
} {
  const abort = new AbortController();
  let ready = false;
  const say = (fields: object, message: string): void => {
    said.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Logger = { ...silentLogger, info: say, warn: say, error: say, child: () => log };
  const config = defaultConfig({ advertiseVia: 'main', driver: 'nb_ovn_bgp_driver', ...changes });
  const onReady = (): void => {
    ready = true;
  };
  const running = runAgent(
    { config, edge, clock, log, osHostname: 'not-the-host-name', onReady },
    abort.signal,
  );
  const stop = (): Promise<void> => {
    abort.abort();
    return running;
  };
  ends.push(stop);
  return { ready: () => ready, stop };
}

/** Waits until the agent is ready; its own waiting passes quickly. */
async function settled(agent: ReturnType<typeof start>): Promise<void> {
  await until('the agent is ready', () => {
    clock.advance(500);
    return agent.ready();
  });
}

async function advertised(): Promise<string[]> {
  const routes = await edge.netlink.routes();
  return routes.flatMap((route) => (route.type === 'blackhole' ? [route.destination] : [])).sort();
}

async function setUp(name: string, up: boolean): Promise<void> {
  await northbound.transact('OVN_Northbound', [
    { op: 'update', table: 'Logical_Switch_Port', where: [['name', '==', name]], row: { up } },
  ]);
}

/** A first life of the agent in which everything is known: both addresses stand when it ends. */
async function everythingStands(): Promise<OvsdbServer> {
  const southbound = await startSouthbound();
  await bind(southbound, 'C1');
  edge.ovs.set({ ovnRemote: southbound.remote });
  const agent = start();
  await settled(agent);
  expect(await advertised()).toEqual([NEUTRON, PLAIN]);
  await agent.stop();
  return southbound;
}

const WRONG: readonly (readonly [string, () => string | undefined])[] = [
  ['that cannot be reached', () => NOBODY],
  ['that is another database', () => northbound.remote],
  ['whose address is unset', () => undefined],
  ['whose address is no address', () => 'tcp//192.0.2.1:6642'],
];

describe('with a Southbound database', () => {
  it.each(WRONG)(
    '%s, a start announces what the Northbound database knows, and new ports wait',
    async (_, remote) => {
      edge.ovs.set({ ovnRemote: remote() });
      const agent = start();
      await settled(agent);
      expect(await advertised()).toEqual([NEUTRON]);
      expect(said.join('\n')).toContain('172.24.4.20: announced here if that says so');
    },
  );

  it.each(WRONG)(
    '%s, what stands is kept, and withdrawn is what the Northbound database knows',
    async (_, remote) => {
      await everythingStands();
      await setUp('neutron-vm', false);
      edge.ovs.set({ ovnRemote: remote() });
      const agent = start();
      await settled(agent);
      expect(await advertised()).toEqual([PLAIN]);
      expect(said.join('\n')).not.toContain('announced here if that says so');
    },
  );

  it('that has no row yet, what stands is kept until its rows come', async () => {
    await everythingStands();
    const empty = await startSouthbound();
    edge.ovs.set({ ovnRemote: empty.remote });
    const agent = start();
    await settled(agent);
    expect(await advertised()).toEqual([NEUTRON, PLAIN]);
    await bind(empty, 'C2');
    await expect.poll(advertised).toEqual([NEUTRON]);
  });

  it('that comes late, the ports that it places are announced then', async () => {
    const southbound = await startSouthbound();
    await bind(southbound, 'C1');
    await southbound.kill();
    edge.ovs.set({ ovnRemote: southbound.remote });
    const agent = start();
    await settled(agent);
    expect(await advertised()).toEqual([NEUTRON]);
    await southbound.start();
    await expect.poll(advertised, { timeout: 20_000 }).toEqual([NEUTRON, PLAIN]);
  });

  it('that goes away, what it said stays true, and what the Northbound database says is done', async () => {
    const southbound = await startSouthbound();
    await bind(southbound, 'C1');
    edge.ovs.set({ ovnRemote: southbound.remote });
    await settled(start());
    await southbound.kill();
    await setUp('neutron-vm', false);
    await expect.poll(advertised).toEqual([PLAIN]);
  });
});

describe('where the databases are', () => {
  it.each([
    ['is no address', 'ssl:[fd00::1:6641', 'external_ids:ovn-nb-remote'],
    ['is not said', undefined, 'nothing says where the OVN Northbound database is'],
  ])('when it %s, that is told once and waited for', async (_, remote, told) => {
    edge.ovs.set({ ovnNbRemote: remote });
    const agent = start();
    await until('it is told', () => said.some((line) => line.includes(told)));
    edge.ovs.set({ hostname: 'cmp-1', ovnRemote: NOBODY });
    expect(said.filter((line) => line.includes(told))).toHaveLength(1);
    expect([agent.ready(), edge.writes()]).toEqual([false, 0]);
    edge.ovs.set({ ovnNbRemote: northbound.remote });
    await settled(agent);
    expect(await advertised()).toEqual([NEUTRON]);
  });

  it('when that becomes wrong while it runs, it goes on with what it has', async () => {
    edge.ovs.set({ ovnRemote: NOBODY });
    const agent = start();
    await settled(agent);
    edge.ovs.set({ ovnNbRemote: 'tpc:192.0.2.1:6641' });
    await until('it is told', () => said.some((line) => line.includes('external_ids:ovn-nb-remote')));
    await setUp('neutron-vm', false);
    await expect.poll(advertised).toEqual([]);
  });
});
