/**
 * The kinds of objects that have to be read again: reads them, and tells once when one cannot be read and when it can again.
 *
 * A kind that cannot be read keeps its last picture and is tried again with a back-off of its own; one whose daemon does not
 * answer waits until whoever speaks for that daemon marks it again (`node/concerns.ts`, which also tells of it).
 */
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { ALL_KINDS } from '../node/kinds/registry.ts';
import type { Node } from '../node/node.ts';
import type { NodeObjectKind } from '../node/objects.ts';

const RETRY = { minMs: 500, maxMs: 30_000 };

interface Unreadable {
  message: string;
  readonly backoff: Backoff;
  dueMs: number;
}

export class StaleKinds {
  readonly #node: Pick<Node, 'read'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unreadable = new Map<NodeObjectKind, Unreadable>();
  #stale = new Set<NodeObjectKind>(ALL_KINDS);
  /** Kinds whose daemon did not answer when they were to be read. */
  readonly #unanswered = new Set<NodeObjectKind>();

  constructor(node: Pick<Node, 'read'>, clock: Clock, log: Logger) {
    this.#node = node;
    this.#clock = clock;
    this.#log = log;
  }

  mark(kinds: Iterable<NodeObjectKind>): void {
    for (const kind of kinds) this.#stale.add(kind);
  }

  markAll(): void {
    this.mark(ALL_KINDS);
  }

  /** Kinds that cannot be read, with the reason; those whose daemon does not answer are not among them. */
  *problems(): Iterable<readonly [NodeObjectKind, string]> {
    for (const [kind, { message }] of this.#unreadable) yield [kind, message];
  }

  /** The last attempt to read it was in vain. */
  isUnknown(kind: NodeObjectKind): boolean {
    return this.#unreadable.has(kind) || this.#unanswered.has(kind);
  }

  get size(): number {
    return this.#unreadable.size;
  }

  /** In how many milliseconds one is tried again; `undefined`: none is. */
  dueInMs(): number | undefined {
    let first: number | undefined;
    for (const { dueMs } of this.#unreadable.values()) first = Math.min(first ?? dueMs, dueMs);
    return first === undefined ? undefined : Math.max(0, first - this.#clock.now());
  }

  /**
   * Reads what is stale. Returns the kinds that were read, and whether one of them could not be read before. Throws when
   * aborted; nothing is forgotten then.
   */
  async read(
    signal: AbortSignal,
  ): Promise<{ readonly kinds: ReadonlySet<NodeObjectKind>; readonly recovered: boolean }> {
    const now = this.#clock.now();
    for (const [kind, { dueMs }] of this.#unreadable) if (dueMs <= now) this.#stale.add(kind);
    const asked = this.#stale;
    if (asked.size === 0) return { kinds: asked, recovered: false };
    this.#stale = new Set();
    const read = new Set(asked);
    try {
      for (const { kind, message, waiting } of await this.#node.read(asked, signal)) {
        read.delete(kind);
        if (waiting === true) this.#unanswered.add(kind);
        else this.#failed(kind, message);
      }
    } catch (error) {
      this.mark(asked);
      throw error;
    }
    let recovered = false;
    for (const kind of read) {
      if (this.#unanswered.delete(kind)) recovered = true;
      if (!this.#unreadable.delete(kind)) continue;
      recovered = true;
      this.#log.info({ kind }, 'can be read again');
    }
    return { kinds: read, recovered };
  }

  #failed(kind: NodeObjectKind, message: string): void {
    const before = this.#unreadable.get(kind);
    if (before?.message !== message)
      this.#log.warn({ kind, problem: message }, 'cannot be read; what stands is kept');
    const backoff = before?.backoff ?? new Backoff(RETRY);
    this.#unreadable.set(kind, { message, backoff, dueMs: this.#clock.now() + backoff.next() });
  }
}
