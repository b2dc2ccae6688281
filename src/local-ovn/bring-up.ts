/**
 * Starts what is missing of the node's own OVN: databases, ovn-northd, the second ovn-controller, and its keys.
 *
 * In: settings and the edges. Out: what was done and what is in the way. What runs already is kept, whoever started
 * it; so a second call does nothing. Nothing at all is done while there is a problem that would make it useless.
 */
import { mutate } from '../ovsdb/index.ts';
import { askDatabase } from './ask-database.ts';
import { prepareDatabase } from './databases.ts';
import { inspectProcesses, ownerMark } from './inspect.ts';
import { daemonArgv, databaseSpecs, type ProcessSpec, socketPath } from './processes.ts';
import { type LocalOvnEdge, type Survey, statusOf, survey } from './survey.ts';
import { LOCAL_PROCESSES, type LocalOvnSettings, type LocalOvnStatus, OWNER_VARIABLE } from './types.ts';
import { waitUntil } from './wait-until.ts';

export interface BringUpOptions {
  /** Whether OVS's own monitor starts a crashed process again; not where somebody else does that. */
  readonly monitored: boolean;
  /** Directories, databases and keys, but no process: the operator starts those. */
  readonly prepareOnly?: boolean;
}

export interface BringUpResult {
  readonly done: readonly string[];
  /** Why nothing was started. */
  readonly obstacles: readonly string[];
  readonly status: LocalOvnStatus;
}

/** A daemon detaches when it is ready; after that it answers at once. */
const START_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 30_000;

export async function bringUp(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  options: BringUpOptions,
  signal: AbortSignal,
): Promise<BringUpResult> {
  const found = await survey(settings, edge);
  const { obstacles } = found;
  if (obstacles.length > 0 || found.keys === undefined) {
    return { done: [], obstacles, status: statusOf(found) };
  }
  const done: string[] = [];
  const note = (text: string): void => {
    done.push(text);
    edge.log.info({}, text);
  };
  await prepare(settings, edge, found, note);
  // Before the controller starts: without its keys it would take the first controller's place.
  await setKeys(settings, edge, found.keys.set, note, signal);
  if (options.prepareOnly !== true) {
    for (const name of LOCAL_PROCESSES) {
      if (found.processes.some((process) => process.name === name && process.state !== 'absent')) continue;
      await startProcess(settings, edge, found.specs[name], options.monitored);
      note(`started ${found.specs[name].title}`);
    }
  }
  const after = await settled(settings, edge, signal);
  const status = statusOf(after);
  const missing = options.prepareOnly === true ? [] : status.missing;
  return { done, obstacles: after.obstacles, status: { ...status, missing } };
}

/** Starts one process as a daemon; throws with what it said when it does not come up. */
export async function startProcess(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  spec: ProcessSpec,
  monitored: boolean,
): Promise<void> {
  const { code, stderr } = await edge.host.run(daemonArgv(spec, monitored), {
    timeoutMs: START_TIMEOUT_MS,
    environment: {
      OVN_RUNDIR: settings.runDir,
      OVS_RUNDIR: settings.switchRunDir,
      [OWNER_VARIABLE]: ownerMark(spec.name, settings),
    },
  });
  if (code === 0) return;
  // What is wrong with a file or a lock is told to the log alone.
  const log = (await edge.host.read(spec.logFile)) ?? '';
  const said = [...lastLines(stderr, 3), ...lastLines(log, 3)].join('; ');
  throw new Error(`${spec.title} did not start (status ${code}; log ${spec.logFile}): ${said}`);
}

function lastLines(text: string, count: number): readonly string[] {
  return text.trim().split('\n').slice(-count);
}

/** Writes keys in one transaction. */
export async function setKeys(
  settings: LocalOvnSettings,
  { database }: LocalOvnEdge,
  keys: ReadonlyMap<string, string>,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (keys.size === 0) return;
  await database.transact(
    [
      mutate(
        'Open_vSwitch',
        [],
        [
          ['external_ids', 'delete', new Set(keys.keys())],
          ['external_ids', 'insert', keys],
        ],
      ),
    ],
    signal,
  );
  note(`set the keys of the chassis ${settings.chassis}: ${[...keys.keys()].sort().join(', ')}`);
}

/** Asks northd and the controller to catch up with the database (ovn-nbctl(8), --wait=hv); returns the milliseconds. */
export async function awaitCaughtUp(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const begin = edge.clock.now();
  const next = [mutate('NB_Global', [], [['nb_cfg', '+=', 1]])];
  if ((await askDatabase(settings.nbRemote, 'OVN_Northbound', next, timeoutMs)) === undefined)
    return undefined;
  const caughtUp = await waitUntil(edge.clock, timeoutMs, signal, async () => {
    const read = { op: 'select', table: 'NB_Global', where: [], columns: ['nb_cfg', 'hv_cfg'] } as const;
    const [result] = (await askDatabase(settings.nbRemote, 'OVN_Northbound', [read], timeoutMs)) ?? [];
    const row = result?.rows?.[0];
    return row !== undefined && Number(row.hv_cfg) >= Number(row.nb_cfg);
  });
  return caughtUp ? edge.clock.now() - begin : undefined;
}

async function prepare(
  settings: LocalOvnSettings,
  { host }: LocalOvnEdge,
  found: Survey,
  note: (text: string) => void,
): Promise<void> {
  const absent = new Set(found.processes.filter(({ state }) => state === 'absent').map(({ name }) => name));
  if (absent.size === 0) return;
  await host.makeDirectory(settings.runDir);
  await host.makeDirectory(settings.logDir);
  const databases = databaseSpecs(settings, found.southbound);
  for (const name of ['nb', 'sb'] as const) {
    if (!absent.has(name)) continue;
    const socket = socketPath(databases[name].remote);
    if (socket !== undefined) await host.makeDirectory(socket.slice(0, socket.lastIndexOf('/')) || '/');
    await host.makeDirectory(settings.databaseDir);
    const what = await prepareDatabase(host, databases[name]);
    if (what !== undefined) note(what);
  }
}

/** The survey, once nothing is silent any more or has been so for too long: what has just started needs its time. */
async function settled(settings: LocalOvnSettings, edge: LocalOvnEdge, signal: AbortSignal): Promise<Survey> {
  await waitUntil(edge.clock, ANSWER_TIMEOUT_MS, signal, async () => {
    const southbound = edge.database.tables()?.Open_vSwitch;
    const [root] = southbound ?? [];
    const remote = root?.external_ids.get(`ovn-remote-${settings.chassis}`);
    const processes = await inspectProcesses(edge.host, settings, remote);
    return processes.every(({ state }) => state !== 'silent');
  });
  return survey(settings, edge);
}
