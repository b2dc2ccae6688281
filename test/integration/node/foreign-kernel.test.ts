/**
 * Whose things are on the real kernel: an operator's policy routing beside the agent, and a table of the Python agent that no
 * file names. Bridges without ports stand in for those of Open vSwitch; its database, flows and FRR are in memory.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planCleanup } from '../../../src/agent/cleanup.ts';
import { desiredNode } from '../../../src/agent/desired-node.ts';
import { FactsReader } from '../../../src/agent/facts-reader.ts';
import { changeCount } from '../../../src/agent/plan-tools.ts';
import { bareNode } from '../../../src/agent/testing.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { defaultConfig } from '../../../src/config/assemble.ts';
import { openRtnetlink, type RtnetlinkClient } from '../../../src/netlink/index.ts';
import type { NodeEdge, NodeFiles } from '../../../src/node/edge.ts';
import { Node } from '../../../src/node/node.ts';
import { SystemNodeFiles } from '../../../src/node/node-files.ts';
import type { NodePlan } from '../../../src/node/objects.ts';
import { createNorthboundTopology } from '../../../src/ovn/northbound.ts';
import { northboundCloud } from '../../../src/ovn/testing.ts';
import type { Topology } from '../../../src/ovn/topology.ts';
import { Namespace } from '../netlink/namespace.ts';

const CONFIG = defaultConfig({ advertiseVia: 'main' });
const DEADLINE_MS = 10_000;

let namespace: Namespace;
let folder: string;
let netlink: RtnetlinkClient;
let edge: NodeEdge;

beforeEach(() => {
  namespace = new Namespace();
  folder = mkdtempSync(join(tmpdir(), 'foreign-'));
  for (const line of [
    'link set lo up',
    'link add br-ex type bridge',
    'link set br-ex up',
    'link add up0 type bridge',
    'link set up0 up',
    'addr add 10.0.0.21/24 dev up0',
    'addr add 203.0.113.1/24 dev br-ex',
  ])
    namespace.ip(line);
  netlink = openRtnetlink({ netns: namespace.path });
  const { ovs, frr } = bareNode();
  edge = { netlink, ovs, frr, files: files() };
});

afterEach(() => {
  netlink.close();
  namespace.remove();
  rmSync(folder, { recursive: true });
});

/** rt_tables of the test's own; /proc/sys/net as it is inside. */
function files(): NodeFiles {
  const system = new SystemNodeFiles({ rtTablesPath: join(folder, 'rt_tables'), rtTablesTemplates: [] });
  const inside = (script: string): string =>
    execFileSync('ip', ['netns', 'exec', namespace.name, 'sh', '-c', script], { encoding: 'utf8' });
  return {
    readSysctl: async (path) => inside(`cat '/proc/sys/${path}' 2>/dev/null || true`).trim() || undefined,
    writeSysctl: async (path, value) => void inside(`echo ${value} > '/proc/sys/${path}'`),
    readNetlinkListeners: () => undefined,
    readRtTables: () => system.readRtTables(),
    readTableNames: () => system.readTableNames(),
    editRtTables: (edit) => system.editRtTables(edit),
  };
}

function cloud(...hosts: readonly string[]): Topology {
  const made = northboundCloud();
  made.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  for (const host of hosts) {
    made.addPort({
      name: `vm-${host}`,
      network: 'PUB',
      addresses: `fa:16:3e:00:00:01 172.24.4.${host}`,
      requestedChassis: 'cmp-1',
    });
  }
  return createNorthboundTopology(made.db.views, { hostname: 'cmp-1', systemId: 'C1' });
}

/** One life of an agent: reads, plans and writes once; what is planned then, and the bridge's table. */
async function live(
  topology: Topology,
): Promise<{ readonly plan: NodePlan; readonly table: number | undefined }> {
  const reader = new FactsReader(edge, CONFIG, silentLogger);
  const facts = await reader.read(AbortSignal.timeout(DEADLINE_MS));
  const node = new Node(edge, silentLogger);
  try {
    node.setScope(reader.scope(facts));
    expect(await node.read()).toEqual([]);
    const plan = node.plan(desiredNode(CONFIG, topology, facts, node).desired);
    const outcomes = await node.apply(plan);
    expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
    return { plan, table: facts.tables.get('br-ex') };
  } finally {
    node.close();
  }
}

/** Changes that cleanup makes. */
async function cleanUp(): Promise<number> {
  const parts = { config: CONFIG, edge, log: silentLogger };
  const cleanup = await planCleanup(parts, AbortSignal.timeout(DEADLINE_MS));
  const outcomes = await cleanup.apply(AbortSignal.timeout(DEADLINE_MS));
  cleanup.close();
  expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
  return changeCount(cleanup.plan);
}

function kernel(): string[] {
  const commands = [
    'rule',
    '-6 rule',
    'route show table all',
    '-6 route show table all proto static',
    'addr',
    'neigh',
  ];
  return commands.flatMap((command) =>
    namespace
      .ip(`-N ${command}`)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !/^valid_lft|fe80::|table 255|broadcast|multicast/.test(line)),
  );
}

describe('beside the policy routing of an operator', () => {
  beforeEach(() => {
    for (const line of [
      'route add default via 10.0.0.1 dev up0 table 1 proto static',
      'route add 10.50.0.0/16 via 10.0.0.2 dev up0 table 1',
      'rule add from 10.0.0.21 lookup 1 priority 100',
      'rule add to 10.77.0.0/16 lookup 1 priority 32000',
      '-6 route add 2001:db8:9::/48 dev up0 table 2 proto static',
      '-6 rule add to 2001:db8:9::/48 lookup 3',
      'addr add 169.254.10.1/32 dev br-ex',
      'neigh add 198.51.100.7 lladdr 02:00:00:00:00:07 dev br-ex nud permanent',
      'neigh add 172.24.4.11 lladdr 02:00:00:00:00:08 dev br-ex nud permanent',
    ])
      namespace.ip(line);
  });

  it('nothing is touched, the number is a free one and stays, and cleanup takes back what is ours', async () => {
    const before = kernel();
    expect(await cleanUp()).toBe(0);
    const first = await live(cloud('10', '11'));
    expect(first.table).toBe(4);
    expect(first.plan.blocked.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        'a neighbour with MAC address 02:00:00:00:00:08 stands there that the agent did not make',
      ]),
    );
    expect(before.filter((line) => !kernel().includes(line))).toEqual([]);
    expect(namespace.ip('route get 198.51.100.9 from 10.0.0.21')).toContain('via 10.0.0.1 dev up0');
    // The file is lost: what is in the table tells.
    rmSync(join(folder, 'rt_tables'));
    const second = await live(cloud('10', '11'));
    expect(second.table).toBe(4);
    expect(second.plan.stages.flatMap(({ changes }) => changes.map(({ op, key }) => `${op} ${key}`))).toEqual(
      ['add rt-table br-ex'],
    );
    expect(await cleanUp()).toBeGreaterThan(5);
    expect(kernel()).toEqual(before);
    expect(await cleanUp()).toBe(0);
  });

  it('a table that somebody begins to use keeps its number, and what is taken over is said', async () => {
    const { table } = await live(cloud('10'));
    namespace.ip(`route replace default via 10.0.0.1 dev up0 table ${table} proto static`);
    const { plan } = await live(cloud('10', '12'));
    expect(plan.blocked.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
      `route 4 ${table} 0.0.0.0/0 0: a route that is not the agent's stands there: route default via 10.0.0.1 dev up0 table ${table} (protocol 4)`,
    ]);
    expect(namespace.ip(`route show table ${table}`)).toContain('default via 10.0.0.1 dev up0 proto static');
    expect(namespace.ip(`route show table ${table}`)).toContain('172.24.4.12 dev br-ex');
  });
});

it('what the Python agent left in a table without a name is adopted, and what of it is stale goes', async () => {
  for (const line of [
    'route add default dev br-ex table 137',
    'rule add to 172.24.4.10 lookup 137 priority 32000',
    'rule add to 172.24.4.99 lookup 137 priority 32000',
    'route add 172.24.4.10 dev br-ex table 137',
    'route add 172.24.4.99 dev br-ex table 137',
    'neigh add 172.24.4.99 lladdr fa:16:3e:00:00:99 dev br-ex nud permanent',
  ])
    namespace.ip(line);
  const { table, plan } = await live(cloud('10'));
  expect([table, plan.blocked]).toEqual([137, []]);
  expect(namespace.ip('-N rule')).toContain('32000:\tfrom all to 172.24.4.10 lookup 137');
  expect(kernel().filter((line) => line.includes('172.24.4.99'))).toEqual([]);
  expect(await edge.files.readRtTables()).toEqual([{ number: 137, name: 'br-ex' }]);
  await cleanUp();
  expect(kernel().filter((line) => line.includes('172.24.4'))).toEqual([]);
});
