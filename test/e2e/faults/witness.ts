/**
 * Witnesses that the agent does not know of, for outages that polling would miss: the leafs' kernels report every change of
 * a route with its time, and pings from outside run all the while.
 *
 * In: a time span in milliseconds of the wall clock, which all nodes share. Out: how long an address was missing at the
 * worst. A route is taken to be there when the span begins.
 */
import type { Lab } from '../../../lab/lab.ts';
import type { NodeName } from '../../../lab/layout.ts';
import type { NodeProcess } from '../../../lab/node.ts';
import { untilTrue } from '../../../lab/until.ts';
import { LEAFS } from '../fixture.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface RouteEvent {
  readonly atMs: number;
  readonly address: string;
  readonly present: boolean;
}

export interface PingReply {
  readonly atMs: number;
  readonly sequence: number;
}

const PING_INTERVAL_MS = 50;
/** An answer that takes longer counts as lost; the ones that are still on their way are not missed yet. */
const PING_PATIENCE_MS = 500;

export class Witness {
  readonly #lab: Lab;
  readonly #pinged: readonly string[];
  readonly #processes: NodeProcess[] = [];

  private constructor(lab: Lab, pinged: readonly string[]) {
    this.#lab = lab;
    this.#pinged = pinged;
  }

  /** `pinged`: addresses that answer already. */
  static async start(lab: Lab, pinged: readonly string[]): Promise<Witness> {
    const witness = new Witness(lab, pinged);
    for (const leaf of LEAFS) {
      await witness.#spawn(leaf, 'witness-routes', ['ip', '-ts', '-o', 'monitor', 'route']);
    }
    const interval = `${PING_INTERVAL_MS / 1000}`;
    for (const [index, address] of pinged.entries()) {
      await witness.#spawn('ext', `witness-ping${index}`, ['ping', '-n', '-D', '-i', interval, address]);
    }
    await untilTrue('the first answers', async () => {
      const replies = await Promise.all(pinged.map((_, index) => witness.#replies(index)));
      return replies.every((some) => some.length > 0);
    });
    return witness;
  }

  /** The longest time for which one of the addresses was missing at one of the leafs. */
  async routeOutageMs(addresses: readonly string[], span: Span): Promise<number> {
    let worst = 0;
    for (const leaf of LEAFS) {
      const events = parseRouteEvents((await this.#lab.node(leaf).read('/var/log/witness-routes.log')) ?? '');
      for (const address of addresses) {
        const own = events.filter((event) => event.address === address);
        worst = Math.max(worst, longestAbsence(own, span));
      }
    }
    return Math.round(worst);
  }

  /** The longest time without an answer to the pings, for the worst of the pinged addresses. */
  async pingOutageMs(span: Span): Promise<number> {
    const outages = await Promise.all(
      this.#pinged.map(async (_, index) => longestSilence(await this.#replies(index), span)),
    );
    return Math.max(0, ...outages);
  }

  async stop(): Promise<void> {
    for (const process of this.#processes) await process.stop();
  }

  async #replies(index: number): Promise<readonly PingReply[]> {
    return parsePingReplies((await this.#lab.node('ext').read(`/var/log/witness-ping${index}.log`)) ?? '');
  }

  async #spawn(node: NodeName, name: string, argv: readonly string[]): Promise<void> {
    this.#processes.push(await this.#lab.node(node).spawn(name, argv));
  }
}

/** `[2026-11-20T13:00:16.624639] Deleted 172.24.4.10 nhid 25 via ...`: local time, as `ip -ts monitor` prints it. */
export function parseRouteEvents(text: string): readonly RouteEvent[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\[([\dT:.-]+)\] (Deleted )?([\da-f.:]+) /.exec(line);
    const [, time = '', deleted, address = ''] = match ?? [];
    return match === null ? [] : [{ atMs: Date.parse(time), address, present: deleted === undefined }];
  });
}

/** `[1700000000.123456] 64 bytes from 172.24.4.10: icmp_seq=7 ...`. */
export function parsePingReplies(text: string): readonly PingReply[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)/.exec(line);
    return match === null ? [] : [{ atMs: Number(match[1]) * 1000, sequence: Number(match[2]) }];
  });
}

export function longestAbsence(events: readonly RouteEvent[], { fromMs, toMs }: Span): number {
  let longest = 0;
  let goneSince: number | undefined;
  for (const { atMs, present } of events) {
    if (atMs < fromMs || atMs > toMs) continue;
    if (!present) goneSince ??= atMs;
    else if (goneSince !== undefined) {
      longest = Math.max(longest, atMs - goneSince);
      goneSince = undefined;
    }
  }
  return goneSince === undefined ? longest : Math.max(longest, toMs - goneSince);
}

/** Counted in pings that were never answered, so that a busy machine's late answers are no outage. */
export function longestSilence(replies: readonly PingReply[], { fromMs, toMs }: Span): number {
  let longest = 0;
  let last: PingReply | undefined;
  // Sequence numbers are 16 bits wide and start again.
  for (const reply of replies) {
    if (reply.atMs < fromMs) last = reply;
    else if (reply.atMs <= toMs) {
      const missed = last === undefined ? 0 : ((reply.sequence - last.sequence + 0x10000) % 0x10000) - 1;
      // A late answer after its successors.
      if (missed < 0x8000) longest = Math.max(longest, missed * PING_INTERVAL_MS);
      last = reply;
    }
  }
  const silentMs = last === undefined ? 0 : toMs - last.atMs;
  return silentMs > PING_PATIENCE_MS ? Math.max(longest, Math.round(silentMs)) : longest;
}
