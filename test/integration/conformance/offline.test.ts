/**
 * The captured clouds planned from their files alone: the same as what comes out of served databases, by another path
 * to the rows and to the facts. And the command itself, without privileges and without a network.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { offlinePlan } from '../../../src/agent/offline-plan.ts';
import { offlineJson } from '../../../src/cli/offline-format.ts';
import { schemaProblems } from '../../../src/cli/testing.ts';
import type { AgentConfig } from '../../../src/config/types.ts';
import { parseRtTables } from '../../../src/node/rt-tables.ts';
import { openDatabaseFile } from '../../../src/ovsdb/index.ts';
import {
  CASES,
  type CapturedCloud,
  compute,
  DATABASE_FILE,
  fixturePath,
  NODES,
  startCloud,
} from './captures.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

describe.each(CASES)('%s with %s', (scenario, driver) => {
  const northbound = driver === 'nb_ovn_bgp_driver';
  const database = fixturePath(scenario, DATABASE_FILE[driver]);
  let cloud: CapturedCloud;
  beforeAll(async () => {
    cloud = await startCloud(scenario, driver);
  });
  afterAll(() => cloud.stop());

  it.each(NODES)('planned offline for %s is what a served database gives', async (name) => {
    const node = await cloud.node(name);
    const served = await compute(node, cloud.config);
    const routerId = await node.frr.routerId();
    const config: AgentConfig = { ...cloud.config, bgpRouterId: routerId };
    const file = await openDatabaseFile(database);
    const plan = offlinePlan({
      config,
      files: {
        ...(northbound ? { northbound: file } : { southbound: file }),
        openVSwitch: await openDatabaseFile(fixturePath(scenario, `${name}.ovs.json`)),
      },
      bridgeMacs: new Map(),
      rtTables: parseRtTables(cloud.state(name).rtTables),
    });
    const sorted = [...served.desired].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    expect(plan.desired).toEqual(sorted);
    expect(plan.exposures).toEqual(served.exposures);
    expect(plan.denials).toEqual(served.denials);
    expect(plan.pending).toEqual(served.pending);
    expect(plan.warnings).toEqual([]);
    expect(schemaProblems(JSON.parse(offlineJson(plan)))).toEqual([]);
    expect(plan.assumptions.map(({ subject }) => subject)).toEqual([
      'kernel of the node',
      'what the node needs itself',
    ]);
  });
});

describe('the command', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plan-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** Runs without any capability (root's files stay readable) in an empty network namespace. */
  async function plan(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const command = ['--net', 'setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const agent = [process.execPath, join(ROOT, 'bin/ovn-bgp-agent'), 'plan', ...args];
    try {
      return { code: 0, ...(await run('unshare', [...command, ...agent], { cwd: directory })) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  const files = [
    ['--driver', 'nb_ovn_bgp_driver'],
    ['--nb-db', fixturePath('nb-underlay', 'ovn-nb.db')],
    ['--ovs-db', fixturePath('nb-underlay', 'compute1.ovs.json')],
  ].flat();

  it('plans without privileges and without a network', async () => {
    const { code, stdout, stderr } = await plan(...files, '--output', 'json');
    expect([code, stderr]).toEqual([0, '']);
    const json = JSON.parse(stdout) as { mode: string; exposures: { prefix: string }[]; flows: unknown[] };
    expect(json.mode).toBe('offline');
    expect(json.exposures.map(({ prefix }) => prefix)).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    expect(json.flows).toHaveLength(2);
    expect((await plan(...files)).stdout).toMatch(
      /^# links\n {2}link bgp-nic .*\n(?:.*\n)*26 objects for 2 addresses on compute1 /,
    );
  });

  it('names the flag that is missing, and the file that is not good', async () => {
    expect(await plan('--driver', 'ovn_bgp_driver', ...files.slice(2))).toEqual({
      code: 64,
      stdout: '',
      stderr: 'error: driver = ovn_bgp_driver reads OVN_Southbound: give --sb-db FILE\n',
    });
    const bad = join(directory, 'bad.db');
    await writeFile(bad, 'not a database\n');
    const { code, stderr } = await plan(...files, '--nb-db', bad);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^ovn-bgp-agent: .*bad\.db is no OVSDB file: .*\n$/),
    ]);
    expect(await plan(...files, '--bridge-mac', 'br-ex')).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('Give BRIDGE=MAC'),
    });
  });
});
