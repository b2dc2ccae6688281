/**
 * Finds addresses that bgpd announces although nothing on this node says so any more, and has bgpd told.
 *
 * When zebra is started anew under a bgpd that lives on, bgpd keeps what it was told before; a route that went meanwhile
 * stays announced for ever (seen with FRR 8.4 and 10.3). zebra tells of a route that comes and goes, so the address is
 * written once more: as soon as zebra has seen it the usual comparison takes it away again. This touches no other
 * address; making bgpd forget its redistribution would withdraw them all for a moment.
 *
 * In: the desired objects, and what FRR says. Out: changes that write the orphans. What is seen once may be a withdrawal
 * on its way from zebra to bgpd: only what is seen twice counts. Where FRR cannot be asked it is asked again later; an
 * orphan that comes back is told of and left after some attempts: then it is not the agent's.
 */
import type { Prefix } from '../base/address.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FrrError } from '../frr/errors.ts';
import type { Frr, Stanza } from '../frr/types.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, NodePlan, ObjectKey } from '../node/objects.ts';
import { ADVERTISE } from '../node/stages.ts';
import { advertise } from '../wiring/advertise.ts';
import { PLAIN_CLASS, routeClasses } from '../wiring/route-class.ts';
import type { WiringConfig } from '../wiring/types.ts';

const CONFIRM_MS = 250;
const POLL_MS = 20;
/** zebra sees a route within milliseconds; the next attempt finds what was missed. */
const SEEN_TIMEOUT_MS = 2000;
const RETRY = { minMs: 2000, maxMs: 60_000 };
const ATTEMPTS = 4;

const NOTHING: NodePlan = { stages: [], blocked: [] };

export class OrphanCheck {
  readonly #frr: Pick<Frr, 'orphans'>;
  readonly #config: WiringConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retry = new Backoff(RETRY);
  #dueMs: number | undefined;
  #attemptsLeft = 0;
  /** Seen once. */
  #suspects: ReadonlySet<Prefix> = new Set();

  constructor(frr: Pick<Frr, 'orphans'>, config: WiringConfig, clock: Clock, log: Logger) {
    this.#frr = frr;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
  }

  /** Something happened that may leave orphans; how often it is looked from now on is counted anew. */
  request(): void {
    this.#attemptsLeft = ATTEMPTS;
    this.#suspects = new Set();
    this.#dueMs = this.#clock.now();
  }

  /** In how many milliseconds `run` is due; `undefined`: not at all. */
  get dueInMs(): number | undefined {
    return this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - this.#clock.now());
  }

  /** Asks FRR; the plan writes what was seen for the second time. */
  async run(desired: ReadonlyMap<ObjectKey, DesiredObject>, signal: AbortSignal): Promise<NodePlan> {
    const orphans = await this.#ask(desired, signal);
    if (orphans === undefined) return NOTHING;
    const confirmed = orphans.filter((prefix) => this.#suspects.has(prefix));
    this.#suspects = new Set(orphans);
    if (confirmed.length === 0) {
      this.#dueMs = orphans.length === 0 ? undefined : this.#clock.now() + CONFIRM_MS;
      return NOTHING;
    }
    if (this.#attemptsLeft === 0) {
      this.#dueMs = undefined;
      this.#log.error(
        { orphans: confirmed },
        'bgpd announces addresses that nothing on this node stands for, and could not be made to stop: restart bgpd',
      );
      return NOTHING;
    }
    this.#attemptsLeft -= 1;
    this.#dueMs = this.#clock.now() + CONFIRM_MS;
    this.#log.warn(
      { orphans: confirmed },
      'bgpd was not told that addresses went while zebra was away: they come and go once more',
    );
    const changes = confirmed.map((prefix) => {
      const item = this.#renewed(prefix);
      return { op: 'add', key: keyOf(item.object), desired: item } as const;
    });
    return { stages: [{ name: ADVERTISE, changes }], blocked: [] };
  }

  /** Waits until zebra has seen what the plan wrote, or long enough. */
  async seen(
    plan: NodePlan,
    desired: ReadonlyMap<ObjectKey, DesiredObject>,
    signal: AbortSignal,
  ): Promise<void> {
    const written = new Set(plan.stages.flatMap(({ changes }) => changes.map(({ key }) => key)));
    const untilMs = this.#clock.now() + SEEN_TIMEOUT_MS;
    while (this.#clock.now() < untilMs) {
      const orphans = await this.#ask(desired, signal);
      if (orphans?.every((prefix) => !written.has(keyOf(this.#renewed(prefix).object))) === true) return;
      await new Promise<void>((resolve) => void this.#clock.after(POLL_MS, resolve));
    }
  }

  #renewed(prefix: Prefix): DesiredObject {
    return advertise({ prefix }, this.#config, [], 'announced although zebra lost it');
  }

  async #ask(
    desired: ReadonlyMap<ObjectKey, DesiredObject>,
    signal: AbortSignal,
  ): Promise<readonly Prefix[] | undefined> {
    const { bgpAs, bgpVrf, advertiseVia } = this.#config;
    const id: Stanza['id'] = advertiseVia === 'vrf' ? 'leak' : 'kernel-routes';
    const classes = [PLAIN_CLASS, ...routeClasses(this.#config).map(({ number }) => number)];
    const isWanted = (prefix: Prefix): boolean =>
      classes.some((routeClass) =>
        desired.has(keyOf(advertise({ prefix, routeClass }, this.#config, [], '').object)),
      );
    try {
      const orphans = await this.#frr.orphans?.({ as: bgpAs, vrf: bgpVrf }, id, isWanted, signal);
      this.#retry.reset();
      return orphans ?? [];
    } catch (error) {
      if (signal.aborted || !(error instanceof FrrError)) throw error;
      this.#log.debug({ error: String(error) }, 'FRR cannot be asked for orphans');
      this.#dueMs = this.#clock.now() + this.#retry.next();
      return undefined;
    }
  }
}
