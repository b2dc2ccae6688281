/**
 * The node's own OVN with real programs: databases made, processes started, adopted, found dead and stopped; and the whole
 * command on a real switch, which refuses politely where the installed OVN cannot have two controllers.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { bringUp, startProcess } from '../../../src/local-ovn/bring-up.ts';
import { prepareDatabase } from '../../../src/local-ovn/databases.ts';
import { inspectProcesses } from '../../../src/local-ovn/inspect.ts';
import { databaseSpecs, processSpecs } from '../../../src/local-ovn/processes.ts';
import { type LocalOvnEdge, statusOf, survey } from '../../../src/local-ovn/survey.ts';
import { SystemHost } from '../../../src/local-ovn/system-host.ts';
import { takeDown } from '../../../src/local-ovn/take-down.ts';
import type { LocalOvnSettings } from '../../../src/local-ovn/types.ts';
import { openSwitchDatabase } from '../../../src/openvswitch/switch-database.ts';
import { eventually } from '../../support/child.ts';
import { OVN_NB_SCHEMA, OVN_SB_SCHEMA, startOvsdbServer } from '../../support/ovsdb-server.ts';
import { OvsNode } from '../openvswitch/ovs-node.ts';

const host = new SystemHost();
const { signal } = new AbortController();

let directory: string;
let node: OvsNode;
let settings: LocalOvnSettings;
let edge: LocalOvnEdge;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-ovn-'));
  node = await OvsNode.start();
  await node.vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings=physnet1:br-osp');
  for (const bridge of ['br-ex', 'br-osp']) {
    await node.vsctl('add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev');
  }
  await node.vsctl('add-port', 'br-ex', 'nic1', '--', 'set', 'Interface', 'nic1', 'type=internal');
  settings = {
    chassis: 'bgp',
    nbRemote: `unix:${directory}/run/nb.sock`,
    runDir: `${directory}/run`,
    databaseDir: `${directory}/db`,
    logDir: `${directory}/log`,
    switchRemote: node.remote,
    switchRunDir: node.runDir,
    externalNics: ['nic1'],
  };
  edge = {
    host,
    database: openSwitchDatabase(node.remote, silentLogger),
    clock: systemClock,
    log: silentLogger,
  };
});

afterEach(async () => {
  await takeDown(settings, edge, { purge: false }, signal);
  await edge.database.close();
  await node.stop();
  await rm(directory, { recursive: true });
});

/** Everything but the second controller, which old releases do not have. */
async function startWithoutController(monitored: boolean): Promise<void> {
  for (const name of ['run', 'db', 'log']) await host.makeDirectory(join(directory, name));
  for (const database of Object.values(databaseSpecs(settings, undefined)))
    await prepareDatabase(host, database);
  const specs = processSpecs(settings, undefined);
  for (const name of ['nb', 'sb', 'northd'] as const)
    await startProcess(settings, edge, specs[name], monitored);
}

const states = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    (await inspectProcesses(host, settings, undefined)).map(({ name, state, owner }) => [
      name,
      owner === undefined ? state : `${state}, ${owner}`,
    ]),
  );

describe('databases and northd', () => {
  it.each([true, false])('run and are ours, and end when told to (monitored: %s)', async (monitored) => {
    expect(await states()).toEqual({ nb: 'absent', sb: 'absent', northd: 'absent', controller: 'absent' });
    await startWithoutController(monitored);
    await eventually(async () => (await states()).northd === 'running, ours');
    expect(await states()).toEqual({
      nb: 'running, ours',
      sb: 'running, ours',
      northd: 'running, ours',
      controller: 'absent',
    });
    expect(await takeDown(settings, edge, { purge: false }, signal)).toEqual({
      done: ['stopped ovn-northd', 'stopped Southbound database', 'stopped Northbound database'],
      kept: [],
      problems: [],
    });
    expect(await states()).toEqual({ nb: 'absent', sb: 'absent', northd: 'absent', controller: 'absent' });
  });

  it('are seen to be dead after SIGKILL, also with a socket left behind', async () => {
    await startWithoutController(true);
    const pid = Number(await readFile(join(settings.runDir, 'ovnnb_db.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (await states()).nb === 'absent');
    expect(await host.exists(`${directory}/run/nb.sock`)).toBe(true);
    await startProcess(settings, edge, processSpecs(settings, undefined).nb, true);
    await eventually(async () => (await states()).nb === 'running, ours');
  });

  it('say in their error what is wrong when they do not start', async () => {
    await startWithoutController(false);
    const second = { ...settings, runDir: `${directory}/other` };
    await host.makeDirectory(second.runDir);
    await expect(startProcess(second, edge, processSpecs(second, undefined).nb, false)).rejects.toThrow(
      /Northbound database did not start.*(lock|already running)/s,
    );
  });
});

describe('databases of the operator', () => {
  it('are adopted, and left running', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA, OVN_SB_SCHEMA] });
    try {
      settings = { ...settings, nbRemote: server.remote };
      const [nb] = await inspectProcesses(host, settings, server.remote);
      expect(nb).toMatchObject({ state: 'running', owner: 'operator' });
      const { kept } = await takeDown(settings, edge, { purge: false }, signal);
      expect(kept).toContain('Northbound database is run by somebody else: left running');
      expect(server.running).toBe(true);
    } finally {
      await server.stop();
    }
  });

  it('are refused when they are the cloud’s', async () => {
    const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    try {
      await server.transact('OVN_Northbound', [
        {
          op: 'insert',
          table: 'Logical_Switch',
          row: { name: 'neutron-11111111-0000-4000-8000-000000000001' },
        },
      ]);
      settings = { ...settings, nbRemote: server.remote };
      const { obstacles } = await survey(settings, edge);
      expect(obstacles.join('\n')).toMatch(
        /that is the cloud's database.*give the node's own one another place/,
      );
      const { done } = await bringUp(settings, edge, { monitored: false }, signal);
      expect(done).toEqual([]);
    } finally {
      await server.stop();
    }
  });
});

/** Whether the machine's OVN can have two controllers on one switch. */
const able = execFileSync('ovn-controller', ['--help'], { encoding: 'utf8' }).includes('--unixctl');

describe('the whole of it on a switch', () => {
  const ids = (): Promise<string> => node.vsctl('get', 'Open_vSwitch', '.', 'external_ids');
  const stateOfAll = async (): Promise<readonly string[]> =>
    statusOf(await survey(settings, edge)).processes.map(({ state }) => state);
  const none = ['absent', 'absent', 'absent', 'absent'];

  it.runIf(able)('comes up, is complete at a second call, and goes without a trace', async () => {
    const before = await ids();
    const { status } = await bringUp(settings, edge, { monitored: true }, signal);
    expect(status.problems).toEqual([]);
    expect(await stateOfAll()).toEqual(['running', 'running', 'running', 'running']);
    expect((await bringUp(settings, edge, { monitored: true }, signal)).done).toEqual([]);
    const { problems } = await takeDown(settings, edge, { purge: true }, signal);
    expect(problems).toEqual([]);
    expect(await ids()).toBe(before);
    expect(await stateOfAll()).toEqual(none);
  });

  it.skipIf(able)('says what the installed OVN lacks, and leaves everything as it was', async () => {
    const before = await ids();
    const { done, obstacles } = await bringUp(settings, edge, { monitored: true }, signal);
    expect(obstacles.join('\n')).toMatch(/ovn-controller \d+\.\d+.*OVN 25\.03 \(Debian 13\) has it/);
    expect(done).toEqual([]);
    expect(await ids()).toBe(before);
    expect(await stateOfAll()).toEqual(none);
  });
});
