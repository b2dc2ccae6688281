/**
 * A ping that goes on while something happens, and what it saw: how many answers are missing, and the longest time
 * without one.
 */
import type { LabNode } from './node.ts';
import { type Seen, until } from './until.ts';

export interface Watched {
  readonly answers: number;
  /** Requests between the first and the last answer that have none. */
  readonly lost: number;
  /** The longest time between two answers, less the interval: about how long nothing came through. */
  readonly outageMs: number;
}

const INTERVAL_MS = 50;
let started = 0;

export class PingWatch {
  readonly #node: LabNode;
  readonly #name: string;

  private constructor(node: LabNode, name: string) {
    this.#node = node;
    this.#name = name;
  }

  /** Starts, and waits for the first answers. */
  static async start(node: LabNode, address: string): Promise<PingWatch> {
    // Each has a log of its own.
    const name = `ping-${process.pid}-${++started}`;
    const watch = new PingWatch(node, name);
    await node.spawn(name, ['ping', '-n', '-D', '-i', `${INTERVAL_MS / 1000}`, address]);
    await watch.awaitAnswers(3);
    return watch;
  }

  /** Waits for so many more answers. */
  async awaitAnswers(more: number): Promise<void> {
    const from = (await this.#replies()).length;
    await until(`${more} answers to ${this.#name}`, async (): Promise<Seen<true>> => {
      const { length } = await this.#replies();
      return length >= from + more ? { value: true } : { seen: `${length - from}` };
    });
  }

  /** What was seen so far. */
  async look(): Promise<Watched> {
    return summarize(await this.#replies());
  }

  async stop(): Promise<Watched> {
    await (await this.#node.process(this.#name))?.stop('SIGINT');
    return summarize(await this.#replies());
  }

  async #replies(): Promise<readonly Reply[]> {
    return parseReplies((await this.#node.read(`/var/log/${this.#name}.log`)) ?? '');
  }
}

interface Reply {
  readonly sequence: number;
  readonly atMs: number;
}

/** Lines of `ping -D`: `[1700000000.123456] 64 bytes from ...: icmp_seq=1 ttl=61 time=1.0 ms`. */
export function parseReplies(output: string): readonly Reply[] {
  return [...output.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from .* icmp_seq=(\d+) ttl=.* ms$/gm)].map(
    (match) => ({
      sequence: Number(match[2]),
      atMs: Number(match[1]) * 1000,
    }),
  );
}

export function summarize(replies: readonly Reply[]): Watched {
  const sequences = new Set(replies.map(({ sequence }) => sequence));
  const first = Math.min(...sequences);
  const last = Math.max(...sequences);
  const times = replies.map(({ atMs }) => atMs).sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time) - INTERVAL_MS);
  const lost = sequences.size === 0 ? 0 : last - first + 1 - sequences.size;
  return { answers: sequences.size, lost, outageMs: lost === 0 ? 0 : Math.max(0, ...gaps) };
}
