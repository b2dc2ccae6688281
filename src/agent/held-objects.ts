/**
 * What stays wanted although nothing wants it any more: the objects of a withdrawal that is not believed yet.
 *
 * In: the desired state, and what a computation took out of it or what stands on the node from before. Out: contributors
 * of the desired state that want the same objects on. So everything else goes its usual way meanwhile: what is held is
 * repaired, what is added is added, a single withdrawal is carried out. Each prefix is held for itself and let go as soon
 * as it is wanted again; what takes from the node something that it needs is never held. Pure.
 */
import type { Prefix } from '../base/address.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, ObjectKey } from '../node/objects.ts';
import { advertisedPrefix } from '../node/ownership.ts';
import type { DesiredState } from './desired-state.ts';

/** Sorts behind every other contributor: what is wanted now wins over what is held. */
const HELD = '~held ';
/** What stands from before and is no advertisement. */
const STANDING = 'standing';

/** What a computation no longer wants, by the contributor that wanted it; prefixes: those no longer advertised at all. */
export interface Loss {
  readonly objects: ReadonlyMap<string, readonly DesiredObject[]>;
  readonly prefixes: ReadonlySet<Prefix>;
}

export class HeldObjects {
  readonly #desired: DesiredState;
  /** What contributors wanted before the running computation; absent: it is not noted. */
  #former: Map<string, readonly DesiredObject[]> | undefined;
  readonly #held = new Map<string, readonly DesiredObject[]>();

  readonly #isHarmful: (item: DesiredObject) => boolean;

  /** `isHarmful`: what goes at once, whoever may have made a mistake. */
  constructor(desired: DesiredState, isHarmful: (item: DesiredObject) => boolean = () => false) {
    this.#desired = desired;
    this.#isHarmful = isHarmful;
  }

  /** Held prefixes. */
  prefixes(): Set<Prefix> {
    return prefixesOf([...this.#held.values()].flat());
  }

  /** From now on `note` remembers what is replaced. */
  begin(): void {
    this.#former = new Map();
  }

  /** To be called before a contributor is replaced. */
  note(contributor: string): void {
    if (this.#former === undefined || this.#former.has(contributor)) return;
    this.#former.set(contributor, this.#desired.of(contributor));
  }

  /** What nobody wants any more since `begin`; `whole`: contributors whose objects will go for want of what was lost. */
  loss(whole: readonly string[]): Loss {
    const former = this.#former ?? new Map<string, readonly DesiredObject[]>();
    this.#former = undefined;
    const objects = new Map<string, readonly DesiredObject[]>();
    for (const [contributor, wanted] of former) {
      const gone = wanted.filter(({ object }) => !this.#desired.objects.has(keyOf(object)));
      if (gone.length > 0) objects.set(contributor, gone);
    }
    for (const contributor of whole) objects.set(contributor, this.#desired.of(contributor));
    const advertised = this.advertised();
    const lost = [...prefixesOf([...objects.values()].flat())].filter((prefix) => !advertised.has(prefix));
    return { objects, prefixes: new Set(lost) };
  }

  /** Every prefix that is advertised, the held ones among them. */
  advertised(): Set<Prefix> {
    return prefixesOf(this.#desired.objects.values());
  }

  /** Goes on wanting what was lost. */
  keep({ objects }: Loss, touched: Set<ObjectKey>): void {
    for (const [contributor, gone] of objects) this.#add(contributor, gone, touched);
  }

  /** Wants what stands on the node; each advertisement for itself. */
  keepStanding(standing: Iterable<DesiredObject>, touched: Set<ObjectKey>): void {
    const others: DesiredObject[] = [];
    for (const item of standing) {
      const prefix = prefixOf(item);
      if (prefix === undefined) others.push(item);
      else this.#add(prefix, [item], touched);
    }
    this.#add(STANDING, others, touched);
  }

  /** Lets go of what is advertised for its own sake again, and of what has come to harm the node. */
  prune(touched: Set<ObjectKey>): void {
    for (const [name, objects] of this.#held) {
      if (this.#desired.of(name).some(({ role }) => role === 'advertise')) this.#set(name, [], touched);
      else if (objects.some(this.#isHarmful)) this.#set(name, objects, touched);
    }
  }

  /** Holds nothing any more. */
  release(touched: Set<ObjectKey>): void {
    for (const name of this.#held.keys()) this.#set(name, [], touched);
  }

  /** An exposure goes whole. */
  #harmless(name: string, objects: readonly DesiredObject[]): readonly DesiredObject[] {
    if (!objects.some(this.#isHarmful)) return objects;
    return name === STANDING ? objects.filter((item) => !this.#isHarmful(item)) : [];
  }

  #add(name: string, objects: readonly DesiredObject[], touched: Set<ObjectKey>): void {
    if (objects.length > 0) this.#set(name, [...(this.#held.get(name) ?? []), ...objects], touched);
  }

  #set(name: string, wanted: readonly DesiredObject[], touched: Set<ObjectKey>): void {
    const objects = this.#harmless(name, wanted);
    if (objects.length === 0) this.#held.delete(name);
    else this.#held.set(name, objects);
    const keyed = objects.map((desired) => [keyOf(desired.object), desired] as const);
    this.#desired.replace(HELD + name, keyed, touched);
  }
}

function prefixesOf(objects: Iterable<DesiredObject>): Set<Prefix> {
  const prefixes = new Set<Prefix>();
  for (const item of objects) {
    const prefix = prefixOf(item);
    if (prefix !== undefined) prefixes.add(prefix);
  }
  return prefixes;
}

function prefixOf({ role, object }: DesiredObject): Prefix | undefined {
  return role === 'advertise' ? advertisedPrefix(object) : undefined;
}
