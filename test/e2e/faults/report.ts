/** The table of what the drills measured: as Markdown, and between the markers of docs/reliability.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { PROJECT_DIRECTORY } from '../../../lab/lab.ts';

export interface DrillResult {
  readonly group: string;
  readonly name: string;
  /** What was done, and what was found besides the times. */
  readonly done: string;
  /** From the damage, or from the moment when a repair became possible, to the repair on the node. */
  readonly repairedMs: number | undefined;
  /** The longest absence of one of the node's prefixes at one of the leafs. */
  readonly routeOutageMs: number;
  readonly pingOutageMs: number;
  /** Whose time the outage is. */
  readonly cause: string;
}

const PAGE = `${PROJECT_DIRECTORY}/docs/reliability.md`;
const BEGIN = '<!-- measured: begin -->';
const END = '<!-- measured: end -->';

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
      const outage = result.routeOutageMs > 0 || result.pingOutageMs > 0;
      const cells = [
        result.name,
        result.done,
        result.repairedMs === undefined ? 'nothing to repair' : duration(result.repairedMs),
        result.routeOutageMs === 0 ? 'never' : duration(result.routeOutageMs),
        result.pingOutageMs === 0 ? 'none lost' : duration(result.pingOutageMs),
        outage ? result.cause : '',
      ];
      lines.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
    }
  }
  return lines.join('\n').trimStart();
}

/** Replaces the table in the page; fails when the page has lost its markers. */
export async function writeResults(results: readonly DrillResult[]): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${PAGE} has no ${BEGIN} and ${END} around its table`);
  await writeFile(PAGE, `${page.slice(0, from)}${BEGIN}\n\n${resultTable(results)}\n\n${page.slice(to)}`);
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
