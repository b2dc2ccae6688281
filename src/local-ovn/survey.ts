/**
 * Everything about the node's own OVN at one moment: what is there, what the keys should be, what is in the way.
 *
 * In: settings and the edges. Out: one `Survey`; what is wrong is in it as sentences. Nothing is changed.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { buildSnapshot } from '../openvswitch/snapshot.ts';
import type { SwitchDatabase } from '../openvswitch/switch-database.ts';
import { select } from '../ovsdb/index.ts';
import { askDatabase } from './ask-database.ts';
import {
  type Capabilities,
  type Findings,
  judge,
  NEEDED_PROGRAMS,
  SCHEMA_FILES,
  type SchemaText,
} from './capabilities.ts';
import { findSchema } from './databases.ts';
import type { LocalOvnHost } from './host.ts';
import { inspectProcesses } from './inspect.ts';
import { type ProcessSpec, processSpecs, socketPath } from './processes.ts';
import { type KeyPlan, planKeys, type SwitchFacts } from './switch-keys.ts';
import type { LocalOvnSettings, LocalOvnStatus, LocalProcess, ProcessStatus } from './types.ts';

export interface LocalOvnEdge {
  readonly host: LocalOvnHost;
  /** The node's `Open_vSwitch` database. */
  readonly database: SwitchDatabase;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Survey {
  readonly processes: readonly ProcessStatus[];
  readonly specs: Readonly<Record<LocalProcess, ProcessSpec>>;
  /** Absent when the switch's database does not answer. */
  readonly keys: KeyPlan | undefined;
  readonly facts: SwitchFacts | undefined;
  readonly southbound: string | undefined;
  readonly capabilities: Capabilities;
  readonly versions: ReadonlyMap<string, string>;
  /** Why starting anything would be of no use. */
  readonly obstacles: readonly string[];
  /** Processes that are there and do not answer. */
  readonly silent: readonly string[];
}

const SWITCH_MS = 5000;
const DATABASE_MS = 2000;

export async function survey(settings: LocalOvnSettings, edge: LocalOvnEdge): Promise<Survey> {
  const { host } = edge;
  const facts = await switchFacts(edge);
  const southbound = facts?.externalIds.get(`ovn-remote-${settings.chassis}`);
  const specs = processSpecs(settings, southbound);
  const processes = await inspectProcesses(host, settings, southbound);
  const absent = processes.filter(({ state }) => state === 'absent').map(({ name }) => name);
  const findings = await find(host);
  const capabilities = judge(findings, new Set(absent.map((name) => specs[name].program)));
  const keys =
    facts === undefined
      ? undefined
      : planKeys(facts, {
          chassis: settings.chassis,
          southbound: southbound ?? `unix:${settings.runDir}/ovnsb_db.sock`,
          externalNics: settings.externalNics,
        });
  const obstacles = [
    ...(facts === undefined
      ? [
          `the switch's database at ${settings.switchRemote} does not answer: is ovsdb-server of Open vSwitch running?`,
        ]
      : []),
    ...capabilities.problems,
    ...(keys?.problems ?? []),
    ...remoteProblems(settings, southbound, absent),
    ...(await foreignProblems(settings, processes)),
  ];
  return {
    processes,
    specs,
    keys,
    facts,
    southbound,
    capabilities,
    versions: findings.versions,
    obstacles,
    silent: silentProblems(processes, specs),
  };
}

export function statusOf(found: Survey): LocalOvnStatus {
  return {
    processes: found.processes,
    problems: [...found.obstacles, ...found.silent],
    missing: [
      ...found.processes
        .filter(({ state }) => state === 'absent')
        .map(({ title }) => `${title} does not run`),
      ...[...(found.keys?.set ?? [])]
        .filter(([key]) => !key.startsWith('ovn-bgp-agent'))
        .map(([key, value]) => `external_ids:${key}=${value} is not set`),
    ],
    versions: Object.fromEntries(found.versions),
    keys: Object.fromEntries(found.keys?.keys ?? []),
  };
}

/** The switch's part of the facts, once its database has been read; `undefined` when it does not answer in time. */
export async function switchFacts({ database, clock }: LocalOvnEdge): Promise<SwitchFacts | undefined> {
  const read = (): SwitchFacts | undefined => {
    const tables = database.tables();
    if (tables === undefined) return undefined;
    const [root] = tables.Open_vSwitch;
    return { externalIds: root?.external_ids ?? new Map(), bridges: buildSnapshot(tables).bridges };
  };
  return new Promise((resolve) => {
    const finish = (facts: SwitchFacts | undefined): void => {
      cancel();
      unsubscribe();
      resolve(facts);
    };
    const unsubscribe = database.subscribe(() => {
      const facts = read();
      if (facts !== undefined) finish(facts);
    });
    const cancel = clock.after(SWITCH_MS, () => finish(undefined));
    const now = read();
    if (now !== undefined) finish(now);
  });
}

async function find(host: LocalOvnHost): Promise<Findings> {
  const paths = new Map<string, string>();
  const versions = new Map<string, string>();
  for (const program of NEEDED_PROGRAMS) {
    const path = await host.find(program);
    if (path === undefined) continue;
    paths.set(program, path);
    if (!program.startsWith('ovn-') && program !== 'ovsdb-server') continue;
    const { stdout } = await host.run([path, '--version']);
    versions.set(program, stdout.split('\n')[0]?.trim() ?? '');
  }
  const [controller, northd] = [paths.get('ovn-controller'), paths.get('ovn-northd')];
  const schemas = new Map<string, SchemaText>();
  for (const name of SCHEMA_FILES) {
    const path = await findSchema(host, name);
    const text = path === undefined ? undefined : await host.read(path);
    if (text !== undefined) schemas.set(name, JSON.parse(text) as SchemaText);
  }
  return {
    programs: new Set(paths.keys()),
    versions,
    controllerHelp: controller === undefined ? '' : (await host.run([controller, '--help'])).stdout,
    conntrackZoneRange: controller !== undefined && (await host.holds(controller, 'ct-zone-range')),
    arpProxy: northd !== undefined && (await host.holds(northd, 'arp_proxy')),
    schemas,
  };
}

/** A database that is not on a socket of this node cannot be started here. */
function remoteProblems(
  settings: LocalOvnSettings,
  southbound: string | undefined,
  absent: readonly LocalProcess[],
): string[] {
  const problems: string[] = [];
  if (absent.includes('nb') && socketPath(settings.nbRemote) === undefined) {
    problems.push(
      `[local_ovn_cluster] ovn_nb_connection is ${settings.nbRemote}, where nothing answers, and only unix:/path can be started here`,
    );
  }
  if (absent.includes('sb') && southbound !== undefined && socketPath(southbound) === undefined) {
    problems.push(
      `external_ids:ovn-remote-${settings.chassis} is ${southbound}, where nothing answers, and only unix:/path can be started here`,
    );
  }
  return problems;
}

function silentProblems(
  processes: readonly ProcessStatus[],
  specs: Readonly<Record<LocalProcess, ProcessSpec>>,
): string[] {
  return processes.flatMap(({ name, title, state, pid, says }) => {
    if (state !== 'silent') return [];
    const saying = says === undefined ? 'does not answer' : `says "${says}"`;
    return [`${title} (pid ${pid ?? 'unknown'}) ${saying}; its log is ${specs[name].logFile}`];
  });
}

/** The agent would write its rows into the cloud's own database. */
async function foreignProblems(
  settings: LocalOvnSettings,
  processes: readonly ProcessStatus[],
): Promise<string[]> {
  if (!processes.some(({ name, state }) => name === 'nb' && state === 'running')) return [];
  const switches = select('Logical_Switch', [], ['name']);
  const [result] = (await askDatabase(settings.nbRemote, 'OVN_Northbound', [switches], DATABASE_MS)) ?? [];
  const foreign = (result?.rows ?? []).filter(
    ({ name }) => typeof name === 'string' && name.startsWith('neutron-'),
  );
  if (foreign.length === 0) return [];
  return [
    `[local_ovn_cluster] ovn_nb_connection is ${settings.nbRemote}, and that is the cloud's database (${foreign.length} networks of Neutron are in it): give the node's own one another place, unix:${settings.runDir}/ovnnb_db.sock`,
  ];
}
