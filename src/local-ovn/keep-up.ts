/**
 * Keeps the node's own OVN running: brings it up, and starts again whatever ends, with growing delays.
 *
 * In: settings, edges, a signal to stop. Out: log lines, and a call for every change; it resolves when told to stop, and
 * leaves the processes running. What an operator runs is watched, and started by us only when nothing of it is left.
 */
import { Backoff } from '../base/backoff.ts';
import { bringUp, setKeys, startProcess } from './bring-up.ts';
import { absentProcesses } from './inspect.ts';
import { type ProcessSpec, processSpecs } from './processes.ts';
import { type LocalOvnEdge, switchFacts } from './survey.ts';
import { planKeys } from './switch-keys.ts';
import { LOCAL_PROCESSES, type LocalOvnSettings, type LocalOvnStatus, type LocalProcess } from './types.ts';
import { pause } from './wait-until.ts';

/** A look costs four system calls, until something has ended. */
const LOOK_MS = 250;
/** Looks between two that ask for everything again: what an operator runs may have taken another's place. */
const THOROUGH_EVERY = 120;
const RESTART = { minMs: 500, maxMs: 30_000 };
/** A process that ran so long has come up well: its next restart is prompt again. */
const STABLE_MS = 60_000;

interface Watch {
  readonly backoff: Backoff;
  startedAt: number;
  /** Not started again before then. */
  notBefore: number;
}

export async function keepUp(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  onUp: (status: LocalOvnStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, host } = edge;
  // The delays are ours here, so OVS's monitors would only be in the way.
  const first = await bringUp(settings, edge, { monitored: false }, signal);
  if (first.obstacles.length > 0) {
    throw new Error(`the node's own OVN cannot run: ${first.obstacles.join('; ')}`);
  }
  for (const problem of first.status.problems) log.warn({}, problem);
  onUp(first.status);
  const watches = new Map<LocalProcess, Watch>();
  let pids: readonly number[] = [];
  let looks = 0;
  while (!signal.aborted) {
    try {
      await pause(clock, LOOK_MS, signal);
      const facts = await switchFacts(edge);
      const southbound = facts?.externalIds.get(`ovn-remote-${settings.chassis}`);
      if (facts !== undefined) await repairKeys(settings, edge, facts, southbound, signal);
      const complete = pids.length >= LOCAL_PROCESSES.length && pids.every((pid) => host.isAlive(pid));
      looks += 1;
      if (complete && looks % THOROUGH_EVERY !== 0) continue;
      const found = await absentProcesses(host, settings, southbound);
      pids = found.pids;
      for (const name of found.absent) {
        await restart(settings, edge, processSpecs(settings, southbound)[name], watchOf(watches, name));
      }
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'could not start what has ended; trying again');
    }
  }
}

async function restart(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  spec: ProcessSpec,
  watch: Watch,
): Promise<void> {
  const { clock, log } = edge;
  const now = clock.now();
  if (now < watch.notBefore) return;
  if (now - watch.startedAt > STABLE_MS) watch.backoff.reset();
  const delayMs = watch.backoff.next();
  watch.startedAt = now;
  watch.notBefore = now + delayMs;
  log.warn({ process: spec.name, notAgainBeforeMs: delayMs }, `${spec.title} has ended: starting it again`);
  await startProcess(settings, edge, spec, false);
  log.info({ process: spec.name }, `${spec.title} runs again`);
}

function watchOf(watches: Map<LocalProcess, Watch>, name: LocalProcess): Watch {
  const watch = watches.get(name) ?? { backoff: new Backoff(RESTART), startedAt: 0, notBefore: 0 };
  watches.set(name, watch);
  return watch;
}

async function repairKeys(
  settings: LocalOvnSettings,
  edge: LocalOvnEdge,
  facts: NonNullable<Awaited<ReturnType<typeof switchFacts>>>,
  southbound: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { chassis, externalNics, runDir } = settings;
  const plan = planKeys(facts, {
    chassis,
    externalNics,
    southbound: southbound ?? `unix:${runDir}/ovnsb_db.sock`,
  });
  await setKeys(settings, edge, plan.set, (text) => edge.log.warn({}, text), signal);
}
