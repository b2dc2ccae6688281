/**
 * Desired against observed: the changes that make the node hold what is wanted, in the order in which to make them.
 *
 * Pure. In: both sides, what counts as ours, optionally the keys to look at (their requirements are looked at too, so
 * that a small plan never builds on sand). Out: stages of changes, sorted; and what cannot be done because something
 * foreign stands there. Only owned objects are removed; foreign ones are neither removed nor overwritten.
 */
import { familyOf, isHostPrefix, type MacAddress } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { deviceOf } from './device-of.ts';
import { keyOf } from './keys.ts';
import { mustRecreate } from './kinds/link.ts';
import { sameContents } from './kinds/registry.ts';
import {
  type Change,
  type DesiredObject,
  MAIN_TABLE,
  type NodeObject,
  type NodeObjectKind,
  type NodePlan,
  type NodeScope,
  type ObjectKey,
  type ObservedObject,
} from './objects.ts';
import { advertisedPrefix, isAdvertisement } from './ownership.ts';
import {
  addStageOf,
  advertiseStageOf,
  CLEAR,
  removeStageOf,
  STAGE_ORDER,
  WITHDRAW_REPLACED,
  withdrawStageOf,
} from './stages.ts';

/** What was found on the node; a `ReadonlyMap` is one. */
export interface ObservedView {
  get(key: ObjectKey): ObservedObject | undefined;
  entries(): Iterable<readonly [ObjectKey, ObservedObject]>;
}

export interface DiffInput {
  readonly scope: NodeScope;
  readonly desired: ReadonlyMap<ObjectKey, DesiredObject>;
  readonly observed: ObservedView;
  /** Absent: everything. */
  readonly keys?: ReadonlySet<ObjectKey>;
  /** Kinds that could not be read: nothing of them is changed. */
  readonly unread?: ReadonlySet<NodeObjectKind>;
  /** Why an object is not to be changed now, whatever it lacks. */
  readonly hold?: (key: ObjectKey) => string | undefined;
}

/** Not part of a port's key. */
const NO_MAC = '00:00:00:00:00:00' as MacAddress;

/** A link is known by its name. */
const ANY_LINK = { kind: 'link', link: { type: 'existing' }, up: true } as const;

type Verdict = 'none' | 'add' | 'change' | 'recreate' | { readonly blocked: string };

export function diff(input: DiffInput): NodePlan {
  const plan = new PlanBuilder(input).build();
  // What vanishes with a recreated device is found only by looking at everything.
  return plan ?? new PlanBuilder({ ...input, keys: undefined }).build() ?? noChanges(input.desired);
}

/** The plan that leaves everything as it is. */
export function noChanges(desired: NodePlan['desired']): NodePlan {
  return { desired, stages: [], blocked: [], held: [] };
}

class PlanBuilder {
  readonly #input: Omit<DiffInput, 'keys'> & { readonly keys?: ReadonlySet<ObjectKey> | undefined };
  readonly #stages = new Map<string, Change[]>();
  readonly #blocked: { key: ObjectKey; desired: DesiredObject; reason: string }[] = [];
  readonly #held: { key: ObjectKey; reason: string }[] = [];
  /** Devices that are deleted and made again; what is on them goes with them. */
  readonly #recreated = new Set<string>();
  readonly #verdicts = new Map<ObjectKey, Verdict>();
  readonly #obstacles = new Map<ObjectKey, string | undefined>();
  readonly #rebuilt = new Map<ObjectKey, boolean>();

  constructor(input: Omit<DiffInput, 'keys'> & { readonly keys?: ReadonlySet<ObjectKey> | undefined }) {
    this.#input = input;
  }

  /** `undefined`: the keys given are not enough. */
  build(): NodePlan | undefined {
    const { desired, keys, observed } = this.#input;
    const considered = keys === undefined ? undefined : this.#withRequirements(keys);
    const wanted: [ObjectKey, DesiredObject][] = [];
    if (considered === undefined) wanted.push(...desired);
    else {
      for (const key of considered) {
        const item = desired.get(key);
        if (item !== undefined) wanted.push([key, item]);
      }
    }
    for (const [key, item] of wanted) this.#noteRecreated(key, item);
    if (this.#recreated.size > 0 && considered !== undefined) return undefined;
    for (const [key, item] of wanted) this.#want(key, item);
    if (considered === undefined) {
      for (const [key, found] of observed.entries()) if (!desired.has(key)) this.#leftover(key, found);
    } else {
      for (const key of considered) {
        const found = desired.has(key) ? undefined : observed.get(key);
        if (found !== undefined) this.#leftover(key, found);
      }
    }
    return this.#plan();
  }

  #withRequirements(keys: ReadonlySet<ObjectKey>): Set<ObjectKey> {
    const all = new Set(keys);
    // A set grows while it is walked.
    for (const key of all)
      for (const required of this.#input.desired.get(key)?.requires ?? []) all.add(required);
    return all;
  }

  #noteRecreated(key: ObjectKey, { object }: DesiredObject): void {
    if (object.kind !== 'link') return;
    if (object.link.type === 'vrf') this.#clearNamesake(object.name, object.link.table);
    const found = this.#input.observed.get(key);
    if (found?.object.kind !== 'link') return;
    if (found.owned && mustRecreate(object, found.object)) {
      if (this.#isHeld(key)) return;
      this.#recreated.add(object.name);
      this.#push(CLEAR, { op: 'remove', key, observed: found });
      return;
    }
    // A port of ours that stands where a VLAN device is wanted makes room for it.
    if (object.link.type !== 'vlan' || found.object.link.type !== 'existing') return;
    const portKey = portKeyOf(object.link.parent, object.name);
    const port = this.#input.observed.get(portKey);
    if (port?.owned !== true || this.#input.desired.has(portKey)) return;
    this.#recreated.add(object.name);
    this.#push(CLEAR, { op: 'remove', key: portKey, observed: port });
  }

  /** zebra ends itself when a second VRF has the table of another one: the one of a former name goes first. */
  #clearNamesake(vrf: string, table: number): void {
    for (const former of this.#input.scope.formerLinks ?? []) {
      if (former.table !== table || former.name === vrf) continue;
      const key = keyOf({ ...ANY_LINK, name: former.name });
      const found = this.#input.observed.get(key);
      if (found?.owned !== true || this.#input.desired.has(key)) continue;
      this.#recreated.add(vrf).add(former.name);
      this.#push(CLEAR, { op: 'remove', key, observed: found });
    }
  }

  #want(key: ObjectKey, item: DesiredObject): void {
    const verdict = this.#judge(key, item);
    const found = this.#input.observed.get(key);
    const obstacle = this.#obstacle(key);
    if (obstacle !== undefined) {
      this.#blocked.push({ key, desired: item, reason: obstacle });
      // What cannot carry its traffic must not attract it. A kind that could not be read is no reason to withdraw.
      if (item.role === 'advertise' && found?.owned === true && this.#isBrokenBelow(key)) {
        this.#push(withdrawStageOf(found.object), { op: 'remove', key, observed: found });
      }
      return;
    }
    if (typeof verdict === 'object' || (verdict !== 'none' && this.#isHeld(key))) return;
    const stage = item.role === 'advertise' ? advertiseStageOf(item.object) : addStageOf(item.object);
    if (item.role === 'advertise' && found?.owned === true && this.#isRebuilt(key)) {
      this.#push(withdrawStageOf(found.object), { op: 'remove', key, observed: found });
      this.#push(stage, { op: 'add', key, desired: item });
      return;
    }
    if (verdict === 'add' || verdict === 'recreate') this.#push(stage, { op: 'add', key, desired: item });
    else if (verdict === 'change' && found !== undefined) {
      this.#push(stage, { op: 'change', key, desired: item, observed: found });
    }
  }

  #leftover(key: ObjectKey, found: ObservedObject): void {
    const { scope, unread } = this.#input;
    if (!found.owned || unread?.has(found.object.kind) === true) return;
    const { object } = found;
    if ((object.kind === 'ovs-port' || object.kind === 'link') && this.#recreated.has(object.name)) return;
    if (this.#isHeld(key)) return;
    const stage = !isAdvertisement(scope, object)
      ? removeStageOf(object)
      : this.#isReplaced(object)
        ? WITHDRAW_REPLACED
        : withdrawStageOf(object);
    this.#push(stage, { op: 'remove', key, observed: found });
  }

  /** True when the prefix is advertised otherwise from now on: with another metric, in another table, on another device. */
  #isReplaced(object: NodeObject): boolean {
    const destination = advertisedPrefix(object);
    if (destination === undefined) return false;
    const { desired, scope } = this.#input;
    const { bgpNic: device, bgpVrfTable } = scope;
    const isWanted = (other: NodeObject): boolean => desired.get(keyOf(other))?.role === 'advertise';
    const route = (table: number, metric: number): NodeObject => {
      const family = familyOf(destination);
      return { kind: 'route', family, table, destination, target: { type: 'blackhole' }, metric };
    };
    return (
      scope.advertiseMetrics.some((metric) => isWanted(route(MAIN_TABLE, metric))) ||
      (isHostPrefix(destination) && isWanted({ kind: 'address', device, prefix: destination })) ||
      [0, ...scope.advertiseMetrics].some((metric) => isWanted(route(bgpVrfTable, metric)))
    );
  }

  #judge(key: ObjectKey, item: DesiredObject): Verdict {
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict = this.#compare(key, item);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  #compare(key: ObjectKey, { object }: DesiredObject): Verdict {
    const { observed, unread } = this.#input;
    if (unread?.has(object.kind) === true)
      return { blocked: `the node's ${object.kind} state could not be read` };
    const found = observed.get(key);
    if (object.kind === 'link' && this.#recreated.has(object.name)) return 'recreate';
    if (object.kind === 'ovs-port' && found === undefined) {
      const device = observed.get(keyOf({ ...ANY_LINK, name: object.name }));
      if (device !== undefined && !device.owned) {
        return { blocked: device.foreign ?? `device ${object.name} is not the agent's` };
      }
    }
    if (found === undefined || this.#vanishes(found.object)) return 'add';
    if (found.unlike !== true && sameContents(object, found.object)) {
      if (this.#losesMaster(object)) return 'change';
      const rewritable = object.kind !== 'link' || object.link.type !== 'existing';
      return found.rewrite === true && rewritable ? 'change' : 'none';
    }
    return found.foreign !== undefined && isInTheWay(object, found) ? { blocked: found.foreign } : 'change';
  }

  /** True for what goes away with a device that is recreated. */
  #vanishes(object: NodeObject): boolean {
    if (this.#recreated.size === 0 || object.kind === 'link') return false;
    const device = deviceOf(object);
    return device !== undefined && this.#recreated.has(device);
  }

  #losesMaster(object: NodeObject): boolean {
    return object.kind === 'link' && object.link.type === 'dummy' && this.#recreated.has(object.link.master);
  }

  /** Why the object cannot be put in place: itself, or something that it needs. */
  #obstacle(key: ObjectKey): string | undefined {
    if (this.#obstacles.has(key)) return this.#obstacles.get(key);
    this.#obstacles.set(key, undefined);
    const item = this.#input.desired.get(key);
    if (item === undefined) return undefined;
    const verdict = this.#judge(key, item);
    let reason = typeof verdict === 'object' ? verdict.blocked : undefined;
    for (const required of item.requires) {
      if (reason !== undefined) break;
      const below = this.#obstacle(required);
      if (below !== undefined) reason = `requires ${required}: ${below}`;
    }
    this.#obstacles.set(key, reason);
    return reason;
  }

  /** True when something foreign (not merely unknown) blocks a requirement. */
  #isBrokenBelow(key: ObjectKey, seen = new Set<ObjectKey>()): boolean {
    const { desired, unread } = this.#input;
    for (const required of desired.get(key)?.requires ?? []) {
      const item = desired.get(required);
      if (item === undefined || seen.has(required)) continue;
      seen.add(required);
      const blocked = typeof this.#judge(required, item) === 'object';
      if (blocked && unread?.has(item.object.kind) !== true) return true;
      if (this.#isBrokenBelow(required, seen)) return true;
    }
    return false;
  }

  /** True when a device that the object needs is recreated. */
  #isRebuilt(key: ObjectKey): boolean {
    if (this.#recreated.size === 0) return false;
    const known = this.#rebuilt.get(key);
    if (known !== undefined) return known;
    this.#rebuilt.set(key, false);
    const item = this.#input.desired.get(key);
    const device = item === undefined ? undefined : deviceOf(item.object);
    const rebuilt =
      (device !== undefined && this.#recreated.has(device)) ||
      (item?.requires.some((required) => this.#isRebuilt(required)) ?? false);
    this.#rebuilt.set(key, rebuilt);
    return rebuilt;
  }

  /** Notes it, too. */
  #isHeld(key: ObjectKey): boolean {
    const reason = this.#input.hold?.(key);
    if (reason !== undefined) this.#held.push({ key, reason });
    return reason !== undefined;
  }

  #push(stage: string, change: Change): void {
    const changes = this.#stages.get(stage);
    if (changes === undefined) this.#stages.set(stage, [change]);
    else changes.push(change);
  }

  #plan(): NodePlan {
    const stages = STAGE_ORDER.flatMap((name) => {
      const changes = this.#stages.get(name);
      return changes === undefined ? [] : [{ name, changes: changes.sort(byKey) }];
    });
    return { desired: this.#input.desired, stages, blocked: this.#blocked.sort(byKey), held: this.#held };
  }
}

/**
 * A device that only has to exist may be set up, and a device of the predecessor may be taken over, when it is the right
 * one; anything else foreign stays as it is.
 */
function isInTheWay(desired: NodeObject, { object, rewrite }: ObservedObject): boolean {
  if (desired.kind !== 'link' || object.kind !== 'link') return true;
  if (desired.link.type !== 'existing' && rewrite !== true) return true;
  return mustRecreate(desired, object);
}

function portKeyOf(bridge: string, name: string): ObjectKey {
  return keyOf({ kind: 'ovs-port', bridge, name, tag: 0, mac: NO_MAC });
}

function byKey(a: { readonly key: ObjectKey }, b: { readonly key: ObjectKey }): number {
  return compareText(a.key, b.key);
}
