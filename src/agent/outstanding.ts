/**
 * What the node lacks of what is wanted, object by object, and when each is tried again.
 *
 * In: plans and what came of them. Out: keys that it is time to look at, and why others are left alone meanwhile. An
 * object that failed has a back-off of its own; what requires it is looked at as soon as it is in place, else with the same
 * back-off. What waits for somebody who does not answer is looked at when that one may answer again. An object that is not
 * wanted any more, or is found in place, is forgotten.
 */
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { kindOfKey } from '../node/keys.ts';
import type { ChangeOutcome, ChangeProblem, NodeObjectKind, NodePlan, ObjectKey } from '../node/objects.ts';

const RETRY = { minMs: 500, maxMs: 30_000 };

interface Entry {
  problem: ChangeProblem;
  readonly backoff: Backoff;
  dueMs: number;
}

export class Outstanding {
  readonly #clock: Clock;
  readonly #entries = new Map<ObjectKey, Entry>();
  /** Entries by what is at fault. */
  readonly #dependents = new Map<ObjectKey, Set<ObjectKey>>();
  #blocked = new Map<ObjectKey, string>();
  /** Nothing is due before. */
  #firstDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(key: ObjectKey): boolean {
    return this.#entries.has(key);
  }

  /** Objects with what is the matter with each. */
  *problems(): Iterable<readonly [ObjectKey, ChangeProblem]> {
    for (const [key, { problem }] of this.#entries) yield [key, problem];
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Wanted objects in whose way something foreign stands, or of which nothing is known; with the reason. */
  get blocked(): ReadonlyMap<ObjectKey, string> {
    return this.#blocked;
  }

  /** Why a change is not tried now: it failed a moment ago. */
  hold(key: ObjectKey): string | undefined {
    const entry = this.#entries.get(key);
    if (entry?.problem.code !== 'failed' || entry.dueMs <= this.#clock.now()) return undefined;
    return entry.problem.message;
  }

  /** `looked`: the keys that the plan was made for. */
  conclude(
    plan: Pick<NodePlan, 'blocked' | 'held'>,
    outcomes: readonly ChangeOutcome[],
    looked: ReadonlySet<ObjectKey> | 'all',
  ): void {
    const open = new Set(plan.held.map(({ key }) => key));
    for (const { change, problem } of outcomes) {
      if (problem === undefined) continue;
      open.add(change.key);
      this.#note(change.key, problem);
    }
    for (const { change, problem } of outcomes) {
      if (problem === undefined && !open.has(change.key)) this.#settle(change.key);
    }
    for (const key of looked === 'all' ? [...this.#entries.keys()] : looked) {
      if (!open.has(key) && this.#entries.has(key)) this.#settle(key);
    }
    const blocked = new Map(plan.blocked.map(({ key, reason }) => [key, reason] as const));
    if (looked !== 'all') {
      for (const [key, reason] of this.#blocked) if (!looked.has(key)) blocked.set(key, reason);
    }
    this.#blocked = blocked;
  }

  /** There is news of objects of these kinds: what waits for them, or for being one of them, is looked at now. */
  hasten(kinds: ReadonlySet<NodeObjectKind>): void {
    for (const [key, entry] of this.#entries) {
      const { code, cause } = entry.problem;
      if (code !== 'failed' && kinds.has(kindOfKey(cause ?? key))) this.#setDue(entry, this.#clock.now());
    }
  }

  /** Keys to look at now. */
  due(): ReadonlySet<ObjectKey> {
    const now = this.#clock.now();
    const keys = new Set<ObjectKey>();
    if (this.#firstDueMs > now) return keys;
    this.#firstDueMs = Number.POSITIVE_INFINITY;
    for (const [key, { dueMs }] of this.#entries) {
      if (dueMs <= now) keys.add(key);
      else this.#firstDueMs = Math.min(this.#firstDueMs, dueMs);
    }
    return keys;
  }

  /** In how many milliseconds there is something to look at; `undefined`: never. */
  dueInMs(): number | undefined {
    if (this.#firstDueMs === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(0, this.#firstDueMs - this.#clock.now());
  }

  #note(key: ObjectKey, problem: ChangeProblem): void {
    const before = this.#entries.get(key);
    if (before?.problem.cause !== undefined) this.#dependents.get(before.problem.cause)?.delete(key);
    const backoff = before?.backoff ?? new Backoff(RETRY);
    // Who waits is woken: by the concern, or by the object that it requires.
    const dueMs = problem.code === 'waiting' ? Number.POSITIVE_INFINITY : this.#clock.now() + backoff.next();
    const entry = { problem, backoff, dueMs };
    this.#entries.set(key, entry);
    this.#setDue(entry, dueMs);
    if (problem.cause === undefined) return;
    const dependents = this.#dependents.get(problem.cause) ?? new Set();
    this.#dependents.set(problem.cause, dependents.add(key));
  }

  /** It is in place, or not wanted any more. */
  #settle(key: ObjectKey): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      const { cause } = entry.problem;
      const siblings = cause === undefined ? undefined : this.#dependents.get(cause);
      if (cause !== undefined && siblings?.delete(key) === true && siblings.size === 0)
        this.#dependents.delete(cause);
    }
    for (const dependent of this.#dependents.get(key) ?? []) {
      const waiting = this.#entries.get(dependent);
      if (waiting !== undefined) this.#setDue(waiting, this.#clock.now());
    }
  }

  #setDue(entry: Entry, dueMs: number): void {
    entry.dueMs = dueMs;
    this.#firstDueMs = Math.min(this.#firstDueMs, dueMs);
  }
}
