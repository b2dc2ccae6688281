/**
 * This project's agent and the Python agent on the same node, in turns, in a guest with a kernel that both can work on:
 * from a row to the address and to the route at the leaf, starting, idling.
 *
 * Debian's package of the Python agent is in the guest's root file system only. What this writes are ratios: a guest has
 * one processor, and everything in it takes several times as long as on a machine.
 */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PROJECT_DIRECTORY } from '../lab/lab.ts';
import { Guest } from '../lab/uml/guest.ts';
import { type ComparisonOptions, plannedTurns } from './comparison/plan.ts';
import { changeReport, idleReport, startReport } from './comparison/reports.ts';
import type { Turn } from './comparison/turn.ts';
import { progress } from './support/progress.ts';
import type { Report } from './support/report.ts';
import { median } from './support/statistics.ts';

const WORKER = `${PROJECT_DIRECTORY}/dist/bench/workers/compare-agents.js`;
const PACKAGES = ['ovn-bgp-agent'];
const LOAD_EVERY_MS = 60_000;

/** A line of the file with the turns: a turn, what the guest is, or the machine's load while turns were taken. */
export type TurnRecord = Turn | { readonly guest: string } | { readonly loads: readonly number[] };

export interface PythonOptions extends ComparisonOptions {
  /** Turns of earlier runs are in it and count, too; those of this run are added. */
  readonly turns?: string | undefined;
}

export async function benchPython(options: PythonOptions = {}): Promise<readonly Report[]> {
  const own = options.turns === undefined ? await mkdtemp(join(tmpdir(), 'bench-python-')) : undefined;
  const file = resolve(options.turns ?? join(own ?? '', 'turns'));
  try {
    const plans = plannedTurns(options);
    if (plans.length > 0) await inGuest(['node', WORKER, file, JSON.stringify(plans)], file);
    const text = await readFile(file, 'utf8');
    const records = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as TurnRecord]));
    const turns = records.flatMap((record) => ('plan' in record ? [record] : []));
    const machine = describe(records);
    return [changeReport(turns), startReport(turns), idleReport(turns)].map((report) => ({
      ...report,
      machine,
    }));
  } finally {
    if (own !== undefined) await rm(own, { recursive: true, force: true });
  }
}

/** The guest, and how busy the machine below it was while turns were taken. */
function describe(records: readonly TurnRecord[]): string {
  const guest = records.flatMap((record) => ('guest' in record ? [record.guest] : [])).at(-1) ?? '';
  const loads = records.flatMap((record) => ('loads' in record ? record.loads : []));
  const [low, high] = [Math.min(...loads), Math.max(...loads)];
  const parts =
    loads.length === 0
      ? ''
      : `; load of the machine below ${low.toFixed(1)} to ${high.toFixed(1)}, median ${median(loads).toFixed(1)}`;
  return `a guest: ${guest}${parts}`;
}

async function inGuest(argv: readonly string[], file: string): Promise<void> {
  const loads: number[] = [];
  const sampling = setInterval(() => loads.push(loadavg()[0] ?? Number.NaN), LOAD_EVERY_MS);
  const guest = await Guest.up(
    { name: `bench-${process.pid}`, suite: 'trixie', packages: PACKAGES, share: dirname(file) },
    ({ step, state }) => {
      if (state === 'begin') progress(`python: ${step}`);
    },
  );
  try {
    const status = await guest.run(argv, PROJECT_DIRECTORY);
    if (status !== 0) progress('python: not every turn was taken; the report has the others');
  } finally {
    clearInterval(sampling);
    await guest.down();
    await appendFile(file, `${JSON.stringify({ loads } satisfies TurnRecord)}\n`);
  }
}
