/**
 * One changed row on nodes that hold 1, 100, 1,000 and 10,000 exposed addresses already: from the Northbound
 * transaction to the kernel's notifications.
 *
 * All nodes stand at the same time and take turns, so that what else the machine does hits them alike. The time starts
 * when the transaction is sent, so the database's own share is in it; it is given beside.
 */
import { join } from 'node:path';
import { databaseSpec, OvsdbClient } from '../src/ovsdb/index.ts';
import { BenchNode, HOST } from './support/bench-node.ts';
import type { BenchCloud } from './support/cloud.ts';
import { KernelWatch } from './support/kernel-watch.ts';
import { progress } from './support/progress.ts';
import { type Report, target } from './support/report.ts';
import { largest, medianOf, msText, ratioText } from './support/statistics.ts';
import { PORTS, type Workload } from './support/workload.ts';

const SIZES = [1, 100, 1_000, 10_000];
const ROUNDS = 25;
const CHANGE_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 300_000;
const MOST_GROWTH = 3;

interface Sample {
  /** Transaction sent to committed: the database's own part. */
  readonly commitMs: number;
  /** Transaction committed to the kernel's last notification. */
  readonly exposeMs: number;
  readonly withdrawCommitMs: number;
  readonly withdrawMs: number;
}

export interface ChangeOptions {
  /** Writes a V8 processor profile of the agent with the most addresses there (`--cpu-prof`). */
  readonly profile?: string | undefined;
  readonly workload?: Workload;
}

export async function benchChange(
  rounds: number = ROUNDS,
  sizes: readonly number[] = SIZES,
  options: ChangeOptions = {},
): Promise<Report> {
  const standing: Standing[] = [];
  try {
    for (const size of sizes) {
      progress(`change: a node with ${size} addresses`);
      const profile = size === sizes.at(-1) ? options.profile : undefined;
      standing.push(await Standing.start(size, profile, options.workload ?? PORTS));
    }
    // The first rounds warm up compilers and caches, of the agent and of the benchmark.
    for (let round = -2; round < rounds; round++) {
      if (round % 5 === 0) progress(`change: round ${round + 1} of ${rounds}`);
      for (const node of standing) await node.change(round >= 0);
    }
    return report(standing, options.workload ?? PORTS);
  } finally {
    for (const node of standing.toReversed()) await node.stop();
  }
}

class Standing {
  readonly size: number;
  readonly samples: Sample[] = [];
  readonly #node: BenchNode;
  readonly #client: OvsdbClient;
  readonly #cloud: BenchCloud;
  readonly #watch: KernelWatch;

  readonly #workload: Workload;

  private constructor(
    size: number,
    node: BenchNode,
    client: OvsdbClient,
    cloud: BenchCloud,
    watch: KernelWatch,
    workload: Workload,
  ) {
    this.size = size;
    this.#workload = workload;
    this.#node = node;
    this.#client = client;
    this.#cloud = cloud;
    this.#watch = watch;
  }

  static async start(size: number, profile: string | undefined, workload: Workload): Promise<Standing> {
    const node = await BenchNode.start();
    try {
      const client = northboundClient(node);
      const cloud = await workload.create((operations) => client.transact(operations as never), HOST);
      await cloud.addPorts(0, size / workload.exposuresPerRow);
      const watch = new KernelWatch(node.netns, workload.signs);
      const nodeFlags =
        profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(profile, 'change')}`];
      const agent = await node.startAgent({ nodeFlags, settings: workload.settings });
      await watch.whenComplete(size, START_TIMEOUT_MS);
      await agent.whenSettled();
      return new Standing(size, node, client, cloud, watch, workload);
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  /** One port comes and goes. */
  async change(counts: boolean): Promise<void> {
    const number = this.size / this.#workload.exposuresPerRow;
    const [{ address }] = this.#workload.addresses(number);
    const exposed = this.#watch.whenExposed(address, CHANGE_TIMEOUT_MS);
    const sent = performance.now();
    await this.#cloud.addPorts(number, 1);
    const committed = performance.now();
    const exposedAt = await exposed;
    const withdrawn = this.#watch.whenWithdrawn(address, CHANGE_TIMEOUT_MS);
    const removalSent = performance.now();
    await this.#cloud.removePort(number);
    const removed = performance.now();
    const withdrawnAt = await withdrawn;
    if (!counts) return;
    this.samples.push({
      commitMs: committed - sent,
      exposeMs: exposedAt - committed,
      withdrawCommitMs: removed - removalSent,
      withdrawMs: withdrawnAt - removed,
    });
  }

  async stop(): Promise<void> {
    this.#watch.close();
    await this.#client.close();
    await this.#node.stop();
  }
}

export function northboundClient(node: BenchNode): OvsdbClient {
  const client = new OvsdbClient({ remotes: node.northbound.remote, database: 'OVN_Northbound' });
  client.replicate(databaseSpec('OVN_Northbound', {}));
  client.start();
  return client;
}

function report(standing: readonly Standing[], workload: Workload): Report {
  const expose = ({ samples }: Standing): number => medianOf(samples, ({ exposeMs }) => exposeMs);
  const withdraw = ({ samples }: Standing): number => medianOf(samples, ({ withdrawMs }) => withdrawMs);
  const [base] = standing;
  const last = standing.at(-1);
  if (base === undefined || last === undefined) throw new Error('nothing was measured');
  return {
    name: `${workload.prefix}change`,
    title: `One changed row on a node that stands${workload.title}`,
    columns: [
      'addresses standing',
      'expose, ratio',
      'commit to kernel',
      'largest',
      'withdraw, ratio',
      'commit to kernel',
      'largest',
      'the database itself',
    ],
    rows: standing.map((node) => [
      node.size.toLocaleString('en'),
      ratioText(expose(node), expose(base)),
      msText(expose(node)),
      msText(largest(node.samples.map(({ exposeMs }) => exposeMs))),
      ratioText(withdraw(node), withdraw(base)),
      msText(withdraw(node)),
      msText(largest(node.samples.map(({ withdrawMs }) => withdrawMs))),
      msText(medianOf(node.samples, ({ commitMs }) => commitMs)),
    ]),
    targets: [
      target(
        `a new port with ${last.size.toLocaleString('en')} standing, against ${base.size}`,
        `at most ${MOST_GROWTH}x`,
        ratioText(expose(last), expose(base)),
        expose(last) <= MOST_GROWTH * expose(base),
      ),
      target(
        `a removed port with ${last.size.toLocaleString('en')} standing, against ${base.size}`,
        `at most ${MOST_GROWTH}x`,
        ratioText(withdraw(last), withdraw(base)),
        withdraw(last) <= MOST_GROWTH * withdraw(base),
      ),
    ],
    notes: [
      '"commit to kernel" ends with the last of the notifications for rule, host route, neighbour and advertised route; "the database itself" is from sending the transaction to its reply.',
    ],
    samples: Object.fromEntries(standing.map(({ size, samples }) => [size, samples])),
  };
}
