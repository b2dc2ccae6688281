/** `ssl:` against a real ovsdb-server, with certificates as ovs-pki makes them: a CA, client certificates, no host names. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { databaseSpec, OvsdbClient, type TlsOptions, tableSpec } from '../../../src/ovsdb/index.ts';
import { OVN_NB_SCHEMA, type OvsdbServer, startOvsdbServer } from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const NB = databaseSpec('OVN_Northbound', { Address_Set: tableSpec({ name: 'string' }) });

describe('TLS', () => {
  const cleanups: (() => Promise<void>)[] = [];
  let directory = '';
  let server: OvsdbServer;
  let remote = '';
  const path = (name: string): string => join(directory, name);

  /** The arguments hold no blanks. */
  async function openssl(command: string): Promise<string> {
    return (await run('openssl', command.split(' '))).stdout;
  }

  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

  async function makeCa(name: string): Promise<void> {
    await openssl(
      `req -x509 ${newKey} -days 2 -subj /CN=${name} -keyout ${path(`${name}.key`)} -out ${path(`${name}.pem`)}`,
    );
  }

  async function makeCertificate(name: string, ca: string): Promise<void> {
    const request = path(`${name}.csr`);
    await openssl(`req -new ${newKey} -subj /CN=${name} -keyout ${path(`${name}.key`)} -out ${request}`);
    const signer = `-CA ${path(`${ca}.pem`)} -CAkey ${path(`${ca}.key`)} -CAcreateserial`;
    await openssl(`x509 -req -days 2 -in ${request} -out ${path(`${name}.pem`)} ${signer}`);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ovsdb-tls-'));
    await makeCa('ca');
    await makeCa('otherca');
    await makeCertificate('server', 'ca');
    await makeCertificate('client', 'ca');
    await makeCertificate('renewed', 'ca');
    await makeCertificate('stranger', 'otherca');
    server = await startOvsdbServer({
      schemas: [OVN_NB_SCHEMA],
      arguments: [
        `--private-key=${path('server.key')}`,
        `--certificate=${path('server.pem')}`,
        `--ca-cert=${path('ca.pem')}`,
      ],
    });
    remote = `ssl:127.0.0.1:${await server.listen('pssl:0:127.0.0.1')}`;
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function startClient(tls: Partial<TlsOptions> = {}): OvsdbClient {
    const client = new OvsdbClient({
      remotes: remote,
      database: 'OVN_Northbound',
      backoff: { minMs: 20, maxMs: 50 },
      tls: {
        privateKey: path('client.key'),
        certificate: path('client.pem'),
        caCert: path('ca.pem'),
        ...tls,
      },
    });
    cleanups.push(() => client.close());
    client.start();
    return client;
  }

  async function refusal(client: OvsdbClient): Promise<string> {
    const error = await until('an attempt has failed', () => client.status.lastError);
    expect(client.counters.connections).toBe(0);
    return error.message;
  }

  test('a chain that verifies is enough; host names are not looked at', async () => {
    const client = startClient();
    const replica = client.replicate(NB);
    await replica.whenSynchronized(AbortSignal.timeout(10_000));
    expect(client.status.remote).toBe(remote);
  });

  test('a server of another CA is refused', async () => {
    const client = startClient({ caCert: path('otherca.pem') });
    expect(await refusal(client)).toMatch(/cannot connect to ssl:127\.0\.0\.1:\d+: .*certificate/i);
    expect(client.status.problem).toBe('untrusted-server');
  });

  test('a client certificate of another CA is refused by the server', async () => {
    // In TLS 1.3 the server's verdict comes after the handshake, as the end of the connection.
    const client = startClient({ privateKey: path('stranger.key'), certificate: path('stranger.pem') });
    expect(await refusal(client)).toMatch(
      /^(?:cannot connect to )?ssl:127\.0\.0\.1:\d+(?: ended the connection)?: the server refused our certificate: [a-z ]+$/,
    );
    expect(client.status.problem).toBe('certificate-refused');
  });

  test('the pinned fingerprint is compared', async () => {
    const stdout = await openssl(`x509 -in ${path('server.pem')} -noout -fingerprint -sha256`);
    const fingerprint = stdout.trim().split('=')[1] ?? '';
    const replica = startClient({ fingerprint: fingerprint.toLowerCase() }).replicate(NB);
    await replica.whenSynchronized(AbortSignal.timeout(10_000));
    expect(await refusal(startClient({ fingerprint: 'ab'.repeat(32) }))).toMatch(/not the pinned one/);
  });

  test('a missing file and a key that does not fit are named', async () => {
    const absent = startClient({ caCert: path('absent.pem') });
    expect(await refusal(absent)).toMatch(/absent\.pem/);
    expect(absent.status.problem).toBe('no-certificate');
    expect(await refusal(startClient({ privateKey: path('stranger.key') }))).toMatch(/do not fit together/);
  });

  test('renewed files bring a new connection; a half-finished renewal does not', async () => {
    await copyFile(path('client.key'), path('live.key'));
    await copyFile(path('client.pem'), path('live.pem'));
    const client = startClient({
      privateKey: path('live.key'),
      certificate: path('live.pem'),
      watchIntervalMs: 20,
    });
    const replica = client.replicate(NB);
    await replica.whenSynchronized(AbortSignal.timeout(10_000));
    await copyFile(path('renewed.key'), path('live.key'));
    // Key and certificate do not belong together now: the connection stands through many looks at the files.
    const began = performance.now();
    await until('some time has passed', () => performance.now() - began > 300);
    expect(client.counters.connections).toBe(1);
    expect(replica.synchronized).toBe(true);
    await copyFile(path('renewed.pem'), path('live.pem'));
    await until('a new connection', () => client.counters.connections === 2 && replica.synchronized);
    expect(client.status.lastError?.message).toMatch(/TLS files have changed/);
  });

  test('without certificates an ssl remote says what it needs', async () => {
    const client = new OvsdbClient({ remotes: remote, database: 'OVN_Northbound' });
    cleanups.push(() => client.close());
    client.start();
    expect(await refusal(client)).toMatch(/needs a private key/);
  });
});
