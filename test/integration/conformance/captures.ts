/**
 * The captured clouds: which there are, their databases served by real ovsdb-servers, and what the agent makes of them.
 *
 * In: a fixture's name. Out: for each of its nodes the captured state and a node in memory that holds it; a planner's
 * desired state over the real client, replica and topology.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DesiredNode, desiredNode } from '../../../src/agent/desired-node.ts';
import { FactsReader } from '../../../src/agent/facts-reader.ts';
import { readIdentity } from '../../../src/agent/identity.ts';
import { openOvnSource, ovnPlaces } from '../../../src/agent/ovn-source.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { defaultConfig } from '../../../src/config/assemble.ts';
import type { AgentConfig } from '../../../src/config/types.ts';
import type { NodeEdge } from '../../../src/node/edge.ts';
import type { FakeNode } from '../../../src/node/fake-node.ts';
import type { NodeScope } from '../../../src/node/objects.ts';
import { buildSnapshot } from '../../../src/openvswitch/snapshot.ts';
import { openSwitchDatabase } from '../../../src/openvswitch/switch-database.ts';
import type { OvsSnapshot } from '../../../src/openvswitch/types.ts';
import type { Topology } from '../../../src/ovn/topology.ts';
import { type OvsdbServer, startOvsdbServer, VSWITCH_SCHEMA } from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';
import { capturedNode } from './captured-node.ts';
import { type CapturedState, parseCapturedState } from './captured-state.ts';

export const NODES = ['compute1', 'compute2', 'gw1'] as const;
export type NodeName = (typeof NODES)[number];

export const SCENARIOS = ['nb-underlay', 'sb-provider-fip'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export type Driver = 'nb_ovn_bgp_driver' | 'ovn_bgp_driver';
/** The driver of the Python agent that made the captured state, from the database that goes with it. */
export const CAPTURED_DRIVER: Readonly<Record<Scenario, Driver>> = {
  'nb-underlay': 'nb_ovn_bgp_driver',
  'sb-provider-fip': 'ovn_bgp_driver',
};

export const DATABASE_FILE: Readonly<Record<Driver, string>> = {
  nb_ovn_bgp_driver: 'ovn-nb.db',
  ovn_bgp_driver: 'ovn-sb.db',
};
/** Every captured cloud through either driver. */
export const CASES: readonly (readonly [Scenario, Driver])[] = SCENARIOS.flatMap((scenario) =>
  (['nb_ovn_bgp_driver', 'ovn_bgp_driver'] as const).map((driver) => [scenario, driver] as const),
);

export interface CapturedCloud {
  readonly config: AgentConfig;
  state(node: NodeName): CapturedState;
  /** A node in memory as the Python agent left it; a new one for every call. */
  node(name: NodeName): Promise<FakeNode>;
  snapshot(node: NodeName): OvsSnapshot;
  stop(): Promise<void>;
}

export interface Computed extends DesiredNode {
  readonly scope: NodeScope;
}

const FIXTURES = join(import.meta.dirname, '../../fixtures/golden');
const DEADLINE_MS = 15_000;

/** Serves the database that `driver` reads; of the two, the captured one unless told. */
export async function startCloud(
  scenario: Scenario,
  driver: Driver = CAPTURED_DRIVER[scenario],
): Promise<CapturedCloud> {
  const database = fixturePath(scenario, DATABASE_FILE[driver]);
  const server = await startOvsdbServer({ schemas: [], databases: [database] });
  try {
    const snapshots = new Map<NodeName, OvsSnapshot>();
    for (const node of NODES) snapshots.set(node, await readSnapshot(fixture(scenario, `${node}.ovs.json`)));
    const state = (node: NodeName): CapturedState => parseCapturedState(fixture(scenario, `${node}.txt`));
    const snapshot = (node: NodeName): OvsSnapshot => snapshots.get(node) ?? missing(node);
    return {
      config: defaultConfig({
        driver,
        exposingMethod: 'underlay',
        advertiseVia: 'vrf',
        ...(driver === 'nb_ovn_bgp_driver'
          ? { ovnNbConnection: server.remote }
          : { ovnSbConnection: server.remote }),
      }),
      state,
      snapshot,
      node: (name) => capturedNode(state(name), snapshot(name)),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** What the agent wants on the node behind `edge`: the same parts in the same order as in a dry run. */
export function compute(edge: NodeEdge, config: AgentConfig): Promise<Computed> {
  return withTopology(edge, config, async (topology) => {
    const reader = new FactsReader(edge, config, silentLogger);
    const facts = await reader.read(AbortSignal.timeout(DEADLINE_MS));
    return { ...desiredNode(config, topology, facts), scope: reader.scope(facts) };
  });
}

/** The captured cloud from the point of view of a node, while `use` runs. */
export async function withTopology<T>(
  edge: NodeEdge,
  config: AgentConfig,
  use: (topology: Topology) => Promise<T>,
): Promise<T> {
  const snapshot = edge.ovs.snapshot() ?? missing('the local switch');
  const identity = readIdentity(snapshot, 'not-the-host-name') ?? missing('system-id');
  const places = ovnPlaces(config, snapshot);
  if (!places.ok) throw new Error(places.problem);
  const source = openOvnSource(config, places, identity, silentLogger, { changed: () => undefined });
  try {
    await source.whenSynchronized(AbortSignal.timeout(DEADLINE_MS));
    return await use(source.topology);
  } finally {
    await source.close();
  }
}

/** Rows of `ovsdb-client dump`, put into a real database and read by the room that reads them on a node. */
async function readSnapshot(dump: string): Promise<OvsSnapshot> {
  const server = await startOvsdbServer({ schemas: [VSWITCH_SCHEMA] });
  try {
    await insertDump(server, dump);
    const database = openSwitchDatabase(server.remote, silentLogger);
    try {
      return buildSnapshot(await until('the local switch is read', () => database.tables(), DEADLINE_MS));
    } finally {
      await database.close();
    }
  } finally {
    await server.stop();
  }
}

interface DumpedTable {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

async function insertDump(server: OvsdbServer, dump: string): Promise<void> {
  const tables = dump
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DumpedTable);
  const operations = tables.flatMap(({ caption, headings, data }) =>
    data.map(([id, ...values]) => {
      const columns = headings.slice(1).map((heading, index) => [heading, renamed(values[index])]);
      const [, name] = renamed(id) as readonly [string, string];
      return {
        op: 'insert',
        table: caption.replace(/ table$/, ''),
        row: Object.fromEntries(columns),
        'uuid-name': name,
      };
    }),
  );
  await server.transact('Open_vSwitch', operations);
}

/** References become names within the transaction: a server chooses the UUIDs of its rows. */
function renamed(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [tag, uuid] = value as readonly unknown[];
  if (tag === 'uuid' && typeof uuid === 'string') return ['named-uuid', `row_${uuid.replaceAll('-', '_')}`];
  return value.map(renamed);
}

/** Where a captured file is. */
export function fixturePath(scenario: Scenario, file: string): string {
  return join(FIXTURES, scenario, file);
}

function fixture(scenario: Scenario, file: string): string {
  return readFileSync(fixturePath(scenario, file), 'utf8');
}

function missing(what: string): never {
  throw new Error(`the capture lacks ${what}`);
}
