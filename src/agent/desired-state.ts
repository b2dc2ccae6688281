/**
 * The desired state as a multiset: every contributor (the base wiring, one exposure each) puts its objects in, and an
 * object stays wanted as long as one contributor wants it. Replacing one contributor tells which keys to look at again,
 * so that a changed row costs what it changed and not the size of the node.
 */

import { compareText } from '../base/order.ts';
import type { DesiredObject, NodeObjectKind, ObjectKey } from '../node/objects.ts';

/** One contributor's object; further contributors of the same key are rare and kept aside. */
interface Entry {
  contributor: string;
  desired: DesiredObject;
  others: Map<string, DesiredObject> | undefined;
}

export class DesiredState {
  readonly #entries = new Map<ObjectKey, Entry>();
  readonly #current = new Map<ObjectKey, DesiredObject>();
  readonly #keysOf = new Map<string, readonly ObjectKey[]>();
  readonly #byKind = new Map<NodeObjectKind, Set<ObjectKey>>();

  /** What should be there; a live view that every `replace` updates. */
  get objects(): ReadonlyMap<ObjectKey, DesiredObject> {
    return this.#current;
  }

  /**
   * Replaces everything that `contributor` wants (nothing: it is withdrawn) and adds the keys that may differ now to
   * `touched`.
   */
  replace(
    contributor: string,
    wanted: Iterable<readonly [ObjectKey, DesiredObject]>,
    touched: Set<ObjectKey>,
  ): void {
    const next = new Map(wanted);
    for (const key of this.#keysOf.get(contributor) ?? []) {
      if (next.has(key)) continue;
      this.#take(contributor, key);
      touched.add(key);
    }
    for (const [key, desired] of next) {
      this.#put(contributor, key, desired);
      touched.add(key);
    }
    if (next.size === 0) this.#keysOf.delete(contributor);
    else this.#keysOf.set(contributor, [...next.keys()]);
  }

  /** Keys of one kind: what is looked at four times a minute must not cost the size of the node. */
  keysOfKind(kind: NodeObjectKind): Iterable<ObjectKey> {
    return this.#byKind.get(kind) ?? [];
  }

  contributors(): Iterable<string> {
    return this.#keysOf.keys();
  }

  /** What one contributor wants, whoever wants it besides. */
  of(contributor: string): readonly DesiredObject[] {
    return (this.#keysOf.get(contributor) ?? []).flatMap((key) => {
      const entry = this.#entries.get(key);
      const own = entry?.contributor === contributor ? entry.desired : entry?.others?.get(contributor);
      return own ?? [];
    });
  }

  #put(contributor: string, key: ObjectKey, desired: DesiredObject): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, { contributor, desired, others: undefined });
      this.#current.set(key, desired);
      this.#kindSet(desired).add(key);
      return;
    }
    if (entry.contributor === contributor) {
      entry.desired = desired;
    } else {
      entry.others ??= new Map();
      entry.others.set(contributor, desired);
    }
    this.#choose(key, entry);
  }

  #take(contributor: string, key: ObjectKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.contributor !== contributor) {
      entry.others?.delete(contributor);
    } else {
      const successor = entry.others?.entries().next().value;
      if (successor === undefined) {
        this.#entries.delete(key);
        this.#current.delete(key);
        this.#kindSet(entry.desired).delete(key);
        return;
      }
      [entry.contributor, entry.desired] = successor;
      entry.others?.delete(entry.contributor);
    }
    if (entry.others?.size === 0) entry.others = undefined;
    this.#choose(key, entry);
  }

  #kindSet({ object: { kind } }: DesiredObject): Set<ObjectKey> {
    const keys = this.#byKind.get(kind) ?? new Set();
    this.#byKind.set(kind, keys);
    return keys;
  }

  /** The contributor that comes first by name counts, so that the order of events does not show. */
  #choose(key: ObjectKey, entry: Entry): void {
    let best: readonly [string, DesiredObject] = [entry.contributor, entry.desired];
    for (const other of entry.others ?? []) if (compareText(other[0], best[0]) < 0) best = other;
    this.#current.set(key, best[1]);
  }
}
