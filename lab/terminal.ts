/** Plain text for people: progress lines, tables, and errors without stack traces. */
import { LabError } from './machine.ts';
import type { Progress } from './progress.ts';
import { seconds } from './until.ts';

export type Print = (line: string) => void;

/** One line for every step that has ended: when, what, how long it took. One more for the beginning of a slow one. */
export function progressPrinter(print: Print): Progress {
  return ({ step, state, elapsedMs, durationMs, slow }) => {
    if (state === 'begin' && slow === true) print(`  ${seconds(elapsedMs).padStart(7)}  ${step} ...`);
    if (state === 'begin' || durationMs === undefined) return;
    const verdict = state === 'failed' ? ' FAILED' : '';
    print(`  ${seconds(elapsedMs).padStart(7)}  ${step} (${seconds(durationMs)})${verdict}`);
  };
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** What to tell about an error: expected ones in one line, bugs with their stack. */
export function explain(error: unknown): string {
  if (error instanceof LabError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
