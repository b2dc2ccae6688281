/**
 * Holds back a withdrawal of most of what this node advertises, unless single rows of the database ask for it.
 *
 * A database that was lost and comes back nearly empty, a typing error in the bridge mappings, another chassis name: each
 * would take a whole node off the network in an instant. Changed rows are believed at once, however many there are. What
 * was worked out anew for any other cause is compared with what was wanted before, in the same turn and before anything
 * else can happen: there is no flag that something else could reset. At a start the comparison is with what stands on
 * the node from before. When most would go, it stays wanted for the hold, whole, and is believed if it is still missing
 * then. What is wanted again meanwhile is let go at once; a further loss starts the hold anew.
 */
import type { Prefix } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Node } from '../node/node.ts';
import type { DesiredObject, NodePlan, ObjectKey } from '../node/objects.ts';
import { isAdvertisement } from '../node/ownership.ts';
import { CLEAR } from '../node/stages.ts';
import type { Planner, PlanningStep, Upheaval } from './planner.ts';

export interface WithdrawGuardOptions {
  /** Held when more than this share of what is advertised would go. */
  readonly percent: number;
  /** Never held when fewer than this many prefixes would go. */
  readonly minimum: number;
  readonly holdSec: number;
}

/** The present hold. */
export interface Hold {
  readonly causes: readonly (Upheaval | 'start')[];
  /** Prefixes that are held, of those advertised altogether. */
  readonly held: number;
  readonly advertised: number;
  /** On the scale of the clock; what is missing at `untilMs` is believed. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Who says what is held back. */
const SAYS: Readonly<Record<Upheaval | 'start', string>> = {
  start: 'what the database says at this start',
  snapshot: 'what the database says now',
  source: 'what another database, or the same for another chassis or host name, says now',
  mappings: 'what ovn-bridge-mappings says now',
  settings: 'what the local Open_vSwitch database and rt_tables say now',
};

const NOTHING: ReadonlySet<ObjectKey> = new Set();
const EXAMPLES = 3;

export class WithdrawGuard {
  readonly #options: WithdrawGuardOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #hold: Omit<Hold, 'advertised'> | undefined;
  #advertised = 0;
  #holds = 0;
  /** What stands from before was not compared yet: nothing of it is taken away. */
  #looking = true;
  /** Keys that single rows have touched since the start: their withdrawals are believed. */
  readonly #vouched = new Set<ObjectKey>();

  constructor(options: WithdrawGuardOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** How often something was held back since the start. */
  get holds(): number {
    return this.#holds;
  }

  get hold(): Hold | undefined {
    return this.#hold === undefined ? undefined : { ...this.#hold, advertised: this.#advertised };
  }

  /** When a hold ends, in milliseconds. */
  get dueInMs(): number | undefined {
    return this.#hold === undefined ? undefined : Math.max(0, this.#hold.untilMs - this.#clock.now());
  }

  /**
   * Judges what a step took out of the desired state; call it right after the step, before anything else happens.
   * Returns keys to compare with the node besides those that the step touched.
   */
  judge(planner: Planner, { causes, loss, touched }: PlanningStep): ReadonlySet<ObjectKey> {
    const { held } = planner;
    const keys = new Set<ObjectKey>();
    if (this.#isFromBefore() && causes.size === 0 && touched !== 'all') {
      for (const key of touched) this.#vouched.add(key);
    }
    if (this.#hold !== undefined) held.prune(keys);
    if (causes.size > 0) {
      const before = held.prefixes();
      const missing = new Set([...before, ...loss.prefixes]);
      const advertised = held.advertised().size + loss.prefixes.size;
      if (this.#isMost(missing.size, advertised)) {
        held.keep(loss, keys);
        if (loss.prefixes.size > 0) this.#holdBack(causes, missing, advertised, loss.prefixes.size);
      } else if (this.#hold !== undefined) {
        this.#end(planner, 'came back', keys);
      }
    }
    this.#settle(planner, keys);
    return keys;
  }

  /**
   * Judges what stands on the node from before a start, once its advertisements were read; until then, and while that is
   * held, nothing of it goes that no single row asks for. `plan`: computed over everything.
   */
  judgeStanding(planner: Planner, node: Node): ReadonlySet<ObjectKey> {
    if (!this.#isFromBefore()) return NOTHING;
    const { held } = planner;
    const keys = new Set<ObjectKey>();
    held.keepStanding(this.#leftovers(planner, node), keys);
    if (!this.#looking || !node.knows('address') || !node.knows('route')) return keys;
    this.#looking = false;
    held.prune(keys);
    const missing = held.prefixes();
    const advertised = held.advertised().size;
    if (this.#isMost(missing.size, advertised)) {
      this.#holdBack(new Set(['start']), missing, advertised, missing.size);
    } else if (this.#hold === undefined) {
      held.release(keys);
      this.#vouched.clear();
    }
    return keys;
  }

  /** Objects of ours that nothing wants, but for those that make room for what is wanted. */
  #leftovers(planner: Planner, node: Node): readonly DesiredObject[] {
    const plan: NodePlan = node.plan(planner.desired);
    return plan.stages.flatMap(({ name, changes }) =>
      name === CLEAR
        ? []
        : changes.flatMap((change): readonly DesiredObject[] => {
            if (change.op !== 'remove' || this.#vouched.has(change.key)) return [];
            if (planner.desired.has(change.key)) return [];
            const { object } = change.observed;
            const role = isAdvertisement(node.scope, object) ? 'advertise' : 'wire';
            return [{ object, role, requires: [], because: 'withdraw guard: stood before the start' }];
          }),
    );
  }

  #isFromBefore(): boolean {
    return this.#looking || this.#hold?.causes.includes('start') === true;
  }

  #isMost(missing: number, advertised: number): boolean {
    const { percent, minimum } = this.#options;
    return missing > 0 && missing >= minimum && missing * 100 > advertised * percent;
  }

  #holdBack(
    causes: ReadonlySet<Upheaval | 'start'>,
    missing: ReadonlySet<Prefix>,
    advertised: number,
    fresh: number,
  ): void {
    const now = this.#clock.now();
    const { holdSec, minimum } = this.#options;
    const before = this.#hold;
    // A few more do not prolong it: a database that is read again and again would never be believed.
    const prolonged = before === undefined || fresh >= Math.max(1, minimum);
    this.#hold = {
      causes: [...new Set([...(before?.causes ?? []), ...causes])],
      held: missing.size,
      sinceMs: before?.sinceMs ?? now,
      untilMs: prolonged ? now + holdSec * 1000 : before.untilMs,
    };
    this.#advertised = advertised;
    if (before === undefined) this.#holds += 1;
    if (!prolonged) return;
    const [cause = 'snapshot'] = causes;
    this.#log.error(
      {
        cause: [...causes],
        withdrawals: missing.size,
        advertised,
        holdSec,
        examples: [...missing].slice(0, EXAMPLES),
      },
      `${SAYS[cause]} would withdraw most of what this node advertises: held back; it is believed if it still says so after the hold`,
    );
  }

  /** Ends a hold that has nothing left, or whose time is over. */
  #settle(planner: Planner, keys: Set<ObjectKey>): void {
    if (this.#hold === undefined) return;
    const held = planner.held.prefixes().size;
    this.#hold = { ...this.#hold, held };
    if (held === 0) this.#end(planner, 'came back', keys);
    else if (this.#hold.untilMs <= this.#clock.now()) this.#end(planner, 'believed', keys);
  }

  #end(planner: Planner, how: 'came back' | 'believed', keys: Set<ObjectKey>): void {
    const { sinceMs, causes = [] } = this.#hold ?? {};
    const heldSec = Math.round((this.#clock.now() - (sinceMs ?? 0)) / 1000);
    const withdrawals = planner.held.prefixes().size;
    this.#hold = undefined;
    this.#vouched.clear();
    planner.held.release(keys);
    const fields = { cause: causes, withdrawals, heldSec };
    if (how === 'believed') this.#log.warn(fields, 'the hold is over: what was held back is withdrawn now');
    else this.#log.info(fields, 'the hold is over: what was held back is wanted again');
  }
}
