/**
 * The loop: drains what happened, computes once, compares with the node, applies, and tells.
 *
 * Level-triggered: notifications only say what to look at again. Everything that arrives while a pass runs is handled
 * by the next one. What a single object lacks never stops the others, and costs them nothing: it has a back-off of its own
 * (`outstanding.ts`), and so has every daemon (`node/concerns.ts`) and every kind that cannot be read (`stale-kinds.ts`). What
 * somebody else keeps changing is put right at growing intervals (`conflicts.ts`). Repairs (`repair.ts`) ask their daemons
 * beside the passes. A pass that fails as a whole is repeated with back-off. Aborting ends the loop after the running pass
 * and leaves the node as it is.
 */

import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Concerns } from '../node/concerns.ts';
import type { Concern } from '../node/kinds/kind.ts';
import { kindNamed, kindsWhere } from '../node/kinds/registry.ts';
import type { Node } from '../node/node.ts';
import type { ChangeOutcome, NodeObjectKind, NodePlan, NodeScope, ObjectKey } from '../node/objects.ts';
import type { CandidateKey } from '../ovn/topology.ts';
import type { NodeFacts } from '../wiring/types.ts';
import { type AgentState, stateOf } from './agent-state.ts';
import type { ChangeLog } from './change-log.ts';
import { Conflicts } from './conflicts.ts';
import type { MethodHandover } from './method-handover.ts';
import { Outstanding } from './outstanding.ts';
import { changeCount } from './plan-tools.ts';
import type { Planner, PlanningStep } from './planner.ts';
import type { Mend, Repair } from './repair.ts';
import { StaleKinds } from './stale-kinds.ts';
import type { WithdrawGuard } from './withdraw-guard.ts';

export interface ReconcilerParts {
  readonly planner: Planner;
  readonly node: Node;
  readonly concerns: Concerns;
  readonly guard: WithdrawGuard;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changeLog: ChangeLog;
  readonly repairs: readonly Repair[];
  readonly handover: MethodHandover;
  /** After every complete pass that leaves nothing to do now. */
  readonly onSettled?: () => void;
  /** Reads what is known about this node; called when something of it may have changed. */
  readonly readFacts: (signal: AbortSignal) => Promise<NodeFacts>;
  readonly scopeOf: (facts: NodeFacts) => NodeScope;
  /** Nothing of the agent's is left on a bridge that was in use before. */
  readonly forgetBridge: (name: string) => void;
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
  /** Repairs that are looking now. */
  readonly #looking = new Map<Repair, Promise<void>>();
  readonly #brokenUntilMs = new Map<Repair, number>();
  #mends: Mend[] = [];
  #factsDirty = true;
  readonly #stale: StaleKinds;
  readonly #outstanding: Outstanding;
  readonly #conflicts: Conflicts;
  #compare: Set<ObjectKey> | 'all' = 'all';
  /** Of what is to be compared: keys of which something else may be wanted than before. The rest is a repair. */
  #intended: Set<ObjectKey> | 'all' = 'all';
  #state: AgentState['state'] = 'starting';
  #stateSinceMs: number;
  #pendingWork = true;
  /** A complete pass ran after the last thing that happened. */
  #current = false;
  /** There was a complete pass. */
  #wasCurrent = false;
  #wake: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #retryDue: number | undefined;
  #passStarted: number | undefined;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    const { node, clock, log } = parts;
    this.#stale = new StaleKinds(node, clock, log);
    this.#outstanding = new Outstanding(clock);
    this.#conflicts = new Conflicts(clock, log);
    this.#stateSinceMs = clock.now();
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
    this.#stale.mark(kinds);
    // A device that came, went or changed its MAC may be one that the wiring depends on; a new FRR has a new router id.
    if (kinds.has('link') || kinds.has('frr')) this.#factsDirty = true;
    this.#work();
  }

  /** zebra is another one than before: what went while there was none may still be announced. */
  zebraReturned(): void {
    for (const repair of this.#parts.repairs) repair.notice?.('zebra-returned');
    this.#work();
  }

  /** A daemon may answer again: what was to be read from it or written to it is tried. */
  concernReady(concern: Concern): void {
    const stale = this.#parts.node.staleKinds();
    const kinds = kindsWhere((kind) => kind.concern === concern);
    this.#stale.mark(kinds.filter((kind) => stale.has(kind) || kindNamed(kind).readsPicture === true));
    this.#outstanding.hasten(new Set(kinds));
    // The router id.
    if (concern === 'bgpd') this.#factsDirty = true;
    this.#work();
  }

  /** Reads these kinds again because it is time to, not because something was seen. */
  recheck(kinds: readonly NodeObjectKind[]): void {
    this.#stale.mark(kinds);
    this.#work();
  }

  /** Reads everything again: the slow periodic check. */
  audit(): void {
    this.#stale.markAll();
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

  /** How the agent is doing now. */
  state(): AgentState {
    const { concerns, planner, guard } = this.#parts;
    let failing = this.#stale.size;
    let waiting = 0;
    let notAdvertised = 0;
    const note = (key: ObjectKey): void => {
      if (planner.desired.get(key)?.role === 'advertise') notAdvertised += 1;
    };
    for (const [key, { code }] of this.#outstanding.problems()) {
      if (code === 'failed') failing += 1;
      else waiting += 1;
      note(key);
    }
    for (const key of this.#outstanding.blocked.keys()) note(key);
    const parts = {
      concerns: concerns.status(),
      failing,
      blocked: this.#outstanding.blocked.size,
      waiting,
      pending: planner.pending().length,
      conflicts: [...this.#conflicts.list()],
      holding: guard.hold !== undefined,
      notAdvertised,
    };
    const state = stateOf({ ...parts, current: this.#wasCurrent });
    if (state !== this.#state) {
      this.#state = state;
      this.#stateSinceMs = this.#parts.clock.now();
    }
    return { state, sinceMs: this.#stateSinceMs, ...parts };
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort);
    const unsubscribe = this.#parts.concerns.subscribe((concern) => this.concernReady(concern));
    try {
      while (!signal.aborted) {
        if (!this.#pendingWork) await this.#sleep();
        if (signal.aborted) return;
        this.#pendingWork = false;
        this.#passStarted = this.#parts.clock.now();
        const complete = await this.#guardedPass(signal);
        this.#passStarted = undefined;
        if (complete) {
          this.#current = true;
          this.#wasCurrent = true;
        }
        if (this.#isSettled()) {
          for (const resolve of this.#settled) resolve();
          this.#settled.clear();
          this.#parts.onSettled?.();
        }
        // Lets sockets be read between passes, so that a storm of changes is taken in batches.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
      this.#cancelRetry?.();
      await Promise.all(this.#looking.values());
    }
  }

  async #guardedPass(signal: AbortSignal): Promise<boolean> {
    try {
      const complete = await this.#pass(signal);
      this.#retry.reset();
      return complete;
    } catch (error) {
      if (signal.aborted) return false;
      this.counters.failedPasses += 1;
      this.#stale.markAll();
      const delayMs = this.#retry.next();
      this.#schedule(delayMs);
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
      await this.#read(signal);
      steps.push(...this.#keepStanding());
    } finally {
      for (const each of steps) changeLog.decisions(each, planner.pending(), planner.held.prefixes());
    }
    this.#addCompare(this.#outstanding.due());
    this.#addCompare(this.#conflicts.due());
    this.#intend(handover.hold(planner, node));
    this.#intend(guard.judgeStanding(planner, node));
    if (guard.dueInMs !== undefined) this.#schedule(guard.dueInMs);
    if (this.#compare === 'all' || this.#compare.size > 0) await this.#correct(signal);
    const isCurrent = (): boolean => !this.#factsDirty;
    await handover.confirm(node, isCurrent, (keys) => this.#correctAlso(keys, signal), signal);
    if (isCurrent()) await this.#correctAlso(handover.release(planner, node), signal);
    this.#forgetBridges();
    await this.#mend(signal);
    this.#startLooks(signal);
    this.#scheduleNext();
    return true;
  }

  /** What stands for exposures whose place is not known yet stays: to be asked once the node was read. */
  #keepStanding(): readonly PlanningStep[] {
    const { planner, node } = this.#parts;
    if (TELLING.some((kind) => this.#stale.isUnknown(kind))) return [];
    const recalled = node.knows('neighbor') && planner.recall(node.observedOf('neighbor'));
    const kept = planner.keepStanding((key) => node.observed(key) !== undefined);
    if (!recalled && !kept) return [];
    const step = this.#step();
    return step === undefined ? [] : [step];
  }

  /** Computes what is wanted now, and has it judged before anything else can happen. */
  #step(): PlanningStep | undefined {
    const { planner, guard } = this.#parts;
    const step = planner.step();
    if (step === undefined) return undefined;
    this.#intend(step.touched);
    this.#intend(guard.judge(planner, step));
    return step;
  }

  /** Takes bridges out of view of which everything was taken back. */
  #forgetBridges(): void {
    const { planner, node, forgetBridge } = this.#parts;
    for (const { name } of planner.facts?.formerBridges ?? []) {
      if (node.holdsOn(name) !== false) continue;
      forgetBridge(name);
      this.#factsDirty = true;
      this.#work();
    }
  }

  /** What failed, was left alone or could not be read is looked at again when it is due. */
  #scheduleNext(): void {
    this.#conflicts.tidy();
    for (const due of [this.#outstanding.dueInMs(), this.#conflicts.dueInMs(), this.#stale.dueInMs()]) {
      if (due === 0) this.#work();
      else if (due !== undefined) this.#schedule(due);
    }
  }

  async #correctAlso(keys: ReadonlySet<ObjectKey>, signal: AbortSignal): Promise<void> {
    if (keys.size === 0) return;
    this.#intend(keys);
    await this.#correct(signal);
  }

  async #correct(signal: AbortSignal): Promise<void> {
    const { planner, node, handover } = this.#parts;
    const keys = this.#compare;
    const intended = this.#intended;
    this.#compare = new Set();
    this.#intended = new Set();
    const isRepair = (key: ObjectKey): boolean =>
      intended !== 'all' && !intended.has(key) && !this.#outstanding.has(key);
    const hold = (key: ObjectKey): string | undefined =>
      this.#outstanding.hold(key) ?? (isRepair(key) ? this.#conflicts.hold(key) : undefined);
    const plan = handover.admit(node.plan(planner.desired, keys === 'all' ? undefined : keys, hold));
    const outcomes = await node.apply(plan, signal);
    this.#noteRepairs(plan, outcomes, isRepair);
    this.#conclude(plan, outcomes, keys);
  }

  /** What was written although nothing new is wanted of it was changed by somebody else. */
  #noteRepairs(
    plan: NodePlan,
    outcomes: readonly ChangeOutcome[],
    isRepair: (key: ObjectKey) => boolean,
  ): void {
    this.#conflicts.repaired(
      outcomes.flatMap(({ change, problem }) =>
        problem === undefined && isRepair(change.key)
          ? [
              {
                key: change.key,
                object: change.op === 'remove' ? change.observed.object : change.desired.object,
              },
            ]
          : [],
      ),
    );
    this.#conflicts.left(plan.held.map(({ key }) => key));
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

  /** Reads what is stale, and has compared what may be others by it. */
  async #read(signal: AbortSignal): Promise<void> {
    const { kinds, recovered } = await this.#stale.read(signal);
    const limited = [...kinds].every((kind) => kindNamed(kind).selfContained === true);
    this.#addCompare(limited ? this.#keysOf(kinds) : 'all');
    if (kinds.size > 0) this.#outstanding.hasten(kinds);
    // What was blocked because nothing was known of a kind.
    if (recovered && limited) this.#addCompare(new Set(this.#outstanding.blocked.keys()));
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
      this.#stale.markAll();
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
    this.#parts.changeLog.changes(outcomes, plan.blocked, looked, plan.held);
    this.#outstanding.conclude(plan, outcomes, looked);
    for (const repair of this.#parts.repairs) repair.observe?.(outcomes);
  }

  /** Something else may be wanted of these. */
  #intend(keys: ReadonlySet<ObjectKey> | 'all'): void {
    if (keys === 'all' || this.#intended === 'all') this.#intended = 'all';
    else for (const key of keys) this.#intended.add(key);
    this.#addCompare(keys);
  }

  #addCompare(keys: ReadonlySet<ObjectKey> | 'all'): void {
    if (keys === 'all' || this.#compare === 'all') this.#compare = 'all';
    else for (const key of keys) this.#compare.add(key);
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
