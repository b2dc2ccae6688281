/** Which server a client takes, what it says while it has none, and how it leaves one that does not answer. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';

import {
  databaseSpec,
  insert,
  OvsdbClient,
  type OvsdbClientOptions,
  tableSpec,
} from '../../../src/ovsdb/index.ts';
import { type ProxiedRequest, startOvsdbProxy } from '../../support/ovsdb-proxy.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbCluster,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const NB = databaseSpec('OVN_Northbound', { Address_Set: tableSpec({ name: 'string' }) });

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startServer(schema = OVN_NB_SCHEMA): Promise<OvsdbServer> {
  const server = await startOvsdbServer({ schemas: [schema] });
  cleanups.push(() => server.stop());
  return server;
}

function startClient(remotes: string, options: Partial<OvsdbClientOptions> = {}): OvsdbClient {
  const client = new OvsdbClient({
    remotes,
    database: 'OVN_Northbound',
    backoff: { minMs: 20, maxMs: 100 },
    shuffleRemotes: false,
    connectTimeoutMs: 500,
    inactivityProbeMs: 500,
    ...options,
  });
  cleanups.push(() => client.close());
  client.start();
  return client;
}

const deadline = (): AbortSignal => AbortSignal.timeout(30_000);

describe('a name with several addresses', () => {
  test('is that many servers: a frozen first one is left, and DNS is believed anew at every turn', async () => {
    const [frozen, good] = [await startServer(), await startServer()];
    const port = await frozen.listen('ptcp:0:127.0.0.2');
    await good.listen(`ptcp:${port}:127.0.0.3`);
    frozen.suspend();
    let addresses = ['127.0.0.2', '127.0.0.3'];
    const client = startClient(`tcp:nb.test:${port}`, { lookup: async () => addresses });
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    expect(client.status).toMatchObject({ remote: `tcp:nb.test:${port}`, address: '127.0.0.3' });

    // The name moves to a third address, in the other family, while the client is away.
    const third = await startServer();
    await third.listen(`ptcp:${port}:[::1]`);
    addresses = ['::1'];
    await good.kill();
    await until('the third is found', () => replica.synchronized && client.status.address === '::1');
    frozen.resume();
  });

  test('one that was the only one, and is waited for, is left when there are others', async () => {
    const [wrong, right] = [await startServer(OVN_SB_SCHEMA), await startServer()];
    const port = await wrong.listen('ptcp:0:127.0.0.2');
    await right.listen(`ptcp:${port}:127.0.0.3`);
    let addresses = ['127.0.0.2'];
    const client = startClient(`tcp:nb.test:${port}`, { lookup: async () => addresses });
    const replica = client.replicate(NB);
    await until('the wrong one is waited for', () => client.status.problem === 'wrong-database');
    const attempts = client.counters.connectAttempts;
    addresses = ['127.0.0.3'];
    await replica.whenSynchronized(deadline());
    expect(client.counters.connectAttempts).toBe(attempts + 1);
  });

  test('nothing lasting is told before every address was tried', async () => {
    const [wrong, frozen] = [await startServer(OVN_SB_SCHEMA), await startServer()];
    const port = await wrong.listen('ptcp:0:127.0.0.2');
    await frozen.listen(`ptcp:${port}:127.0.0.3`);
    frozen.suspend();
    const client = startClient(`tcp:nb.test:${port}`, { lookup: async () => ['127.0.0.2', '127.0.0.3'] });
    const told: unknown[] = [];
    client.onState(({ state }) => {
      if (state === 'disconnected') told.push([client.trouble?.problem, client.trouble?.lasting]);
    });
    await until('both were tried', () => told.length >= 2);
    expect(told.slice(0, 2)).toEqual([
      ['wrong-database', false],
      ['no-answer', false],
    ]);
    frozen.resume();
    await client.replicate(NB).whenSynchronized(deadline());
  });

  test('is resolved as the system does it', async () => {
    const server = await startServer();
    const port = await server.listen('ptcp:0:127.0.0.1');
    const client = startClient(`tcp:localhost:${port}`);
    await client.replicate(NB).whenSynchronized(deadline());
    expect(client.status.address).toBe('127.0.0.1');
  });
});

describe('a server that freezes while it is made ready', () => {
  type Stage = readonly [what: string, is: (request: ProxiedRequest) => boolean];
  const STAGES: readonly Stage[] = [
    ['the greeting', ({ method }) => method === 'set_db_change_aware'],
    ['the schema of _Server', ({ method, params }) => method === 'get_schema' && params[0] === '_Server'],
    [
      'the monitor of _Server',
      ({ method, params }) => method.startsWith('monitor') && params[0] === '_Server',
    ],
    ['the schema', ({ method, params }) => method === 'get_schema' && params[0] === 'OVN_Northbound'],
    ['the contents', ({ method, params }) => method.startsWith('monitor') && params[0] === 'OVN_Northbound'],
  ];

  test.each(STAGES)('at %s loses against the next one', async (_what, isStage) => {
    const server = await startServer();
    const proxy = await startOvsdbProxy(server.socketPath, (request) =>
      isStage(request) ? 'freeze' : 'pass',
    );
    cleanups.push(() => proxy.stop());
    const client = startClient(`${proxy.remote},${server.remote}`);
    const replica = client.replicate(NB);
    await replica.whenSynchronized(deadline());
    expect(client.status.remote).toBe(server.remote);
    expect(proxy.connections).toBe(1);
  });

  test('but goes on answering echoes is left by the deadline of the request', async () => {
    const server = await startServer();
    // Only the monitor of _Server is swallowed.
    const proxy = await startOvsdbProxy(server.socketPath, ({ method, params }) =>
      method.startsWith('monitor') && params[0] === '_Server' ? 'swallow' : 'pass',
    );
    cleanups.push(() => proxy.stop());
    const client = startClient(`${proxy.remote},${server.remote}`, { inactivityProbeMs: 0 });
    await client.replicate(NB).whenSynchronized(deadline());
    expect(client.status.remote).toBe(server.remote);
    expect(client.status.lastError?.message).toMatch(/no reply to monitor_cond_since .* within 500 ms/);
  });
});

describe('why there is no connection', () => {
  const problem = async (client: OvsdbClient): Promise<string> =>
    (await until('a verdict', () => client.status.problem)) ?? '';

  test('nothing listens, no such socket, no such name', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await until('it listens', () => server.listening);
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const refused = startClient(`tcp:127.0.0.1:${port}`);
    expect(await problem(refused)).toBe('connection-refused');
    expect(refused.status.lastError?.message).toMatch(/^cannot connect to tcp:127\.0\.0\.1:\d+: .*refused/);
    expect(await problem(startClient('unix:/nowhere/db.sock'))).toBe('no-such-socket');
    // Without a name server the answer is another one.
    expect(await problem(startClient('tcp:nb.invalid:6641'))).toMatch(/^no-(?:such-host|name-server)$/);
  });

  test('each remote has its own', async () => {
    const client = startClient('unix:/nowhere/db.sock,ssl:127.0.0.1:1');
    await until('both were tried', () => client.status.failures.length === 2);
    const found = client.status.failures.map(({ remote, problem: word }) => [remote, word]);
    expect(new Map(found as [string, string][])).toEqual(
      new Map([
        ['unix:/nowhere/db.sock', 'no-such-socket'],
        ['ssl:127.0.0.1:1', 'no-certificate'],
      ]),
    );
  });

  test('the connection is accepted and nothing is answered', async () => {
    const server = await startServer();
    server.suspend();
    expect(await problem(startClient(server.remote))).toBe('no-answer');
    server.resume();
  });

  test('Northbound and Southbound swapped: the server is named with what it serves, and waited for', async () => {
    const server = await startServer(OVN_SB_SCHEMA);
    const client = startClient(server.remote);
    expect(await problem(client)).toBe('wrong-database');
    expect(client.status).toMatchObject({ state: 'connecting', remote: server.remote });
    expect(client.status.lastError?.message).toMatch(
      /is waited for: it has no database OVN_Northbound; it serves OVN_Southbound$/,
    );
    const both = startClient(`${server.remote},unix:/nowhere/db.sock`);
    await until('left and told', () =>
      both.status.failures.some((failure) => failure.problem === 'wrong-database'),
    );
  });

  test('a follower, where the leader is wanted', async () => {
    const cluster = await startOvsdbCluster({ schema: OVN_NB_SCHEMA });
    cleanups.push(() => cluster.stop());
    const leader = await cluster.leader();
    const follower = cluster.members.find((member) => member !== leader);
    const client = startClient(follower?.remote ?? '', { leaderOnly: true });
    expect(await problem(client)).toBe('not-leader');
    // Told once it is there, no longer once it serves.
    const any = startClient(cluster.remote, { leaderOnly: true });
    await any.transact([insert('Address_Set', { name: 'x' })], deadline());
    expect(any.status).toMatchObject({ problem: undefined, failures: [] });
  });
});
