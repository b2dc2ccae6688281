/**
 * A cluster of three under a storm of kills, stops, transfers of leadership, compactions and lost connections, while two
 * clients write: whatever was acknowledged is in the replica before the promise resolves and in every replica at the
 * end, and nothing is there that nobody wrote.
 */
import { expect, test } from 'vitest';
import { databaseSpec, insert, OvsdbClient, type Replica, tableSpec } from '../../../src/ovsdb/index.ts';
import { fuzz, fuzzTimeout, Seeded } from '../../support/fuzzing.ts';
import {
  type ClusterMember,
  OVN_SB_SCHEMA,
  type OvsdbCluster,
  startOvsdbCluster,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const SB = databaseSpec('OVN_Southbound', {
  Address_Set: tableSpec({ name: 'string', addresses: 'string-set' }, { name: (row) => row.name }),
});
const STEPS = 12;

class Writer {
  readonly client: OvsdbClient;
  readonly replica: Replica<typeof SB>;
  readonly acknowledged: string[] = [];
  readonly attempted = new Set<string>();
  readonly late: string[] = [];
  #running: Promise<void>;
  #stopped = false;

  constructor(name: string, remotes: string, leaderOnly: boolean, random: Seeded) {
    this.client = new OvsdbClient({
      remotes,
      database: 'OVN_Southbound',
      leaderOnly,
      random: random.next,
      backoff: { minMs: 20, maxMs: 200 },
      connectTimeoutMs: 1_000,
      inactivityProbeMs: 500,
    });
    this.replica = this.client.replicate(SB);
    this.client.start();
    this.#running = this.#write(name);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Each row has a name of its own, so that what came of an attempt with an unknown outcome is seen in the end. */
  async #write(writer: string): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      const name = `${writer}-${count}`;
      this.attempted.add(name);
      try {
        await this.client.transact([insert('Address_Set', { name })], AbortSignal.timeout(2_000));
      } catch {
        continue;
      }
      this.acknowledged.push(name);
      if (this.replica.tables.Address_Set.find('name', name).length !== 1) this.late.push(name);
    }
  }
}

/** One thing that happens to a cluster; at most one member is away at a time, so that there is a majority. */
async function disturb(cluster: OvsdbCluster, random: Seeded): Promise<void> {
  const running = cluster.members.filter((member) => member.running && !member.suspended);
  const away = cluster.members.find((member) => !running.includes(member));
  if (away !== undefined) {
    if (away.suspended) away.resume();
    else await away.start();
    return;
  }
  const member: ClusterMember = random.pick(running);
  switch (random.below(6)) {
    case 0:
      await member.kill(random.pick(['SIGKILL', 'SIGTERM'] as const));
      break;
    case 1:
      member.suspend();
      break;
    case 2:
      await member.appctl('cluster/failure-test', 'transfer-leadership').catch(() => undefined);
      break;
    case 3:
      await member.appctl('ovsdb-server/reconnect');
      break;
    default:
      await member.appctl('ovsdb-server/compact').catch(() => undefined);
  }
}

async function trial(seed: number): Promise<void> {
  const random = new Seeded(seed);
  const cluster = await startOvsdbCluster({ schema: OVN_SB_SCHEMA, electionTimerMs: 1_000 });
  const writers: Writer[] = [];
  try {
    writers.push(new Writer('any', cluster.remote, false, random));
    writers.push(new Writer('leader', cluster.remote, true, random));
    const count = (): number => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    for (let step = 0; step < STEPS; step++) {
      const enough = count() + 1 + random.below(60);
      await until('the writers went on', () => count() >= enough, 60_000);
      await disturb(cluster, random);
    }
    for (const member of cluster.members) {
      if (member.suspended) member.resume();
      if (!member.running) await member.start();
    }
    await Promise.all(writers.map((writer) => writer.stop()));
    const leader = await cluster.leader();
    const [result] = (await leader.transact('OVN_Southbound', [
      { op: 'select', table: 'Address_Set', where: [], columns: ['name'] },
    ])) as { readonly rows?: readonly { readonly name: string }[] }[];
    const stored = new Set((result?.rows ?? []).map(({ name }) => name));
    for (const { acknowledged, attempted, late, client, replica } of writers) {
      expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
      expect(late).toEqual([]);
      const equal = (): boolean =>
        replica.synchronized &&
        replica.tables.Address_Set.size === stored.size &&
        [...replica.tables.Address_Set].every(({ name }) => stored.has(name));
      await until('the replica has what the leader has', equal, 40_000);
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(attempted.size).toBeGreaterThanOrEqual(acknowledged.length);
      expect(client.counters).toMatchObject({ inconsistencies: 0, callerErrors: 0 });
    }
    const known = new Set(writers.flatMap(({ attempted }) => [...attempted]));
    expect([...stored].filter((name) => !known.has(name))).toEqual([]);
  } finally {
    await Promise.all(writers.map(({ client }) => client.close()));
    await cluster.stop();
  }
}

test('nothing that was acknowledged is lost in a storm', () => fuzz([1, 2], trial), fuzzTimeout(120_000));
