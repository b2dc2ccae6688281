/**
 * Damps repairs: an object that somebody changes back again and again is repaired at growing intervals.
 *
 * In: which objects were repaired (written although nothing new was wanted of them). Out: why an object is left as it is for
 * now, and the conflicts, for the log and for whoever shows them. A handful of repairs is always done at once; only when
 * they follow each other for a while is there a conflict. It ends when an object is left alone for a while, and nothing
 * is remembered of it then. What the agent itself wants otherwise is never held back by it.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { describe } from '../node/describe.ts';
import type { NodeObject, ObjectKey } from '../node/objects.ts';

/** Repairs that are done at once, and how soon each is forgotten. */
const BURST = 8;
const FORGET_ONE_MS = 5000;
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 60_000;
/** So long, at least, and twice the last delay, an object has to be left alone. */
const QUIET_MS = 30_000;
/** In one line of the log. */
const NAMED = 5;

export interface Conflict {
  readonly key: ObjectKey;
  /** The object in the words of `ip` and the like. */
  readonly object: string;
  /** Repairs since it began. */
  readonly repairs: number;
  /** On the clock's scale. */
  readonly sinceMs: number;
  readonly nextMs: number;
}

interface Record {
  readonly object: NodeObject;
  /** Repairs that are not forgotten yet, as of `lastMs`. */
  recent: number;
  lastMs: number;
  conflict: { repairs: number; readonly sinceMs: number; delayMs: number } | undefined;
  /** It was found changed and left as it is. */
  left: boolean;
}

export class Conflicts {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #records = new Map<ObjectKey, Record>();
  /** Nothing is to be forgotten before. */
  #tidyMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Objects that somebody else keeps changing. */
  *list(): Iterable<Conflict> {
    for (const [key, { object, conflict, lastMs }] of this.#records) {
      if (conflict === undefined) continue;
      const { repairs, sinceMs, delayMs } = conflict;
      yield { key, object: describe(object), repairs, sinceMs, nextMs: lastMs + delayMs };
    }
  }

  get size(): number {
    let count = 0;
    for (const { conflict } of this.#records.values()) if (conflict !== undefined) count += 1;
    return count;
  }

  /** Why an object is not repaired now. */
  hold(key: ObjectKey): string | undefined {
    const record = this.#records.get(key);
    if (record?.conflict === undefined || this.#clock.now() >= record.lastMs + record.conflict.delayMs)
      return undefined;
    return 'somebody else keeps changing it';
  }

  /** These were repaired now. */
  repaired(repairs: readonly { readonly key: ObjectKey; readonly object: NodeObject }[]): void {
    const begun: string[] = [];
    for (const { key, object } of repairs) if (this.#note(key, object)) begun.push(describe(object));
    if (begun.length === 0) return;
    this.#log.warn(
      { objects: begun.slice(0, NAMED), count: begun.length },
      'somebody else keeps changing what this agent writes: it is put right at growing intervals; find out what else manages it',
    );
  }

  /** These need a repair and were held. */
  left(keys: Iterable<ObjectKey>): void {
    for (const key of keys) {
      const record = this.#records.get(key);
      if (record !== undefined) record.left = true;
    }
  }

  /** Keys of what was left as it is and may be repaired now. */
  due(): ReadonlySet<ObjectKey> {
    const keys = new Set<ObjectKey>();
    for (const [key, record] of this.#records) {
      if (!record.left || this.hold(key) !== undefined) continue;
      record.left = false;
      keys.add(key);
    }
    return keys;
  }

  /** Forgets what was left alone long enough. */
  tidy(): void {
    const now = this.#clock.now();
    if (now < this.#tidyMs) return;
    this.#tidyMs = Number.POSITIVE_INFINITY;
    const ended: string[] = [];
    for (const [key, record] of this.#records) {
      const untilMs = quietMs(record);
      if (untilMs > now || record.left) {
        this.#tidyMs = Math.min(this.#tidyMs, Math.max(untilMs, now + FORGET_ONE_MS));
        continue;
      }
      this.#records.delete(key);
      if (record.conflict !== undefined) ended.push(describe(record.object));
    }
    if (ended.length > 0) {
      this.#log.info(
        { objects: ended.slice(0, NAMED), count: ended.length },
        'nobody else changes these any more: they are repaired at once again',
      );
    }
  }

  /** In how many milliseconds a conflict is to be looked at: it may be repaired again, or be over; `undefined`: there is none. */
  dueInMs(): number | undefined {
    let first: number | undefined;
    for (const record of this.#records.values()) {
      const { conflict, lastMs, left } = record;
      if (conflict === undefined) continue;
      const dueMs = left ? lastMs + conflict.delayMs : quietMs(record);
      first = Math.min(first ?? dueMs, dueMs);
    }
    return first === undefined ? undefined : Math.max(0, first - this.#clock.now());
  }

  /** True when a conflict begins. */
  #note(key: ObjectKey, object: NodeObject): boolean {
    const now = this.#clock.now();
    const record = this.#records.get(key);
    if (record === undefined) {
      this.#records.set(key, { object, recent: 1, lastMs: now, conflict: undefined, left: false });
      this.#tidyMs = Math.min(this.#tidyMs, now + FORGET_ONE_MS);
      return false;
    }
    record.left = false;
    record.recent = Math.max(0, record.recent - (now - record.lastMs) / FORGET_ONE_MS) + 1;
    record.lastMs = now;
    if (record.conflict !== undefined) {
      record.conflict.repairs += 1;
      record.conflict.delayMs = Math.min(LAST_DELAY_MS, record.conflict.delayMs * 2);
      return false;
    }
    if (record.recent <= BURST) return false;
    record.conflict = { repairs: Math.round(record.recent), sinceMs: now, delayMs: FIRST_DELAY_MS };
    return true;
  }
}

/** When it will have been left alone long enough. */
function quietMs({ lastMs, recent, conflict }: Record): number {
  return (
    lastMs + (conflict === undefined ? recent * FORGET_ONE_MS : Math.max(QUIET_MS, conflict.delayMs * 2))
  );
}
