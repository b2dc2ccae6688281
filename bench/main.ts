/**
 * Runs the benchmarks named on the command line and prints their reports; see `bench/run.mjs` for the usage.
 *
 * A benchmark that fails is reported and does not stop the others; the exit status says so.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchBurst } from './burst.ts';
import { benchChange } from './change.ts';
import type { Driver } from './comparison/fabric-node.ts';
import { benchIdle } from './idle.ts';
import { benchNetlink } from './netlink.ts';
import { benchPython } from './python.ts';
import { benchReplica } from './replica.ts';
import { benchStart } from './start.ts';
import { describeMachine } from './support/machine.ts';
import { progress } from './support/progress.ts';
import { type Report, reportMarkdown, reportText } from './support/report.ts';
import { GATEWAY } from './support/workload.ts';

/** Exposures on a gateway node: even numbers. */
const GATEWAY_CHANGE_SIZES = [0, 20_000];
const GATEWAY_START_SIZES = [0, 2_000, 20_000];

interface Options {
  readonly rounds: number | undefined;
  readonly sizes: readonly number[] | undefined;
  readonly profile: string | undefined;
  readonly drivers: readonly Driver[] | undefined;
  readonly turns: string | undefined;
}

interface DocumentPart {
  readonly begin: string;
  readonly end: string;
  readonly reports: readonly string[];
}

const BENCHMARKS: Readonly<Record<string, (options: Options) => Promise<Report | readonly Report[]>>> = {
  replica: ({ rounds }) => benchReplica(rounds),
  netlink: ({ rounds }) => benchNetlink(rounds),
  change: ({ rounds, sizes, profile }) => benchChange(rounds, sizes, { profile }),
  start: ({ rounds, sizes, profile }) => benchStart(rounds, sizes, { profile }),
  'gateway-change': ({ rounds, sizes, profile }) =>
    benchChange(rounds, sizes ?? GATEWAY_CHANGE_SIZES, { profile, workload: GATEWAY }),
  'gateway-start': ({ rounds, sizes, profile }) =>
    benchStart(rounds, sizes ?? GATEWAY_START_SIZES, { profile, workload: GATEWAY }),
  idle: ({ sizes }) => benchIdle(sizes),
  burst: ({ rounds, sizes }) => benchBurst(rounds, sizes),
  python: (options) => benchPython(options),
};
/** Only when they are named: an hour and a root file system to download; the machine's processors for minutes. */
const NAMED_ONLY: ReadonlySet<string> = new Set(['python', 'burst']);

const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));
const ALL = Object.keys(BENCHMARKS).filter((name) => !NAMED_ONLY.has(name));
/** Parts of the document that are written here: their first and last line, and the reports in them, in order. */
const PARTS: readonly DocumentPart[] = [
  {
    begin: '<!-- results: written by the benchmarks -->',
    end: '<!-- end of results -->',
    reports: ALL,
  },
  {
    begin: '<!-- python agent: written by the benchmark python -->',
    end: '<!-- end of python agent -->',
    reports: ['pythonchange', 'pythonstart', 'pythonidle'],
  },
];
const USAGE = `usage: node bench/run.mjs [${Object.keys(BENCHMARKS).join('|')}]... [--rounds N] [--sizes N,N,...] [--output table|json] [--document] [--profile DIR] [--drivers nb,sb] [--turns FILE]\n`;

async function main(): Promise<number> {
  const parsed = parse();
  if (parsed === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const machine = await describeMachine();
  const reports: Report[] = [];
  let failed = false;
  for (const [name, bench] of parsed.benchmarks) {
    try {
      const made = [await bench(parsed.options)].flat() as readonly Report[];
      reports.push(...made);
      if (parsed.output === 'table') {
        for (const report of made) process.stdout.write(`\n${reportText(report)}\n`);
      }
    } catch (error) {
      failed = true;
      progress(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  if (parsed.output === 'json') process.stdout.write(`${JSON.stringify({ machine, reports }, null, 2)}\n`);
  if (parsed.document) await writeDocument(machine, reports);
  return failed ? 1 : 0;
}

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        sizes: { type: 'string' },
        output: { type: 'string', default: 'table' },
        document: { type: 'boolean', default: false },
        profile: { type: 'string' },
        drivers: { type: 'string' },
        turns: { type: 'string' },
      },
    });
    const names = positionals.length === 0 ? ALL : positionals;
    const benchmarks = names.map((name) => {
      const bench = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
      if (bench === undefined) throw new Error(`no benchmark ${name}`);
      return [name, bench] as const;
    });
    if (values.output !== 'table' && values.output !== 'json') throw new Error('--output is table or json');
    return {
      benchmarks,
      output: values.output,
      document: values.document,
      options: {
        rounds: values.rounds === undefined ? undefined : whole(values.rounds),
        sizes: values.sizes?.split(',').map(whole),
        profile: values.profile,
        drivers: values.drivers?.split(',').map(driver),
        turns: values.turns,
      },
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function whole(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new Error(`${text} is not a number`);
  return Number(text);
}

function driver(text: string): Driver {
  if (text !== 'nb' && text !== 'sb') throw new Error(`${text} is not a driver: nb or sb`);
  return text;
}

/** Replaces the results in the document; benchmarks that were not run keep theirs. */
async function writeDocument(machine: string, reports: readonly Report[]): Promise<void> {
  let text = await readFile(DOCUMENT, 'utf8');
  for (const part of PARTS) {
    const own = reports.filter(({ name }) => part.reports.includes(name));
    if (own.length > 0) text = replacePart(text, part, machine, own);
  }
  await writeFile(DOCUMENT, text);
}

function replacePart(text: string, part: DocumentPart, machine: string, reports: readonly Report[]): string {
  const [begin, end] = [text.indexOf(part.begin), text.indexOf(part.end)];
  if (begin === -1 || end < begin) throw new Error(`${DOCUMENT} has no line ${part.begin}, or no end of it`);
  const sections = new Map<string, string>();
  for (const piece of text.slice(begin + part.begin.length, end).split(/^<!-- (?=[a-z-]+ -->$)/m)) {
    const name = /^[a-z-]+(?= -->)/.exec(piece)?.[0];
    if (name !== undefined) sections.set(name, piece.slice(name.length + ' -->'.length).trim());
  }
  for (const report of reports) {
    sections.set(report.name, `${reportMarkdown(report).trim()}\n\n_${report.machine ?? machine}_`);
  }
  const ordered = part.reports.flatMap((name) => {
    const section = sections.get(name);
    return section === undefined ? [] : [`<!-- ${name} -->\n${section}`];
  });
  return `${text.slice(0, begin)}${part.begin}\n\n${ordered.join('\n\n')}\n\n${text.slice(end)}`;
}

// Leaving in order lets the servers that were started end with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
