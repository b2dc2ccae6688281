/**
 * Make before break when `exposing_method` was changed: what the method before made for an address stays until the method of
 * now has its own in place.
 *
 * In: the planner and the node, once a pass. Out: objects that the planner keeps besides what is wanted, and the keys to look
 * at again. An address is held when the node has everything that the other method wants for it; it is released when
 * the configured method carries it (all it requires is in place and in effect), or when it is not exposed any more.
 * Only methods that wait for somebody else need this: `ovn` is complete when the node's own ovn-controller has made
 * patch ports. The way back is one pass, in which everything is added before anything is removed.
 */
import type { Logger } from '../base/logger.ts';
import type { AgentConfig, ExposingMethod } from '../config/types.ts';
import type { Exposure } from '../exposures/types.ts';
import { keyOf, kindOfKey } from '../node/keys.ts';
import { kindNamed } from '../node/kinds/registry.ts';
import type { Node } from '../node/node.ts';
import type { Change, DesiredObject, NodePlan, ObjectKey } from '../node/objects.ts';
import { TRAFFIC } from '../node/stages.ts';
import type { ExposingMethodWiring, WiringInput } from '../wiring/types.ts';
import { methodOf } from '../wiring/wire.ts';
import type { Planner } from './planner.ts';

const BEFORE: Readonly<Partial<Record<ExposingMethod, ExposingMethod>>> = { ovn: 'underlay' };

const NOTHING: ReadonlySet<ObjectKey> = new Set();

export class MethodHandover {
  readonly #config: AgentConfig;
  readonly #log: Logger;
  readonly #now: ExposingMethodWiring;
  readonly #before: ExposingMethodWiring | undefined;
  /** Prefixes that the method before carries; absent: the node was not looked at yet. */
  #held: Set<Exposure['prefix']> | undefined;
  /** What is kept of the method before. */
  #kept: ReadonlySet<ObjectKey> = NOTHING;
  /** Flows that were left out of a plan. */
  #waiting = new Set<ObjectKey>();
  /** The node's own OVN has just said that it is ready for them. */
  #confirmed = false;

  constructor(config: AgentConfig, log: Logger) {
    const before = BEFORE[config.exposingMethod];
    this.#config = config;
    this.#log = log;
    this.#now = methodOf(config.exposingMethod);
    this.#before = before === undefined ? undefined : methodOf(before);
  }

  /** Has the planner keep what still carries addresses. Call it with a node that was read; the first call decides. */
  hold(planner: Planner, node: Node): ReadonlySet<ObjectKey> {
    const { facts } = planner;
    if (this.#before === undefined || facts === undefined) return NOTHING;
    const input = { config: this.#config, facts };
    if (this.#held === undefined) this.#held = this.#begin(this.#before, planner, node, input);
    else if (this.#held.size === 0) return this.#takeWaiting();
    const kept = this.#keep(this.#before, planner, input);
    return new Set([...kept, ...this.#waiting]);
  }

  /**
   * The plan without flows that would send traffic where nothing may take it yet: they wait until the node's own OVN has gone
   * over its rows and ports once more, and come with `confirm` or a later pass.
   */
  admit(plan: NodePlan): NodePlan {
    if (!this.#isHolding() || this.#confirmed) return plan;
    const stages = plan.stages.map(({ name, changes }) => ({
      name,
      changes: name === TRAFFIC ? changes.filter((change) => this.#isNoDiversion(change)) : changes,
    }));
    return { ...plan, stages: stages.filter(({ changes }) => changes.length > 0) };
  }

  #isNoDiversion(change: Change): boolean {
    if (change.op === 'remove' || this.#kept.has(change.key)) return true;
    this.#waiting.add(change.key);
    return false;
  }

  /**
   * Runs `correct` with what `admit` held back, once all before it is in effect. Meanwhile ports may have changed: an
   * ovn-controller that had nothing to do makes old ones anew when rows come. What is not current comes with the next pass.
   */
  async confirm(
    node: Node,
    isCurrent: () => boolean,
    correct: (keys: ReadonlySet<ObjectKey>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#waiting.size === 0 || node.notInEffect('local-row') !== undefined) return;
    if ((await node.confirm('local-row', signal)) !== undefined || !isCurrent()) return;
    this.#confirmed = true;
    try {
      await correct(this.#takeWaiting());
    } finally {
      this.#confirmed = false;
    }
  }

  #takeWaiting(): ReadonlySet<ObjectKey> {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    return waiting;
  }

  /** Lets go of what the configured method carries by now; returns what is to be taken away. */
  release(planner: Planner, node: Node): ReadonlySet<ObjectKey> {
    const { facts } = planner;
    if (this.#before === undefined || facts === undefined || !this.#isHolding()) return NOTHING;
    const input = { config: this.#config, facts };
    const released = [...(this.#held ?? [])].filter((prefix) => {
      const exposure = planner.exposures.get(prefix);
      return exposure === undefined || isCarried(exposure, this.#now, input, node);
    });
    if (released.length === 0) return NOTHING;
    for (const prefix of released) this.#held?.delete(prefix);
    if (!this.#isHolding())
      this.#log.info({}, 'the exposing method was changed: all addresses use the new one');
    return this.#keep(this.#before, planner, input);
  }

  #isHolding(): boolean {
    return this.#held !== undefined && this.#held.size > 0;
  }

  #begin(
    before: ExposingMethodWiring,
    planner: Planner,
    node: Node,
    input: WiringInput,
  ): Set<Exposure['prefix']> {
    const held = new Set<Exposure['prefix']>();
    for (const [prefix, exposure] of planner.exposures) {
      if (isCarried(exposure, before, input, node)) held.add(prefix);
    }
    const method = BEFORE[this.#config.exposingMethod];
    if (held.size > 0) {
      this.#log.info(
        { addresses: held.size, method },
        'the exposing method was changed: what the one before made stays until the new one is in place',
      );
    }
    return held;
  }

  #keep(before: ExposingMethodWiring, planner: Planner, input: WiringInput): ReadonlySet<ObjectKey> {
    const objects: DesiredObject[] = [];
    for (const prefix of this.#held ?? []) {
      const exposure = planner.exposures.get(prefix);
      if (exposure === undefined) this.#held?.delete(prefix);
      else objects.push(...before.expose(exposure, input).objects);
    }
    if (this.#isHolding()) objects.push(...before.base(input, planner.localnets).objects);
    this.#kept = new Set(objects.map(({ object }) => keyOf(object)));
    return planner.keep(objects);
  }
}

/** True when the node has everything that the method wants for the exposure, also for a subnet that is not announced itself. */
function isCarried(
  exposure: Exposure,
  method: ExposingMethodWiring,
  input: WiringInput,
  node: Node,
): boolean {
  const { objects, pending } = method.expose(exposure, input);
  if (objects.length === 0 || pending.length > 0) return false;
  return objects.every((desired) => {
    const requires = desired.requires.filter((key) => kindNamed(kindOfKey(key)).readWhenWanted !== true);
    return node.lack({ ...desired, requires }) === undefined;
  });
}
