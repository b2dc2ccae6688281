/**
 * Commands in the documents do what the documents say: each is run against real databases, or declared with the reason why it
 * is not. A new command is in neither list, and fails here.
 */
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
  VSWITCH_SCHEMA,
} from '../../support/ovsdb-server.ts';
import { documentCommands, NOT_RUN, npmScripts } from './document-commands.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, '../../..');
const COMMANDS = documentCommands();

let directory: string;
let servers: readonly [northbound: OvsdbServer, southbound: OvsdbServer, openVSwitch: OvsdbServer];
/** UUID of the NAT row. */
let nat: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'document-commands-'));
  const [northbound, southbound, openVSwitch] = await Promise.all(
    [OVN_NB_SCHEMA, OVN_SB_SCHEMA, VSWITCH_SCHEMA].map((schema) => startOvsdbServer({ schemas: [schema] })),
  );
  if (northbound === undefined || southbound === undefined || openVSwitch === undefined)
    throw new TypeError('three servers were started');
  servers = [northbound, southbound, openVSwitch];
  const [row] = await northbound.transact('OVN_Northbound', [
    {
      op: 'insert',
      table: 'NAT',
      'uuid-name': 'nat',
      row: { type: 'snat', external_ip: '192.0.2.1', logical_ip: '10.0.0.0/24' },
    },
    { op: 'insert', table: 'Logical_Router', row: { name: 'r', nat: ['named-uuid', 'nat'] } },
    { op: 'insert', table: 'Logical_Switch', row: { name: 'neutron-ID' } },
  ]);
  if (row === undefined) throw new TypeError('a row was inserted');
  nat = (row.uuid as readonly [string, string])[1];
  const ids = {
    'system-id': 'C1',
    hostname: 'cmp-1',
    'ovn-bridge-mappings': 'physnet1:br-ex',
    'ovn-nb-remote': northbound.remote,
    'ovn-remote': southbound.remote,
  };
  await openVSwitch.transact('Open_vSwitch', [
    { op: 'insert', table: 'Open_vSwitch', row: { external_ids: ['map', Object.entries(ids)] } },
  ]);
  for (const [server, database, file] of [
    [northbound, 'OVN_Northbound', 'nb.db'],
    [southbound, 'OVN_Southbound', 'sb.db'],
    [openVSwitch, 'Open_vSwitch', 'conf.db'],
  ] as const) {
    const backup = ['backup', server.remote, database];
    const { stdout } = await run('ovsdb-client', backup, { encoding: 'buffer', maxBuffer: 1 << 26 });
    await writeFile(join(directory, file), stdout);
  }
  const dump = await run('ovsdb-client', ['dump', '-f', 'json', openVSwitch.remote, 'Open_vSwitch']);
  await writeFile(join(directory, 'conf.json'), dump.stdout);
  await writeFile(
    join(directory, 'bgp-agent.conf'),
    `[DEFAULT]
driver = nb_ovn_bgp_driver
advertise_via = main
ovsdb_connection = ${openVSwitch.remote}
ovs_run_dir = ${directory}
frr_run_dir = ${directory}
rt_tables = ${join(directory, 'rt_tables')}
`,
  );
  // What is on the path of a node; vswitchd is not there to be waited for.
  const shims = {
    'ovn-bgp-agent': `exec ${PROJECT}/bin/ovn-bgp-agent "$@"`,
    'ovs-vsctl': `exec /usr/bin/ovs-vsctl --db=${openVSwitch.remote} --no-wait "$@"`,
  };
  for (const [name, line] of Object.entries(shims)) {
    await writeFile(join(directory, name), `#!/bin/sh\n${line}\n`);
    await chmod(join(directory, name), 0o755);
  }
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await rm(directory, { recursive: true });
});

/** What stands for something of the reader's. */
function filledIn(text: string): string {
  return text
    .replaceAll('UUID', nat)
    .replaceAll('/etc/ovn-bgp-agent/bgp-agent.conf', join(directory, 'bgp-agent.conf'))
    .replace(/^bin\//, `${PROJECT}/bin/`);
}

/** Exit codes that are right for a command. */
function expectedCodes(text: string): readonly number[] {
  return /ovn-bgp-agent plan\b/.test(text) && !text.includes('-db ') ? [0, 2, 3] : [0];
}

const isDeclared = (text: string): boolean => NOT_RUN.some(({ pattern }) => pattern.test(text));

describe('commands of the documents', () => {
  it('are found', () => {
    expect(COMMANDS.length).toBeGreaterThan(30);
  });

  it.each(
    COMMANDS.filter(({ text }) => !isDeclared(text)).map(
      (command) => [`${command.file}:${command.line}: ${command.text}`, command] as const,
    ),
  )('%s', (_, { text }) => {
    const { status, stderr } = spawnSync(
      'unshare',
      ['--net', 'bash', '-e', '-o', 'pipefail', '-c', filledIn(text)],
      {
        cwd: directory,
        encoding: 'utf8',
        timeout: 30_000,
        env: { ...process.env, PATH: `${directory}:${process.env.PATH}`, OVN_NB_DB: servers[0].remote },
      },
    );
    expect([stderr, expectedCodes(text)]).toEqual([stderr, expect.arrayContaining([status])]);
  });

  it('name scripts that there are', () => {
    const scripts = npmScripts();
    const named = COMMANDS.flatMap(({ text }) => /npm run ([\w:]+)/.exec(text)?.[1] ?? []);
    expect(named.filter((name) => !scripts.has(name))).toEqual([]);
  });

  it('that are declared as not run are there', () => {
    const idle = NOT_RUN.filter(({ pattern }) => !COMMANDS.some(({ text }) => pattern.test(text)));
    expect(idle.map(({ pattern }) => String(pattern))).toEqual([]);
  });

  it('leave the marks that they are there for', async () => {
    const { stdout } = await run('ovn-nbctl', [
      `--db=${servers[0].remote}`,
      'get',
      'Logical_Switch',
      'neutron-ID',
      'external_ids',
    ]);
    expect(stdout.trim()).toBe('{"ovn-bgp-agent:expose"="true"}');
  });
});
