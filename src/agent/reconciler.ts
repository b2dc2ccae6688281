/**
 * The loop: drains what happened, computes once, compares with the node, applies, and tells.
 *
 * Level-triggered: notifications only say what to look at again. Everything that arrives while a pass runs is handled
 * by the next one. A pass that fails (a daemon that is away, a socket that broke) is repeated with back-off; what a
 * single object lacks never stops the others. Repairs (`repair.ts`) ask their daemons beside the passes. Aborting ends the loop after the running pass and leaves the node as it is.
 */

import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { kindNamed } from '../node/kinds/registry.ts';
import type { Node, ReadProblem } from '../node/node.ts';
import type { ChangeOutcome, NodeObjectKind, NodePlan, NodeScope, ObjectKey } from '../node/objects.ts';
import type { CandidateKey } from '../ovn/topology.ts';
import type { NodeFacts } from '../wiring/types.ts';
import type { ChangeLog } from './change-log.ts';
import type { MethodHandover } from './method-handover.ts';
import { changeCount } from './plan-tools.ts';
import type { Planner, PlanningStep } from './planner.ts';
import type { Mend, Repair } from './repair.ts';
import type { WithdrawGuard } from './withdraw-guard.ts';

export interface ReconcilerParts {
  readonly planner: Planner;
  readonly node: Node;
  readonly guard: WithdrawGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changeLog: ChangeLog;
  readonly repairs: readonly Repair[];
  readonly handover: MethodHandover;
  /** Reads what is known about this node; called when something of it may have changed. */
  readonly readFacts: (signal: AbortSignal) => Promise<NodeFacts>;
  readonly scopeOf: (facts: NodeFacts) => NodeScope;
}

/** Totals since the start. */
export interface ReconcilerCounters {
  passes: number;
  failedPasses: number;
  changes: number;
  failedChanges: number;
  drifts: number;
}

/** By objects of these kinds one sees what stands for an address. */
const TELLING: readonly NodeObjectKind[] = ['rule', 'route', 'address', 'local-row'];

const RETRY = { minMs: 500, maxMs: 30_000 };
/** A repair that broke down, against its promise, is left alone for this long. */
const BROKEN_REPAIR_MS = 60_000;

export class Reconciler {
  readonly counters: ReconcilerCounters = {
    passes: 0,
    failedPasses: 0,
    changes: 0,
    failedChanges: 0,
    drifts: 0,
  };
  readonly #parts: ReconcilerParts;
  readonly #retry = new Backoff(RETRY);
  readonly #settled = new Set<() => void>();
  readonly #unreadable = new Map<NodeObjectKind, string>();
  /** Repairs that are looking now. */
  readonly #looking = new Map<Repair, Promise<void>>();
  readonly #brokenUntilMs = new Map<Repair, number>();
  #mends: Mend[] = [];
  #factsDirty = true;
  #stale: Set<NodeObjectKind> | 'all' = 'all';
  #compare: Set<ObjectKey> | 'all' = 'all';
  /** The last plan had objects that something else keeps from being put in place. */
  #blocked = false;
  #pendingWork = true;
  /** A complete pass ran after the last thing that happened. */
  #current = false;
  #wake: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #retryDue: number | undefined;
  #passStarted: number | undefined;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Rows changed; `snapshot`: the contents were read anew and are looked at with suspicion. */
  topologyChanged(affected: 'all' | Iterable<CandidateKey>, cause: 'snapshot' | 'update'): void {
    this.#parts.planner.markDirty(affected, cause === 'snapshot' ? cause : undefined);
    this.#work();
  }

  /** The grace period of a migrated port ran out. */
  graceEnded(port: CandidateKey): void {
    this.#parts.planner.graceEnded(port);
    this.#work();
  }

  factsChanged(): void {
    this.#factsDirty = true;
    this.#work();
  }

  /** The node no longer holds what was written: read these kinds again. */
  drifted(kinds: ReadonlySet<NodeObjectKind>): void {
    this.counters.drifts += 1;
    this.#markStale(kinds);
    // A device that came, went or changed its MAC may be one that the wiring depends on; a new FRR has a new router id.
    if (kinds.has('link') || kinds.has('frr')) this.#factsDirty = true;
    this.#work();
  }

  /** zebra is another one than before: what went while there was none may still be announced. */
  zebraReturned(): void {
    for (const repair of this.#parts.repairs) repair.notice?.('zebra-returned');
    this.#work();
  }

  /** Reads these kinds again because it is time to, not because something was seen. */
  recheck(kinds: readonly NodeObjectKind[]): void {
    this.#markStale(new Set(kinds));
    this.#work();
  }

  /** Reads everything again: the slow periodic check. */
  audit(): void {
    this.#stale = 'all';
    this.#factsDirty = true;
    this.#work();
  }

  /** Resolves when a pass was complete and nothing is left to do now; what is tried again later does not count. */
  whenSettled(): Promise<void> {
    return this.#isSettled() ? Promise.resolve() : new Promise((resolve) => this.#settled.add(resolve));
  }

  /** How long the running pass has taken so far, in milliseconds; 0 between passes. A pass that hangs shows here. */
  get busyMs(): number {
    return this.#passStarted === undefined ? 0 : this.#parts.clock.now() - this.#passStarted;
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        if (!this.#pendingWork) await this.#sleep();
        if (signal.aborted) return;
        this.#pendingWork = false;
        this.#passStarted = this.#parts.clock.now();
        const complete = await this.#guardedPass(signal);
        this.#passStarted = undefined;
        if (complete) this.#current = true;
        if (this.#isSettled()) {
          for (const resolve of this.#settled) resolve();
          this.#settled.clear();
        }
        // Lets sockets be read between passes, so that a storm of changes is taken in batches.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#cancelRetry?.();
      await Promise.all(this.#looking.values());
    }
  }

  async #guardedPass(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#pass(signal);
    } catch (error) {
      if (signal.aborted) return false;
      this.counters.failedPasses += 1;
      this.#stale = 'all';
      const delayMs = this.#retryLater();
      this.#parts.log.error({ err: error, retryMs: Math.round(delayMs) }, 'pass failed; what stands is kept');
      return false;
    }
  }

  /** False when there was nothing to compute from yet. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const { planner, node, handover, guard, readFacts, scopeOf, changeLog } = this.#parts;
    this.counters.passes += 1;
    if (this.#factsDirty) {
      this.#factsDirty = false;
      try {
        await this.#refreshFacts(readFacts, scopeOf, signal);
      } catch (error) {
        this.#factsDirty = true;
        throw error;
      }
    }
    const step = this.#step();
    if (step === undefined) return false;
    const steps = [step];
    try {
      if (this.#stale === 'all' || this.#stale.size > 0) await this.#read(signal);
      steps.push(...this.#keepStanding());
    } finally {
      for (const each of steps) changeLog.decisions(each, planner.pending(), planner.held.prefixes());
    }
    this.#addCompare(handover.hold(planner, node));
    this.#addCompare(guard.judgeStanding(planner, node));
    if (guard.dueInMs !== undefined) this.#schedule(guard.dueInMs);
    if (this.#compare === 'all' || this.#compare.size > 0) await this.#correct(signal);
    const isCurrent = (): boolean => !this.#factsDirty;
    await handover.confirm(node, isCurrent, (keys) => this.#correctAlso(keys, signal), signal);
    if (isCurrent()) await this.#correctAlso(handover.release(planner, node), signal);
    await this.#mend(signal);
    this.#startLooks(signal);
    return true;
  }

  /** What stands for exposures whose place is not known yet stays: to be asked once the node was read. */
  #keepStanding(): readonly PlanningStep[] {
    const { planner, node } = this.#parts;
    if (TELLING.some((kind) => this.#unreadable.has(kind))) return [];
    if (!planner.keepStanding((key) => node.observed(key) !== undefined)) return [];
    const step = this.#step();
    return step === undefined ? [] : [step];
  }

  /** Computes what is wanted now, and has it judged before anything else can happen. */
  #step(): PlanningStep | undefined {
    const { planner, guard } = this.#parts;
    const step = planner.step();
    if (step === undefined) return undefined;
    this.#addCompare(step.touched);
    this.#addCompare(guard.judge(planner, step));
    return step;
  }

  async #correctAlso(keys: ReadonlySet<ObjectKey>, signal: AbortSignal): Promise<void> {
    if (keys.size === 0) return;
    this.#addCompare(keys);
    await this.#correct(signal);
  }

  async #correct(signal: AbortSignal): Promise<void> {
    const { planner, node, handover } = this.#parts;
    const keys = this.#compare;
    this.#compare = new Set();
    const plan = handover.admit(node.plan(planner.desired, keys === 'all' ? undefined : keys));
    const outcomes = await node.apply(plan, signal);
    this.#conclude(plan, outcomes, keys);
  }

  /** Does what repairs found to be done. */
  async #mend(signal: AbortSignal): Promise<void> {
    const { node, planner } = this.#parts;
    const mends = this.#mends;
    this.#mends = [];
    for (const mend of mends) {
      const { plan, compare } = mend(node, planner.desired);
      if (plan !== undefined && changeCount(plan) > 0) {
        this.#conclude(plan, await node.apply(plan, signal), new Set());
      }
      if (compare !== undefined) await this.#correctAlso(compare, signal);
    }
  }

  /** Repairs look beside the passes: a daemon that does not answer holds nothing up. */
  #startLooks(signal: AbortSignal): void {
    for (const repair of this.#parts.repairs) {
      const { dueInMs } = repair;
      if (dueInMs === undefined || this.#looking.has(repair)) continue;
      const brokenMs = (this.#brokenUntilMs.get(repair) ?? 0) - this.#parts.clock.now();
      const delayMs = Math.max(dueInMs, brokenMs);
      if (delayMs > 0) this.#schedule(delayMs);
      else this.#looking.set(repair, this.#look(repair, signal));
    }
  }

  async #look(repair: Repair, signal: AbortSignal): Promise<void> {
    const { planner, clock, log } = this.#parts;
    try {
      const mend = await repair.look(planner.desired, signal);
      if (mend !== undefined) this.#mends.push(mend);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error, repair: repair.name }, 'a repair broke down; it is left alone for a while');
      this.#brokenUntilMs.set(repair, clock.now() + BROKEN_REPAIR_MS);
    } finally {
      this.#looking.delete(repair);
      if (!signal.aborted) this.#work();
    }
  }

  /** Reads what is stale. A kind that cannot be read keeps its last picture and is tried again later. */
  async #read(signal: AbortSignal): Promise<void> {
    const { node, log } = this.#parts;
    const kinds = this.#stale;
    this.#stale = new Set();
    const own = kinds === 'all' || this.#unreadable.size > 0 || this.#blocked ? undefined : kinds;
    const limited = own !== undefined && [...own].every((kind) => kindNamed(kind).selfContained === true);
    if (!limited) this.#compare = 'all';
    let problems: readonly ReadProblem[];
    try {
      problems = await node.read(kinds === 'all' ? undefined : kinds, signal);
    } catch (error) {
      this.#markStale(kinds);
      throw error;
    }
    if (limited) this.#addCompare(problems.length > 0 ? 'all' : this.#keysOf(own));
    for (const { kind, message } of problems) {
      if (this.#unreadable.get(kind) !== message)
        log.warn({ kind, problem: message }, 'cannot be read; what stands is kept');
      this.#unreadable.set(kind, message);
    }
    const failed = new Set(problems.map((problem) => problem.kind));
    for (const kind of this.#unreadable.keys()) {
      if (failed.has(kind) || (kinds !== 'all' && !kinds.has(kind))) continue;
      this.#unreadable.delete(kind);
      log.info({ kind }, 'can be read again');
    }
    if (failed.size > 0) {
      this.#markStale(failed);
      this.#retryLater();
    }
  }

  /** What is wanted and what is there of these kinds. */
  #keysOf(kinds: ReadonlySet<NodeObjectKind>): ReadonlySet<ObjectKey> {
    const { planner, node } = this.#parts;
    const keys = new Set<ObjectKey>();
    for (const kind of kinds) {
      for (const key of planner.desiredKeys(kind)) keys.add(key);
      for (const key of node.observedKeys(kind)) keys.add(key);
    }
    return keys;
  }

  async #refreshFacts(
    readFacts: ReconcilerParts['readFacts'],
    scopeOf: ReconcilerParts['scopeOf'],
    signal: AbortSignal,
  ): Promise<void> {
    const { planner, node } = this.#parts;
    const before = planner.facts;
    const facts = await readFacts(signal);
    if (facts === before) return;
    planner.setFacts(facts);
    node.setScope(scopeOf(facts));
    // Another scope may bring objects of ours into view that nobody has read yet.
    if (before !== undefined && JSON.stringify([...before.tables]) !== JSON.stringify([...facts.tables])) {
      this.#stale = 'all';
    }
  }

  #conclude(
    plan: NodePlan,
    outcomes: readonly ChangeOutcome[],
    looked: ReadonlySet<ObjectKey> | 'all',
  ): void {
    const failed = outcomes.filter((outcome) => outcome.problem !== undefined);
    this.counters.changes += outcomes.length - failed.length;
    this.counters.failedChanges += failed.length;
    this.#parts.changeLog.changes(outcomes, plan.blocked, looked);
    this.#blocked = plan.blocked.length > 0 || (this.#blocked && looked !== 'all');
    for (const repair of this.#parts.repairs) repair.observe?.(outcomes);
    if (failed.length === 0) {
      if (outcomes.length > 0) this.#retry.reset();
      return;
    }
    this.#addCompare(new Set(failed.map((outcome) => outcome.change.key)));
    this.#retryLater();
  }

  #markStale(kinds: ReadonlySet<NodeObjectKind> | 'all'): void {
    if (kinds === 'all' || this.#stale === 'all') this.#stale = 'all';
    else for (const kind of kinds) this.#stale.add(kind);
  }

  #addCompare(keys: ReadonlySet<ObjectKey> | 'all'): void {
    if (keys === 'all' || this.#compare === 'all') this.#compare = 'all';
    else for (const key of keys) this.#compare.add(key);
  }

  #retryLater(): number {
    const delayMs = this.#retry.next();
    this.#schedule(delayMs);
    return delayMs;
  }

  /** Works again after the delay, or earlier if that was asked for already. */
  #schedule(delayMs: number): void {
    const due = this.#parts.clock.now() + delayMs;
    if (this.#retryDue !== undefined && this.#retryDue <= due) return;
    this.#cancelRetry?.();
    this.#retryDue = due;
    this.#cancelRetry = this.#parts.clock.after(delayMs, () => {
      this.#retryDue = undefined;
      this.#work();
    });
  }

  #isSettled(): boolean {
    return this.#current && !this.#pendingWork;
  }

  #work(): void {
    this.#current = false;
    this.#pendingWork = true;
    this.#wake?.();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
