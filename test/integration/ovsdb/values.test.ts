/** What a server takes and gives back, value by value; and what would make it end the connection. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';

import {
  databaseSpec,
  insert,
  OvsdbClient,
  OvsdbConfigurationError,
  openDatabaseFile,
  tableSpec,
  update,
} from '../../../src/ovsdb/index.ts';
import { type OvsdbServer, startOvsdbServer } from '../../support/ovsdb-server.ts';

const SCHEMA = {
  name: 'Values',
  version: '1.0.0',
  tables: {
    Thing: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        ratio: { type: 'real' },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        pair: { type: { key: 'string', value: 'string', min: 0, max: 1 } },
      },
    },
  },
};
const SPEC = databaseSpec('Values', {
  Thing: tableSpec({ name: 'string', ratio: 'real', words: 'string-set', pair: 'string-map' }),
});

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const deadline = (): AbortSignal => AbortSignal.timeout(15_000);

async function start(): Promise<{ server: OvsdbServer; client: OvsdbClient }> {
  const schema = join(tmpdir(), `values-${process.pid}.ovsschema`);
  await writeFile(schema, JSON.stringify(SCHEMA));
  const server = await startOvsdbServer({ schemas: [schema] });
  cleanups.push(() => server.stop());
  const client = new OvsdbClient({ remotes: server.remote, database: 'Values' });
  cleanups.push(() => client.close());
  client.start();
  return { server, client };
}

describe('values', () => {
  test('that no server can parse never reach it: nobody beside them is disturbed', async () => {
    const { client } = await start();
    const replica = client.replicate(SPEC);
    await replica.whenSynchronized(deadline());
    const states: string[] = [];
    replica.onState(({ state }) => states.push(state));
    for (const row of [
      { name: 'a\0b' },
      { name: 'x\ud800y' },
      { ratio: 5e-324 },
      { words: ['ok', '\udc00'] },
    ]) {
      const refused = client.transact([insert('Thing', row)], { signal: deadline(), idempotent: true });
      await expect(refused).rejects.toBeInstanceOf(OvsdbConfigurationError);
    }
    await client.transact([insert('Thing', { name: 'good' })], deadline());
    expect([states, client.counters.connections, replica.tables.Thing.size]).toEqual([[], 1, 1]);
  });

  test('at the edge of what is refused come back as they went', async () => {
    const { client } = await start();
    const replica = client.replicate(SPEC);
    const texts = [
      '',
      '\u0001\u007f\u0080\ufffe\uffff',
      '\u{1f600}\u{10ffff}',
      '\ud7ff\ue000',
      '"\\/\b\f\n\r\t',
      'x'.repeat(300_000),
    ];
    // Servers write 15 digits.
    const numbers = [0, 1.5, -2.23e-308, 2.3e-308 + Number.MIN_VALUE, 1.797e308, 1e22, 0.1, Number.EPSILON];
    const written = numbers.map((number) => Number(number.toPrecision(15)));
    await client.transact([insert('Thing', { name: 'texts', words: texts })], deadline());
    for (const ratio of numbers)
      await client.transact([insert('Thing', { name: 'number', ratio })], deadline());
    await replica.whenSynchronized(deadline());
    const rows = [...replica.tables.Thing];
    const words = rows.find(({ name }) => name === 'texts')?.words;
    expect(new Set(words)).toEqual(new Set(texts));
    const found = rows.filter(({ name }) => name === 'number').map(({ ratio }) => ratio);
    expect(found.toSorted((a, b) => a - b)).toEqual(written.toSorted((a, b) => a - b));
    expect(client.counters).toMatchObject({ connections: 1, inconsistencies: 0 });
  });

  test('of a map of at most one pair are replaced, in the replica and in the file', async () => {
    const { server, client } = await start();
    const replica = client.replicate(SPEC);
    await replica.whenSynchronized(deadline());
    const events: number[] = [];
    replica.subscribe(({ changes }) => events.push(changes.Thing?.length ?? 0));
    await client.transact([insert('Thing', { pair: new Map([['k1', 'v1']]) })], deadline());
    for (const pairs of [[['k2', 'v2']], [['k2', 'v3']], []] as [string, string][][]) {
      await client.transact([update('Thing', [], { pair: new Map(pairs) })], deadline());
      expect([...replica.tables.Thing].map(({ pair }) => [...pair])).toEqual([pairs]);
      const file = await openDatabaseFile(join(server.directory, '0.db'));
      expect([...file.contents(SPEC).tables.Thing].map(({ pair }) => [...pair])).toEqual([pairs]);
    }
    expect(events).toEqual([1, 1, 1, 1]);
  });
});
