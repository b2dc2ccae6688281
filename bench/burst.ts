/**
 * Many addresses announced at once and withdrawn at once, from the rows to the leaf, with the buffer that zebra has when
 * nobody says and with a big one. zebra reads more slowly than the agent writes: what does not fit its buffer it would miss
 * for good. All have to arrive and none may stay, and pacing must not cost more than it has to.
 *
 * Both ways of advertising where the kernel has VRF and dummy devices (a guest: docs/lab.md), else the main table alone.
 */
import type { ChildProcess } from 'node:child_process';
import { databaseSpec, OvsdbClient } from '../src/ovsdb/index.ts';
import { until } from '../test/support/until.ts';
import { FabricNode } from './comparison/fabric-node.ts';
import { AGENT, HOST } from './support/bench-node.ts';
import { Cloud } from './support/cloud.ts';
import { ended, Namespace } from './support/namespace.ts';
import { progress } from './support/progress.ts';
import { type Report, target } from './support/report.ts';
import { medianOf, msText, ratioText } from './support/statistics.ts';

const SIZE = 20_000;
const ROUNDS = 1;
const TIMEOUT_MS = 600_000;
const BIG_BUFFER_BYTES = 90_000_000;
/** Times what it takes with a big buffer. */
const MOST = 1.3;
/** How long the leaf has to show the same once everything is there, for what might come late. */
const QUIET_MS = 5_000;

const WAYS = ['main', 'vrf'] as const;
type Way = (typeof WAYS)[number];
type Buffer = 'default' | 'big';

interface Sample {
  readonly announcedMs: number;
  readonly withdrawnMs: number;
  /** At the leaf, when nothing changed any more. */
  readonly arrived: number;
  readonly left: number;
  /** Lines of the agent's log at warning or above. */
  readonly warnings: readonly string[];
}

export async function benchBurst(rounds = ROUNDS, sizes: readonly number[] = [SIZE]): Promise<Report> {
  const size = sizes.at(-1) ?? SIZE;
  const ways = (await hasVrf()) ? WAYS : (['main'] as const);
  const samples = new Map<string, Sample[]>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of ways) {
      for (const buffer of ['big', 'default'] as const) {
        progress(`burst: round ${round} of ${rounds}: ${size} addresses, ${way}, ${buffer} buffer`);
        const name = `${way} ${buffer}`;
        samples.set(name, [...(samples.get(name) ?? []), await measure(size, way, buffer)]);
      }
    }
  }
  return report(size, ways, samples);
}

async function measure(size: number, way: Way, buffer: Buffer): Promise<Sample> {
  const fabric = await FabricNode.start({
    driver: 'nb',
    reconcileInterval: 300,
    zebraBuffer: buffer === 'big' ? BIG_BUFFER_BYTES : 'default',
    // What is withdrawn on purpose here is not to be held back.
    settings: `advertise_via = ${way}\nwithdraw_guard_percent = 100\n`,
  });
  const client = new OvsdbClient({ remotes: fabric.database.remote, database: 'OVN_Northbound' });
  client.replicate(databaseSpec('OVN_Northbound', {}));
  client.start();
  let agent: ChildProcess | undefined;
  try {
    const cloud = await Cloud.create((operations) => client.transact(operations as never), HOST);
    agent = fabric.node.daemon(process.execPath, AGENT, 'run', '--config-file', fabric.configFile);
    await until(
      'the agent has settled',
      async () => /"in sync"|holds what it should/.test(await log(fabric)),
      TIMEOUT_MS,
    );
    const base = await received(fabric);
    const began = performance.now();
    await cloud.addPorts(0, size);
    await reached(fabric, 'announced', base + size);
    const announcedAt = performance.now();
    const arrived = (await quiet(fabric)) - base;
    const withdrawing = performance.now();
    await cloud.removePorts();
    await reached(fabric, 'withdrawn', base);
    const withdrawnAt = performance.now();
    const left = (await quiet(fabric)) - base;
    return {
      announcedMs: announcedAt - began,
      withdrawnMs: withdrawnAt - withdrawing,
      arrived,
      left,
      warnings: (await log(fabric)).split('\n').filter((line) => /"level":"(warn|error)"/.test(line)),
    };
  } finally {
    if (agent !== undefined) await ended(agent, 'SIGTERM');
    await client.close();
    await fabric.stop();
  }
}

/** Waits for so many prefixes from the node; what does not come is told as it is. */
async function reached(fabric: FabricNode, what: string, wanted: number): Promise<void> {
  await until(
    `${wanted} prefixes at the leaf: ${what}`,
    async () => (await received(fabric)) === wanted,
    TIMEOUT_MS,
    100,
  );
}

async function quiet(fabric: FabricNode): Promise<number> {
  await new Promise((resolve) => void setTimeout(resolve, QUIET_MS));
  return await received(fabric);
}

/** Prefixes that the leaf has from the node. */
async function received({ leaf }: FabricNode): Promise<number> {
  const text = await leaf.exec('vtysh', '-c', 'show bgp ipv4 unicast summary json');
  const { peers = {} } = JSON.parse(text) as {
    readonly peers?: Readonly<Record<string, { readonly pfxRcd?: number }>>;
  };
  return Object.values(peers).reduce((sum, { pfxRcd }) => sum + (pfxRcd ?? 0), 0);
}

async function log({ node, directory }: FabricNode): Promise<string> {
  return await node.exec('cat', `${directory}/agent.log`).catch(() => '');
}

async function hasVrf(): Promise<boolean> {
  const place = await Namespace.start();
  try {
    await place.exec('ip', 'link', 'add', 'vrf0', 'type', 'vrf', 'table', '10');
    await place.exec('ip', 'link', 'add', 'dummy0', 'type', 'dummy');
    return true;
  } catch {
    return false;
  } finally {
    await place.stop();
  }
}

function report(size: number, ways: readonly Way[], samples: ReadonlyMap<string, readonly Sample[]>): Report {
  const of = (way: Way, buffer: Buffer): readonly Sample[] => samples.get(`${way} ${buffer}`) ?? [];
  const times = (field: 'announcedMs' | 'withdrawnMs', way: Way): readonly [number, number] => [
    medianOf(of(way, 'default'), (sample) => sample[field]),
    medianOf(of(way, 'big'), (sample) => sample[field]),
  ];
  const all = [...samples.values()].flat();
  const missing = Math.max(...all.map(({ arrived }) => size - arrived));
  const left = Math.max(...all.map((sample) => sample.left));
  return {
    name: 'burst',
    title: `${size.toLocaleString('en')} addresses at once, to the leaf`,
    columns: ['advertised by', "zebra's buffer", 'all at the leaf', 'none at the leaf', 'missing', 'left'],
    rows: ways.flatMap((way) =>
      (['default', 'big'] as const).map((buffer) => [
        way,
        buffer,
        msText(medianOf(of(way, buffer), ({ announcedMs }) => announcedMs)),
        msText(medianOf(of(way, buffer), ({ withdrawnMs }) => withdrawnMs)),
        `${Math.max(...of(way, buffer).map(({ arrived }) => size - arrived))}`,
        `${Math.max(...of(way, buffer).map((sample) => sample.left))}`,
      ]),
    ),
    targets: [
      target(
        'addresses that do not arrive, and that stay',
        '0 and 0',
        `${missing} and ${left}`,
        missing === 0 && left === 0,
      ),
      ...ways.flatMap((way) =>
        (['announcedMs', 'withdrawnMs'] as const).map((field) => {
          const [own, big] = times(field, way);
          const what = field === 'announcedMs' ? 'announced' : 'withdrawn';
          return target(
            `${what} by ${way}, against a zebra with a big buffer`,
            `at most ${MOST}x`,
            ratioText(own, big),
            own <= MOST * big,
          );
        }),
      ),
    ],
    notes: ["A big buffer is that of Debian's service file, 90,000,000 bytes; the default is FRR's own."],
    samples: Object.fromEntries(samples),
  };
}
