/**
 * Which routing table belongs to which provider bridge.
 *
 * In: the names of tables, the mapped bridges, numbers that no bridge can have (of VRFs), tables that hold what the agent or
 * its predecessor made for a bridge, numbers that somebody uses without a name. Out: a number for each bridge. A line that
 * names the bridge counts, else what the kernel holds, so a number stays for good. A bridge is left out when its line has a
 * number that cannot be used, or when no number is free; its exposures then stay pending.
 */
import type { RtTableEntry } from '../node/edge.ts';

/** Numbers for new lines; 0 and 253 to 255 are the kernel's own (linux/rtnetlink.h). */
const FIRST_FREE = 1;
const LAST_FREE = 252;
const KERNEL_TABLES: ReadonlySet<number> = new Set([0, 253, 254, 255]);
const MAX_TABLE = 0xffffffff;

/** What is known of tables besides their names. */
export interface TableKnowledge {
  /** Tables of bridges that have no line, by what is in them. */
  readonly held?: ReadonlyMap<string, number>;
  /** Numbers that are in use: not for a new line. */
  readonly used?: Iterable<number>;
}

export function assignTables(
  lines: readonly RtTableEntry[],
  bridges: readonly string[],
  taken: Iterable<number>,
  { held, used: inUse = [] }: TableKnowledge = {},
): ReadonlyMap<string, number> {
  const used = new Set(taken);
  const numbers = new Map<string, number>();
  const unlisted: string[] = [];
  for (const bridge of new Set(bridges)) {
    // Of several lines with the name, the first counts.
    const line = lines.find((entry) => entry.name === bridge);
    if (line === undefined) {
      unlisted.push(bridge);
    } else if (isUsable(line.number) && !used.has(line.number)) {
      numbers.set(bridge, line.number);
      used.add(line.number);
    }
  }
  for (const line of lines) used.add(line.number);
  for (const bridge of unlisted) {
    const number = held?.get(bridge);
    if (number === undefined || !isUsable(number) || used.has(number)) continue;
    numbers.set(bridge, number);
    used.add(number);
  }
  for (const number of inUse) used.add(number);
  for (const bridge of unlisted) {
    if (numbers.has(bridge)) continue;
    const number = firstFree(used);
    if (number === undefined) break;
    numbers.set(bridge, number);
    used.add(number);
  }
  return numbers;
}

/** Why a bridge has no number; `takenBy` tells who has the one that its line says. */
export function tableProblem(
  lines: readonly RtTableEntry[],
  bridge: string,
  takenBy: ReadonlyMap<number, string>,
): string {
  const line = lines.find((entry) => entry.name === bridge);
  if (line === undefined) {
    return `bridge ${bridge} has no routing table: no number from ${FIRST_FREE} to ${LAST_FREE} is free; take lines that nobody needs out of rt_tables`;
  }
  const by = takenBy.get(line.number) ?? (isUsable(line.number) ? 'another bridge' : 'the kernel');
  return `bridge ${bridge} has no routing table: rt_tables gives it number ${line.number}, which is in use by ${by}; give the bridge another line`;
}

function isUsable(table: number): boolean {
  return Number.isInteger(table) && table <= MAX_TABLE && !KERNEL_TABLES.has(table);
}

function firstFree(used: ReadonlySet<number>): number | undefined {
  for (let number = FIRST_FREE; number <= LAST_FREE; number++) if (!used.has(number)) return number;
  return undefined;
}
