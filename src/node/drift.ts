/**
 * Judges notifications: does what the kernel, the vswitchd or FRR reports agree with what the node is believed to hold?
 *
 * In: events, as they come. Out: the kinds that must be read again. Events are kept for a moment, the last one a thing,
 * and judged together: what the agent wrote itself then agrees (its echo may come before the write returns, and two
 * writes to one thing may have their echoes interleaved), and a storm costs one judgement. What contradicts a write of a
 * moment ago waits for that write's echo. What cannot concern the agent (a full BGP table churning in the main table) is
 * dropped at once.
 */
import { familyOf } from '../base/address.ts';
import type { KernelEvent, Link } from '../netlink/types.ts';
import type { Devices } from './devices.ts';
import { keyOf } from './keys.ts';
import { observeAddress } from './kinds/address.ts';
import type { View } from './kinds/kind.ts';
import { isRelevantLink } from './kinds/link.ts';
import { observeRows } from './kinds/local-row.ts';
import { isRelevantNeighbor, observeNeighbor } from './kinds/neighbor.ts';
import { observePorts } from './kinds/ovs-port.ts';
import { observeProxy } from './kinds/proxy-ndp.ts';
import { sameContents } from './kinds/registry.ts';
import { isRelevantRoute, observeRoute } from './kinds/route.ts';
import { observeRule } from './kinds/rule.ts';
import type { Mirror } from './mirror.ts';
import {
  LINK_ALIAS,
  type NodeObjectKind,
  type NodeScope,
  type ObjectKey,
  type ObservedObject,
} from './objects.ts';

/** What the kernel holds and reports; sysctls go with their device. */
export const KERNEL_KINDS: readonly NodeObjectKind[] = [
  'link',
  'address',
  'rule',
  'route',
  'neighbor',
  'proxy-ndp',
  'sysctl',
];
/** What a device takes along when it goes, goes down or is made again; not all of it is reported by the kernel. */
export const DEVICE_KINDS: readonly NodeObjectKind[] = [
  'address',
  'route',
  'neighbor',
  'proxy-ndp',
  'sysctl',
];

type ObjectEvent = Exclude<KernelEvent, { readonly type: 'resync' }>;

export class DriftJudge {
  readonly #view: () => View | undefined;
  readonly #mirror: Mirror;
  readonly #isFresh: (key: ObjectKey) => boolean;
  #pending = new Map<string, ObjectEvent>();
  #resync = false;
  #ports = false;
  #localRows = false;

  /** `isFresh`: the agent wrote this a moment ago, and the echo may still be on its way. */
  constructor(view: () => View | undefined, mirror: Mirror, isFresh: (key: ObjectKey) => boolean) {
    this.#view = view;
    this.#mirror = mirror;
    this.#isFresh = isFresh;
  }

  /** Keeps what may matter. */
  collect(events: readonly KernelEvent[]): void {
    const view = this.#view();
    if (view === undefined) return;
    for (const event of events) {
      if (event.type === 'resync') this.#resync = true;
      else {
        const identity = identityOf(view, event);
        if (identity !== undefined) this.#pending.set(identity, event);
      }
    }
  }

  hasWork(): boolean {
    return this.#resync || this.#ports || this.#localRows || this.#pending.size > 0;
  }

  collectPorts(): void {
    this.#ports = true;
  }

  collectLocalRows(): void {
    this.#localRows = true;
  }

  /** The kinds that do not hold what is believed; forgets what was collected. */
  judge(): Set<NodeObjectKind> {
    const kinds = new Set<NodeObjectKind>();
    const view = this.#view();
    if (view === undefined) return kinds;
    const events = this.#pending;
    this.#pending = new Map();
    if (this.#resync) for (const kind of KERNEL_KINDS) kinds.add(kind);
    this.#resync = false;
    // Devices first: the others are named after them.
    for (const event of events.values()) if (event.type === 'link') this.#judgeLink(view, event, kinds);
    for (const event of events.values()) {
      if (event.type !== 'link') this.#judgeObject(view, event, kinds);
    }
    if (!kinds.has('route') && this.#lostLastAddress(view, events.values())) kinds.add('route');
    if (this.#ports && this.#mirror.has('ovs-port') && !this.#portsAgree(view)) kinds.add('ovs-port');
    this.#ports = false;
    if (this.#localRows && !this.#localRowsAgree(view)) kinds.add('local-row');
    this.#localRows = false;
    return kinds;
  }

  #judgeLink(
    view: View,
    { gone, link }: Extract<KernelEvent, { readonly type: 'link' }>,
    kinds: Set<NodeObjectKind>,
  ): void {
    const held = view.devices.at(link.index);
    if (gone) view.devices.delete(link.index);
    else view.devices.set(link);
    const relevant =
      isRelevantLink(view.scope, link) || (held !== undefined && isRelevantLink(view.scope, held));
    if (!relevant) return;
    if (gone ? held === undefined : held !== undefined && sameLink(held, link)) return;
    kinds.add('link');
    const moved =
      gone ||
      held === undefined ||
      held.up !== link.up ||
      held.master !== link.master ||
      held.name !== link.name;
    if (moved) for (const kind of DEVICE_KINDS) kinds.add(kind);
    if (held?.mac !== link.mac) kinds.add('ovs-port');
  }

  /**
   * With the last IPv4 address of a device the kernel flushes its IPv4 routes, of all tables, and tells nobody
   * (fib_disable_ip() of net/ipv4/fib_frontend.c).
   */
  #lostLastAddress(view: View, events: Iterable<ObjectEvent>): boolean {
    const gone = new Set<string>();
    const devices = new Set<string>();
    for (const event of events) {
      if (event.type !== 'address' || !event.gone || event.address.family !== 4) continue;
      const device = view.devices.at(event.address.index)?.name;
      if (device === undefined) continue;
      devices.add(device);
      gone.add(`address ${device} ${event.address.address}`);
    }
    if (devices.size === 0) return false;
    for (const [key, { object }] of this.#mirror.of('address')) {
      if (object.kind === 'address' && familyOf(object.prefix) === 4 && !gone.has(key))
        devices.delete(object.device);
    }
    for (const { object } of this.#mirror.of('route').values()) {
      if (object.kind !== 'route' || object.family !== 4 || object.target.type !== 'device') continue;
      if (devices.has(object.target.device)) return true;
    }
    return false;
  }

  #judgeObject(
    view: View,
    event: Exclude<ObjectEvent, { readonly type: 'link' }>,
    kinds: Set<NodeObjectKind>,
  ): void {
    if (event.type === 'address') {
      this.#compare(view, event, 'address', observeAddress(view, event.address), kinds);
    } else if (event.type === 'route') {
      this.#compare(view, event, 'route', observeRoute(view, event.route), kinds);
    } else if (event.type === 'rule') {
      this.#compare(view, event, 'rule', observeRule(view.scope, event.rule), kinds);
    } else if (event.neighbor.proxy) {
      this.#compare(view, event, 'proxy-ndp', observeProxy(view, event.neighbor), kinds);
    } else {
      const { index, address } = event.neighbor;
      const observed = observeNeighbor(view, event.neighbor);
      this.#compare(view, event, 'neighbor', observed, kinds);
      // An entry that the kernel learned takes the place of one of ours only when that is no longer permanent.
      const key = `neighbor ${view.devices.at(index)?.name} ${address}`;
      const held = this.#mirror.get(key);
      if (observed === undefined && held !== undefined) this.#doubt(view, event, 'neighbor', key, kinds);
    }
  }

  #compare(
    view: View,
    event: ObjectEvent,
    kind: NodeObjectKind,
    reported: ObservedObject | undefined,
    kinds: Set<NodeObjectKind>,
  ): void {
    if (reported === undefined || !this.#mirror.has(kind)) return;
    const { gone } = event;
    const key = keyOf(reported.object);
    const held = this.#mirror.get(key);
    // Another spelling of a thing that may be there in the right one as well.
    const agrees =
      reported.rewrite === true
        ? gone !== (held?.rewrite === true)
        : gone
          ? held === undefined
          : held !== undefined && sameContents(held.object, reported.object) && held.owned === reported.owned;
    if (!agrees) this.#doubt(view, event, kind, key, kinds);
  }

  /** A contradiction; looked at again later when a newer event about the same thing must be on its way. */
  #doubt(
    view: View,
    event: ObjectEvent,
    kind: NodeObjectKind,
    key: ObjectKey,
    kinds: Set<NodeObjectKind>,
  ): void {
    const identity = this.#isFresh(key) ? identityOf(view, event) : undefined;
    if (identity === undefined) kinds.add(kind);
    else this.#pending.set(identity, event);
  }

  #localRowsAgree(view: View): boolean {
    const held = this.#mirror.of('local-row');
    let reported: ObservedObject[];
    try {
      reported = observeRows(view);
    } catch {
      // The reader says why.
      return false;
    }
    return (
      this.#mirror.has('local-row') &&
      reported.length === held.size &&
      reported.every((found) => {
        const known = held.get(keyOf(found.object));
        return known?.owned === found.owned && sameContents(found.object, known.object);
      })
    );
  }

  #portsAgree(view: View): boolean {
    const held = this.#mirror.of('ovs-port');
    let reported: ObservedObject[];
    try {
      reported = observePorts(view);
    } catch {
      // Never emptied once it was read; before that there is nothing to compare.
      return true;
    }
    return (
      reported.length === held.size &&
      reported.every(({ object, owned }) => {
        const known = held.get(keyOf(object));
        if (known === undefined || known.owned !== owned) return false;
        return (
          object.kind === 'ovs-port' && known.object.kind === 'ovs-port' && object.tag === known.object.tag
        );
      })
    );
  }
}

/** Equal for events about the same thing; `undefined` when it is none of our business. */
function identityOf(view: View, event: ObjectEvent): string | undefined {
  switch (event.type) {
    case 'link':
      return `link ${event.link.index}`;
    case 'address':
      return `address ${event.address.index} ${event.address.address}`;
    case 'rule': {
      const { family, priority, table, to, from, protocol } = event.rule;
      if (observeRule(view.scope, event.rule) === undefined) return undefined;
      return `rule ${family} ${priority} ${table} ${to} ${from} ${protocol}`;
    }
    case 'route': {
      if (!isRelevantRoute(view, event.route)) return undefined;
      const { family, table, destination, metric } = event.route;
      return `route ${family} ${table} ${destination} ${metric}`;
    }
    case 'neighbor': {
      // A device that is not known yet may turn out to be one of ours.
      const known = view.devices.at(event.neighbor.index) !== undefined;
      if (known && !isRelevantNeighbor(view, event.neighbor)) return undefined;
      const { family, index, address, proxy } = event.neighbor;
      return `neighbor ${family} ${index} ${address} ${proxy}`;
    }
    default:
      return event satisfies never;
  }
}

/** Names of the devices that matter and differ between two pictures. */
export function movedDevices(scope: NodeScope, before: Devices, after: Devices): ReadonlySet<string> {
  const moved = new Set<string>();
  for (const [from, to] of [
    [before, after],
    [after, before],
  ] as const) {
    for (const link of from.all()) {
      const other = to.at(link.index);
      if (isRelevantLink(scope, link) && (other === undefined || !sameLink(link, other)))
        moved.add(link.name);
    }
  }
  return moved;
}

function sameLink(a: Link, b: Link): boolean {
  return (
    a.name === b.name &&
    a.kind === b.kind &&
    a.up === b.up &&
    a.master === b.master &&
    a.parent === b.parent &&
    a.mac === b.mac &&
    (a.alias === LINK_ALIAS) === (b.alias === LINK_ALIAS) &&
    JSON.stringify(a.data) === JSON.stringify(b.data)
  );
}
