/**
 * A replica against a real server under random transactions, lost connections, compactions, restarts and changes of
 * conditions: after each round it shows what the server's own `select` says, its change sets add up to its contents, and
 * its indexes to its rows. Standalone and clustered servers, exact and loose declarations, by the seed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { ConditionClause, Conditions } from '../../../src/ovsdb/index.ts';
import { fuzz, fuzzTimeout, Seeded } from '../../support/fuzzing.ts';
import { type OvsdbServer, startOvsdbCluster, startOvsdbServer } from '../../support/ovsdb-server.ts';
import { type DatabaseModel, RandomRows, randomDatabase, schemaJson } from '../../support/random-database.ts';
import { DATABASE, type Rows, WatchedReplica } from '../../support/watched-replica.ts';

const ROUNDS = 40;

const cleanups: (() => Promise<unknown>)[] = [];
const cleanUp = async (): Promise<void> => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
};
afterEach(cleanUp);

async function startServer(model: DatabaseModel, isCluster: boolean): Promise<OvsdbServer> {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  const schema = join(directory, 'fuzz.ovsschema');
  await writeFile(schema, JSON.stringify(schemaJson(DATABASE, model)));
  if (!isCluster) {
    const server = await startOvsdbServer({ schemas: [schema] });
    cleanups.push(() => server.stop());
    return server;
  }
  const cluster = await startOvsdbCluster({ schema, members: 1 });
  cleanups.push(() => cluster.stop());
  return await cluster.leader();
}

function randomConditions(random: Seeded, rows: Rows): Conditions {
  const conditions: Record<string, readonly ConditionClause[]> = {};
  for (const [table, held] of Object.entries(rows)) {
    const names = Object.values(held).map((row) => (row as { name: string }).name);
    if (random.chance(0.3) || names.length === 0) continue;
    const clause = (relation: '==' | '!='): ConditionClause => ['name', relation, random.pick(names)];
    const some = Array.from({ length: random.below(8) }, () => clause('=='));
    conditions[table] = random.pick<readonly ConditionClause[]>([
      some,
      some,
      some,
      [clause('!=')],
      [false],
      [true],
    ]);
  }
  return conditions;
}

async function disturb(server: OvsdbServer, random: Seeded, isCluster: boolean): Promise<void> {
  switch (random.below(isCluster ? 3 : 4)) {
    case 0:
      await server.appctl('ovsdb-server/compact');
      break;
    case 1:
    case 2:
      // Ends every connection, at once.
      await server.appctl('ovsdb-server/reconnect');
      break;
    default:
      await server.kill(random.pick(['SIGKILL', 'SIGTERM'] as const));
      await server.start();
  }
}

/** What was found wrong. */
async function trial(seed: number): Promise<readonly string[]> {
  const random = new Seeded(seed);
  const isCluster = seed % 2 === 1;
  const model = randomDatabase(random);
  const server = await startServer(model, isCluster);
  const whole = new WatchedReplica(server.remote, model, random);
  const part = new WatchedReplica(server.remote, model, random);
  cleanups.push(async () => {
    await whole.client.close();
    await part.client.close();
  });
  const content = new RandomRows(model, random);
  let rows = await whole.check();
  for (let round = 0; round < ROUNDS; round++) {
    const uuids = Object.fromEntries(Object.entries(rows).map(([table, held]) => [table, Object.keys(held)]));
    for (let count = random.below(4); count >= 0; count--) {
      // A random transaction may be refused, for example when nothing is left for a column that needs a value.
      await server.transact(DATABASE, content.transaction(uuids)).catch(() => undefined);
      if (random.chance(0.15)) part.setConditions(randomConditions(random, rows));
    }
    if (random.chance(0.15)) await disturb(server, random, isCluster);
    rows = await whole.check();
    await part.check();
    const wrong = [...whole.wrong, ...part.wrong];
    if (wrong.length > 0) return [`in round ${round}`, ...wrong.slice(0, 5)];
  }
  return [];
}

test(
  'a replica is what its server has, whatever happens',
  () =>
    fuzz([1, 2, 3, 4], async (seed) => {
      expect(await trial(seed)).toEqual([]);
      await cleanUp();
    }),
  fuzzTimeout(120_000),
);
