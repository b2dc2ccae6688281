/** A client of relays (ovsdb(7), "Relay Service Model") before and after they have reached their source. */
import { afterEach, describe, expect, test } from 'vitest';

import {
  databaseSpec,
  insert,
  OvsdbClient,
  type OvsdbClientOptions,
  tableSpec,
} from '../../../src/ovsdb/index.ts';
import {
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbCluster,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const SB = databaseSpec('OVN_Southbound', { Address_Set: tableSpec({ name: 'string' }) });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startRelay(source: string): Promise<OvsdbServer> {
  const relay = await startOvsdbServer({ schemas: [], arguments: [`relay:OVN_Southbound:${source}`] });
  cleanups.push(() => relay.stop());
  return relay;
}

function startClient(remotes: string, options: Partial<OvsdbClientOptions> = {}): OvsdbClient {
  const client = new OvsdbClient({
    remotes,
    database: 'OVN_Southbound',
    backoff: { minMs: 20, maxMs: 100 },
    shuffleRemotes: false,
    leaderOnly: true,
    ...options,
  });
  cleanups.push(() => client.close());
  client.start();
  return client;
}

const deadline = (): AbortSignal => AbortSignal.timeout(20_000);

describe('a relay', () => {
  test('is taken by a client that wants the leader, and passes transactions on', async () => {
    const cluster = await startOvsdbCluster({ schema: OVN_SB_SCHEMA });
    cleanups.push(() => cluster.stop());
    const relay = await startRelay(cluster.remote);
    const client = startClient(relay.remote);
    const replica = client.replicate(SB);
    await client.transact([insert('Address_Set', { name: 'through' })], deadline());
    expect(client.status.member).toMatchObject({ model: 'relay', leader: false, connected: true });
    await until('the row is back', () =>
      [...replica.tables.Address_Set].some(({ name }) => name === 'through'),
    );
  });

  test('that has not reached its source is told and waited for, or left for another remote', async () => {
    const source = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
    cleanups.push(() => source.stop());
    await source.kill();
    const relay = await startRelay(source.remote);
    const alone = startClient(relay.remote);
    const replica = alone.replicate(SB);
    await until('it is waited for', () => alone.status.problem === 'no-source');
    expect(alone.status.lastError?.message).toMatch(/relay of OVN_Southbound is not connected to its source/);
    const other = await startOvsdbServer({ schemas: [OVN_SB_SCHEMA] });
    cleanups.push(() => other.stop());
    const both = startClient(`${relay.remote},${other.remote}`);
    await both.replicate(SB).whenSynchronized(deadline());
    expect(both.status.remote).toBe(other.remote);

    const { connectAttempts } = alone.counters;
    await source.start();
    await replica.whenSynchronized(deadline());
    expect(alone.counters.connectAttempts).toBe(connectAttempts);
  });
});
