/** Desired objects by key: the first of equals stays, and the result is sorted by key. */
import { sortedBy } from '../base/order.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, NodeObject, ObjectKey } from '../node/objects.ts';
import type { Pending, Wiring } from './types.ts';

export class ObjectSet {
  readonly #objects = new Map<ObjectKey, DesiredObject>();
  readonly #pending = new Map<string, Pending>();

  /** Adds an object that carries traffic; returns its key, for others to require. */
  wire(object: NodeObject, because: string, requires: readonly ObjectKey[] = []): ObjectKey {
    return this.add({ object, role: 'wire', requires, because });
  }

  add(desired: DesiredObject): ObjectKey {
    const key = keyOf(desired.object);
    if (!this.#objects.has(key)) this.#objects.set(key, desired);
    return key;
  }

  pend(subject: string, reason: string): void {
    this.#pending.set(`${subject} ${reason}`, { subject, reason });
  }

  addAll(wiring: Wiring): void {
    for (const desired of wiring.objects) this.add(desired);
    for (const { subject, reason } of wiring.pending) this.pend(subject, reason);
  }

  toWiring(): Wiring {
    return {
      objects: sortedBy(this.#objects, ([key]) => key).map(([, desired]) => desired),
      pending: sortedBy(this.#pending, ([text]) => text).map(([, pending]) => pending),
    };
  }
}
