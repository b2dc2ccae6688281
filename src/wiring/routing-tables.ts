/**
 * Which routing table belongs to which provider bridge.
 *
 * In: the lines of rt_tables, the mapped bridges, and numbers that are taken otherwise (the VRF's table). Out: a number
 * for each bridge. A line that names the bridge counts, so a number stays for good once it is written. A bridge is left
 * out when its line has a number that cannot be used, or when no number is free; its exposures then stay pending.
 */
import type { RtTableEntry } from '../node/edge.ts';

/** Numbers for new lines; 0 and 253 to 255 are the kernel's own (linux/rtnetlink.h). */
const FIRST_FREE = 1;
const LAST_FREE = 252;
const KERNEL_TABLES: ReadonlySet<number> = new Set([0, 253, 254, 255]);
const MAX_TABLE = 0xffffffff;

export function assignTables(
  lines: readonly RtTableEntry[],
  bridges: readonly string[],
  taken: Iterable<number>,
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
    const number = firstFree(used);
    if (number === undefined) break;
    numbers.set(bridge, number);
    used.add(number);
  }
  return numbers;
}

function isUsable(table: number): boolean {
  return Number.isInteger(table) && table <= MAX_TABLE && !KERNEL_TABLES.has(table);
}

function firstFree(used: ReadonlySet<number>): number | undefined {
  for (let number = FIRST_FREE; number <= LAST_FREE; number++) if (!used.has(number)) return number;
  return undefined;
}
