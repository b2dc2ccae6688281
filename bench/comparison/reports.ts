/** The three reports of the comparison with the Python agent, made of turns. Pure. */
import { type Report, type Target, target } from '../support/report.ts';
import { largest, median, medianOf, megabytesText, msText, ratioText } from '../support/statistics.ts';
import type { AgentName } from './agents.ts';
import { DRIVERS, type Driver } from './fabric-node.ts';
import type { ChangeSample, Turn } from './turn.ts';

/** Times faster to the node, in the median. */
const LEAST_CHANGE = 10;
/** Times faster to everything on the node, with so many addresses. */
const LEAST_START = { addresses: 1_000, times: 50 };
const MOST_MEMORY = 0.5;
const MOST_IDLE = 0.1;
/** Ten times the addresses may take so many times the processor time: linear, with some room. */
const LINEAR_ROOM = 1.5;
const MINUTE_MS = 60_000;
/** `reconcile_interval` of both agents, 300 s. */
const MINUTES_BETWEEN_COMPARISONS = 5;

const GUEST_NOTE =
  'In a guest with one processor, where everything takes several times as long as on a machine: only the ratios mean something.';

const STEPS: readonly (readonly [title: string, field: keyof ChangeSample])[] = [
  ['address on the node', 'nodeMs'],
  ['route at the leaf', 'leafMs'],
  ['address gone from the node', 'goneFromNodeMs'],
  ['route gone from the leaf', 'goneFromLeafMs'],
];

/** Turns of both agents with the same driver and number of addresses. */
interface Pairing {
  readonly driver: Driver;
  readonly addresses: number;
  readonly own: readonly Turn[];
  readonly python: readonly Turn[];
}

export function changeReport(turns: readonly Turn[]): Report {
  const measured = pairings(turns.filter(({ changes }) => changes.length > 0)).filter(bothTook);
  const values = (list: readonly Turn[], field: keyof ChangeSample): number[] =>
    // What did not come within the time-out took longer than everything that came.
    list.flatMap(({ changes }) => changes.map((change) => change[field] ?? Number.POSITIVE_INFINITY));
  return {
    name: 'pythonchange',
    title: 'One changed row, against the Python agent',
    columns: [
      'driver',
      'addresses standing',
      'from the row to',
      'Python agent, ratio',
      'this project',
      'largest',
      'Python agent',
      'largest',
    ],
    rows: measured.flatMap(({ driver, addresses, own, python }) =>
      STEPS.map(([title, field]) => [
        driverText(driver),
        addresses.toLocaleString('en'),
        title,
        ratioText(median(values(python, field)), median(values(own, field))),
        ...[own, python].flatMap((list) => [
          msText(median(values(list, field))),
          msText(largest(values(list, field))),
        ]),
      ]),
    ),
    targets: measured.map(({ driver, addresses, own, python }) => {
      const ratio = median(values(python, 'nodeMs')) / median(values(own, 'nodeMs'));
      const what = `row to address on the node, ${driverText(driver)}, ${addresses.toLocaleString('en')} standing`;
      return target(what, `at least ${LEAST_CHANGE}x faster`, ratioText(ratio, 1), ratio >= LEAST_CHANGE);
    }),
    notes: [
      `${GUEST_NOTE} ${counts(measured, ({ changes }) => changes.length, 'changes')}`,
      'A port goes up and down again. The time begins when the transaction is sent; it ends with the notification of the kernel of the node (rule, host route and address in the VRF are there; the address is gone) or of the leaf. The periodic comparison of both agents is put off.',
    ],
    samples: turns,
  };
}

export function startReport(turns: readonly Turn[]): Report {
  const paired = pairings(turns);
  return {
    name: 'pythonstart',
    title: 'Starting, against the Python agent',
    columns: [
      'driver',
      'addresses',
      'Python agent, ratio',
      'this project',
      'Python agent',
      'processor time, ratio',
      'this project',
      'Python agent',
      'memory, ratio',
      'this project',
      'Python agent',
    ],
    rows: paired.map(({ driver, addresses, own, python }) => [
      driverText(driver),
      addresses.toLocaleString('en'),
      ratioText(startMs(python), startMs(own)),
      msText(startMs(own)),
      `${python.some(isCapped) ? 'about ' : ''}${msText(startMs(python))}`,
      ratioText(startCpuMs(python), startCpuMs(own)),
      msText(startCpuMs(own)),
      `${python.some(isCapped) ? 'about ' : ''}${msText(startCpuMs(python))}`,
      ratioText(peakBytes(python), peakBytes(own)),
      megabytesText(peakBytes(own)),
      megabytesText(peakBytes(python)),
    ]),
    targets: [...paired.filter(bothTook).flatMap((each) => startTargets(each)), ...growthTargets(paired)],
    notes: [
      `${GUEST_NOTE} ${counts(paired, () => 1, 'starts')}`,
      "From starting the process on a node that holds nothing to rule, host route and address of the last address; without addresses to the device in the VRF, the bridge's address and the default route of its table. Processor time and memory are those of all processes of an agent, with what they started and what has ended; memory is the sum of the largest that each process had.",
      ...paired.flatMap(({ driver, addresses, python }) =>
        python
          .filter(isCapped)
          .map(
            ({ start, plan }) =>
              `The Python agent (${driverText(driver)}) had exposed ${start.exposed.toLocaleString('en')} of ${addresses.toLocaleString('en')} addresses when it was stopped after ${msText(plan.capMs)}; its time and processor time are what the rest takes at the same pace, although its pace falls with every address.`,
          ),
      ),
    ],
    samples: turns,
  };
}

export function idleReport(turns: readonly Turn[]): Report {
  const measured = pairings(turns.filter(({ idle }) => idle !== undefined)).filter(bothTook);
  const cpu = (list: readonly Turn[]): number =>
    medianOf(list, ({ idle }) => ((idle?.cpuMs ?? Number.NaN) * MINUTE_MS) / (idle?.windowMs ?? 0));
  const resident = (list: readonly Turn[]): number =>
    medianOf(list, ({ idle }) => idle?.residentBytes ?? Number.NaN);
  return {
    name: 'pythonidle',
    title: 'Idle for a minute, against the Python agent',
    columns: [
      'driver',
      'addresses',
      'processor time, ratio',
      'this project',
      'Python agent',
      'resident memory, ratio',
      'this project',
      'Python agent',
    ],
    rows: measured.map(({ driver, addresses, own, python }) => [
      driverText(driver),
      addresses.toLocaleString('en'),
      ratioText(cpu(python), cpu(own)),
      msText(cpu(own)),
      msText(cpu(python)),
      ratioText(resident(python), resident(own)),
      megabytesText(resident(own)),
      megabytesText(resident(python)),
    ]),
    targets: measured.map(({ driver, addresses, own, python }) => {
      const ratio = cpu(own) / cpu(python);
      return target(
        `processor time of an idle minute, ${driverText(driver)}, ${addresses.toLocaleString('en')} addresses`,
        `at most ${MOST_IDLE}x`,
        ratioText(ratio, 1),
        ratio <= MOST_IDLE,
      );
    }),
    notes: [
      GUEST_NOTE,
      ...measured.flatMap((pairing) => withComparisons(pairing, turns, cpu)),
      "The minute has no full comparison in it, of neither agent, which is in the Python agent's favour: by default it makes one every five minutes. The checks of FRR every 15 seconds are in it.",
    ],
    samples: turns,
  };
}

/**
 * What both spend in a minute with the full comparison that both make every five minutes by default: estimated with what
 * the addresses cost at the start, which is more than this agent's comparison of a node that is right.
 */
function withComparisons(
  { driver, addresses, own, python }: Pairing,
  turns: readonly Turn[],
  idleMs: (list: readonly Turn[]) => number,
): string[] {
  const empty = pairings(turns).find((each) => each.driver === driver && each.addresses === 0);
  if (empty === undefined || !bothTook(empty)) return [];
  const total = (list: readonly Turn[], base: readonly Turn[]): number =>
    idleMs(list) + (startCpuMs(list) - startCpuMs(base)) / MINUTES_BETWEEN_COMPARISONS;
  const [ours, theirs] = [total(own, empty.own), total(python, empty.python)];
  return [
    `With a full comparison every ${MINUTES_BETWEEN_COMPARISONS} minutes, the default of both, counted as what the addresses cost at a start (an estimate, not measured): ${msText(ours)} and ${msText(theirs)} a minute, ${ratioText(ours / theirs, 1)} (${driverText(driver)}, ${addresses.toLocaleString('en')} addresses).`,
  ];
}

function startTargets({ driver, addresses, own, python }: Pairing): Target[] {
  const memory = peakBytes(own) / peakBytes(python);
  const where = `${driverText(driver)}, ${addresses.toLocaleString('en')} addresses`;
  const memoryTarget = target(
    `memory of all processes, ${where}`,
    `at most ${MOST_MEMORY}x`,
    ratioText(memory, 1),
    memory <= MOST_MEMORY,
  );
  if (addresses !== LEAST_START.addresses) return addresses === 0 ? [] : [memoryTarget];
  const faster = startMs(python) / startMs(own);
  return [
    target(
      `start, ${where}`,
      `at least ${LEAST_START.times}x faster`,
      ratioText(faster, 1),
      faster >= LEAST_START.times,
    ),
    memoryTarget,
  ];
}

/** The agent's own processor time between the two largest sizes, without what a start costs in any case. */
function growthTargets(paired: readonly Pairing[]): Target[] {
  const userMs = ({ own }: Pairing): number => medianOf(own, ({ start }) => start.userMs);
  return (Object.keys(DRIVERS) as Driver[]).flatMap((driver) => {
    const ours = paired.filter((each) => each.driver === driver && each.own.length > 0);
    const [empty] = ours;
    const [small, large] = ours.slice(-2);
    if (small === undefined || large === undefined || empty?.addresses !== 0 || small.addresses < 100)
      return [];
    const growth = (userMs(large) - userMs(empty)) / (userMs(small) - userMs(empty));
    const times = (large.addresses / small.addresses) * LINEAR_ROOM;
    const range = `${small.addresses.toLocaleString('en')} to ${large.addresses.toLocaleString('en')}`;
    return [
      target(
        `growth of this agent's own processor time from ${range} addresses, ${driverText(driver)}`,
        `linear: at most ${times.toFixed(0)}x`,
        `${growth.toFixed(1)}x`,
        growth <= times,
      ),
    ];
  });
}

function pairings(turns: readonly Turn[]): readonly Pairing[] {
  const of = (agent: AgentName, driver: Driver, addresses: number): Turn[] =>
    turns.filter(
      ({ plan }) => plan.agent === agent && plan.driver === driver && plan.addresses === addresses,
    );
  const sizes = [...new Set(turns.map(({ plan }) => plan.addresses))].sort((a, b) => a - b);
  return (Object.keys(DRIVERS) as Driver[])
    .flatMap((driver) =>
      sizes.map((addresses) => ({
        driver,
        addresses,
        own: of('own', driver, addresses),
        python: of('python', driver, addresses),
      })),
    )
    .filter(({ own, python }) => own.length + python.length > 0);
}

function bothTook({ own, python }: Pairing): boolean {
  return own.length > 0 && python.length > 0;
}

function isCapped({ start }: Turn): boolean {
  return start.nodeMs === undefined;
}

function startMs(list: readonly Turn[]): number {
  return medianOf(
    list,
    ({ start, plan }) => start.nodeMs ?? plan.capMs * remaining(plan.addresses, start.exposed),
  );
}

function startCpuMs(list: readonly Turn[]): number {
  return medianOf(list, ({ start, plan }) =>
    start.nodeMs === undefined ? start.cpuMs * remaining(plan.addresses, start.exposed) : start.cpuMs,
  );
}

function remaining(addresses: number, exposed: number): number {
  return addresses / exposed;
}

function peakBytes(list: readonly Turn[]): number {
  return medianOf(list, ({ start }) => start.peakBytes);
}

function driverText(driver: Driver): string {
  return `\`${DRIVERS[driver]}\``;
}

/** How much is behind the medians. */
function counts(paired: readonly Pairing[], of: (turn: Turn) => number, what: string): string {
  const sum = (list: readonly Turn[]): number => list.reduce((total, turn) => total + of(turn), 0);
  const text = paired.map(
    ({ driver, addresses, own, python }) =>
      `${driver} ${addresses.toLocaleString('en')}: ${sum(own)} and ${sum(python)}`,
  );
  return `${what[0]?.toUpperCase()}${what.slice(1)} measured, this project's and the Python agent's: ${text.join('; ')}.`;
}
