/**
 * The text of /etc/iproute2/rt_tables: what its lines say, and an edit that leaves all others alone. Pure.
 *
 * A line is `<number> <name>`, the number decimal or hexadecimal, with an optional `# comment` (rtnl_names.c of
 * iproute2). No mark is added to lines of the agent: its predecessor does not find a line with a comment.
 */
import type { RtTableEntry } from './edge.ts';

const LINE = /^\s*(0x[0-9a-f]+|\d+)\s+([^\s#]+)\s*(?:#.*)?$/i;

export function parseRtTables(text: string): RtTableEntry[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

/** The new text; the same text when nothing has to change. */
export function editRtTablesText(
  text: string,
  edit: { readonly add: readonly RtTableEntry[]; readonly remove: readonly string[] },
): string {
  const unwanted = new Set(edit.remove);
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const kept = lines.filter((line) => {
    const entry = parseLine(line);
    return entry === undefined || !unwanted.has(entry.name);
  });
  const added = edit.add.map(({ number, name }) => `${number} ${name}`);
  if (kept.length === lines.length && added.length === 0) return text;
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

function parseLine(line: string): RtTableEntry | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  return { number: Number(match[1]), name: match[2] ?? '' };
}
