/** What a benchmark hands back, and how it is printed: aligned text for a terminal, Markdown for the documents. Pure. */

/** `undefined`: not measured, with the reason in a note. */
export type TargetVerdict = 'met' | 'missed' | undefined;

export interface Target {
  readonly what: string;
  /** As a ratio or with a unit, for reading. */
  readonly wanted: string;
  readonly measured: string;
  readonly verdict: TargetVerdict;
}

export interface Report {
  /** Name on the command line. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly targets: readonly Target[];
  readonly notes: readonly string[];
  /** Where it was measured, when that is not where the benchmarks were started. */
  readonly machine?: string;
  /** Every single measurement, for `--output json`. */
  readonly samples: unknown;
}

export function target(what: string, wanted: string, measured: string, met: boolean): Target {
  return { what, wanted, measured, verdict: met ? 'met' : 'missed' };
}

export function reportText(report: Report): string {
  const table = [report.columns, ...report.rows];
  const widths = report.columns.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const targets = report.targets.map(
    ({ what, wanted, measured, verdict }) => `  ${verdict ?? '?'}: ${what}: ${measured} (wanted: ${wanted})`,
  );
  const notes = report.notes.map((note) => `  ${note}`);
  return [report.title, '', ...lines, '', ...targets, ...notes, ''].join('\n');
}

export function reportMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = report.columns.map((_, index) => (index === 0 ? '---' : '---:'));
  const targets = report.targets.map(({ what, wanted, measured, verdict }) =>
    row([
      what,
      wanted,
      measured,
      verdict === 'met' ? 'met' : verdict === 'missed' ? '**missed**' : 'not measured',
    ]),
  );
  return [
    `### ${report.title}`,
    '',
    row(report.columns),
    `|${rule.join('|')}|`,
    ...report.rows.map(row),
    '',
    ...(targets.length === 0
      ? []
      : [row(['target', 'wanted', 'measured', '']), '|---|---|---|---|', ...targets, '']),
    ...report.notes.flatMap((note) => [`* ${note}`]),
    ...(report.notes.length === 0 ? [] : ['']),
  ].join('\n');
}
