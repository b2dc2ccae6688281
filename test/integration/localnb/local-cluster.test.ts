/** The edge to the node's own OVN against a real ovsdb-server with the Northbound schema, and a real ovn-northd. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { type LocalCluster, openLocalCluster } from '../../../src/localnb/local-cluster.ts';
import { rowKey } from '../../../src/localnb/rows.ts';
import type { LocalRow, LocalWrite } from '../../../src/localnb/types.ts';
import { EXAMPLE, exposure, onLink, ovnInput, PROVNET } from '../../../src/wiring/ovn-testing.ts';
import { wire } from '../../../src/wiring/wire.ts';
import { ended } from '../../support/child.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const VM = exposure('172.16.5.5', onLink('fa:16:3e:82:ee:19'));

let server: OvsdbServer;
let cluster: LocalCluster;
let northd: ChildProcess | undefined;

beforeEach(async () => {
  server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA, OVN_SB_SCHEMA] });
  cluster = openLocalCluster({ remote: server.remote, logger: silentLogger });
  cluster.start();
  await until('the first contents', () => cluster.snapshot());
});

afterEach(async () => {
  await cluster.close();
  await ended(northd, 'SIGTERM');
  northd = undefined;
  await server.stop();
});

function startNorthd(): void {
  const at = (name: string): string => join(server.directory, name);
  northd = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'ovn-northd',
      `--ovnnb-db=${server.remote}`,
      `--ovnsb-db=${server.remote}`,
      `--unixctl=${at('northd.ctl')}`,
      '-vconsole:off',
      '-vsyslog:off',
      `--log-file=${at('northd.log')}`,
    ],
    { stdio: 'ignore' },
  );
}

async function nbctl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('ovn-nbctl', [`--db=${server.remote}`, '--timeout=10', ...args]);
  return stdout.trim();
}

/** Rows that worked example 10 and its machine want, in a given shape. */
function exampleRows(shape: 'compatible' | 'host-routes'): readonly LocalRow[] {
  // The schema here has no bfd_sessions (OVN before 24.03).
  const capabilities = cluster.snapshot()?.capabilities;
  const input = ovnInput({ cluster: { ...EXAMPLE, shape }, local: { capabilities } });
  const { objects } = wire([VM], input, [PROVNET]);
  return objects.flatMap(({ object }) => (object.kind === 'local-row' ? [object.row] : []));
}

function put(rows: readonly LocalRow[]): readonly LocalWrite[] {
  return rows.map((row) => ({ op: 'put', row }));
}

function removal(rows: readonly LocalRow[]): readonly LocalWrite[] {
  return rows.map((row) => ({ op: 'remove', row }));
}

function held(): readonly LocalRow[] {
  return (cluster.snapshot()?.rows ?? []).map(({ row }) => row);
}

function byKey(rows: readonly LocalRow[]): Record<string, LocalRow> {
  return Object.fromEntries([...rows].map((row) => [rowKey(row), row]));
}

async function transactions(): Promise<number> {
  return Number(await nbctl('get', 'NB_Global', '.', 'nb_cfg'));
}

describe('the local cluster', () => {
  it.each(['compatible', 'host-routes'] as const)(
    'holds what is put, in one transaction: %s',
    async (shape) => {
      const rows = exampleRows(shape);
      expect(rows.length).toBeGreaterThan(15);
      expect(await cluster.write(put(rows))).toEqual(rows.map(() => undefined));
      expect(byKey(held())).toEqual(byKey(rows));
      expect(cluster.snapshot()?.rows.every(({ owned }) => owned)).toBe(true);
      expect(await transactions()).toBe(1);
      // The same again changes nothing that anybody can see.
      await cluster.write(put(rows));
      expect(byKey(held())).toEqual(byKey(rows));
    },
  );

  it('goes from one shape to the other, and to nothing, without a trace', async () => {
    const [before, after] = [exampleRows('compatible'), exampleRows('host-routes')];
    await cluster.write(put(before));
    await cluster.write(put(after));
    const kept = new Set(after.map(rowKey));
    await cluster.write(removal(before.filter((row) => !kept.has(rowKey(row)))));
    expect(byKey(held())).toEqual(byKey(after));
    await cluster.write(removal(after));
    expect(held()).toEqual([]);
    for (const table of [
      'Logical_Switch_Port',
      'Logical_Router_Port',
      'Logical_Router_Static_Route',
      'BFD',
      'ACL',
    ]) {
      expect(await nbctl('--bare', '--columns=_uuid', 'list', table)).toBe('');
    }
  });

  it('leaves rows, options and marks of others alone', async () => {
    await nbctl('lr-add', 'bgp-router', '--', 'set', 'logical_router', 'bgp-router', 'external_ids:mine=1');
    await nbctl('lr-route-add', 'bgp-router', '10.0.0.0/8', '192.0.2.1');
    await nbctl('ls-add', 'operator', '--', 'lsp-add', 'operator', 'operator-port');
    await nbctl('set', 'logical_router', 'bgp-router', 'options:mac_binding_age_threshold=60');
    const rows = exampleRows('host-routes');
    await cluster.write(put(rows));
    const foreign = cluster
      .snapshot()
      ?.rows.filter(({ owned }) => !owned)
      .map(({ row }) => rowKey(row));
    expect(foreign).toEqual([
      'Logical_Router_Static_Route bgp-router 10.0.0.0/8 192.0.2.1',
      'Logical_Switch operator',
      'Logical_Switch_Port operator-port',
    ]);
    expect(await nbctl('get', 'logical_router', 'bgp-router', 'external_ids:mine')).toBe('"1"');
    expect(await nbctl('get', 'logical_router', 'bgp-router', 'options')).toBe(
      '{chassis=bgp, mac_binding_age_threshold="60"}',
    );
  });

  it('adopts what the Python agent left, without marks and with surplus routes', async () => {
    await nbctl('lr-add', 'bgp-router');
    await nbctl('lrp-add', 'bgp-router', 'bgp-router-openstack', '40:44:00:00:00:06', '172.16.0.0/16');
    await nbctl('--ecmp', 'lr-route-add', 'bgp-router', '0.0.0.0/0', '100.64.0.5');
    await nbctl(
      'create',
      'Static_MAC_Binding',
      'logical_port=bgp-router-openstack',
      'ip=172.16.9.9',
      'mac="fa:16:3e:00:00:09"',
    );
    await nbctl(
      '--id=@p',
      'create',
      'Logical_Router_Policy',
      'priority=10',
      'match="inport==\\"bgp-router-openstack\\""',
      'action=reroute',
      'nexthop=100.64.0.5',
      '--',
      'add',
      'Logical_Router',
      'bgp-router',
      'policies',
      '@p',
    );
    await until('its rows', () => (held().length >= 5 ? true : undefined));
    expect(cluster.snapshot()?.rows.map(({ row, owned }) => [rowKey(row), owned])).toEqual([
      ['Logical_Router bgp-router', true],
      ['Logical_Router_Policy bgp-router 10 inport=="bgp-router-openstack"', true],
      ['Logical_Router_Port bgp-router-openstack', true],
      ['Logical_Router_Static_Route bgp-router 0.0.0.0/0 100.64.0.5', true],
      ['Static_MAC_Binding bgp-router-openstack 172.16.9.9', true],
    ]);
  });

  it('removes a surplus twin and keeps the first', async () => {
    await nbctl('lr-add', 'bgp-router');
    await nbctl('--ecmp', 'lr-route-add', 'bgp-router', '0.0.0.0/0', '100.64.0.5');
    await nbctl(
      '--id=@r',
      'create',
      'Logical_Router_Static_Route',
      'ip_prefix=0.0.0.0/0',
      'nexthop=100.64.0.5',
      '--',
      'add',
      'Logical_Router',
      'bgp-router',
      'static_routes',
      '@r',
    );
    const twins = await until('both', () => {
      const found = cluster.snapshot()?.rows.filter(({ duplicate }) => duplicate !== undefined) ?? [];
      return found.length === 1 ? found : undefined;
    });
    await cluster.write(
      twins.map(({ row, duplicate }) => ({
        op: 'remove',
        row,
        ...(duplicate === undefined ? {} : { duplicate }),
      })),
    );
    expect(held().map(rowKey)).toEqual([
      'Logical_Router bgp-router',
      'Logical_Router_Static_Route bgp-router 0.0.0.0/0 100.64.0.5',
    ]);
  });

  it('writes the others when the server refuses one', async () => {
    const rows = exampleRows('host-routes');
    const bad: LocalRow = {
      table: 'Logical_Router_Policy',
      router: 'bgp-router',
      priority: 40_000,
      match: '1',
      action: 'drop',
      nexthops: [],
      bfd: [],
    };
    const orphan: LocalRow = {
      table: 'Gateway_Chassis',
      name: 'x_bgp',
      port: 'nowhere',
      chassis: 'bgp',
      priority: 1,
    };
    const results = await cluster.write(put([...rows.slice(0, 3), bad, orphan, ...rows.slice(3)]));
    expect(results.filter((each) => each !== undefined)).toEqual([
      { message: expect.stringContaining('constraint violation') },
      {
        message: expect.stringContaining('Logical_Router_Port nowhere, which it belongs to, does not exist'),
      },
    ]);
    expect(byKey(held())).toEqual(byKey(rows));
  });

  it('tells when northd has taken over what was written', async () => {
    const rows = exampleRows('host-routes');
    await cluster.write(put(rows));
    expect(cluster.pending()).toMatch(/have not put change 1 in place yet/);
    const told = new Promise<string>((resolve) => {
      cluster.subscribe((event) => {
        if (event === 'in-effect') resolve(event);
      });
    });
    startNorthd();
    expect(await told).toBe('in-effect');
    expect(cluster.pending()).toBeUndefined();
    const flows = await run('ovn-sbctl', [`--db=${server.remote}`, 'lflow-list', 'bgp-router']);
    expect(flows.stdout).toContain('172.16.5.5');
  });

  it('refuses to write to a cloud', async () => {
    await nbctl(
      'ls-add',
      'neutron-5f0c',
      '--',
      'set',
      'logical_switch',
      'neutron-5f0c',
      'external_ids:"neutron:network_name"=net',
    );
    await until('it', () => cluster.snapshot()?.foreign);
    const [result] = await cluster.write(put(exampleRows('host-routes').slice(0, 1)));
    expect(result?.message).toMatch(/not this node's own cluster: it has the switch "neutron-5f0c"/);
    expect(await nbctl('--bare', '--columns=name', 'list', 'Logical_Router')).toBe('');
  });

  it('keeps its last picture while the server is away, and says what it cannot do', async () => {
    const rows = exampleRows('host-routes');
    await cluster.write(put(rows));
    await server.kill();
    expect(byKey(held())).toEqual(byKey(rows));
    const limit = AbortSignal.timeout(1500);
    await expect(cluster.write(removal(rows), limit)).rejects.toThrow(/aborted|timeout/);
    await server.start();
    expect(await cluster.write(removal(rows))).toEqual(rows.map(() => undefined));
    expect(held()).toEqual([]);
  });
});
