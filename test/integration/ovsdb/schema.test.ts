/** Servers whose schema is not the one that was declared: older, or with other types. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from 'vitest';

import { databaseSpec, insert, mutate, OvsdbClient, tableSpec, update } from '../../../src/ovsdb/index.ts';
import { OVN_NB_SCHEMA, type OvsdbServer, startOvsdbServer } from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

interface Schema {
  tables: Record<string, { columns: Record<string, { type: unknown }> }>;
}

const deadline = (ms = 15_000): AbortSignal => AbortSignal.timeout(ms);

describe('a schema that differs', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function start(
    change: (schema: Schema) => void,
  ): Promise<{ server: OvsdbServer; client: OvsdbClient }> {
    const directory = await mkdtemp(join(tmpdir(), 'ovsdb-schema-'));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    const schema = JSON.parse(await readFile(OVN_NB_SCHEMA, 'utf8')) as Schema;
    change(schema);
    const file = join(directory, 'changed.ovsschema');
    await writeFile(file, JSON.stringify(schema));
    const server = await startOvsdbServer({ schemas: [file] });
    cleanups.push(() => server.stop());
    const client = new OvsdbClient({
      remotes: server.remote,
      database: 'OVN_Northbound',
      backoff: { minMs: 20, maxMs: 50 },
    });
    cleanups.push(() => client.close());
    client.start();
    return { server, client };
  }

  test('missing tables and columns read as empty and are told, the rest works', async () => {
    const { client } = await start((schema) => {
      delete schema.tables.BFD;
      const columns = schema.tables.Address_Set?.columns;
      if (columns !== undefined) delete columns.external_ids;
      for (const table of Object.values(schema.tables)) {
        for (const [name, column] of Object.entries(table.columns)) {
          if (JSON.stringify(column).includes('"BFD"')) delete table.columns[name];
        }
      }
    });
    const spec = databaseSpec('OVN_Northbound', {
      BFD: tableSpec({ logical_port: 'string' }, { port: (row) => row.logical_port }),
      Address_Set: tableSpec({
        name: 'string',
        external_ids: 'string-map',
        not_yet_invented: 'optional-integer',
      }),
    });
    const replica = client.replicate(spec, {
      conditions: { BFD: [['logical_port', '==', 'x']], Address_Set: [['not_yet_invented', '==', 3]] },
    });
    expect(replica.has('Address_Set')).toBe(false);
    await replica.whenSynchronized(deadline());
    await client.transact([insert('Address_Set', { name: 'a' })], deadline());
    expect(replica.has('BFD')).toBe(false);
    expect(replica.has('BFD', 'logical_port')).toBe(false);
    expect(replica.has('Address_Set')).toBe(true);
    expect(replica.has('Address_Set', 'name')).toBe(true);
    expect(replica.has('Address_Set', 'external_ids')).toBe(false);
    expect(replica.tables.BFD.size).toBe(0);
    expect(replica.tables.BFD.find('port', 'x')).toEqual([]);
    const [row] = [...replica.tables.Address_Set];
    expect(row).toMatchObject({ name: 'a', not_yet_invented: undefined });
    expect(row?.external_ids).toEqual(new Map());
    expect(replica.problems.map((problem) => [problem.kind, problem.table, problem.column])).toEqual([
      ['missing-table', 'BFD', undefined],
      ['missing-column', 'Address_Set', 'external_ids'],
      ['missing-column', 'Address_Set', 'not_yet_invented'],
      ['unusable-condition', 'Address_Set', 'not_yet_invented'],
    ]);
  });

  test('other types: what can be read is read, the rest is empty, differences still add up', async () => {
    const { client } = await start(() => undefined);
    const replica = client.replicate(
      databaseSpec('OVN_Northbound', {
        // The server: addresses is a set, external_ids a map, name a string.
        Address_Set: tableSpec({
          name: 'string-set',
          addresses: 'optional-string',
          external_ids: 'string-integer-map',
        }),
      }),
    );
    await replica.whenSynchronized(deadline());
    expect(replica.problems.map((problem) => [problem.kind, problem.column])).toEqual([
      ['several-values', 'addresses'],
      ['incompatible-column', 'external_ids'],
    ]);
    const row = () => [...replica.tables.Address_Set][0];
    await client.transact(
      [insert('Address_Set', { name: 'a', external_ids: new Map([['k', 'v']]) })],
      deadline(),
    );
    expect(row()).toMatchObject({ name: ['a'], addresses: undefined });
    expect(row()?.external_ids).toEqual(new Map());
    const addresses = async (
      mutator: 'insert' | 'delete',
      ...values: string[]
    ): Promise<string | undefined> => {
      await client.transact(
        [mutate('Address_Set', [], [['addresses', mutator, new Set(values)]])],
        deadline(),
      );
      return row()?.addresses;
    };
    expect(await addresses('insert', 'x')).toBe('x');
    expect(client.counters.ambiguousValues).toBe(0);
    expect(await addresses('insert', 'y', 'z')).toBeUndefined();
    expect(client.counters.ambiguousValues).toBe(1);
    // Seen from outside nothing changes here; the set behind must be followed all the same.
    expect(await addresses('delete', 'z')).toBeUndefined();
    expect(await addresses('delete', 'x')).toBe('y');
    await client.transact([update('Address_Set', [], { name: 'b' })], deadline());
    expect(row()).toMatchObject({ name: ['b'], addresses: 'y' });
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('a conversion of the database while connected brings the new columns', async () => {
    const { server, client } = await start((schema) => {
      delete schema.tables.Address_Set?.columns.external_ids;
    });
    const replica = client.replicate(
      databaseSpec('OVN_Northbound', {
        Address_Set: tableSpec({ name: 'string', external_ids: 'string-map' }),
      }),
    );
    await replica.whenSynchronized(deadline());
    await client.transact([insert('Address_Set', { name: 'a' })], deadline());
    expect(replica.has('Address_Set', 'external_ids')).toBe(false);
    const full = JSON.parse(await readFile(OVN_NB_SCHEMA, 'utf8')) as unknown;
    await server.call('convert', ['OVN_Northbound', full]);
    await until(
      'the new column is known',
      () => replica.synchronized && replica.has('Address_Set', 'external_ids'),
    );
    await client.transact([update('Address_Set', [], { external_ids: new Map([['k', 'v']]) })], deadline());
    expect([...replica.tables.Address_Set][0]?.external_ids).toEqual(new Map([['k', 'v']]));
  });
});
