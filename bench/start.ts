/**
 * Starting the agent on a node that holds nothing, with 0 to 10,000 addresses to expose, and starting it again with
 * everything standing. Beside it `ip -batch` writes the same objects to a node of its own: the kernel's share.
 */
import { join } from 'node:path';
import { northboundClient } from './change.ts';
import { type AgentOptions, BenchNode, HOST } from './support/bench-node.ts';
import { type KernelShare, KINDS, kernelShare, totalWallMs } from './support/kernel-share.ts';
import { KernelWatch } from './support/kernel-watch.ts';
import { progress } from './support/progress.ts';
import { type Report, type Target, target } from './support/report.ts';
import { median, medianOf, megabytesText, msText, ratioText } from './support/statistics.ts';
import { PORTS, type Workload } from './support/workload.ts';

const SIZES = [0, 100, 1_000, 10_000];
const ROUNDS = 3;
const TIMEOUT_MS = 300_000;
/** Times the kernel's own share that a full start may take. */
const MOST_OF_KERNEL = 2;
/** Ten times the addresses may take so many times as long: linear, with some room. */
const LINEAR_ROOM = 1.5;

interface Start {
  /** Process started to everything in the kernel; without addresses: to the node being right. */
  readonly completeMs: number;
  /** Process started to "the node holds what it should". */
  readonly settledMs: number;
  readonly cpuMs: number;
  /** Without what the kernel did for the agent. */
  readonly userMs: number;
  readonly peakBytes: number;
  readonly residentBytes: number;
}

interface Restart extends Start {
  /** The kernel's notifications about the agent's objects during the restart. */
  readonly writes: number;
}

interface Sample {
  readonly start: Start;
  readonly restart: Restart;
  readonly kernel: KernelShare | undefined;
}

export interface StartOptions {
  /** Writes V8 processor profiles of the largest start there (`--cpu-prof`). */
  readonly profile?: string | undefined;
  readonly workload?: Workload;
}

export async function benchStart(
  rounds: number = ROUNDS,
  sizes: readonly number[] = SIZES,
  options: StartOptions = {},
): Promise<Report> {
  const samples = new Map(sizes.map((size) => [size, [] as Sample[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const size of sizes) {
      progress(`start: round ${round} of ${rounds}: ${size} addresses`);
      const profile = size === sizes.at(-1) ? options.profile : undefined;
      samples.get(size)?.push(await measure(size, profile, options.workload ?? PORTS));
    }
  }
  return report(samples, options.workload ?? PORTS);
}

async function measure(size: number, profile: string | undefined, workload: Workload): Promise<Sample> {
  const kernel = size === 0 ? undefined : await onNode((node) => kernelShare(node, size, workload));
  return onNode(async (node) => {
    const client = northboundClient(node);
    const watch = new KernelWatch(node.netns, workload.signs);
    const flags = (name: string): readonly string[] =>
      profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profile, name)}`];
    try {
      const cloud = await workload.create((operations) => client.transact(operations as never), HOST);
      await cloud.addPorts(0, size / workload.exposuresPerRow);
      const start = await run(node, watch, size, { nodeFlags: flags('start'), settings: workload.settings });
      const before = watch.changes;
      const restart = await run(node, watch, size, {
        nodeFlags: flags('restart'),
        settings: workload.settings,
      });
      return { start, restart: { ...restart, writes: watch.changes - before }, kernel };
    } finally {
      watch.close();
      await client.close();
    }
  });
}

async function run(node: BenchNode, watch: KernelWatch, size: number, options: AgentOptions): Promise<Start> {
  const agent = await node.startAgent(options);
  const completeAt = size === 0 ? undefined : await watch.whenComplete(size, TIMEOUT_MS);
  await agent.whenSettled(TIMEOUT_MS);
  const settledAt = performance.now();
  const { cpuMs, userMs, peakBytes, residentBytes } = await agent.usage();
  await agent.stop();
  return {
    completeMs: (completeAt ?? settledAt) - agent.startedAt,
    settledMs: settledAt - agent.startedAt,
    cpuMs,
    userMs,
    peakBytes,
    residentBytes,
  };
}

async function onNode<T>(task: (node: BenchNode) => Promise<T>): Promise<T> {
  const node = await BenchNode.start();
  try {
    return await task(node);
  } finally {
    await node.stop();
  }
}

function report(samples: ReadonlyMap<number, readonly Sample[]>, workload: Workload): Report {
  const complete = (list: readonly Sample[]): number => medianOf(list, ({ start }) => start.completeMs);
  const kernel = (list: readonly Sample[]): number =>
    median(list.flatMap((sample) => (sample.kernel === undefined ? [] : [totalWallMs(sample.kernel)])));
  const sizes = [...samples.keys()];
  const largest = sizes.at(-1) ?? 0;
  const writes = Math.max(...[...samples.values()].flat().map(({ restart }) => restart.writes));
  return {
    name: `${workload.prefix}start`,
    title: `Starting the agent${workload.title}`,
    columns: [
      'addresses',
      'against `ip -batch`',
      'all in the kernel',
      '`ip -batch`, same objects',
      'CPU of the agent',
      'peak memory',
      'settled again after a restart',
      'writes of a restart',
    ],
    rows: [...samples].map(([size, list]) => [
      size.toLocaleString('en'),
      ratioText(complete(list), kernel(list)),
      msText(complete(list)),
      msText(kernel(list)),
      msText(medianOf(list, ({ start }) => start.cpuMs)),
      megabytesText(medianOf(list, ({ start }) => start.peakBytes)),
      msText(medianOf(list, ({ restart }) => restart.settledMs)),
      `${Math.max(...list.map(({ restart }) => restart.writes))}`,
    ]),
    targets: [
      ...growthTargets(samples),
      ...(largest === 0
        ? []
        : [
            target(
              `start with ${largest.toLocaleString('en')} addresses, against \`ip -batch\` for the same objects`,
              `at most ${MOST_OF_KERNEL}x`,
              ratioText(complete(samples.get(largest) ?? []), kernel(samples.get(largest) ?? [])),
              complete(samples.get(largest) ?? []) <= MOST_OF_KERNEL * kernel(samples.get(largest) ?? []),
            ),
          ]),
      target('writes of a restart with everything standing', '0', `${writes}`, writes === 0),
    ],
    notes: kernelNotes(samples.get(largest) ?? [], largest),
    samples: Object.fromEntries(samples),
  };
}

/**
 * Between the two largest sizes, without what a start costs in any case. The whole start is compared with the growth of
 * `ip -batch`, because the kernel walks all rules for every new one.
 */
function growthTargets(samples: ReadonlyMap<number, readonly Sample[]>): Target[] {
  const [small, large] = [...samples.keys()].filter((size) => size > 0).slice(-2);
  const empty = samples.get(0);
  if (small === undefined || large === undefined || empty === undefined) return [];
  const growth = (field: (start: Start) => number): number => {
    const [base, few, many] = [empty, samples.get(small) ?? [], samples.get(large) ?? []].map((list) =>
      medianOf(list, ({ start }) => field(start)),
    ) as [number, number, number];
    return (many - base) / (few - base);
  };
  const share = (size: number): number =>
    median(
      (samples.get(size) ?? []).flatMap(({ kernel }) => (kernel === undefined ? [] : [totalWallMs(kernel)])),
    );
  const [own, whole] = [growth(({ userMs }) => userMs), growth(({ completeMs }) => completeMs)];
  const kernel = share(large) / share(small);
  const times = (large / small) * LINEAR_ROOM;
  const range = `from ${small.toLocaleString('en')} to ${large.toLocaleString('en')} addresses`;
  return [
    target(
      `growth of the agent's own processor time ${range}`,
      `linear: at most ${times.toFixed(0)}x`,
      `${own.toFixed(1)}x`,
      own <= times,
    ),
    target(
      `growth of the whole start ${range}`,
      `at most that of \`ip -batch\`: ${kernel.toFixed(1)}x`,
      `${whole.toFixed(1)}x`,
      whole <= kernel,
    ),
  ];
}

function kernelNotes(list: readonly Sample[], size: number): string[] {
  const parts = KINDS.map((kind) => {
    const ms = median(list.flatMap(({ kernel }) => (kernel === undefined ? [] : [kernel[kind].wallMs])));
    return `${kind} ${msText(ms)}`;
  });
  return [
    'A start ends when every address has rule, host route, neighbour and advertised route in the kernel. `ip -batch` writes the same objects to a node of its own, with the same daemons.',
    `\`ip -batch\` with ${size.toLocaleString('en')} addresses: ${parts.join(', ')}.`,
  ];
}
