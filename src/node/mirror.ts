/**
 * What the node is believed to hold: what the last read of each kind found, kept up to date by what was written since.
 */

import { deviceOf } from './device-of.ts';
import { keyOf, kindOfKey } from './keys.ts';
import type { NodeObject, NodeObjectKind, ObjectKey, ObservedObject } from './objects.ts';

export class Mirror {
  readonly #kinds = new Map<NodeObjectKind, Map<ObjectKey, ObservedObject>>();

  /** True when the kind was read at least once. */
  has(kind: NodeObjectKind): boolean {
    return this.#kinds.has(kind);
  }

  get(key: ObjectKey): ObservedObject | undefined {
    return this.#kinds.get(kindOfKey(key))?.get(key);
  }

  *entries(): Generator<readonly [ObjectKey, ObservedObject]> {
    for (const objects of this.#kinds.values()) yield* objects;
  }

  of(kind: NodeObjectKind): ReadonlyMap<ObjectKey, ObservedObject> {
    return this.#kinds.get(kind) ?? new Map();
  }

  /** Of several objects with one key the first counts. */
  replace(kind: NodeObjectKind, objects: Iterable<ObservedObject>): void {
    const fresh = new Map<ObjectKey, ObservedObject>();
    for (const found of objects) {
      const key = keyOf(found.object);
      if (!fresh.has(key)) fresh.set(key, found);
    }
    this.#kinds.set(kind, fresh);
  }

  set(key: ObjectKey, found: ObservedObject): void {
    const objects = this.#kinds.get(found.object.kind);
    if (objects === undefined) this.#kinds.set(found.object.kind, new Map([[key, found]]));
    else objects.set(key, found);
  }

  delete(kind: NodeObjectKind, key: ObjectKey): void {
    this.#kinds.get(kind)?.delete(key);
  }

  /** Forgets what the kernel took away with a device. */
  dropDevice(device: string): void {
    for (const objects of this.#kinds.values()) {
      for (const [key, { object }] of objects) if (wentWith(object, device)) objects.delete(key);
    }
  }

  /** True when something of these kinds is believed to be on the device. */
  isInUse(device: string, kinds: readonly NodeObjectKind[]): boolean {
    return kinds.some((kind) => [...this.of(kind).values()].some(({ object }) => wentWith(object, device)));
  }
}

function wentWith(object: NodeObject, device: string): boolean {
  return object.kind !== 'link' && deviceOf(object) === device;
}
