/**
 * The table of what the drills measured: as Markdown, and between the markers of docs/reliability.md.
 *
 * A guest cannot write to the project: there RESULTS_PAGE names the file that the page is written to.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { PROJECT_DIRECTORY } from '../../../lab/lab.ts';
import type { Ground } from './stage.ts';

export interface DrillResult {
  readonly group: string;
  readonly name: string;
  /** What was done, and what was found besides the times. */
  readonly done: string;
  /** From the damage, or from the moment when a repair became possible, to the repair on the node. */
  readonly repairedMs: number | undefined;
  /** The longest absence of one of the node's prefixes at one of the leafs. */
  readonly routeOutageMs: number | undefined;
  readonly pingOutageMs: number | undefined;
  /** Whose time the outage is. */
  readonly cause: string;
}

const PAGE = `${PROJECT_DIRECTORY}/docs/reliability.md`;
const MARKERS = { machine: 'measured', guest: 'measured in a guest' } as const;

export function resultTable(results: readonly DrillResult[]): string {
  const lines: string[] = [];
  for (const group of new Set(results.map((result) => result.group))) {
    lines.push(
      '',
      `### ${group}`,
      '',
      '| drill | done and seen | repaired after | prefix missing at a leaf | pings lost for | whose time |',
      '|---|---|---:|---:|---:|---|',
    );
    for (const result of results.filter((one) => one.group === group)) {
      const outage = [result.routeOutageMs, result.pingOutageMs].some((ms) => ms !== undefined && ms > 0);
      const cells = [
        result.name,
        result.done,
        result.repairedMs === undefined ? 'nothing to repair' : duration(result.repairedMs),
        absence(result.routeOutageMs, 'never'),
        absence(result.pingOutageMs, 'none lost'),
        outage ? result.cause : '',
      ];
      lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
    }
  }
  return lines.join('\n').trimStart();
}

/** Replaces one of the tables in the page; fails when the page has lost its markers. */
export async function writeResults(
  results: readonly DrillResult[],
  { guest }: Ground,
  versions: string,
): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const marker = MARKERS[guest ? 'guest' : 'machine'];
  const [begin, end] = [`<!-- ${marker}: begin -->`, `<!-- ${marker}: end -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${PAGE} has no ${begin} and ${end} around its table`);
  const text = `${page.slice(0, from)}${begin}\n\n${versions}\n\n${resultTable(results)}\n\n${page.slice(to)}`;
  await writeFile(process.env.RESULTS_PAGE ?? PAGE, text);
}

function absence(ms: number | undefined, none: string): string {
  if (ms === undefined) return 'not measured';
  return ms === 0 ? none : duration(ms);
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
