/**
 * Stops the processes that `bringUp` started, and with `purge` removes what it made.
 *
 * In: settings and the edges. Out: what was done, and what was left alone and why. Without `purge` traffic goes on: the
 * integration bridge with its flows, the patch ports, the keys and the databases stay. What an operator runs or wrote
 * is never touched.
 */
import type { Uuid } from '../ovsdb/index.ts';
import { mutate, type Operation, uuid } from '../ovsdb/index.ts';
import { control, inspectProcesses, isMonitor, processesOf } from './inspect.ts';
import { databaseSpecs, type ProcessSpec, processSpecs } from './processes.ts';
import { type LocalOvnEdge, switchFacts } from './survey.ts';
import { integrationBridge, keysToRemove } from './switch-keys.ts';
import { LOCAL_PROCESSES, type LocalOvnSettings, OWNER_VARIABLE } from './types.ts';
import { waitUntil } from './wait-until.ts';

export interface TakeDownResult {
  readonly done: readonly string[];
  /** What was left, and why; not a failure. */
  readonly kept: readonly string[];
  readonly problems: readonly string[];
}

const EXIT_MS = 10_000;

export async function takeDown(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  options: { readonly purge: boolean },
  signal: AbortSignal,
): Promise<TakeDownResult> {
  const facts = await switchFacts(edge);
  const southbound = facts?.externalIds.get(`ovn-remote-${settings.chassis}`);
  const specs = processSpecs(settings, southbound);
  const done: string[] = [];
  const kept: string[] = [];
  const problems: string[] = [];
  for (const name of LOCAL_PROCESSES.toReversed()) {
    const spec = specs[name];
    const [status] = (await inspectProcesses(edge.host, settings, southbound)).filter(
      (one) => one.name === name,
    );
    if (status === undefined || status.state === 'absent') continue;
    if (status.owner !== 'ours') {
      const unit = status.unit === undefined ? '' : ` (${status.unit})`;
      kept.push(`${spec.title} is run by somebody else${unit}: left running`);
      continue;
    }
    if (await stopProcess(settings, edge, spec, options.purge, signal)) done.push(`stopped ${spec.title}`);
    else
      problems.push(
        `${spec.title} (pid ${status.pid ?? 'unknown'}) does not end; its log is ${spec.logFile}`,
      );
  }
  if (!options.purge) return { done, kept, problems };
  if (kept.length > 0 || problems.length > 0) {
    problems.push('nothing was removed: stop the processes that are left first');
    return { done, kept, problems };
  }
  if (facts === undefined) {
    problems.push(
      `the switch's database at ${settings.switchRemote} does not answer: bridge and keys were not removed`,
    );
  } else {
    await purgeSwitch(settings, edge, done, signal);
  }
  await purgeFiles(settings, edge, southbound, done);
  return { done, kept, problems };
}

/** Ends process and monitor; the controller of a node that goes on keeps its Chassis row, which it finds again. */
async function stopProcess(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  spec: ProcessSpec,
  purge: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const alive = async () =>
    processesOf(spec, await edge.host.processes(), settings).filter(({ environment }) =>
      environment.has(OWNER_VARIABLE),
    );
  const found = await alive();
  const process = found.find(({ argv }) => !isMonitor(argv));
  const restart = spec.name === 'controller' && !purge ? ['--restart'] : [];
  const answered =
    process !== undefined && (await control(edge.host, spec, process, ['exit', ...restart])) !== undefined;
  // A monitor whose process ends in an orderly way ends, too.
  if (!answered) for (const { pid } of found) edge.host.signal(pid, 'SIGTERM');
  return waitUntil(edge.clock, EXIT_MS, signal, async () => (await alive()).length === 0);
}

/** Bridge, patch ports on other bridges and keys, in one transaction. */
async function purgeSwitch(
  settings: LocalOvnSettings,
  { database }: LocalOvnEdge,
  done: string[],
  signal: AbortSignal,
): Promise<void> {
  const tables = database.tables();
  const [root] = tables?.Open_vSwitch ?? [];
  if (tables === undefined || root === undefined) return;
  const { chassis } = settings;
  const name = integrationBridge(root.external_ids, chassis);
  const keys = keysToRemove(root.external_ids, chassis);
  const ours = keys.includes(`ovn-bridge-${chassis}`);
  const operations: Operation[] = [];
  for (const bridge of ours ? tables.Bridge : []) {
    if (bridge.name === name) {
      operations.push(mutate('Open_vSwitch', [], [['bridges', 'delete', uuid(bridge._uuid)]]));
      done.push(`removed the bridge ${name}`);
      continue;
    }
    const ports = bridge.ports.filter(
      (port: Uuid) => tables.Port.get(port)?.name.endsWith(`-to-${name}`) === true,
    );
    if (ports.length === 0) continue;
    operations.push(
      mutate('Bridge', [['name', '==', bridge.name]], [['ports', 'delete', new Set(ports.map(uuid))]]),
    );
    done.push(`removed ${ports.length} patch ports of ${bridge.name}`);
  }
  if (keys.length > 0) {
    operations.push(mutate('Open_vSwitch', [], [['external_ids', 'delete', new Set(keys)]]));
    done.push(`removed the keys of the chassis ${chassis}`);
  }
  if (operations.length > 0) await database.transact(operations, signal);
}

async function purgeFiles(
  settings: LocalOvnSettings,
  { host }: LocalOvnEdge,
  southbound: string | undefined,
  done: string[],
): Promise<void> {
  for (const database of Object.values(databaseSpecs(settings, southbound))) {
    const { file } = database;
    if (!(await host.exists(file))) continue;
    await host.remove(file);
    await host.remove(
      `${file.slice(0, file.lastIndexOf('/'))}/.${file.slice(file.lastIndexOf('/') + 1)}.~lock~`,
    );
    done.push(`removed ${file}`);
  }
  for (const spec of Object.values(processSpecs(settings, southbound))) {
    for (const file of [spec.pidFile, spec.controlSocket]) await host.remove(file);
  }
}
