/**
 * Makes sure that zebra holds what stands on the node, and nothing that went.
 *
 * zebra follows the kernel by notifications and never reads its tables again: what it misses in a burst it lacks for good
 * (FRRouting issues 18680 and 23277), and what went unseen stays announced. So after every change zebra is asked, about the
 * changed prefixes or, after a burst or when the kernel says that it dropped messages for a listener, about all. What it
 * lacks is taken away and written again; what it has too much is written once more and taken away.
 *
 * In: what was written, what the kernel dropped, what zebra says. Out: changes. zebra may still be at it: only what is found
 * twice with no progress between counts. What the agent writes here is no new change. After some attempts a prefix is left
 * alone and said once. Where FRR cannot be asked, nothing is changed and it is asked later.
 */
import { compareIp, type Prefix } from '../base/address.ts';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FrrError } from '../frr/errors.ts';
import type { Frr, ZebraPlace } from '../frr/types.ts';
import { isAdvertiseMetric } from '../node/advertise-metrics.ts';
import { noChanges } from '../node/diff.ts';
import type { ReadListeners } from '../node/kernel-pace.ts';
import { keyOf } from '../node/keys.ts';
import { routeListeners } from '../node/netlink-listeners.ts';
import type { Node } from '../node/node.ts';
import type { Change, ChangeOutcome, NodeObject, ObjectKey } from '../node/objects.ts';
import { ADVERTISE, ADVERTISE_BEHIND, WITHDRAW, WITHDRAW_BEHIND } from '../node/stages.ts';
import { advertise } from '../wiring/advertise.ts';
import { PLAIN_CLASS, routeClasses } from '../wiring/route-class.ts';
import type { WiringConfig } from '../wiring/types.ts';
import type { Desired, Mend, Repair, RepairEvent, RepairWork } from './repair.ts';

/** More changed prefixes than these are looked up in the whole table. */
const FEW = 32;
/** zebra needs milliseconds for one change, and a second or two for ten thousand. */
const DELAY_MS = 1000;
/** Between a look that found something and the one that confirms it. */
const CONFIRM_MS = 500;
const RETRY = { minMs: 1000, maxMs: 60_000 };
/** How often a prefix is written again in vain. */
const ATTEMPTS = 4;
/** How many prefixes a line of the log names. */
const SHOWN = 5;

interface Findings {
  readonly missing: readonly Prefix[];
  readonly surplus: readonly Prefix[];
}

type FrrQuestions = Pick<Frr, 'zebraRoutes' | 'zebraHolds'>;

export class ZebraCheck implements Repair {
  readonly name = 'missed routes';
  readonly concern = 'zebra';
  readonly #frr: FrrQuestions;
  readonly #listeners: ReadListeners;
  readonly #config: WiringConfig;
  readonly #place: ZebraPlace;
  /** Numbers of the classes of attributes, by which objects of one prefix differ. */
  readonly #classes: readonly number[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #retry = new Backoff(RETRY);
  /** Prefixes that changed since the last look; `all`: too many, or nobody knows which. */
  #changed: Set<Prefix> | 'all' = new Set();
  /** What is being looked into, with what was found the last time. */
  #suspect: { readonly about: ReadonlySet<Prefix> | 'all'; readonly found: Findings } | undefined;
  #dueMs: number | undefined;
  #drops: number | undefined;
  /** Changes of this check's own that are still to be seen in `observe`. */
  readonly #own = new Map<ObjectKey, number>();
  readonly #attempts = new Map<Prefix, number>();

  constructor(frr: FrrQuestions, listeners: ReadListeners, config: WiringConfig, clock: Clock, log: Logger) {
    this.#frr = frr;
    this.#listeners = listeners;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#classes = [PLAIN_CLASS, ...routeClasses(config).map(({ number }) => number)];
    this.#place =
      config.advertiseVia === 'main'
        ? { kind: 'main', isOurs: isAdvertiseMetric }
        : { kind: 'vrf', vrf: config.bgpVrf, device: config.bgpNic };
  }

  observe(outcomes: readonly ChangeOutcome[]): void {
    for (const { change, problem } of outcomes) {
      if (this.#isOwn(change)) continue;
      if (problem !== undefined) continue;
      const object = change.op === 'remove' ? change.observed.object : change.desired.object;
      if (this.#isPlace(object)) this.#noteAll();
      const prefix = this.#prefixOf(object);
      if (prefix !== undefined) this.#note(prefix);
    }
    this.#noteDrops();
  }

  /** A zebra that was started anew read the tables: what was given up before may be right now. */
  notice(_event: RepairEvent): void {
    this.#attempts.clear();
    this.#noteAll();
  }

  get dueInMs(): number | undefined {
    return this.#dueMs === undefined ? undefined : Math.max(0, this.#dueMs - this.#clock.now());
  }

  async look(_desired: Desired, signal: AbortSignal): Promise<Mend | undefined> {
    const suspect = this.#suspect;
    const about = suspect?.about ?? this.#changed;
    let held: readonly Prefix[] | undefined;
    try {
      held = await this.#ask(about, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof FrrError)) throw error;
      this.#dueMs = this.#clock.now() + this.#retry.next();
      return undefined;
    }
    this.#retry.reset();
    // Kept until here: a check that was due is never lost.
    if (suspect === undefined) this.#changed = new Set();
    this.#suspect = undefined;
    this.#dueMs = undefined;
    if (held === undefined) return undefined;
    const holds = new Set(held);
    return (node, desired) => this.#judge(about, holds, suspect?.found, node, desired);
  }

  #judge(
    about: ReadonlySet<Prefix> | 'all',
    held: ReadonlySet<Prefix>,
    before: Findings | undefined,
    node: Pick<Node, 'observed' | 'observedKeys'>,
    desired: Desired,
  ): RepairWork {
    const standing = about === 'all' ? this.#standing(node) : this.#standingOf(about, node);
    const asked = about === 'all' ? new Set([...standing.keys(), ...held]) : about;
    const found: Findings = {
      missing: [...asked].filter((prefix) => standing.has(prefix) && !held.has(prefix)),
      surplus: [...asked].filter((prefix) => !standing.has(prefix) && held.has(prefix)),
    };
    this.#forgive(asked, found);
    const open = { missing: this.#hopeful(found.missing), surplus: this.#hopeful(found.surplus) };
    if (open.missing.length + open.surplus.length === 0) {
      this.#again();
      return {};
    }
    if (before === undefined || progress(before, open)) {
      this.#suspect = { about, found: open };
      this.#dueMs = this.#clock.now() + CONFIRM_MS;
      return {};
    }
    const certain = this.#inBoth(before, open);
    if (certain.missing.length + certain.surplus.length > 0) return this.#renewal(certain, standing, desired);
    for (const prefix of [...open.missing, ...open.surplus]) this.#lookUp(prefix);
    return {};
  }

  /** Under steady change there is always something on its way: that is another each time, or was just written. */
  #inBoth(before: Findings, now: Findings): Findings {
    const known = new Set([...before.missing, ...before.surplus]);
    const changed = this.#changed;
    const isCertain = (prefix: Prefix): boolean =>
      known.has(prefix) && (changed === 'all' || !changed.has(prefix));
    return { missing: now.missing.filter(isCertain), surplus: now.surplus.filter(isCertain) };
  }

  /** What zebra lacks goes and comes again; what it has too much comes and goes. */
  #renewal(
    { missing, surplus }: Findings,
    standing: ReadonlyMap<Prefix, ObjectKey>,
    desired: Desired,
  ): RepairWork {
    const stages = new Map<string, Change[]>();
    const push = (name: string, change: Change): void => {
      stages.set(name, [...(stages.get(name) ?? []), change]);
      this.#own.set(change.key, (this.#own.get(change.key) ?? 0) + 1);
    };
    const renewed: Prefix[] = [];
    for (const prefix of missing) {
      const key = standing.get(prefix);
      const wanted = key === undefined ? undefined : desired.get(key);
      if (key === undefined || wanted === undefined) continue;
      const behind = wanted.object.kind === 'route' && wanted.object.target.type === 'device';
      push(behind ? WITHDRAW_BEHIND : WITHDRAW, {
        op: 'remove',
        key,
        observed: { object: wanted.object, owned: true },
      });
      push(behind ? ADVERTISE_BEHIND : ADVERTISE, { op: 'add', key, desired: wanted });
      renewed.push(prefix);
    }
    for (const prefix of surplus) {
      const wanted = advertise({ prefix }, this.#config, [], 'zebra still has it');
      const key = keyOf(wanted.object);
      push('write what zebra still has', { op: 'add', key, desired: wanted });
      push('take away what zebra still has', {
        op: 'remove',
        key,
        observed: { object: wanted.object, owned: true },
      });
    }
    this.#count([...renewed, ...surplus]);
    if (renewed.length > 0) this.#warn(renewed, 'zebra missed routes: they are written anew');
    if (surplus.length > 0) this.#warn(surplus, 'zebra missed that routes went: they come and go once more');
    this.#changed = new Set([...(this.#changed === 'all' ? [] : this.#changed), ...renewed, ...surplus]);
    if (this.#changed.size > FEW) this.#changed = 'all';
    this.#dueMs = this.#clock.now() + DELAY_MS;
    const order = [
      WITHDRAW_BEHIND,
      WITHDRAW,
      ADVERTISE,
      ADVERTISE_BEHIND,
      'write what zebra still has',
      'take away what zebra still has',
    ];
    return {
      plan: {
        ...noChanges(desired),
        stages: order.flatMap((name) => {
          const changes = stages.get(name);
          return changes === undefined ? [] : [{ name, changes }];
        }),
      },
    };
  }

  /** Advertised prefixes that the node is believed to hold, with the object that stands for each. */
  #standing(node: Pick<Node, 'observed' | 'observedKeys'>): ReadonlyMap<Prefix, ObjectKey> {
    const standing = new Map<Prefix, ObjectKey>();
    for (const kind of ['address', 'route'] as const) {
      for (const key of node.observedKeys(kind)) {
        const object = node.observed(key)?.object;
        const prefix = object === undefined ? undefined : this.#prefixOf(object);
        if (prefix !== undefined) standing.set(prefix, key);
      }
    }
    return standing;
  }

  /** The same for a few prefixes, at the cost of those. */
  #standingOf(prefixes: ReadonlySet<Prefix>, node: Pick<Node, 'observed'>): ReadonlyMap<Prefix, ObjectKey> {
    const standing = new Map<Prefix, ObjectKey>();
    for (const prefix of prefixes) {
      for (const routeClass of this.#classes) {
        const key = keyOf(advertise({ prefix, routeClass }, this.#config, [], '').object);
        if (node.observed(key) !== undefined) standing.set(prefix, key);
      }
    }
    return standing;
  }

  /** The prefix, for what is announced by standing there; `undefined` for everything else. */
  #prefixOf(object: NodeObject): Prefix | undefined {
    const { bgpNic, bgpVrfTableId } = this.#config;
    if (object.kind === 'address') {
      return this.#place.kind === 'vrf' && object.device === bgpNic ? object.prefix : undefined;
    }
    if (object.kind !== 'route') return undefined;
    const { table, destination, metric, target } = object;
    const isAnnounced =
      this.#place.kind === 'main'
        ? target.type === 'blackhole' && isAdvertiseMetric(metric)
        : table === bgpVrfTableId && target.type === 'device' && target.device === bgpNic;
    return isAnnounced ? destination : undefined;
  }

  async #ask(
    about: ReadonlySet<Prefix> | 'all',
    signal: AbortSignal,
  ): Promise<readonly Prefix[] | undefined> {
    if (about !== 'all') return this.#frr.zebraHolds?.(this.#place, [...about], signal);
    return this.#frr.zebraRoutes?.(this.#place, signal);
  }

  /** The devices of the VRF: what stands there already may be new to zebra. */
  #isPlace(object: NodeObject): boolean {
    if (this.#place.kind !== 'vrf' || object.kind !== 'link') return false;
    return object.name === this.#place.vrf || object.name === this.#place.device;
  }

  #noteAll(): void {
    this.#changed = 'all';
    this.#dueMs ??= this.#clock.now() + DELAY_MS;
  }

  #note(prefix: Prefix): void {
    this.#attempts.delete(prefix);
    this.#lookUp(prefix);
  }

  #lookUp(prefix: Prefix): void {
    if (this.#changed !== 'all') this.#changed.add(prefix);
    if (this.#changed !== 'all' && this.#changed.size > FEW) this.#changed = 'all';
    this.#dueMs ??= this.#clock.now() + DELAY_MS;
  }

  /** The kernel counts what it could not hand to a listener; whose loss it was does not matter. */
  #noteDrops(): void {
    const text = this.#listeners();
    if (text === undefined) return;
    const drops = routeListeners(text).reduce((sum, listener) => sum + listener.drops, 0);
    const before = this.#drops;
    this.#drops = drops;
    if (before === undefined || drops <= before) return;
    this.#noteAll();
  }

  #isOwn({ key }: Change): boolean {
    const left = this.#own.get(key);
    if (left === undefined) return false;
    if (left === 1) this.#own.delete(key);
    else this.#own.set(key, left - 1);
    return true;
  }

  /** What is right now is counted anew when it goes wrong again. */
  #forgive(asked: ReadonlySet<Prefix>, { missing, surplus }: Findings): void {
    const wrong = new Set([...missing, ...surplus]);
    for (const prefix of this.#attempts.keys()) {
      if (asked.has(prefix) && !wrong.has(prefix)) this.#attempts.delete(prefix);
    }
  }

  #hopeful(prefixes: readonly Prefix[]): readonly Prefix[] {
    return prefixes.filter((prefix) => (this.#attempts.get(prefix) ?? 0) < ATTEMPTS);
  }

  #count(prefixes: readonly Prefix[]): void {
    const last: Prefix[] = [];
    for (const prefix of prefixes) {
      const attempts = (this.#attempts.get(prefix) ?? 0) + 1;
      this.#attempts.set(prefix, attempts);
      if (attempts === ATTEMPTS) last.push(prefix);
    }
    if (last.length === 0) return;
    this.#log.error(
      { prefixes: last.length, some: shown(last) },
      'zebra does not take over what stands on the node, tried for the last time: restart zebra if it goes on',
    );
  }

  #warn(prefixes: readonly Prefix[], message: string): void {
    this.#log.warn({ prefixes: prefixes.length, some: shown(prefixes) }, message);
  }

  /** There may be changes that came while this was looked into. */
  #again(): void {
    const waits = this.#changed === 'all' || this.#changed.size > 0;
    if (waits) this.#dueMs ??= this.#clock.now() + DELAY_MS;
  }
}

/** zebra took in something since: it is at it. */
function progress(before: Findings, now: Findings): boolean {
  const total = ({ missing, surplus }: Findings): number => missing.length + surplus.length;
  return total(now) < total(before);
}

function shown(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...prefixes].sort(compareIp).slice(0, SHOWN);
}
