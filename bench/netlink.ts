/**
 * 10,000 host routes written to the kernel and read back: the project's netlink library against `ip -batch` and pyroute2,
 * each round in a new network namespace of its own, in interleaved rounds.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { routeDestination } from './support/addresses.ts';
import { comparedProgram, measured, PYTHON, pythonHas } from './support/measured.ts';
import { progress } from './support/progress.ts';
import { type Report, target } from './support/report.ts';
import { largest, medianOf, megabytesText, msText, ratioText } from './support/statistics.ts';

const run = promisify(execFile);
const ROUTES = 10_000;
const ROUNDS = 9;
const TABLE = 5000;
const DEVICE = 'bench0';
const NETNS_DIRECTORY = '/run/netns';

interface Sample {
  /** Without the start of an interpreter. */
  readonly addMs: number;
  readonly readMs: number;
  readonly peakBytes: number;
  readonly heldMs?: number;
  /** The first time that a process does it, before its code is compiled. */
  readonly cold?: { readonly addMs: number; readonly readMs: number };
}

type Program = (namespace: string) => Promise<Sample>;

export async function benchNetlink(rounds: number = ROUNDS): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-netlink-'));
  try {
    const batchFile = join(directory, 'routes');
    const lines = Array.from(
      { length: ROUTES },
      (_, number) =>
        `route add ${routeDestination(number)} dev ${DEVICE} table ${TABLE} scope link proto 179`,
    );
    await writeFile(batchFile, `${lines.join('\n')}\n`);
    const worker = fileURLToPath(new URL('./workers/write-routes.js', import.meta.url));
    const programs = new Map<string, Program>([
      [
        'this project',
        (namespace) =>
          told([
            process.execPath,
            worker,
            `${NETNS_DIRECTORY}/${namespace}`,
            DEVICE,
            `${TABLE}`,
            `${ROUTES}`,
          ]),
      ],
      ['ip -batch', (namespace) => withIp(namespace, batchFile)],
    ]);
    const notes = [
      'The start of an interpreter is in none of the times, that of `ip` (1 ms) is. A daemon writes with compiled code: the first pass of a fresh process, whose code is not compiled yet, is given apart.',
    ];
    if (await pythonHas('pyroute2')) {
      const script = comparedProgram('write_routes.py');
      programs.set('pyroute2', (namespace) =>
        told([PYTHON, script, namespace, DEVICE, `${TABLE}`, `${ROUTES}`]),
      );
    } else notes.push('pyroute2 is not installed (python3-pyroute2): not compared.');

    const samples = new Map([...programs.keys()].map((name) => [name, [] as Sample[]]));
    for (let round = 1; round <= rounds; round++) {
      progress(`netlink: round ${round} of ${rounds}`);
      for (const [name, program] of programs) {
        samples.get(name)?.push(await inNewNamespace(program));
      }
    }
    return report(samples, notes);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report(samples: ReadonlyMap<string, readonly Sample[]>, notes: readonly string[]): Report {
  const work = (list: readonly Pick<Sample, 'addMs' | 'readMs'>[]): number =>
    medianOf(list, ({ addMs, readMs }) => addMs + readMs);
  const own = samples.get('this project') ?? [];
  const ours = work(own);
  const ip = work(samples.get('ip -batch') ?? []);
  const cold = own.flatMap((sample) => (sample.cold === undefined ? [] : [{ ...sample, ...sample.cold }]));
  const rows: readonly (readonly [string, readonly Sample[]])[] = [
    ...samples,
    ['this project, first pass of a process', cold],
  ];
  return {
    name: 'netlink',
    title: `${ROUTES.toLocaleString('en')} routes written and read back`,
    columns: ['program', 'time, ratio', 'write', 'read back', 'peak memory', 'loop held at most'],
    rows: rows.map(([name, list]) => [
      name,
      ratioText(work(list), ours),
      msText(medianOf(list, ({ addMs }) => addMs)),
      msText(medianOf(list, ({ readMs }) => readMs)),
      megabytesText(medianOf(list, ({ peakBytes }) => peakBytes)),
      list.some(({ heldMs }) => heldMs !== undefined)
        ? msText(largest(list.map(({ heldMs }) => heldMs ?? 0)))
        : '–',
    ]),
    targets: [target('faster than `ip -batch`', 'at least 2x', ratioText(ip, ours), ip >= 2 * ours)],
    notes,
    samples: Object.fromEntries(samples),
  };
}

async function told(argv: readonly string[]): Promise<Sample> {
  const { cost, stdout } = await measured(argv);
  const { read, ...rest } = JSON.parse(stdout) as Omit<Sample, 'cost'> & { readonly read: number };
  if (read !== ROUTES) throw new Error(`${argv[0]} read ${read} routes instead of ${ROUTES}`);
  return { ...rest, peakBytes: cost.peakBytes };
}

async function withIp(namespace: string, batchFile: string): Promise<Sample> {
  const add = await measured(['ip', '-n', namespace, '-batch', batchFile]);
  const show = ['ip', '-n', namespace, '-json', 'route', 'show', 'table', `${TABLE}`];
  const read = await measured(show, { discardOutput: true });
  const { stdout } = await measured(show);
  const found = (JSON.parse(stdout) as readonly unknown[]).length;
  if (found !== ROUTES) throw new Error(`ip read ${found} routes instead of ${ROUTES}`);
  return {
    addMs: add.cost.wallMs,
    readMs: read.cost.wallMs,
    peakBytes: Math.max(add.cost.peakBytes, read.cost.peakBytes),
  };
}

let namespaces = 0;

async function inNewNamespace(program: Program): Promise<Sample> {
  const namespace = `bench-${process.pid}-${++namespaces}`;
  await run('ip', ['netns', 'add', namespace]);
  try {
    // A bridge without ports stands in for a dummy device, which not every kernel has.
    await run('ip', ['-n', namespace, 'link', 'add', DEVICE, 'type', 'bridge']);
    await run('ip', ['-n', namespace, 'link', 'set', DEVICE, 'up']);
    return await program(namespace);
  } finally {
    await run('ip', ['netns', 'del', namespace]);
  }
}
