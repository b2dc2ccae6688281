/**
 * The agent's log of decisions and deeds: one line for every change to the node, saying what and because of which row.
 *
 * What repeats (a change that keeps failing, an exposure that keeps waiting) is said when it begins and when it ends,
 * not at every attempt.
 */
import type { Logger } from '../base/logger.ts';
import { describe } from '../node/describe.ts';
import type { ChangeOutcome, NodePlan, ObjectKey } from '../node/objects.ts';
import type { Pending } from '../wiring/types.ts';
import type { PlanningStep } from './planner.ts';

export class ChangeLog {
  readonly #log: Logger;
  readonly #failing = new Map<ObjectKey, string>();
  #waiting = new Map<string, string>();
  #blocked = new Map<ObjectKey, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Objects whose last change failed, with the reason. */
  get failing(): ReadonlyMap<ObjectKey, string> {
    return this.#failing;
  }

  decisions(step: PlanningStep, pending: readonly Pending[]): void {
    for (const exposure of step.exposed) {
      this.#log.info(
        {
          address: exposure.address,
          network: exposure.network.name,
          because: exposure.because.map((reason) => reason.note),
        },
        'expose',
      );
    }
    for (const exposure of step.withdrawn) {
      this.#log.info({ address: exposure.address, network: exposure.network.name }, 'withdraw');
    }
    for (const denial of step.denied) {
      const fields = { code: denial.code, row: denial.row, address: denial.address };
      if (denial.fault) this.#log.warn(fields, `not exposed: ${denial.message}`);
      else this.#log.debug(fields, `not exposed: ${denial.message}`);
    }
    const waiting = new Map(pending.map((item) => [item.subject, item.reason]));
    this.#tellDifference(this.#waiting, waiting, 'waiting', 'no longer waiting');
    this.#waiting = waiting;
  }

  /** `looked`: the keys that the plan was made for; what it says of blocked objects holds for these. */
  changes(
    outcomes: readonly ChangeOutcome[],
    blocked: NodePlan['blocked'],
    looked: ReadonlySet<ObjectKey> | 'all',
  ): void {
    for (const { change, problem } of outcomes) {
      const object = change.op === 'remove' ? change.observed.object : change.desired.object;
      const because = change.op === 'remove' ? 'no longer wanted' : change.desired.because;
      const fields = { op: change.op, kind: object.kind, object: describe(object), because };
      if (problem === undefined) {
        this.#failing.delete(change.key);
        this.#log.info(fields, `${change.op} ${object.kind}`);
      } else if (this.#failing.get(change.key) !== problem.message) {
        this.#failing.set(change.key, problem.message);
        this.#log.warn(
          { ...fields, problem: problem.message },
          `${change.op} ${object.kind} ${problem.code}`,
        );
      }
    }
    const unseen = [...this.#blocked].filter(([key]) => looked !== 'all' && !looked.has(key));
    const now = new Map([...unseen, ...blocked.map((item) => [item.key, item.reason] as const)]);
    this.#tellDifference(this.#blocked, now, 'blocked by an object that is not ours', 'no longer blocked');
    this.#blocked = now;
  }

  #tellDifference(
    before: ReadonlyMap<string, string>,
    now: ReadonlyMap<string, string>,
    begins: string,
    ends: string,
  ): void {
    for (const [subject, reason] of now) {
      if (before.get(subject) !== reason) this.#log.warn({ subject, reason }, begins);
    }
    for (const subject of before.keys()) if (!now.has(subject)) this.#log.info({ subject }, ends);
  }
}
