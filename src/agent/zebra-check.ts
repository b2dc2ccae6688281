/**
 * Makes sure that zebra saw the routes that were written for it.
 *
 * zebra follows the kernel by notifications and never reads the table again: in a burst it can miss routes for good
 * (FRRouting issues 18680 and 23277). So a while after many were added, what it holds is compared with what was written,
 * and the missing ones are written anew. Where FRR cannot be asked, nothing is changed and it is asked later.
 */

import type { Prefix } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Frr } from '../frr/types.ts';
import { isAdvertiseMetric } from '../node/advertise-metrics.ts';
import { noChanges } from '../node/diff.ts';
import type { Node } from '../node/node.ts';
import type { Change, ChangeOutcome, DesiredObject, NodePlan } from '../node/objects.ts';
import { ADVERTISE, WITHDRAW } from '../node/stages.ts';
import type { Desired, Mend, Repair } from './repair.ts';

/** A handful of notifications fits every buffer; fewer additions need no check. */
const BURST = 32;
/** zebra has digested 10,000 routes by then. */
const DELAY_MS = 2000;

export class ZebraCheck implements Repair {
  readonly name = 'missed routes';
  readonly concern = 'zebra';
  readonly #frr: Pick<Frr, 'zebraRoutes'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #addedSinceCheck = 0;
  #dueMs: number | undefined;

  constructor(frr: Pick<Frr, 'zebraRoutes'>, clock: Clock, log: Logger) {
    this.#frr = frr;
    this.#clock = clock;
    this.#log = log;
  }

  observe(outcomes: readonly ChangeOutcome[]): void {
    for (const { change, problem } of outcomes) {
      if (problem === undefined && change.op === 'add' && isForZebra(change.desired))
        this.#addedSinceCheck += 1;
    }
    if (this.#addedSinceCheck >= BURST) this.#dueMs ??= this.#clock.now() + DELAY_MS;
  }

  get dueInMs(): number | undefined {
    return this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - this.#clock.now());
  }

  async look(_desired: Desired, signal: AbortSignal): Promise<Mend | undefined> {
    const held = await this.#ask(signal);
    if (held === undefined) return undefined;
    return (node, desired) => ({ plan: this.#renewal(held, node, desired) });
  }

  /** Takes away and writes again what zebra does not hold. */
  #renewal(held: ReadonlySet<Prefix>, node: Pick<Node, 'observed'>, desired: Desired): NodePlan {
    const withdraw: Change[] = [];
    const advertise: Change[] = [];
    for (const [key, wanted] of desired) {
      const { object } = wanted;
      const observed = node.observed(key);
      if (!isForZebra(wanted) || object.kind !== 'route' || observed === undefined) continue;
      if (held.has(object.destination)) continue;
      withdraw.push({ op: 'remove', key, observed });
      advertise.push({ op: 'add', key, desired: wanted });
    }
    if (advertise.length > 0) {
      this.#log.warn({ missing: advertise.length }, 'zebra missed routes in a burst: they are written anew');
    }
    return {
      ...noChanges(desired),
      stages: [
        { name: WITHDRAW, changes: withdraw },
        { name: ADVERTISE, changes: advertise },
      ],
    };
  }

  async #ask(signal: AbortSignal): Promise<ReadonlySet<Prefix> | undefined> {
    try {
      const held = await this.#frr.zebraRoutes?.(isAdvertiseMetric, signal);
      this.#dueMs = undefined;
      this.#addedSinceCheck = 0;
      return held === undefined ? undefined : new Set(held);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#dueMs = this.#clock.now() + DELAY_MS;
      return undefined;
    }
  }
}

function isForZebra({ role, object }: DesiredObject): boolean {
  return role === 'advertise' && object.kind === 'route';
}
