/**
 * Finds out, once after a start, whether bgpd hears of what this node writes.
 *
 * When zebra is started anew under a bgpd that lives on, bgpd does not register its redistribution with the new one. A
 * running agent sees that happen; while none runs nobody does, and later nothing tells: the configuration looks right,
 * and what is written is announced to nobody. So the first address that an agent writes is looked up in bgpd, and bgpd is
 * made to register when it lacks what zebra has.
 *
 * In: what was written, and what FRR says. Out: a call when bgpd had to register again; what went before is then looked for
 * by `orphan-check.ts`. zebra may be slower than the agent: only what is missed twice counts. FRR that cannot be asked is
 * asked later.
 */
import { isHostPrefix, type Prefix } from '../base/address.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FrrError } from '../frr/errors.ts';
import type { Frr } from '../frr/types.ts';
import type { ChangeOutcome, NodeObject } from '../node/objects.ts';
import type { WiringConfig } from '../wiring/types.ts';
import type { Desired, Repair } from './repair.ts';

/** bgpd hears within milliseconds, in a burst of thousands within a second or two. */
const RETRY = { minMs: 1000, maxMs: 60_000 };
const MISSED_OFTEN_ENOUGH = 2;

export class RegistrationCheck implements Repair {
  readonly name = 'lost registration';
  readonly concern = 'bgpd';
  readonly #frr: Pick<Frr, 'heard' | 'registerAgain'>;
  readonly #config: WiringConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onRegisteredAgain: () => void;
  readonly #retry = new Backoff(RETRY);
  #sample: Prefix | undefined;
  #dueMs: number | undefined;
  #missed = 0;
  #done = false;

  constructor(
    frr: Pick<Frr, 'heard' | 'registerAgain'>,
    config: WiringConfig,
    clock: Clock,
    log: Logger,
    onRegisteredAgain: () => void,
  ) {
    this.#frr = frr;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#onRegisteredAgain = onRegisteredAgain;
  }

  get dueInMs(): number | undefined {
    return this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - this.#clock.now());
  }

  observe(outcomes: readonly ChangeOutcome[]): void {
    if (this.#done) return;
    for (const { change, problem } of outcomes) {
      if (problem !== undefined) continue;
      if (change.op === 'remove') {
        if (prefixOf(change.observed.object) === this.#sample) this.#take(undefined);
      } else if (this.#sample === undefined && change.op === 'add' && change.desired.role === 'advertise') {
        this.#take(prefixOf(change.desired.object));
      }
    }
  }

  async look(_desired: Desired, signal: AbortSignal): Promise<undefined> {
    const prefix = this.#sample;
    if (prefix === undefined) return;
    const { bgpAs, bgpVrf, advertiseVia } = this.#config;
    const scope = { as: bgpAs, vrf: bgpVrf };
    const id = advertiseVia === 'vrf' ? 'leak' : 'kernel-routes';
    try {
      const heard = (await this.#frr.heard?.(scope, id, prefix, signal)) ?? 'yes';
      this.#missed = heard === 'no' ? this.#missed + 1 : 0;
      if (this.#missed < MISSED_OFTEN_ENOUGH) {
        if (heard === 'yes') this.#finish();
        else this.#dueMs = this.#clock.now() + this.#retry.next();
        return;
      }
      this.#log.warn(
        { prefix },
        'bgpd does not hear of what zebra has, as after a restart of zebra alone: it registers again',
      );
      await this.#frr.registerAgain?.(scope, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof FrrError)) throw error;
      this.#log.debug({ error: String(error) }, 'FRR cannot be asked whether it hears of addresses');
      this.#dueMs = this.#clock.now() + this.#retry.next();
      return;
    }
    this.#finish();
    this.#onRegisteredAgain();
  }

  #take(prefix: Prefix | undefined): void {
    this.#sample = prefix;
    this.#missed = 0;
    this.#retry.reset();
    this.#dueMs = prefix === undefined ? undefined : this.#clock.now() + this.#retry.next();
  }

  #finish(): void {
    this.#take(undefined);
    this.#done = true;
  }
}

/** The host prefix that a written object stands for. */
function prefixOf(object: NodeObject): Prefix | undefined {
  const prefix =
    object.kind === 'address' ? object.prefix : object.kind === 'route' ? object.destination : undefined;
  return prefix !== undefined && prefix !== 'default' && isHostPrefix(prefix) ? prefix : undefined;
}
