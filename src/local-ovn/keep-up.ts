/**
 * Keeps the node's own OVN running: brings it up, and starts again whatever ends, with growing delays.
 *
 * In: settings, edges, a signal to stop. Out: log lines, and a call for every change; it resolves when told to stop, and
 * leaves the processes running. What an operator runs is watched, and started by us only when nothing of it is left.
 */
import { Backoff } from '../base/backoff.ts';
import { bringUp, setKeys, startProcess } from './bring-up.ts';
import { inspectProcesses } from './inspect.ts';
import { processSpecs } from './processes.ts';
import { type LocalOvnEdge, switchFacts } from './survey.ts';
import { planKeys } from './switch-keys.ts';
import { LOCAL_PROCESSES, type LocalOvnSettings, type LocalOvnStatus, type LocalProcess } from './types.ts';
import { pause } from './wait-until.ts';

const LOOK_MS = 500;
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
  if (first.status.problems.length > 0) {
    throw new Error(`the node's own OVN cannot run: ${first.status.problems.join('; ')}`);
  }
  onUp(first.status);
  const watches = new Map<LocalProcess, Watch>(
    LOCAL_PROCESSES.map((name) => [
      name,
      { backoff: new Backoff(RESTART), startedAt: clock.now(), notBefore: 0 },
    ]),
  );
  while (!signal.aborted) {
    try {
      await pause(clock, LOOK_MS, signal);
      const facts = await switchFacts(edge);
      const southbound = facts?.externalIds.get(`ovn-remote-${settings.chassis}`);
      if (facts !== undefined) await repairKeys(settings, edge, facts, southbound, signal);
      const specs = processSpecs(settings, southbound);
      for (const { name, title, state } of await inspectProcesses(host, settings, southbound)) {
        const watch = watches.get(name);
        if (state !== 'absent' || watch === undefined || clock.now() < watch.notBefore) continue;
        if (clock.now() - watch.startedAt > STABLE_MS) watch.backoff.reset();
        const delayMs = watch.backoff.next();
        watch.startedAt = clock.now();
        watch.notBefore = clock.now() + delayMs;
        log.warn({ process: name, nextAfterMs: delayMs }, `${title} has ended: starting it again`);
        await startProcess(settings, edge, specs[name], false);
        log.info({ process: name }, `${title} runs again`);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'could not start what has ended; trying again');
    }
  }
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
