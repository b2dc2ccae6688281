/** The helpers other integration tests rely on: standalone, kill and restart, cluster, cut-off member. */
import { existsSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';

import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbCluster,
  type OvsdbServer,
  startOvsdbCluster,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

describe('ovsdb-server helpers', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });
  const owned = <T extends OvsdbServer | OvsdbCluster>(server: T): T => {
    cleanups.push(() => server.stop());
    return server;
  };

  test('a standalone server serves several databases and keeps its data over kill -9', async () => {
    const server = owned(await startOvsdbServer({ schemas: [OVN_NB_SCHEMA, OVN_SB_SCHEMA] }));
    const databases = (await server.call('list_dbs', [])) as string[];
    expect(databases.sort()).toEqual(['OVN_Northbound', 'OVN_Southbound', '_Server']);
    await server.transact('OVN_Northbound', [{ op: 'insert', table: 'Address_Set', row: { name: 'a' } }]);
    await server.kill();
    expect(server.running).toBe(false);
    await server.start();
    const [result] = await server.transact('OVN_Northbound', [
      { op: 'select', table: 'Address_Set', where: [], columns: ['name'] },
    ]);
    expect(result?.rows).toEqual([{ name: 'a' }]);
    const port = await server.listen('ptcp:0:127.0.0.1');
    expect(port).toBeGreaterThan(0);
    await server.stop();
    expect(existsSync(server.directory)).toBe(false);
  });

  test('a failed operation is an error', async () => {
    const server = owned(await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] }));
    await expect(
      server.transact('OVN_Northbound', [{ op: 'insert', table: 'No_Such', row: {} }]),
    ).rejects.toThrow(/No_Such/);
  });

  test('a severed leader loses the majority and another member leads', async () => {
    const cluster = owned(await startOvsdbCluster({ schema: OVN_NB_SCHEMA, severable: true }));
    const first = await cluster.leader();
    await first.sever();
    const second = await until('another leader', async () => {
      const leader = await cluster.leader();
      return leader === first ? undefined : leader;
    });
    expect(second).not.toBe(first);
    await first.rejoin();
  });
});
