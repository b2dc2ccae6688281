/** Watches the order of writes on a fake node: says when something is advertised whose wire is not there. */
import type { NetlinkFailure, Request } from '../netlink/types.ts';
import type { FakeNode } from './fake-node.ts';
import { keyOf } from './keys.ts';
import type { DesiredObject, NodeObject, ObjectKey } from './objects.ts';
import { ip, mac, prefix, SCOPE } from './testing.ts';

/** Follows every write and says when something is advertised whose wire is not there. */
export class OrderWatch {
  readonly violations: string[] = [];
  readonly #present: Set<ObjectKey>;
  readonly #desired: ReadonlyMap<ObjectKey, DesiredObject>[];

  constructor(present: Iterable<ObjectKey>, ...desired: ReadonlyMap<ObjectKey, DesiredObject>[]) {
    this.#present = new Set(present);
    this.#desired = desired;
  }

  wrote(op: 'add' | 'remove', key: ObjectKey): void {
    if (op === 'add') this.#present.add(key);
    else this.#present.delete(key);
    for (const desired of this.#desired) {
      if (op === 'add' && desired.get(key)?.role === 'advertise') this.#check(desired, key, `added ${key}`);
      if (op === 'remove') {
        for (const [other, { role }] of desired) {
          if (role === 'advertise' && this.#needs(desired, other, key))
            this.#check(desired, other, `removed ${key}`);
        }
      }
    }
  }

  /** Only one of the states has to be satisfied: the one before, or the one after. */
  #check(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey, doing: string): void {
    if (!this.#present.has(key)) return;
    const satisfied = this.#desired.some(
      (other) => other.has(key) && this.#missing(other, key) === undefined,
    );
    if (!satisfied) this.violations.push(`${doing}: ${key} lacks ${this.#missing(desired, key)}`);
  }

  #needs(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey, wanted: ObjectKey): boolean {
    return (desired.get(key)?.requires ?? []).some(
      (required) => required === wanted || this.#needs(desired, required, wanted),
    );
  }

  #missing(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey): ObjectKey | undefined {
    for (const required of desired.get(key)?.requires ?? []) {
      if (!this.#present.has(required)) return required;
      const below = this.#missing(desired, required);
      if (below !== undefined) return below;
    }
    return undefined;
  }
}

/** The edge with every successful write reported under its object's key. */
export function watched(fake: FakeNode, wrote: (op: 'add' | 'remove', key: ObjectKey) => void): void {
  const batch = fake.netlink.batch.bind(fake.netlink);
  const names = new Map<number, string>();
  fake.netlink.batch = async (requests) => {
    const results: (NetlinkFailure | undefined)[] = [];
    for (const request of requests) {
      for (const { index, name } of fake.netlink.allLinks()) names.set(index, name);
      const object = objectOf(request, names);
      const [failure] = await batch([request]);
      results.push(failure);
      if (failure === undefined && object !== undefined && request.op !== 'set') {
        wrote(request.op === 'delete' ? 'remove' : 'add', keyOf(object));
      }
    }
    return results;
  };
  const applyFlows = fake.ovs.applyFlows.bind(fake.ovs);
  fake.ovs.applyFlows = async (bridge, changes, signal) => {
    await applyFlows(bridge, changes, signal);
    for (const { op, flow } of changes) wrote(op, keyOf({ kind: 'flow', bridge, flow }));
  };
  const applyFrr = fake.frr.apply.bind(fake.frr);
  fake.frr.apply = async (scope, from, to, signal) => {
    await applyFrr(scope, from, to, signal);
    wrote(to === undefined ? 'remove' : 'add', `frr ${(to ?? from)?.id}`);
  };
  const ensure = fake.ovs.ensureInternalPort.bind(fake.ovs);
  fake.ovs.ensureInternalPort = async (bridge, port, signal) => {
    await ensure(bridge, port, signal);
    wrote('add', `ovs-port ${bridge} ${port.name}`);
    wrote('add', `link ${port.name}`);
  };
  const remove = fake.ovs.removePort.bind(fake.ovs);
  fake.ovs.removePort = async (bridge, port, signal) => {
    await remove(bridge, port, signal);
    wrote('remove', `ovs-port ${bridge} ${port}`);
    wrote('remove', `link ${port}`);
  };
}

function objectOf(request: Request, names: ReadonlyMap<number, string>): NodeObject | undefined {
  const at = (index: number | undefined): string => names.get(index ?? 0) ?? '?';
  switch (request.type) {
    case 'link': {
      const name = request.link.name ?? at(request.link.index);
      return { kind: 'link', name, link: { type: 'existing' }, up: true };
    }
    case 'address':
      return { kind: 'address', device: at(request.address.index), prefix: prefix(request.address.address) };
    case 'rule':
      return { kind: 'rule', to: prefix(request.rule.to ?? '::/0'), table: request.rule.table };
    case 'route': {
      const { family, table, destination, metric = 0 } = request.route;
      return {
        kind: 'route',
        family,
        table,
        destination: prefix(destination),
        metric,
        target: { type: 'blackhole' },
      };
    }
    case 'neighbor': {
      const { index, address = '::', proxy } = request.neighbor;
      return proxy === true
        ? { kind: 'proxy-ndp', device: at(index), address: ip(address) }
        : { kind: 'neighbor', device: at(index), address: ip(address), mac: mac('00:00:00:00:00:00') };
    }
    default:
      return request satisfies never;
  }
}

/** Keys that are there whatever the agent does. */
export function always(): ObjectKey[] {
  return SCOPE.bridges.map((bridge) => `link ${bridge}`);
}
