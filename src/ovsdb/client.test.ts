/** The client and its replicas against a scripted server: old servers, wrong order, contradictions, resuming. */
import { afterEach, describe, expect, test } from 'vitest';

import { OvsdbClient } from './client.ts';
import type { OvsdbClientOptions } from './client-options.ts';
import type { Replica } from './replica.ts';
import { FakeServer, type MonitorRequest } from './testing/fake-server.ts';
import { TEST_SCHEMA_JSON, TEST_SPEC } from './testing/schemas.ts';
import type { ChangeSet, Conditions, ReplicaStateEvent } from './types.ts';
import { ZERO_UUID } from './wire.ts';

type Test = typeof TEST_SPEC;
const ROW_A = '0000000a-1111-4222-8333-444444444444';
const ROW_B = '0000000b-1111-4222-8333-444444444444';
const TXN_1 = '11111111-1111-4222-8333-444444444444';
const TXN_2 = '22222222-1111-4222-8333-444444444444';

const clients: OvsdbClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

interface Started {
  client: OvsdbClient;
  replica: Replica<Test>;
  sets: ChangeSet<Test>[];
  states: ReplicaStateEvent[];
}

function start(server: FakeServer, options: Partial<OvsdbClientOptions> = {}): Started {
  const client = new OvsdbClient({
    remotes: 'unix:/fake',
    database: 'Test',
    backoff: { minMs: 1, maxMs: 2 },
    inactivityProbeMs: 0,
    connect: server.connect,
    ...options,
  });
  clients.push(client);
  const replica = client.replicate(TEST_SPEC);
  const [sets, states]: [ChangeSet<Test>[], ReplicaStateEvent[]] = [[], []];
  replica.subscribe((changes) => sets.push(changes));
  replica.onState((event) => states.push(event));
  client.start();
  return { client, replica, sets, states };
}

async function monitorRequest(server: FakeServer, count = 1): Promise<MonitorRequest> {
  await expect.poll(() => server.monitors.length).toBeGreaterThanOrEqual(count);
  const request = server.monitors[count - 1];
  if (request === undefined) throw new Error('unreachable: polled for it');
  return request;
}

const names = (replica: Replica<Test>): string[] => [...replica.tables.Thing].map((row) => row.name).sort();
const deadline = (): AbortSignal => AbortSignal.timeout(5_000);

/** Was synchronized, then lost its connection; the next one begins by itself. */
async function disconnectedAt(transaction: string): Promise<Started & { server: FakeServer }> {
  const server = new FakeServer();
  const started = start(server);
  const { id, monitor } = await monitorRequest(server);
  server.reply(id, [false, TXN_1, { Thing: { [ROW_A]: { initial: { name: 'a', words: 'x' } } } }]);
  await started.replica.whenSynchronized(deadline());
  server.notify('update3', monitor, transaction, { Thing: { [ROW_B]: { insert: { name: 'b' } } } });
  await expect.poll(() => names(started.replica)).toEqual(['a', 'b']);
  server.transport.end();
  expect(started.replica.state).toBe('disconnected');
  return { ...started, server };
}

describe('old servers', () => {
  test('without monitor_cond_since: monitor_cond and update2', async () => {
    const server = new FakeServer(['monitor_cond_since']);
    const { client, replica } = start(server);
    const request = await monitorRequest(server);
    expect(request.method).toBe('monitor_cond');
    server.reply(request.id, { Thing: { [ROW_A]: { initial: { name: 'a' } } } });
    await replica.whenSynchronized(deadline());
    server.notify('update2', request.monitor, { Thing: { [ROW_A]: { modify: { words: 'w' } } } });
    await expect.poll(() => replica.tables.Thing.get(ROW_A)?.words).toEqual(['w']);
    expect(client.counters).toMatchObject({ fullDumps: 1, updates: 1, inconsistencies: 0 });
  });

  test('with nothing but RFC 7047: monitor, update, and no conditions', async () => {
    const server = new FakeServer(['monitor_cond_since', 'monitor_cond', 'set_db_change_aware']);
    const { replica, sets } = start(server);
    replica.setConditions({ Thing: [['name', '==', 'a']] });
    const request = await monitorRequest(server);
    expect(request.method).toBe('monitor');
    expect(JSON.stringify(request.requests)).not.toContain('where');
    server.reply(request.id, { Thing: { [ROW_A]: { new: { name: 'a', words: ['set', ['x']] } } } });
    await replica.whenSynchronized(deadline());
    await replica.whenConditionsApplied(deadline());
    server.notify('update', request.monitor, {
      Thing: {
        [ROW_A]: { old: { words: ['set', ['x']] }, new: { name: 'a', words: ['set', ['y']] } },
        [ROW_B]: { new: { name: 'b' } },
      },
    });
    await expect.poll(() => names(replica)).toEqual(['a', 'b']);
    expect(replica.tables.Thing.get(ROW_A)?.words).toEqual(['y']);
    server.notify('update', request.monitor, { Thing: { [ROW_A]: { old: { name: 'a' } } } });
    await expect.poll(() => names(replica)).toEqual(['b']);
    expect(sets.map((set) => set.changes.Thing?.map((change) => change.kind))).toEqual([
      ['insert'],
      ['modify', 'insert'],
      ['delete'],
    ]);
  });
});

describe('order', () => {
  test('updates that come before the reply are kept and applied after it', async () => {
    const server = new FakeServer();
    const { client, replica, sets } = start(server);
    const { id, monitor } = await monitorRequest(server);
    server.notify('update3', monitor, TXN_1, { Thing: { [ROW_A]: { modify: { name: 'a2' } } } });
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_B]: { insert: { name: 'b' } } } });
    expect(replica.tables.Thing.size).toBe(0);
    server.reply(id, [false, ZERO_UUID, { Thing: { [ROW_A]: { initial: { name: 'a' } } } }]);
    await replica.whenSynchronized(deadline());
    await expect.poll(() => names(replica)).toEqual(['a2', 'b']);
    expect(sets.map((set) => set.cause)).toEqual(['snapshot', 'update', 'update']);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('also when they are big', async () => {
    const server = new FakeServer();
    const { client, replica } = start(server);
    const { id, monitor } = await monitorRequest(server);
    const long = 'x'.repeat(600_000);
    server.notify('update3', monitor, TXN_1, { Thing: { [ROW_A]: { modify: { name: long } } } });
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_A]: { modify: { nick: 'late' } } } });
    server.reply(id, [false, ZERO_UUID, { Thing: { [ROW_A]: { initial: { name: 'a' } } } }]);
    await replica.whenSynchronized(deadline());
    await expect.poll(() => replica.tables.Thing.get(ROW_A)?.nick).toBe('late');
    expect(names(replica)).toEqual([long]);
    expect(client.counters.inconsistencies).toBe(0);
  });

  test('updates of a monitor that is not ours any more are ignored', async () => {
    const server = new FakeServer();
    const { client, replica } = start(server);
    const { id } = await monitorRequest(server);
    server.reply(id, [false, ZERO_UUID, {}]);
    await replica.whenSynchronized(deadline());
    server.notify('update3', 'monitor-99', TXN_1, { Thing: { [ROW_A]: { modify: { name: 'x' } } } });
    server.notify('update3', 'monitor-99', TXN_1, { Nonsense: 1 });
    expect(client.counters).toMatchObject({ updates: 0, inconsistencies: 0 });
    expect(replica.synchronized).toBe(true);
  });
});

describe('contradictions', () => {
  async function synchronized(): Promise<Started & { server: FakeServer; monitor: string }> {
    const server = new FakeServer();
    const started = start(server);
    const { id, monitor } = await monitorRequest(server);
    server.reply(id, [false, TXN_1, { Thing: { [ROW_A]: { initial: { name: 'a' } } } }]);
    await started.replica.whenSynchronized(deadline());
    return { ...started, server, monitor };
  }

  test('force a new dump on the same connection; the old contents stay until it is there', async () => {
    const { server, client, replica, sets, states, monitor } = await synchronized();
    const a = replica.tables.Thing.get(ROW_A);
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_B]: { modify: { name: 'never seen' } } } });
    const again = await monitorRequest(server, 2);
    expect(again).toMatchObject({ method: 'monitor_cond_since', transaction: ZERO_UUID });
    expect(again.monitor).not.toBe(monitor);
    expect(server.requests.map(([, method, parameters]) => [method, parameters[0]])).toContainEqual([
      'monitor_cancel',
      monitor,
    ]);
    expect(client.counters.inconsistencies).toBe(1);
    expect(states.at(-1)).toMatchObject({ state: 'synchronizing', reason: { code: 'inconsistent' } });
    expect(replica.tables.Thing.get(ROW_A)).toBe(a);
    // What the old monitor still sends does not count.
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_A]: { delete: null } } });
    server.reply(again.id, [
      false,
      TXN_2,
      { Thing: { [ROW_A]: { initial: { name: 'a' } }, [ROW_B]: { initial: { name: 'b' } } } },
    ]);
    await replica.whenSynchronized(deadline());
    expect(replica.tables.Thing.get(ROW_A)).toBe(a);
    expect(sets.map((set) => [set.cause, set.changes.Thing?.length])).toEqual([
      ['snapshot', 1],
      ['snapshot', 1],
    ]);
    expect(client.counters).toMatchObject({ fullDumps: 2, resyncs: 1, connections: 1 });
  });

  test('twice in a short time end the connection', async () => {
    const { server, client, replica, monitor } = await synchronized();
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_B]: { delete: null } } });
    const again = await monitorRequest(server, 2);
    server.reply(again.id, [false, TXN_2, { Thing: { [ROW_A]: { initial: { name: 7 } } } }]);
    const third = await monitorRequest(server, 3);
    expect(client.counters).toMatchObject({ inconsistencies: 2, connections: 2 });
    server.reply(third.id, [false, TXN_2, {}]);
    await replica.whenSynchronized(deadline());
    expect(replica.tables.Thing.size).toBe(0);
  });
});

describe('resuming', () => {
  test('asks for what came after the last transaction, and takes it as differences', async () => {
    const { server, client, replica, sets } = await disconnectedAt(TXN_2);
    const b = replica.tables.Thing.get(ROW_B);
    const request = await monitorRequest(server, 2);
    expect(request.transaction).toBe(TXN_2);
    server.reply(request.id, [true, TXN_2, { Thing: { [ROW_A]: { modify: { words: 'y' } } } }]);
    await replica.whenSynchronized(deadline());
    expect(replica.tables.Thing.get(ROW_A)?.words).toEqual(['x', 'y']);
    expect(replica.tables.Thing.get(ROW_B)).toBe(b);
    expect(sets.at(-1)).toMatchObject({ cause: 'snapshot', changes: { Thing: [{ kind: 'modify' }] } });
    expect(client.counters).toMatchObject({ resumes: 1, fullDumps: 1, resyncs: 0 });
  });

  test('does not continue from before a contradiction', async () => {
    const { server, replica } = await disconnectedAt(TXN_2);
    const request = await monitorRequest(server, 2);
    server.reply(request.id, [true, TXN_2, { Thing: { [ROW_A]: { insert: { name: 'a' } } } }]);
    const again = await monitorRequest(server, 3);
    expect(again.transaction).toBe(ZERO_UUID);
    server.reply(again.id, [false, TXN_2, { Thing: { [ROW_A]: { initial: { name: 'a' } } } }]);
    await replica.whenSynchronized(deadline());
    expect(names(replica)).toEqual(['a']);
  });

  test('takes a dump when the next server has other columns', async () => {
    const { server, replica } = await disconnectedAt(TXN_2);
    const { words: _words, ...columns } = TEST_SCHEMA_JSON.tables.Thing.columns;
    server.schema = { ...TEST_SCHEMA_JSON, tables: { Thing: { columns } } };
    const request = await monitorRequest(server, 2);
    expect(request.transaction).toBe(ZERO_UUID);
    server.reply(request.id, [false, TXN_2, { Thing: { [ROW_A]: { initial: { name: 'a' } } } }]);
    await replica.whenSynchronized(deadline());
    expect(replica.has('Thing', 'words')).toBe(false);
    expect(replica.tables.Thing.get(ROW_A)?.words).toEqual([]);
  });

  test('takes a dump when the server does not know the transaction', async () => {
    const { server, client, replica } = await disconnectedAt(TXN_2);
    const request = await monitorRequest(server, 2);
    server.reply(request.id, [false, ZERO_UUID, { Thing: { [ROW_B]: { initial: { name: 'b' } } } }]);
    await replica.whenSynchronized(deadline());
    expect(names(replica)).toEqual(['b']);
    expect(client.counters).toMatchObject({ resumes: 0, fullDumps: 2, resyncs: 1 });
  });

  test('goes on with the conditions of before, then changes them', async () => {
    const { server, replica } = await disconnectedAt(TXN_2);
    replica.setConditions({ Thing: [['name', '==', 'b']] });
    const request = await monitorRequest(server, 2);
    expect(request).toMatchObject({ transaction: TXN_2, requests: { Thing: [{ where: [true] }] } });
    server.reply(request.id, [true, TXN_2, {}]);
    await expect.poll(() => server.requests.at(-1)?.[1]).toBe('monitor_cond_change');
    const applied = replica.whenConditionsApplied(deadline());
    server.notify('update3', request.monitor, TXN_2, { Thing: { [ROW_A]: { delete: null } } });
    server.reply(server.requests.at(-1)?.[0] ?? 0, {});
    await applied;
    expect(names(replica)).toEqual(['b']);
  });

  /** Synchronized at TXN_2 on a second connection, with a change of conditions on its way. */
  async function changing() {
    const { server, replica } = await disconnectedAt(TXN_2);
    const request = await monitorRequest(server, 2);
    server.reply(request.id, [true, TXN_2, {}]);
    await replica.whenSynchronized(deadline());
    replica.setConditions({ Thing: [['name', '==', 'b']] });
    await expect.poll(() => server.requests.at(-1)?.[1]).toBe('monitor_cond_change');
    return { server, replica, monitor: request.monitor };
  }

  test('goes on with what was acknowledged when the connection is cut before the reply to a change', async () => {
    const { server, replica } = await changing();
    server.transport.end();
    const again = await monitorRequest(server, 3);
    expect(again).toMatchObject({ transaction: TXN_2, requests: { Thing: [{ where: [true] }] } });
    server.reply(again.id, [true, TXN_2, {}]);
    await expect
      .poll(() => server.requests.filter(([, method]) => method === 'monitor_cond_change'))
      .toHaveLength(2);
    expect(server.requests.at(-1)?.[2][2]).toEqual({ Thing: [{ where: [['name', '==', 'b']] }] });
    server.reply(server.requests.at(-1)?.[0] ?? 0, {});
    await replica.whenConditionsApplied(deadline());
  });

  test('takes a dump when updates came in between: nobody knows under which condition', async () => {
    const { server, replica, monitor } = await changing();
    server.notify('update3', monitor, TXN_2, { Thing: { [ROW_A]: { delete: null } } });
    await expect.poll(() => replica.tables.Thing.get(ROW_A)).toBeUndefined();
    server.transport.end();
    const again = await monitorRequest(server, 3);
    expect(again).toMatchObject({
      transaction: ZERO_UUID,
      requests: { Thing: [{ where: [['name', '==', 'b']] }] },
    });
  });
});

describe('a first request that the server refuses', () => {
  const SYNTAX_ERROR = { error: 'syntax error', details: 'expected integer' };
  const BAD = { Thing: [['number', '==', 'x']] } as const;

  test('is told to those who wait; the connection and other replicas go on', async () => {
    const server = new FakeServer();
    const { client, replica } = start(server);
    const { id } = await monitorRequest(server);
    server.reply(id, [false, ZERO_UUID, {}]);
    await replica.whenSynchronized(deadline());
    const bad = client.replicate(TEST_SPEC, { conditions: BAD });
    const waiting = bad.whenSynchronized(deadline()).catch((error: unknown) => error);
    const { id: refused } = await monitorRequest(server, 2);
    server.transport.receive({ id: refused, result: null, error: SYNTAX_ERROR });
    expect(await waiting).toMatchObject({ name: 'OvsdbRpcError', details: 'expected integer' });
    expect([bad.state, replica.state, client.state]).toEqual(['disconnected', 'synchronized', 'connected']);
    await expect(bad.whenSynchronized()).rejects.toThrow(/expected integer/);
    await expect(bad.whenConditionsApplied()).rejects.toThrow(/expected integer/);
    // Other conditions are another request.
    bad.setConditions({ Thing: [['number', '==', 1]] });
    const { id: accepted } = await monitorRequest(server, 3);
    server.reply(accepted, [false, ZERO_UUID, {}]);
    await bad.whenSynchronized(deadline());
    expect(client.counters).toMatchObject({ connections: 1, inconsistencies: 0 });
  });

  test('is asked for again at the next connection, which may be another server', async () => {
    const server = new FakeServer();
    const { client, replica } = start(server);
    const { id } = await monitorRequest(server);
    server.transport.receive({ id, result: null, error: SYNTAX_ERROR });
    await expect.poll(() => replica.state).toBe('disconnected');
    expect(client.state).toBe('connected');
    server.transport.end();
    const again = await monitorRequest(server, 2);
    server.reply(again.id, [false, ZERO_UUID, {}]);
    await replica.whenSynchronized(deadline());
  });

  test('when it resumes is made again as a dump', async () => {
    const { server, client, replica } = await disconnectedAt(TXN_2);
    const resume = await monitorRequest(server, 2);
    expect(resume.transaction).toBe(TXN_2);
    server.transport.receive({ id: resume.id, result: null, error: SYNTAX_ERROR });
    const dump = await monitorRequest(server, 3);
    expect(dump.transaction).toBe(ZERO_UUID);
    server.reply(dump.id, [false, TXN_2, { Thing: { [ROW_B]: { initial: { name: 'b' } } } }]);
    await replica.whenSynchronized(deadline());
    expect([names(replica), client.counters.connections]).toEqual([['b'], 2]);
  });

  test('with conditions set while away goes back to the accepted ones', async () => {
    const { server, replica } = await disconnectedAt(ZERO_UUID);
    replica.setConditions(BAD);
    const applied = replica.whenConditionsApplied(deadline()).catch((error: unknown) => error);
    const dump = await monitorRequest(server, 2);
    expect(dump.requests).toMatchObject({ Thing: [{ where: BAD.Thing }] });
    server.transport.receive({ id: dump.id, result: null, error: SYNTAX_ERROR });
    expect(await applied).toMatchObject({ details: 'expected integer' });
    const old = await monitorRequest(server, 3);
    expect(old.requests).toMatchObject({ Thing: [{ where: [true] }] });
    server.reply(old.id, [false, ZERO_UUID, {}]);
    await replica.whenSynchronized(deadline());
  });
});

test('an empty list of conditions is no row at all, which the protocol writes [false]', async () => {
  const server = new FakeServer();
  const { replica } = start(server);
  replica.setConditions({ Thing: [] });
  const { id, requests } = await monitorRequest(server);
  expect(requests).toMatchObject({ Thing: [{ where: [false] }] });
  server.reply(id, [false, ZERO_UUID, {}]);
  await replica.whenSynchronized(deadline());
  // The same by another name: nothing to ask for.
  replica.setConditions({ Thing: [false] });
  await replica.whenConditionsApplied(deadline());
  expect(server.requests.filter(([, method]) => method === 'monitor_cond_change')).toEqual([]);
});

test.each([
  [{ Thnig: [true] }, /Test\.Thnig is for a table that is not declared/],
  [{ Thing: [['name', '=', 'a']] }, /Test\.Thing has the clause \["name","=","a"\]/],
  [{ Thing: [['name', '==']] }, /has the clause \["name","=="\]/],
  [{ Thing: true }, /Test\.Thing is not a list of clauses/],
  [{ Thing: [['name', '==', 'a\0']] }, /U\+0000/],
])('conditions %j are refused before anything is sent', (conditions, message) => {
  const client = new OvsdbClient({ remotes: 'unix:/fake', database: 'Test' });
  expect(() => client.replicate(TEST_SPEC, { conditions: conditions as unknown as Conditions })).toThrow(
    message,
  );
  const replica = client.replicate(TEST_SPEC);
  expect(() => replica.setConditions(conditions as unknown as Conditions)).toThrow(message);
});

test('a big update is sliced while it arrives and applied at once', async () => {
  const server = new FakeServer();
  const { client, replica, sets } = start(server);
  const { id, monitor } = await monitorRequest(server);
  server.reply(id, [false, TXN_1, {}]);
  await replica.whenSynchronized(deadline());
  const rows = Object.fromEntries(
    Array.from({ length: 6_000 }, (_, index) => [
      `${String(index).padStart(8, '0')}-1111-4222-8333-444444444444`,
      { insert: { name: `n${index}`, words: ['set', ['some', 'more', 'words {}"']] } },
    ]),
  );
  server.notify('update3', monitor, TXN_2, { Thing: rows });
  await expect.poll(() => sets.length).toBe(2);
  expect(sets[1]?.changes.Thing).toHaveLength(6_000);
  expect(replica.tables.Thing.find('name', 'n5999')).toHaveLength(1);
  expect(replica.tables.Thing.find('word', 'more')).toHaveLength(6_000);
  expect(client.counters).toMatchObject({ updates: 1, rows: 6_000, inconsistencies: 0 });
});

test('the declaration must be for the database of the client', () => {
  const client = new OvsdbClient({ remotes: 'unix:/fake', database: 'Other' });
  expect(() => client.replicate(TEST_SPEC)).toThrow(/is for Other, the declaration for Test/);
});

test('a condition that the server refuses is reported; all is fetched again under the old one', async () => {
  const server = new FakeServer();
  const { client, replica } = start(server);
  const { id } = await monitorRequest(server);
  server.reply(id, [false, ZERO_UUID, {}]);
  await replica.whenSynchronized(deadline());
  replica.setConditions({ Thing: [['number', '==', 'not a number']] });
  const applied = replica.whenConditionsApplied(deadline()).catch((error: unknown) => error);
  await expect.poll(() => server.requests.at(-1)?.[1]).toBe('monitor_cond_change');
  const error = { error: 'syntax error', details: 'not an integer' };
  server.transport.receive({ id: server.requests.at(-1)?.[0], result: null, error });
  expect(await applied).toMatchObject({ name: 'OvsdbRpcError', code: 'syntax error' });
  await expect(replica.whenConditionsApplied(deadline())).rejects.toThrow(/not an integer/);
  // A refused request can be in force for some of its tables: what the server would send is not known any more.
  const reload = await monitorRequest(server, 2);
  expect(reload).toMatchObject({ requests: { Thing: [{ where: [true] }] }, transaction: ZERO_UUID });
  expect(replica.synchronized).toBe(false);
  server.reply(reload.id, [false, ZERO_UUID, {}]);
  await replica.whenSynchronized(deadline());
  expect(client.counters.connections).toBe(1);
  // The next connection asks for what was accepted.
  server.transport.end();
  const again = await monitorRequest(server, 3);
  expect(again.requests).toMatchObject({ Thing: [{ where: [true] }] });
  server.reply(again.id, [false, ZERO_UUID, {}]);
  await replica.whenSynchronized(deadline());
  replica.setConditions({});
  await replica.whenConditionsApplied(deadline());
});
