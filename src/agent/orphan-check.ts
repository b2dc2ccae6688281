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
import { noChanges } from '../node/diff.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, ObjectKey } from '../node/objects.ts';
import { ADVERTISE } from '../node/stages.ts';
import { advertise } from '../wiring/advertise.ts';
import { PLAIN_CLASS, routeClasses } from '../wiring/route-class.ts';
import type { WiringConfig } from '../wiring/types.ts';
import type { Desired, Mend, Repair, RepairEvent, RepairWork } from './repair.ts';

const CONFIRM_MS = 250;
const POLL_MS = 20;
/** zebra sees a route within milliseconds; the next attempt finds what was missed. */
const SEEN_TIMEOUT_MS = 2000;
const RETRY = { minMs: 2000, maxMs: 60_000 };
const ATTEMPTS = 4;

export class OrphanCheck implements Repair {
  readonly name = 'orphans';
  readonly concern = 'bgpd';
  readonly #frr: Pick<Frr, 'orphans'>;
  readonly #config: WiringConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retry = new Backoff(RETRY);
  #dueMs: number | undefined;
  #attemptsLeft = 0;
  /** What was written, until zebra has seen it. */
  #written: { readonly keys: ReadonlySet<ObjectKey>; readonly untilMs: number } | undefined;
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

  notice(_event: RepairEvent): void {
    this.request();
  }

  get dueInMs(): number | undefined {
    return this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - this.#clock.now());
  }

  async look(desired: Desired, signal: AbortSignal): Promise<Mend | undefined> {
    const orphans = await this.#ask(desired, signal);
    if (this.#written !== undefined) return this.#takeBack(this.#written, orphans);
    if (orphans === undefined) return undefined;
    const confirmed = orphans.filter((prefix) => this.#suspects.has(prefix));
    this.#suspects = new Set(orphans);
    if (confirmed.length === 0) {
      this.#dueMs = orphans.length === 0 ? undefined : this.#clock.now() + CONFIRM_MS;
      return undefined;
    }
    if (this.#attemptsLeft === 0) {
      this.#dueMs = undefined;
      this.#log.error(
        { orphans: confirmed },
        'bgpd announces addresses that nothing on this node stands for, and could not be made to stop: restart bgpd',
      );
      return undefined;
    }
    this.#attemptsLeft -= 1;
    this.#dueMs = undefined;
    this.#log.warn(
      { orphans: confirmed },
      'bgpd was not told that addresses went while zebra was away: they come and go once more',
    );
    return (_node, now) => this.#renewal(confirmed, now);
  }

  /** Writes the orphans, so that zebra sees them come; an address that is wanted by now is left alone. */
  #renewal(orphans: readonly Prefix[], desired: Desired): RepairWork {
    const isWanted = this.#isWanted(desired);
    const items = orphans.filter((prefix) => !isWanted(prefix)).map((prefix) => this.#renewed(prefix));
    const changes = items.map((item) => ({ op: 'add', key: keyOf(item.object), desired: item }) as const);
    const nowMs = this.#clock.now();
    this.#written = { keys: new Set(changes.map(({ key }) => key)), untilMs: nowMs + SEEN_TIMEOUT_MS };
    this.#dueMs = nowMs;
    return { plan: { ...noChanges(desired), stages: [{ name: ADVERTISE, changes }] } };
  }

  /** When zebra has seen what was written, or long enough after, the comparison takes it away again. */
  #takeBack(
    { keys, untilMs }: { readonly keys: ReadonlySet<ObjectKey>; readonly untilMs: number },
    orphans: readonly Prefix[] | undefined,
  ): Mend | undefined {
    const seen = orphans?.every((prefix) => !keys.has(keyOf(this.#renewed(prefix).object))) === true;
    if (!seen && this.#clock.now() < untilMs) {
      this.#dueMs = this.#clock.now() + POLL_MS;
      return undefined;
    }
    this.#written = undefined;
    this.#dueMs = this.#clock.now() + CONFIRM_MS;
    return () => ({ compare: keys });
  }

  #renewed(prefix: Prefix): DesiredObject {
    return advertise({ prefix }, this.#config, [], 'announced although zebra lost it');
  }

  #isWanted(desired: Desired): (prefix: Prefix) => boolean {
    const classes = [PLAIN_CLASS, ...routeClasses(this.#config).map(({ number }) => number)];
    return (prefix) =>
      classes.some((routeClass) =>
        desired.has(keyOf(advertise({ prefix, routeClass }, this.#config, [], '').object)),
      );
  }

  async #ask(desired: Desired, signal: AbortSignal): Promise<readonly Prefix[] | undefined> {
    const { bgpAs, bgpVrf, advertiseVia } = this.#config;
    const id: Stanza['id'] = advertiseVia === 'vrf' ? 'leak' : 'kernel-routes';
    const isWanted = this.#isWanted(desired);
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
