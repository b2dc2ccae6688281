/**
 * The agent's log of decisions and deeds: one line for every change to the node, saying what and because of which row.
 *
 * What repeats (a change that keeps failing, an exposure that keeps waiting) is said when it begins and when it ends,
 * not at every attempt. Waiting a moment is ordinary (a patch port is made after its row), waiting long is a warning.
 */
import type { Prefix } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { reasonText } from '../exposures/reasons.ts';
import { subjectOf } from '../exposures/subject.ts';
import { describe } from '../node/describe.ts';
import type { ChangeOutcome, NodePlan, ObjectKey } from '../node/objects.ts';
import type { Pending } from '../wiring/types.ts';
import type { PlanningStep } from './planner.ts';

/** ovn-controller and vswitchd make what is waited for within a second. */
const LONG_WAIT_MS = 10_000;

export class ChangeLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #failing = new Map<ObjectKey, string>();
  #waiting = new Map<string, string>();
  /** By subject: cancels the warning. */
  readonly #longWaits = new Map<string, () => void>();
  #blocked = new Map<ObjectKey, string>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Objects whose last change failed, with the reason. */
  get failing(): ReadonlyMap<ObjectKey, string> {
    return this.#failing;
  }

  close(): void {
    for (const cancel of this.#longWaits.values()) cancel();
  }

  /** `held`: prefixes that stay although they are withdrawn; whoever holds them says so. */
  decisions(
    step: PlanningStep,
    pending: readonly Pending[],
    held: ReadonlySet<Prefix> = new Set<Prefix>(),
  ): void {
    for (const exposure of step.exposed) {
      this.#log.info(
        {
          address: subjectOf(exposure),
          network: exposure.network.name,
          because: exposure.because.map((reason) => reasonText(reason)),
        },
        'expose',
      );
      if (exposure.warning !== undefined) {
        this.#log.warn({ address: subjectOf(exposure) }, `exposed all the same: ${exposure.warning}`);
      }
    }
    for (const { exposure, because } of step.withdrawn) {
      if (held.has(exposure.prefix)) continue;
      this.#log.info(
        { address: subjectOf(exposure), network: exposure.network.name, because: [because] },
        'withdraw',
      );
    }
    for (const denial of step.denied) {
      const fields = { code: denial.code, row: denial.row, address: denial.address };
      if (denial.fault) this.#log.warn(fields, `not exposed: ${denial.message}`);
      else this.#log.debug(fields, `not exposed: ${denial.message}`);
    }
    const waiting = new Map(pending.map((item) => [item.subject, item.reason]));
    this.#tellWaiting(this.#waiting, waiting);
    this.#waiting = waiting;
  }

  /** `looked`: the keys that the plan was made for; what it says of blocked and held objects holds for these. */
  changes(
    outcomes: readonly ChangeOutcome[],
    blocked: NodePlan['blocked'],
    looked: ReadonlySet<ObjectKey> | 'all',
    held: NodePlan['held'] = [],
  ): void {
    this.#forgetSettled(outcomes, held, looked);
    for (const { change, problem } of outcomes) {
      const object = change.op === 'remove' ? change.observed.object : change.desired.object;
      const because = change.op === 'remove' ? 'no longer wanted' : change.desired.because;
      const fields = { op: change.op, kind: object.kind, object: describe(object), because };
      if (problem === undefined) {
        this.#failing.delete(change.key);
        this.#log.info(fields, `${change.op} ${object.kind}`);
      } else if (this.#failing.get(change.key) !== problem.message) {
        this.#failing.set(change.key, problem.message);
        const text = `${change.op} ${object.kind} ${problem.code}`;
        // Who does not answer is told of once, not for everything that waits.
        if (problem.code === 'waiting') this.#log.debug({ ...fields, problem: problem.message }, text);
        else this.#log.warn({ ...fields, problem: problem.message }, text);
      }
    }
    const unseen = [...this.#blocked].filter(([key]) => looked !== 'all' && !looked.has(key));
    const now = new Map([...unseen, ...blocked.map((item) => [item.key, item.reason] as const)]);
    for (const [key, reason] of now) {
      if (this.#blocked.get(key) === reason) continue;
      this.#log.warn({ subject: key, reason }, 'blocked by an object that is not ours');
    }
    for (const key of this.#blocked.keys()) {
      if (!now.has(key)) this.#log.info({ subject: key }, 'no longer blocked');
    }
    this.#blocked = now;
  }

  /** What was looked at and is neither failing nor left for later is in place, or not wanted any more. */
  #forgetSettled(
    outcomes: readonly ChangeOutcome[],
    held: NodePlan['held'],
    looked: ReadonlySet<ObjectKey> | 'all',
  ): void {
    if (this.#failing.size === 0) return;
    const open = new Set(held.map(({ key }) => key));
    for (const { change, problem } of outcomes) if (problem !== undefined) open.add(change.key);
    for (const key of looked === 'all' ? [...this.#failing.keys()] : looked) {
      if (!open.has(key)) this.#failing.delete(key);
    }
  }

  #tellWaiting(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): void {
    for (const [subject, reason] of now) {
      if (before.get(subject) === reason) continue;
      this.#log.info({ subject, reason }, 'waiting');
      this.#longWaits.get(subject)?.();
      const warn = (): void => this.#log.warn({ subject, reason }, 'still waiting');
      this.#longWaits.set(subject, this.#clock.after(LONG_WAIT_MS, warn));
    }
    for (const subject of before.keys()) {
      if (now.has(subject)) continue;
      this.#longWaits.get(subject)?.();
      this.#longWaits.delete(subject);
      this.#log.info({ subject }, 'no longer waiting');
    }
  }
}
