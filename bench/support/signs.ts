/**
 * What the kernel reports when an address is exposed: the parts that it needs, and how to find them in notifications. Pure.
 *
 * The rule, the host route in the bridge's table and (only this project, and the Python agent's Northbound driver) the
 * neighbour lead traffic into OVN; the last part is what FRR announces.
 */
import type { KernelEvent, SubscribeOptions } from '../../src/netlink/types.ts';

/** Routing table of the bridge, as the nodes' rt_tables says. */
export const BRIDGE_TABLE = 200;
const RULE_PRIORITY = 32_000;
const MAIN_TABLE = 254;
const ADVERTISE_METRIC = 17_900;
/** RTPROT_BGP of linux/rtnetlink.h. */
const BGP = 186;
/** NUD_PERMANENT of linux/neighbour.h. */
const PERMANENT = 0x80;

type Change = Exclude<KernelEvent, { readonly type: 'resync' }>;

export interface Seen {
  readonly address: string;
  readonly part: string;
  readonly gone: boolean;
}

export interface Signs {
  /** What one address needs. */
  readonly parts: readonly string[];
  /** Kinds of objects to hear of. */
  readonly kinds: NonNullable<SubscribeOptions['kinds']>;
  seenIn(event: Change): Seen | undefined;
}

/** The agent's objects with `advertise_via = main`: a blackhole route of the agent's own is announced. */
export const ADVERTISED_IN_MAIN: Signs = {
  parts: ['rule', 'route', 'neighbor', 'blackhole'],
  kinds: ['rule', 'route', 'neighbor'],
  seenIn(event) {
    if (event.type === 'neighbor') {
      const { address, state, proxy } = event.neighbor;
      if (address === undefined || proxy) return undefined;
      // A permanent entry that is deleted is reported as failed first.
      return { address, part: 'neighbor', gone: event.gone || (state & PERMANENT) === 0 };
    }
    if (event.type === 'route') {
      const { table, metric, destination, type } = event.route;
      const advertised = table === MAIN_TABLE && metric === ADVERTISE_METRIC && type === 'blackhole';
      if (advertised) return hostOf(destination, 'blackhole', event.gone);
    }
    return steering(event);
  },
};

/** Both agents' objects with a VRF: the address on the dummy device in it is announced. */
export const ADVERTISED_IN_VRF: Signs = {
  parts: ['rule', 'route', 'address'],
  kinds: ['rule', 'route', 'address'],
  seenIn: (event) =>
    event.type === 'address' ? hostOf(event.address.address, 'address', event.gone) : steering(event),
};

/** On a leaf: host routes that BGP brought. */
export const LEARNED: Signs = {
  parts: ['learned'],
  kinds: ['route'],
  seenIn(event) {
    if (event.type !== 'route' || event.route.protocol !== BGP) return undefined;
    return hostOf(event.route.destination, 'learned', event.gone);
  },
};

/**
 * What a node needs before the first address, as parts of one thing named `node`: the device in the VRF, the bridge's own
 * address, the default route of the bridge's table.
 */
export const NODE_BASE: Signs = {
  parts: ['device', 'bridge address', 'bridge route'],
  kinds: ['link', 'address', 'route'],
  seenIn(event) {
    const part = basePart(event);
    return part === undefined ? undefined : { address: 'node', part, gone: event.gone };
  },
};

function basePart(event: Change): string | undefined {
  switch (event.type) {
    case 'link': {
      const { kind, up, master } = event.link;
      return kind === 'dummy' && up && (master ?? 0) > 0 ? 'device' : undefined;
    }
    case 'address':
      return event.address.address.startsWith('169.254.') ? 'bridge address' : undefined;
    case 'route': {
      const { table, destination } = event.route;
      return table === BRIDGE_TABLE && destination === '0.0.0.0/0' ? 'bridge route' : undefined;
    }
    case 'rule':
    case 'neighbor':
      return undefined;
    default:
      return event satisfies never;
  }
}

function steering(event: Change): Seen | undefined {
  if (event.type === 'rule') {
    const { priority, to } = event.rule;
    return priority === RULE_PRIORITY ? hostOf(to, 'rule', event.gone) : undefined;
  }
  if (event.type !== 'route' || event.route.table !== BRIDGE_TABLE) return undefined;
  return hostOf(event.route.destination, 'route', event.gone);
}

function hostOf(prefix: string | undefined, part: string, gone: boolean): Seen | undefined {
  return prefix?.endsWith('/32') === true ? { address: prefix.slice(0, -3), part, gone } : undefined;
}
