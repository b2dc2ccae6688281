/** One client against one real ovsdb-server with the OVN northbound schema: contents, updates, failures of the server. */
import { afterEach, describe, expect, test } from 'vitest';

import {
  byUuid,
  type ChangeSet,
  databaseSpec,
  deleteRows,
  insert,
  mutate,
  namedUuid,
  OvsdbClient,
  type OvsdbClientOptions,
  OvsdbConnectionError,
  OvsdbTransactionError,
  type ReplicaStateEvent,
  select,
  tableSpec,
  update,
  uuid,
  wait,
} from '../../../src/ovsdb/index.ts';
import { OVN_NB_SCHEMA, type OvsdbServer, startOvsdbServer } from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const NB = databaseSpec('OVN_Northbound', {
  Logical_Switch: tableSpec(
    { name: 'string', ports: 'uuid-set', external_ids: 'string-map', other_config: 'string-map' },
    { name: (row) => row.name },
  ),
  Logical_Switch_Port: tableSpec(
    {
      name: 'string',
      type: 'string',
      addresses: 'string-set',
      up: 'optional-boolean',
      tag: 'optional-integer',
      options: 'string-map',
    },
    { name: (row) => row.name, type: (row) => row.type, address: (row) => row.addresses },
  ),
  Address_Set: tableSpec({ name: 'string', addresses: 'string-set', external_ids: 'string-map' }),
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startServer(): Promise<OvsdbServer> {
  const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
  cleanups.push(() => server.stop());
  return server;
}

function startClient(remotes: string, options: Partial<OvsdbClientOptions> = {}): OvsdbClient {
  const client = new OvsdbClient({
    remotes,
    database: 'OVN_Northbound',
    backoff: { minMs: 20, maxMs: 100 },
    ...options,
  });
  cleanups.push(() => client.close());
  client.start();
  return client;
}

const deadline = (ms = 15_000): AbortSignal => AbortSignal.timeout(ms);

describe('replica of a standalone server', () => {
  test('holds contents, follows transactions, keeps the identity of what did not change', async () => {
    const server = await startServer();
    await server.transact('OVN_Northbound', [
      { op: 'insert', table: 'Address_Set', row: { name: 'as1', addresses: ['set', ['b', 'a']] } },
    ]);
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    const sets: ChangeSet<typeof NB>[] = [];
    replica.subscribe((changes) => sets.push(changes));
    await replica.whenSynchronized(deadline());
    expect(sets.map((set) => [set.cause, Object.keys(set.changes)])).toEqual([['snapshot', ['Address_Set']]]);
    const [first] = [...replica.tables.Address_Set];
    expect(first).toMatchObject({ name: 'as1', addresses: ['a', 'b'] });
    expect(first?.external_ids.size).toBe(0);
    expect(Object.isFrozen(first)).toBe(true);

    const results = await client.transact(
      [
        insert(
          'Logical_Switch_Port',
          {
            name: 'p1',
            addresses: ['fa:16:3e:00:00:01 10.0.0.5', 'unknown'],
            options: new Map([['k', 'v']]),
          },
          { uuidName: 'port' },
        ),
        insert('Logical_Switch', { name: 'sw', ports: [namedUuid('port')] }),
        mutate('Address_Set', [['name', '==', 'as1']], [['addresses', 'insert', new Set(['c'])]]),
      ],
      deadline(),
    );
    // The server sends the update before the reply.
    expect(sets).toHaveLength(2);
    expect(sets[1]?.cause).toBe('update');
    expect(Object.keys(sets[1]?.changes ?? {}).sort()).toEqual([
      'Address_Set',
      'Logical_Switch',
      'Logical_Switch_Port',
    ]);
    const port = replica.tables.Logical_Switch_Port.find('name', 'p1')[0];
    expect(port?._uuid).toBe(results[0]?.uuid?.[1]);
    expect(port?.up).toBeUndefined();
    expect(port?.options.get('k')).toBe('v');
    expect(replica.tables.Logical_Switch_Port.find('address', 'unknown')).toEqual([port]);
    expect(replica.tables.Logical_Switch.find('name', 'sw')[0]?.ports).toEqual([port?._uuid]);
    expect([...replica.tables.Address_Set][0]?.addresses).toEqual(['a', 'b', 'c']);

    const sw = replica.tables.Logical_Switch.find('name', 'sw')[0];
    await client.transact(
      [
        update('Logical_Switch_Port', byUuid(port?._uuid ?? ''), {
          up: true,
          tag: 7,
          addresses: ['unknown'],
        }),
      ],
      deadline(),
    );
    const changed = replica.tables.Logical_Switch_Port.find('name', 'p1')[0];
    expect(changed).not.toBe(port);
    expect(changed).toMatchObject({ up: true, tag: 7, addresses: ['unknown'] });
    expect(changed?.options).toBe(port?.options);
    expect(replica.tables.Logical_Switch_Port.find('address', 'fa:16:3e:00:00:01 10.0.0.5')).toEqual([]);
    expect(replica.tables.Logical_Switch.find('name', 'sw')[0]).toBe(sw);
    expect(sets[2]?.changes.Logical_Switch_Port).toEqual([{ kind: 'modify', row: changed, old: port }]);

    await client.transact([update('Logical_Switch_Port', [], { tag: undefined, up: false })], deadline());
    expect(replica.tables.Logical_Switch_Port.find('name', 'p1')[0]).toMatchObject({
      tag: undefined,
      up: false,
    });
    await client.transact([deleteRows('Logical_Switch', [])], deadline());
    expect(replica.tables.Logical_Switch.size).toBe(0);
    expect(replica.tables.Logical_Switch_Port.size).toBe(0);
    expect(replica.tables.Logical_Switch_Port.find('name', 'p1')).toEqual([]);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('after kill -9 the contents stay; the new dump is one change set with the true difference', async () => {
    const server = await startServer();
    await server.transact('OVN_Northbound', [
      { op: 'insert', table: 'Address_Set', row: { name: 'stays' } },
      { op: 'insert', table: 'Address_Set', row: { name: 'goes' } },
      { op: 'insert', table: 'Address_Set', row: { name: 'changes' } },
    ]);
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    const before = new Map([...replica.tables.Address_Set].map((row) => [row.name, row]));
    const states: ReplicaStateEvent[] = [];
    replica.onState((event) => states.push(event));
    const sets: ChangeSet<typeof NB>[] = [];
    replica.subscribe((changes) => sets.push(changes));

    await server.kill();
    await until('the loss is noticed', () => !replica.synchronized);
    expect(replica.tables.Address_Set.size).toBe(3);
    expect(states[0]).toMatchObject({ state: 'disconnected', reason: { code: 'connection-lost' } });

    // Another server in the same place, changed while we were away.
    await server.start();
    await server.transact('OVN_Northbound', [
      { op: 'delete', table: 'Address_Set', where: [['name', '==', 'goes']] },
      { op: 'update', table: 'Address_Set', where: [['name', '==', 'changes']], row: { addresses: 'x' } },
      { op: 'insert', table: 'Address_Set', row: { name: 'comes' } },
    ]);
    await until('the change is here', () =>
      [...replica.tables.Address_Set].some((row) => row.name === 'comes'),
    );
    const now = new Map([...replica.tables.Address_Set].map((row) => [row.name, row]));
    expect([...now.keys()].sort()).toEqual(['changes', 'comes', 'stays']);
    expect(now.get('stays')).toBe(before.get('stays'));
    expect(now.get('changes')).not.toBe(before.get('changes'));
    const changes = sets.flatMap((set) => set.changes.Address_Set ?? []);
    expect(changes.map((change) => change.kind).sort()).toEqual(['delete', 'insert', 'modify']);
    expect(client.counters.resyncs).toBe(1);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('killed in the middle of a stream of updates, nothing is lost', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    for (let round = 0; round < 4; round++) {
      const writes = Array.from({ length: 40 }, (_, index) =>
        client
          .transact([
            insert('Address_Set', { name: `r${round}n${index}`, addresses: ['1.1.1.1', '2.2.2.2'] }),
          ])
          .catch((error: unknown) => error),
      );
      await until('some are in', () => replica.tables.Address_Set.size > round * 10 + 5);
      await server.kill();
      await server.start();
      const outcomes = await Promise.all(writes);
      const failures = outcomes.filter((outcome) => outcome instanceof Error);
      expect(failures.filter((failure) => !(failure instanceof OvsdbConnectionError))).toEqual([]);
      await replica.whenSynchronized(deadline());
    }
    const [truth] = await server.transact('OVN_Northbound', [
      { op: 'select', table: 'Address_Set', where: [], columns: ['_uuid', 'name'] },
    ]);
    const rows = truth?.rows as { name: string }[];
    await until('the replica equals the server', () => replica.tables.Address_Set.size === rows.length);
    expect([...replica.tables.Address_Set].map((row) => row.name).sort()).toEqual(
      rows.map((row) => row.name).sort(),
    );
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('a server that stops answering is noticed by the inactivity probe', async () => {
    const server = await startServer();
    const client = startClient(server.remote, { inactivityProbeMs: 150, connectTimeoutMs: 300 });
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    await until('probes are answered', () => client.counters.probes > 2);
    expect(client.counters.probeTimeouts).toBe(0);
    expect(replica.synchronized).toBe(true);
    server.suspend();
    const pending = client.transact([select('Address_Set', [])]).catch((error: unknown) => error);
    await until('the silence is noticed', () => !replica.synchronized);
    expect(client.counters.probeTimeouts).toBe(1);
    expect(await pending).toMatchObject({
      code: 'inactive',
      message: expect.stringContaining('transact') as unknown,
    });
    server.resume();
    await replica.whenSynchronized(deadline());
  });

  test('starts before its server, and with a database that comes later', async () => {
    const server = await startServer();
    await server.kill();
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    await until('attempts were made', () => client.counters.connectAttempts > 2);
    await expect(replica.whenSynchronized(AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
    await server.start();
    await replica.whenSynchronized(deadline());

    await server.appctl('ovsdb-server/remove-db', 'OVN_Northbound');
    await until('the removal is noticed', () => !replica.synchronized);
    const attempts = await until(
      'the client waits on the connection',
      () => client.status.state === 'connecting' && client.counters.connectAttempts,
    );
    await server.appctl('ovsdb-server/add-db', `${server.directory}/0.db`);
    await replica.whenSynchronized(deadline());
    expect(client.counters.connectAttempts - attempts).toBeLessThan(3);
  });

  test('conditions select rows and can be changed while running', async () => {
    const server = await startServer();
    await server.transact(
      'OVN_Northbound',
      ['a', 'b', 'c'].map((name) => ({ op: 'insert', table: 'Address_Set', row: { name } })),
    );
    const client = startClient(server.remote);
    const replica = client.replicate(NB, { conditions: { Address_Set: [['name', '==', 'a']] } });
    await replica.whenSynchronized(deadline());
    const names = (): string[] => [...replica.tables.Address_Set].map((row) => row.name).sort();
    expect(names()).toEqual(['a']);
    const sets: ChangeSet<typeof NB>[] = [];
    replica.subscribe((changes) => sets.push(changes));
    replica.setConditions({
      Address_Set: [
        ['name', '==', 'b'],
        ['name', '==', 'c'],
      ],
    });
    await replica.whenConditionsApplied(deadline());
    expect(names()).toEqual(['b', 'c']);
    expect(
      sets
        .flatMap((set) => set.changes.Address_Set ?? [])
        .map((change) => change.kind)
        .sort(),
    ).toEqual(['delete', 'insert', 'insert']);
    replica.setConditions({ Address_Set: [false] });
    await replica.whenConditionsApplied(deadline());
    expect(names()).toEqual([]);
    replica.setConditions({});
    await replica.whenConditionsApplied(deadline());
    expect(names()).toEqual(['a', 'b', 'c']);
    // Changed while away: the next connection begins with the new ones.
    await server.kill();
    await until('disconnected', () => !replica.synchronized);
    replica.setConditions({ Address_Set: [['name', '!=', 'b']] });
    await server.start();
    await replica.whenSynchronized(deadline());
    await replica.whenConditionsApplied(deadline());
    expect(names()).toEqual(['a', 'c']);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('several replicas share one connection; one made late starts at once; a closed one stays as it was', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const one = client.replicate(NB);
    await one.whenSynchronized(deadline());
    const two = client.replicate(
      databaseSpec('OVN_Northbound', { Address_Set: tableSpec({ name: 'string' }) }),
    );
    await two.whenSynchronized(deadline());
    await client.transact([insert('Address_Set', { name: 'x' })], deadline());
    expect([one.tables.Address_Set.size, two.tables.Address_Set.size]).toEqual([1, 1]);
    two.close();
    await client.transact([insert('Address_Set', { name: 'y' })], deadline());
    expect([one.tables.Address_Set.size, two.tables.Address_Set.size]).toEqual([2, 1]);
    expect(client.counters.connections).toBe(1);
  });

  test('a listener that throws harms neither the others nor the replica', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    replica.subscribe(() => {
      throw new Error('a bug of the caller');
    });
    let seen = 0;
    replica.subscribe(() => {
      seen += 1;
    });
    await replica.whenSynchronized(deadline());
    await client.transact([insert('Address_Set', { name: 'x' })], deadline());
    expect(seen).toBe(2);
    expect(client.counters.callerErrors).toBe(2);
    expect(replica.synchronized).toBe(true);
  });
});

describe('transactions', () => {
  test('errors are typed and name the operation', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const error = await client
      .transact([insert('Address_Set', { name: 'x' }), insert('No_Such', { name: 'y' })], deadline())
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OvsdbTransactionError);
    // RFC 7047 has `unknown table`; the real server says it like this.
    expect(error).toMatchObject({
      code: 'syntax error',
      operationIndex: 1,
      details: expect.stringContaining('No table named No_Such.') as unknown,
    });
    // At commit: an index of the schema is violated.
    await client.transact([insert('Address_Set', { name: 'same' })], deadline());
    await expect(
      client.transact([insert('Address_Set', { name: 'same' })], deadline()),
    ).rejects.toMatchObject({
      code: 'constraint violation',
      operationIndex: undefined,
    });
    await expect(
      client.transact([mutate('Address_Set', [], [['external_ids', '+=', 1]])], deadline()),
    ).rejects.toMatchObject({ code: 'syntax error', operationIndex: 0 });
    await expect(
      client.transact(
        [insert('Logical_Switch', { name: 'sw', ports: [uuid('11111111-1111-1111-1111-111111111111')] })],
        deadline(),
      ),
    ).rejects.toMatchObject({ code: 'referential integrity violation', operationIndex: undefined });
    expect(client.counters.transactionErrors).toBe(4);
  });

  test('wait guards, select reads, counts count', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    await client.transact([insert('Address_Set', { name: 'x', addresses: ['a'] })], deadline());
    const guard = (name: string) =>
      wait('Address_Set', [['name', '==', name]], {
        columns: ['addresses'],
        until: '==',
        rows: [{ addresses: ['a'] }],
        timeoutMs: 0,
      });
    const results = await client.transact(
      [
        guard('x'),
        mutate('Address_Set', [['name', '==', 'x']], [['addresses', 'insert', 'b']]),
        select('Address_Set', [], ['addresses']),
      ],
      deadline(),
    );
    expect(results[1]?.count).toBe(1);
    expect(results[2]?.rows).toEqual([{ addresses: ['set', ['a', 'b']] }]);
    await expect(client.transact([guard('x')], deadline())).rejects.toMatchObject({
      code: 'timed out',
      operationIndex: 0,
    });
  });

  test('the signal ends the waiting for a connection and for a reply', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    await client.transact([select('Address_Set', [])], deadline());
    server.suspend();
    await expect(
      client.transact([select('Address_Set', [])], AbortSignal.timeout(100)),
    ).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    server.resume();
    await server.kill();
    await until('disconnected', () => client.state !== 'connected');
    await expect(
      client.transact([select('Address_Set', [])], AbortSignal.timeout(100)),
    ).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test('what is given up is forgotten by the server', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    await client.getSchema(deadline());
    const abort = new AbortController();
    const never = wait('Address_Set', [['name', '==', 'never']], {
      columns: ['name'],
      until: '==',
      rows: [{ name: 'never' }],
    });
    const waits = Array.from({ length: 200 }, () =>
      client.transact([never], abort.signal).catch((error: Error) => error.name),
    );
    const triggers = async (): Promise<boolean> =>
      (await server.appctl('memory/show')).includes('triggers:200');
    await until('the server waits', triggers);
    abort.abort();
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['AbortError']));
    await until('it no longer does', async () => !(await server.appctl('memory/show')).includes('triggers:'));
    expect(client.counters.connections).toBe(1);
  });

  test('an idempotent transaction survives a restart of the server, another one reports the loss', async () => {
    const server = await startServer();
    const client = startClient(server.remote, { inactivityProbeMs: 0 });
    await client.transact([insert('Address_Set', { name: 'x' })], deadline());
    server.suspend();
    const operations = [update('Address_Set', [['name', '==', 'x']], { addresses: ['a'] })];
    const plain = client.transact(operations).catch((error: unknown) => error);
    const again = client.transact(operations, { idempotent: true, signal: deadline() });
    await server.kill();
    await server.start();
    expect(await plain).toMatchObject({ code: 'connection-lost' });
    expect(await again).toEqual([{ count: 1 }]);
    expect(client.counters.transactionRetries).toBe(1);
  });

  test('getSchema and echo', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const schema = await client.getSchema(deadline());
    expect(schema.name).toBe('OVN_Northbound');
    expect(schema.tables.get('Logical_Switch')?.columns.get('ports')).toMatchObject({
      key: { type: 'uuid', refTable: 'Logical_Switch_Port', refType: 'strong' },
      min: 0,
      max: Number.POSITIVE_INFINITY,
    });
    expect(await client.echo(deadline())).toBeGreaterThan(0);
  });

  test('close rejects what waits and ends everything', async () => {
    const server = await startServer();
    const client = startClient(server.remote);
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    server.suspend();
    const pending = client.transact([select('Address_Set', [])]).catch((error: unknown) => error);
    await client.close();
    expect(await pending).toMatchObject({ code: 'closed' });
    expect(client.state).toBe('closed');
    expect(replica.synchronized).toBe(false);
    await expect(client.transact([])).rejects.toMatchObject({ code: 'closed' });
  });
});
