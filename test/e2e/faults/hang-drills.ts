/**
 * Drills on daemons that hang (`SIGSTOP`): they keep their sockets open and answer nothing. Only what is their own business
 * may wait for them: rules are repaired and ports withdrawn within the promise, from the first moment on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { LabNode } from '../../../lab/node.ts';
import { untilTrue } from '../../../lab/until.ts';
import { LEAFS, logLength } from '../fixture.ts';
import { Ghost } from './ghosts.ts';
import { measureFor } from './measure.ts';
import { type ProgramName, signal } from './programs.ts';
import { expectRecovery, type Ground, type Stage, SUBJECT } from './stage.ts';

const GROUP = 'Daemons that hang';
/** Lines of the log at its usual level, for the drill's own changes and for what is told of the daemon. */
const MAX_LOG_LINES = 20;
const LEVELS = new Set(['info', 'warn', 'error']);

interface Hanging {
  readonly program: ProgramName;
  readonly on: 'node' | 'central';
  readonly done: string;
  readonly cause: string;
  /** The agent cannot know of a port that goes. */
  readonly blind?: true;
  /** Whoever announces hangs itself. */
  readonly mute?: true;
}

const DAEMONS: readonly Hanging[] = [
  {
    program: 'bgpd',
    on: 'node',
    done: 'the leafs end its sessions; the node itself is kept right meanwhile',
    cause: 'FRR: bgpd hangs',
    mute: true,
  },
  {
    program: 'zebra',
    on: 'node',
    done: 'bgpd learns what changed meanwhile when zebra goes on',
    cause: 'FRR: zebra hangs',
    mute: true,
  },
  {
    program: 'ovs-vswitchd',
    on: 'node',
    done: 'with the user space data path it carries the packets itself',
    cause: 'Open vSwitch',
  },
  { program: 'ovsdb-server', on: 'node', done: 'the last picture of it counts', cause: 'Open vSwitch' },
  {
    program: 'ovnnb_db',
    on: 'central',
    done: 'nothing can be heard of ports',
    cause: 'OVN: the database hangs',
    blind: true,
  },
];

export function hangDrills(stage: () => Stage, ground: Ground): void {
  const { hangSec } = measureFor(ground);

  it.each(DAEMONS)('$program hangs', { timeout: (hangSec + 300) * 1000 }, async (daemon) => {
    const { program, blind = false, mute = false } = daemon;
    const host: LabNode = daemon.on === 'node' ? stage().node : stage().central;
    const ghost = new Ghost(stage(), `hang-${program}`, SUBJECT, 150 + DAEMONS.indexOf(daemon));
    await ghost.add();
    await stage().awaitAnnounced();
    const promisedMs = await stage().promisedMs();
    const rules: number[] = [];
    const withdrawals: number[] = [];
    let logged: readonly string[] = [];
    await expectRecovery(
      stage(),
      GROUP,
      { name: `\`${program}\` frozen for ${hangSec} s`, done: daemon.done, cause: daemon.cause },
      async () => {
        stage().takeAway(ghost.addresses);
        const from = await logLength(stage().agent);
        const untilMs = Date.now() + hangSec * 1000;
        await signal(host, program, 'STOP');
        try {
          rules.push(await repairOfRule(stage()));
          if (!blind) withdrawals.push(await withdrawal(stage(), ghost, mute));
          // The time that the drill is about; whatever deadlines there are run out.
          await delay(Math.max(0, untilMs - Date.now()));
          rules.push(await repairOfRule(stage()));
        } finally {
          await signal(host, program, 'CONT');
        }
        const log = (await stage().agent.log()).slice(from);
        logged = log.filter(({ fields }) => LEVELS.has(String(fields?.level))).map(({ text }) => text);
        if (blind) await ghost.removeRow();
        await ghost.unplug();
        return { repairedMs: Math.max(...rules) };
      },
    );
    for (const tookMs of [...rules, ...withdrawals]) expect(tookMs).toBeLessThan(promisedMs);
    // Beyond the limit, the lines themselves say what was told too often.
    expect(logged.slice(MAX_LOG_LINES - 1)).toEqual([]);
  });
}

/** Milliseconds until a rule is back that somebody deleted. */
async function repairOfRule(stage: Stage): Promise<number> {
  const [address = ''] = stage.flat.addresses;
  const sinceMs = Date.now();
  await stage.node.script(`ip rule del to ${address}`);
  await untilTrue(
    'the rule to be repaired',
    async () => (await stage.node.script('ip -4 rule')).stdout.includes(`to ${address} `),
    { everyMs: 20 },
  );
  return Date.now() - sinceMs;
}

/** Milliseconds until a port that goes is advertised by the kernel no more, and known to no leaf where somebody can say so. */
async function withdrawal(stage: Stage, ghost: Ghost, mute: boolean): Promise<number> {
  const isThere = (text: string): boolean =>
    ghost.addresses.some((address) => text.split(/[\s/]+/).includes(address));
  const sinceMs = Date.now();
  await ghost.removeRow();
  await untilTrue(
    'the kernel to advertise it no more',
    async () => !isThere((await stage.node.script(ADVERTISED)).stdout),
    { everyMs: 20 },
  );
  if (!mute) {
    await untilTrue(
      'the leafs to know it no more',
      async () => !isThere((await Promise.all(LEAFS.map((leaf) => stage.announced(leaf)))).flat().join('\n')),
      { everyMs: 20 },
    );
  }
  return Date.now() - sinceMs;
}

const ADVERTISED = `ip -4 rule; ip -6 rule
ip -4 route show type blackhole; ip -6 route show type blackhole
ip -o address show dev bgp-nic 2>/dev/null || true`;
