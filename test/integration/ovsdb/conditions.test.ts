/** Replicating a part: what a server acknowledged and what is wanted are two things, at every moment of a change. */
import { afterEach, describe, expect, test } from 'vitest';

import { databaseSpec, insert, OvsdbClient, type Replica, tableSpec } from '../../../src/ovsdb/index.ts';
import { type Deed, type ProxiedRequest, startOvsdbProxy } from '../../support/ovsdb-proxy.ts';
import {
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbCluster,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const SB = databaseSpec('OVN_Southbound', {
  Address_Set: tableSpec({ name: 'string' }),
  Chassis: tableSpec({ name: 'string' }),
});
type Sb = typeof SB;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const deadline = (): AbortSignal => AbortSignal.timeout(20_000);
const names = (replica: Replica<Sb>): string[] =>
  [...replica.tables.Address_Set].map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1));
const only = (...wanted: string[]) => ({ Address_Set: wanted.map((name) => ['name', '==', name] as const) });

function startClient(remotes: string): OvsdbClient {
  const client = new OvsdbClient({
    remotes,
    database: 'OVN_Southbound',
    backoff: { minMs: 20, maxMs: 100 },
    shuffleRemotes: false,
  });
  cleanups.push(() => client.close());
  client.start();
  return client;
}

async function fill(server: OvsdbServer, ...rows: string[]): Promise<void> {
  await server.transact(
    'OVN_Southbound',
    rows.map((name) => ({ op: 'insert', table: 'Address_Set', row: { name } })),
  );
}

describe('a connection that is cut between a change of conditions and its reply', () => {
  const isFirstChange = ({ method, earlier }: ProxiedRequest): boolean =>
    method === 'monitor_cond_change' && earlier === 0;

  /** A cluster, where resuming works, behind a proxy. */
  async function start(decide: (request: ProxiedRequest) => Deed) {
    const cluster = await startOvsdbCluster({ schema: OVN_SB_SCHEMA, members: 1 });
    cleanups.push(() => cluster.stop());
    const server = await cluster.leader();
    await fill(server, 'a', 'b');
    const proxy = await startOvsdbProxy(server.socketPath, decide);
    cleanups.push(() => proxy.stop());
    const client = startClient(proxy.remote);
    const replica = client.replicate(SB, { conditions: only('a') });
    await replica.whenSynchronized(deadline());
    return { server, client, replica };
  }

  test.each<[string, string[]]>([
    ['more', ['a', 'b', 'c']],
    ['other', ['b', 'c']],
    ['less', []],
  ])('to %s rows ends with exactly those, and follows them', async (_what, wanted) => {
    const { server, client, replica } = await start((request) => (isFirstChange(request) ? 'cut' : 'pass'));
    replica.setConditions(only(...wanted));
    await replica.whenConditionsApplied(deadline());
    expect(client.counters.connections).toBe(2);
    expect(names(replica)).toEqual(wanted.filter((name) => name !== 'c'));
    // What the server believes is what counts from now on.
    await fill(server, 'c', 'd');
    await server.transact('OVN_Southbound', [
      { op: 'delete', table: 'Address_Set', where: [['name', '==', 'b']] },
      { op: 'update', table: 'Address_Set', where: [['name', '==', 'a']], row: { addresses: 'x' } },
    ]);
    await client.transact([insert('Chassis', { name: 'after' })], deadline()).catch(() => undefined);
    await until('the replica is what was wanted', () => {
      const expected = wanted.filter((name) => name !== 'b');
      return JSON.stringify(names(replica)) === JSON.stringify(expected);
    });
    expect(client.counters.inconsistencies).toBe(0);
  });
});

describe('conditions that a server refuses', () => {
  test('at the first request: that replica says so, those beside it stay connected', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
    cleanups.push(() => server.stop());
    await fill(server, 'a', 'b');
    const client = startClient(server.remote);
    const good = client.replicate(SB);
    await good.whenSynchronized(deadline());
    const states: string[] = [];
    good.onState(({ state }) => states.push(state));
    const bad = client.replicate(SB, { conditions: { Address_Set: [['name', '==', 7]] } });
    await expect(bad.whenSynchronized(deadline())).rejects.toMatchObject({ code: 'syntax error' });
    await client.transact([], deadline());
    expect([states, client.counters.connections]).toEqual([[], 1]);
    bad.setConditions(only('b'));
    await bad.whenConditionsApplied(deadline());
    expect(names(bad)).toEqual(['b']);
  });

  test('in one of several tables: the old ones hold in all of them', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
    cleanups.push(() => server.stop());
    await fill(server, 'a', 'b');
    const client = startClient(server.remote);
    const replica = client.replicate(SB, { conditions: only('a') });
    await replica.whenSynchronized(deadline());
    // A server may put the first of these in force and refuse the second.
    for (const conditions of [
      { ...only('b'), Chassis: [['name', '==', 7] as const] },
      { Chassis: [['name', '==', 7] as const], ...only('b') },
    ]) {
      replica.setConditions(conditions);
      await expect(replica.whenConditionsApplied(deadline())).rejects.toMatchObject({ code: 'syntax error' });
      await replica.whenSynchronized(deadline());
      expect(names(replica)).toEqual(['a']);
    }
    await server.transact('OVN_Southbound', [
      { op: 'delete', table: 'Address_Set', where: [['name', '==', 'a']] },
      { op: 'insert', table: 'Address_Set', row: { name: 'a', addresses: 'new' } },
      { op: 'insert', table: 'Address_Set', row: { name: 'c' } },
    ]);
    await client.transact([], deadline());
    expect(names(replica)).toEqual(['a']);
    expect(client.counters).toMatchObject({ inconsistencies: 0, connections: 1 });
  });

  test('an empty list is no row', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
    cleanups.push(() => server.stop());
    await fill(server, 'a', 'b');
    const client = startClient(server.remote);
    const replica = client.replicate(SB, { conditions: only() });
    await replica.whenSynchronized(deadline());
    expect(names(replica)).toEqual([]);
    replica.setConditions(only('b'));
    await replica.whenConditionsApplied(deadline());
    expect(names(replica)).toEqual(['b']);
    replica.setConditions(only());
    await replica.whenConditionsApplied(deadline());
    expect(names(replica)).toEqual([]);
  });
});
