/** A client of a real three-member RAFT cluster: which member it stays with, and how it goes on elsewhere. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import {
  databaseSpec,
  insert,
  OvsdbClient,
  type OvsdbClientOptions,
  tableSpec,
  update,
} from '../../../src/ovsdb/index.ts';
import {
  type ClusterMember,
  type ClusterOptions,
  OVN_SB_SCHEMA,
  type OvsdbCluster,
  startOvsdbCluster,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const SB = databaseSpec('OVN_Southbound', {
  Address_Set: tableSpec({ name: 'string', addresses: 'string-set' }, { name: (row) => row.name }),
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startCluster(options: Partial<ClusterOptions> = {}): Promise<OvsdbCluster> {
  const cluster = await startOvsdbCluster({ schema: OVN_SB_SCHEMA, ...options });
  cleanups.push(() => cluster.stop());
  return cluster;
}

function startClient(remotes: string, options: Partial<OvsdbClientOptions> = {}): OvsdbClient {
  const client = new OvsdbClient({
    remotes,
    database: 'OVN_Southbound',
    backoff: { minMs: 50, maxMs: 200 },
    shuffleRemotes: false,
    ...options,
  });
  cleanups.push(() => client.close());
  client.start();
  return client;
}

async function fill(member: ClusterMember, count: number): Promise<void> {
  await member.transact(
    'OVN_Southbound',
    Array.from({ length: count }, (_, index) => ({
      op: 'insert',
      table: 'Address_Set',
      row: { name: `as${index}`, addresses: ['set', [`10.0.0.${index}`, `10.0.1.${index}`]] },
    })),
  );
}

const deadline = (ms = 30_000): AbortSignal => AbortSignal.timeout(ms);

describe('client of a cluster', () => {
  test('with leaderOnly it finds the leader, and follows it when the leader is killed', async () => {
    const cluster = await startCluster();
    const leader = await cluster.leader();
    // The leader last in the list: the others are connected to first, and left.
    const order = [...cluster.members.filter((member) => member !== leader), leader];
    const client = startClient(order.map((member) => member.remote).join(','), { leaderOnly: true });
    const replica = client.replicate(SB);
    await replica.whenSynchronized(deadline());
    expect(client.status.remote).toBe(leader.remote);
    expect(client.status.member).toMatchObject({ model: 'clustered', leader: true, connected: true });
    expect(client.counters.membersSkipped).toBe(2);
    await client.transact([insert('Address_Set', { name: 'before' })], deadline());

    await leader.kill();
    const next = await cluster.leader();
    await until(
      'the client is at the new leader',
      () => replica.synchronized && client.status.remote === next.remote,
    );
    await client.transact([insert('Address_Set', { name: 'after' })], {
      signal: deadline(),
      idempotent: false,
    });
    expect([...replica.tables.Address_Set].map((row) => row.name).sort()).toEqual(['after', 'before']);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('leadership that moves away takes a leader-only client along', async () => {
    const cluster = await startCluster();
    const leader = await cluster.leader();
    const client = startClient(cluster.remote, { leaderOnly: true });
    const replica = client.replicate(SB);
    await replica.whenSynchronized(deadline());
    await leader.appctl('cluster/failure-test', 'transfer-leadership');
    const next = await until('another leader', async () => {
      const found = await cluster.leader();
      return found === leader ? undefined : found;
    });
    await until(
      'the client is at the new leader',
      () => replica.synchronized && client.status.remote === next.remote,
    );
    expect(client.counters.resumes).toBe(1);
    expect(client.counters.fullDumps).toBe(1);
  });

  test('on another member it continues from the last transaction; no second dump goes over the wire', async () => {
    const cluster = await startCluster();
    await fill(await cluster.leader(), 250);
    const client = startClient(cluster.remote);
    const replica = client.replicate(SB);
    await replica.whenSynchronized(deadline());
    const rows = new Map([...replica.tables.Address_Set].map((row) => [row.name, row]));
    expect(rows.size).toBe(250);
    expect(client.counters).toMatchObject({ fullDumps: 1, resumes: 0 });
    const dumpBytes = client.counters.bytesReceived;

    const current = cluster.members.find((member) => member.remote === client.status.remote);
    // The next member may be there within milliseconds: the loss is recorded, not polled for.
    let lost = false;
    replica.onState(({ state }) => {
      lost ||= state === 'disconnected';
    });
    await current?.kill();
    await until('the loss is noticed', () => lost);
    const leader = await cluster.leader();
    await leader.transact('OVN_Southbound', [
      {
        op: 'update',
        table: 'Address_Set',
        where: [['name', '==', 'as7']],
        row: { addresses: ['set', ['x']] },
      },
      { op: 'delete', table: 'Address_Set', where: [['name', '==', 'as8']] },
      { op: 'insert', table: 'Address_Set', row: { name: 'new' } },
    ]);
    await until(
      'what happened meanwhile is here',
      () => replica.tables.Address_Set.find('name', 'new').length === 1,
    );
    expect(client.counters).toMatchObject({ fullDumps: 1, resyncs: 0, inconsistencies: 0 });
    expect(client.counters.resumes).toBeGreaterThan(0);
    expect(replica.tables.Address_Set.size).toBe(250);
    expect(replica.tables.Address_Set.find('name', 'as7')[0]?.addresses).toEqual(['x']);
    expect(replica.tables.Address_Set.find('name', 'as8')).toEqual([]);
    expect(replica.tables.Address_Set.find('name', 'as9')[0]).toBe(rows.get('as9'));

    // The schemas of the database and of _Server come with each connection; the rows do not come again.
    const bare = startClient(leader.remote);
    await bare.getSchema(deadline());
    const received = (client.counters.bytesReceived - dumpBytes) / (client.counters.connections - 1);
    const rowBytes = JSON.stringify(
      [...rows.values()].map((row) => [row.name, row.addresses, row._uuid]),
    ).length;
    expect(rowBytes).toBeGreaterThan(15_000);
    expect(received).toBeLessThan(bare.counters.bytesReceived + 4_000);
  });

  test('a member that is cut off is left, without leaderOnly too, and its old data is not believed', async () => {
    const cluster = await startCluster({ severable: true });
    const leader = await cluster.leader();
    const follower = cluster.members.find((member) => member !== leader);
    if (follower === undefined) throw new Error('a cluster of three has followers');
    const others = cluster.members.filter((member) => member !== follower);
    const client = startClient([follower, ...others].map((member) => member.remote).join(','));
    const replica = client.replicate(SB);
    await replica.whenSynchronized(deadline());
    expect(client.status.remote).toBe(follower.remote);
    await client.transact([insert('Address_Set', { name: 'x' })], deadline());

    await follower.sever();
    await leader.transact('OVN_Southbound', [
      { op: 'update', table: 'Address_Set', where: [], row: { addresses: ['set', ['moved on']] } },
    ]);
    await until(
      'another member is used',
      () => replica.synchronized && client.status.remote !== follower.remote,
      40_000,
    );
    await until(
      'its data is here',
      () => replica.tables.Address_Set.find('name', 'x')[0]?.addresses[0] === 'moved on',
    );
    expect(client.counters.membersSkipped).toBeGreaterThan(0);
    // The severed member answers still, with old data; a new client does not stay with it.
    const second = startClient([follower, ...others].map((member) => member.remote).join(','));
    const fresh = second.replicate(SB);
    await fresh.whenSynchronized(deadline());
    expect(second.status.remote).not.toBe(follower.remote);
    expect(second.counters.membersSkipped).toBe(1);
    await second.transact([update('Address_Set', [], { addresses: ['a'] })], deadline());
    await follower.rejoin();
  });

  test('a cluster that was put back to an earlier state is told as stale, until the client is reset', async () => {
    const cluster = await startCluster({ members: 1 });
    const [member] = cluster.members;
    if (member === undefined) throw new Error('a cluster of one has a member');
    const file = join(member.directory, 'cluster.db');
    const client = startClient(member.remote);
    const replica = client.replicate(SB);
    await client.transact([insert('Address_Set', { name: 'kept' })], deadline());
    await member.kill('SIGTERM');
    await copyFile(file, `${file}.earlier`);
    await member.start();
    for (let i = 0; i < 5; i++) {
      await client.transact([insert('Address_Set', { name: `lost${i}` })], {
        signal: deadline(),
        idempotent: true,
      });
    }
    await member.kill('SIGTERM');
    await copyFile(`${file}.earlier`, file);
    await member.start();

    await until('the verdict is told', () => client.status.problem === 'stale');
    expect(client.status).toMatchObject({ state: 'connecting', remote: member.remote });
    expect(client.status.lastError?.message).toMatch(
      /waited for: the member is stale: at index \d+, already/,
    );
    expect(replica.tables.Address_Set.size).toBe(6);
    client.reset();
    await replica.whenSynchronized(deadline());
    expect([...replica.tables.Address_Set].map(({ name }) => name)).toEqual(['kept']);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('without a majority the last contents stay, and transactions wait for their signal', async () => {
    const cluster = await startCluster();
    const client = startClient(cluster.remote);
    const replica = client.replicate(SB);
    await replica.whenSynchronized(deadline());
    await client.transact([insert('Address_Set', { name: 'x' })], deadline());
    const [first, second] = cluster.members;
    await first?.kill();
    await second?.kill();
    await until('no member is good enough', () => !replica.synchronized, 40_000);
    expect(replica.tables.Address_Set.size).toBe(1);
    await expect(
      client.transact([insert('Address_Set', { name: 'y' })], AbortSignal.timeout(200)),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    await first?.start();
    await replica.whenSynchronized(deadline());
    expect(client.counters.fullDumps).toBe(1);
  });
});
