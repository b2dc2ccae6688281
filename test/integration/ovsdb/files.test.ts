/** Files that the real ovsdb-server and its tools wrote, read without them: the same contents as a live replica has. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type DatabaseSpec, OvsdbClient, openDatabaseFile, type Views } from '../../../src/ovsdb/index.ts';
import {
  OVN_NB_SCHEMA,
  type OvsdbServer,
  startOvsdbCluster,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';
import { wholeSchema } from '../../support/whole-schema.ts';

const run = promisify(execFile);
const DATABASE = 'OVN_Northbound';
const SPEC = wholeSchema(OVN_NB_SCHEMA);
const map = (values: Readonly<Record<string, string>>) => ['map', Object.entries(values)];
const named = (...names: string[]) => ['set', names.map((name) => ['named-uuid', name])];

/** Every way in which a row can come, change and go: sets, maps, optional and single values, references, collection. */
const HISTORY: readonly (readonly unknown[])[] = [
  [
    insert('NB_Global', { options: map({ a: '1', b: '2' }), nb_cfg: 1 }),
    insert('Logical_Switch_Port', { name: 'p1', addresses: ['set', ['a', 'b']], up: true, tag: 5 }, 'p1'),
    insert('Logical_Switch_Port', { name: 'p2', external_ids: map({ k: 'ü "{' }) }, 'p2'),
    insert('Logical_Switch', { name: 's1', ports: named('p1', 'p2') }),
    insert('HA_Chassis', { chassis_name: 'c1', priority: 7 }, 'c1'),
    insert('HA_Chassis_Group', { name: 'g', ha_chassis: named('c1') }, 'g'),
    insert(
      'Logical_Router_Port',
      { name: 'lrp', mac: 'm', networks: 'n', ha_chassis_group: ['named-uuid', 'g'] },
      'lrp',
    ),
    insert('Logical_Router', { name: 'r', ports: named('lrp') }),
  ],
  [
    update('Logical_Switch_Port', 'p1', { addresses: ['set', ['b', 'c']], tag: ['set', []], up: false }),
    mutate('Logical_Switch_Port', 'p2', ['external_ids', 'insert', map({ l: 'x' })]),
    mutate('NB_Global', undefined, ['nb_cfg', '+=', 1], ['options', 'delete', ['set', ['a']]]),
  ],
  // Rows that nothing refers to any more go as well, and weak references are cleared.
  [
    { op: 'delete', table: 'HA_Chassis_Group', where: [['name', '==', 'absent']] },
    update('Logical_Router', 'r', { ports: ['set', []] }),
  ],
  [
    insert('Logical_Switch', { name: 's2', other_config: map({ x: 'y' }) }),
    update('Logical_Switch', 's1', { ports: ['set', []] }),
  ],
  [
    insert('Address_Set', {
      name: 'as',
      addresses: ['set', Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)],
    }),
  ],
];

/**
 * A row is changed, and what it refers to weakly is deleted, in one transaction: the reference goes unsaid. A server
 * that has done this may keep it; one that has read it has not.
 */
const WEAK_REFERENCES: readonly (readonly unknown[])[] = [
  [
    insert('Load_Balancer', { name: 'l1' }, 'l1'),
    insert('Load_Balancer', { name: 'l2' }, 'l2'),
    insert('Logical_Router', { name: 'r2', load_balancer: named('l1', 'l2') }),
  ],
  [
    update('Logical_Router', 'r2', { external_ids: map({ changed: 'yes' }) }),
    { op: 'delete', table: 'Load_Balancer', where: [['name', '==', 'l1']] },
  ],
];

function insert(table: string, row: object, name?: string): object {
  return { op: 'insert', table, row, ...(name === undefined ? {} : { 'uuid-name': name }) };
}

function update(table: string, name: string, row: object): object {
  return { op: 'update', table, where: [['name', '==', name]], row };
}

function mutate(table: string, name: string | undefined, ...mutations: unknown[]): object {
  return { op: 'mutate', table, where: name === undefined ? [] : [['name', '==', name]], mutations };
}

/** All rows of all tables, by table and UUID. */
function everything(tables: Views<DatabaseSpec>): object {
  return Object.fromEntries(
    Object.entries(tables).map(([name, view]) => [
      name,
      Object.fromEntries([...view].map((row) => [row._uuid, row])),
    ]),
  );
}

async function live(remotes: string, missing: readonly string[] = []): Promise<object> {
  const client = new OvsdbClient({ remotes, database: DATABASE });
  const replica = client.replicate(SPEC);
  client.start();
  try {
    await replica.whenSynchronized(AbortSignal.timeout(15_000));
    expect(replica.problems.map(({ column }) => column)).toEqual(missing);
    return everything(replica.tables);
  } finally {
    await client.close();
  }
}

async function fromFile(
  path: string,
): Promise<{ readonly format: string; readonly rows: object; readonly warnings: readonly string[] }> {
  const file = await openDatabaseFile(path);
  const { tables, problems, warnings } = file.contents(SPEC);
  expect(problems).toEqual([]);
  return { format: file.format, rows: everything(tables), warnings };
}

async function dump(server: OvsdbServer, ...options: string[]): Promise<string> {
  const path = join(server.directory, 'dump.json');
  const { stdout } = await run('ovsdb-client', [...options, 'dump', server.remote, DATABASE]);
  await writeFile(path, stdout);
  return path;
}

async function backup(server: OvsdbServer): Promise<string> {
  const path = join(server.directory, 'backup.db');
  const { stdout } = await run('ovsdb-client', ['backup', server.remote, DATABASE], { encoding: 'buffer' });
  await writeFile(path, stdout);
  return path;
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

describe('files of a real server', () => {
  it.each([[[]], [['--disable-file-column-diff']]])('standalone, with %j, at any time', async (options) => {
    const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA], arguments: options });
    cleanups.push(() => server.stop());
    const file = join(server.directory, '0.db');
    for (const operations of HISTORY) {
      await server.transact(DATABASE, operations);
      expect(await fromFile(file)).toEqual({
        format: 'standalone',
        rows: await live(server.remote),
        warnings: [],
      });
    }
    expect(Object.keys((await fromFile(file)).rows)).toEqual(Object.keys(SPEC.tables));
    await server.appctl('ovsdb-server/compact');
    await server.transact(DATABASE, [update('Logical_Switch', 's2', { other_config: map({ x: 'z' }) })]);
    expect((await fromFile(file)).rows).toEqual(await live(server.remote));
  });

  it('backup and dump', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    cleanups.push(() => server.stop());
    for (const operations of HISTORY) await server.transact(DATABASE, operations);
    const rows = await live(server.remote);
    expect(await fromFile(await backup(server))).toEqual({ format: 'standalone', rows, warnings: [] });
    expect(await fromFile(await dump(server, '-f', 'json'))).toEqual({ format: 'dump', rows, warnings: [] });
    const pretty = await dump(server, '-f', 'json', '--pretty', '--timestamp');
    expect(await fromFile(pretty)).toEqual({ format: 'dump', rows, warnings: [] });
    await expect(openDatabaseFile(await dump(server))).rejects.toMatchObject({ code: 'unrecognized' });
  });

  it.each([1, 3])('every member of a cluster of %i, before and after compaction', async (members) => {
    const cluster = await startOvsdbCluster({ schema: OVN_NB_SCHEMA, members });
    cleanups.push(() => cluster.stop());
    const leader = await cluster.leader();
    const converge = async (): Promise<void> => {
      const rows = await live(leader.remote);
      for (const member of cluster.members) {
        await until('the file of the member has it all', async () => {
          const found = await fromFile(join(member.directory, 'cluster.db'));
          expect(found.format).toBe('cluster');
          return (
            JSON.stringify(sorted(found.rows)) === JSON.stringify(sorted(rows)) && found.warnings.length === 0
          );
        });
        expect((await fromFile(join(member.directory, 'cluster.db'))).rows).toEqual(rows);
      }
    };
    for (const operations of HISTORY.slice(0, 3)) await leader.transact(DATABASE, operations);
    await converge();
    for (const member of cluster.members) await member.appctl('ovsdb-server/compact');
    await converge();
    for (const operations of HISTORY.slice(3)) await leader.transact(DATABASE, operations);
    await converge();
  });

  it('weak references to rows that were deleted', async () => {
    const cluster = await startOvsdbCluster({ schema: OVN_NB_SCHEMA, members: 1 });
    cleanups.push(() => cluster.stop());
    const standalone = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    cleanups.push(() => standalone.stop());
    for (const [server, name] of [
      [await cluster.leader(), 'cluster.db'],
      [standalone, '0.db'],
    ] as const) {
      for (const operations of WEAK_REFERENCES) await server.transact(DATABASE, operations);
      await server.kill('SIGTERM');
      await server.start();
      if (server !== standalone) await cluster.leader();
      const { rows } = await fromFile(join(server.directory, name));
      expect(rows).toEqual(await live(server.remote));
      expect(Object.values((rows as Record<string, object>).Logical_Router ?? {})).toMatchObject([
        { name: 'r2', load_balancer: Object.keys((rows as Record<string, object>).Load_Balancer ?? {}) },
      ]);
    }
  });

  it('a cluster whose database was converted to another schema', async () => {
    const cluster = await startOvsdbCluster({ schema: OVN_NB_SCHEMA, members: 1 });
    cleanups.push(() => cluster.stop());
    const leader = await cluster.leader();
    for (const operations of HISTORY) await leader.transact(DATABASE, operations);
    const older = join(leader.directory, 'older.ovsschema');
    const schema = JSON.parse(
      (await run('ovsdb-client', ['get-schema', leader.remote, DATABASE])).stdout,
    ) as {
      tables: Record<string, { columns: Record<string, unknown> }>;
    };
    delete schema.tables.Logical_Switch?.columns.other_config;
    await writeFile(older, JSON.stringify({ ...schema, version: '6.0.0' }));
    await run('ovsdb-client', ['convert', leader.remote, older]);
    await leader.transact(DATABASE, [update('Logical_Switch', 's2', { name: 's3' })]);
    const file = await openDatabaseFile(join(leader.directory, 'cluster.db'));
    const { tables, problems } = file.contents(SPEC);
    expect(problems.map(({ column }) => column)).toEqual(['other_config']);
    expect(everything(tables)).toEqual(await live(leader.remote, ['other_config']));
  });
});

/** A file whose end is not as it was written is what a crash leaves; the server itself is the judge. */
describe('a file with a damaged end', () => {
  const DAMAGES: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['zeros at the end', (bytes) => bytes.fill(0, bytes.length - 20)],
    [
      'one byte changed',
      (bytes) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 10 ? byte ^ 1 : byte))),
    ],
    ['other text behind it', (bytes) => Buffer.concat([bytes, Buffer.from('garbage\n')])],
    ['less than was written', (bytes) => bytes.subarray(0, bytes.length - 5)],
    ['zeros behind it', (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)])],
  ];

  it.each(DAMAGES)('with %s holds what a server serves from it', async (_what, damage) => {
    const writer = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    cleanups.push(() => writer.stop());
    for (const operations of HISTORY) await writer.transact(DATABASE, operations);
    await writer.kill('SIGTERM');
    const damaged = join(writer.directory, 'damaged.db');
    await writeFile(damaged, damage(await readFile(join(writer.directory, '0.db'))));
    const { rows, warnings } = await fromFile(damaged);
    expect(warnings).toHaveLength(1);
    const reader = await startOvsdbServer({ schemas: [], databases: [damaged] });
    cleanups.push(() => reader.stop());
    expect(rows).toEqual(await live(reader.remote));
  });
});

/** Rows in the order of their names, maps spelled out. */
function sorted(value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
