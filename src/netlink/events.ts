/**
 * Notifications: multicast messages of the kernel as events.
 *
 * In: received datagrams. Out: events in the kernel's order; `resync` where messages were lost or cannot be read.
 * Uninteresting route messages are dropped after a look at two bytes: a full BGP table may churn through the node.
 */
import { decodeAddress } from './codec/address.ts';
import { decodeLink } from './codec/link.ts';
import { type Message, readMessages } from './codec/message.ts';
import { decodeNeighbor } from './codec/neighbor.ts';
import { decodeRoute, peekRouteProtocol } from './codec/route.ts';
import { decodeRule } from './codec/rule.ts';
import { errnoName, NetlinkDecodeError } from './errors.ts';
import {
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from './kernel-numbers.ts';
import type { KernelEvent, SubscribeOptions } from './types.ts';

type Kind = Exclude<KernelEvent['type'], 'resync'>;

const GROUPS: Readonly<Record<Kind, readonly number[]>> = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
  neighbor: [RTNLGRP_NEIGH],
};

/** Multicast groups to join. */
export function groupsOf(options: SubscribeOptions): number[] {
  const kinds = options.kinds ?? (Object.keys(GROUPS) as Kind[]);
  return kinds.flatMap((kind) => GROUPS[kind]);
}

/** Makes the decoder of a subscription. `errno` is what came after the bytes; 0: nothing. */
export function eventDecoder(options: SubscribeOptions): (bytes: Buffer, errno: number) => KernelEvent[] {
  const ignored = new Set(options.ignoreRouteProtocols);
  return (bytes, errno) => {
    const events: KernelEvent[] = [];
    try {
      for (const message of readMessages(bytes)) {
        const event = decodeEvent(bytes, message, ignored);
        if (event !== undefined) events.push(event);
      }
    } catch (error) {
      if (!(error instanceof NetlinkDecodeError)) throw error;
      events.push({ type: 'resync', reason: `unreadable notification: ${error.message}` });
    }
    if (errno !== 0) events.push({ type: 'resync', reason: lossReason(errno) });
    return events;
  };
}

function lossReason(errno: number): string {
  const name = errnoName(errno);
  switch (name) {
    case 'ENOBUFS':
      return 'ENOBUFS: the receive buffer overflowed and the kernel dropped notifications';
    case 'EMSGSIZE':
      return 'EMSGSIZE: a notification was longer than the buffer';
    default:
      return `${name}: notifications have ended`;
  }
}

function decodeEvent(bytes: Buffer, message: Message, ignored: ReadonlySet<number>): KernelEvent | undefined {
  const { type, start, end } = message;
  switch (type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const protocol = ignored.size === 0 ? undefined : peekRouteProtocol(bytes, start, end);
      if (protocol !== undefined && ignored.has(protocol) && (message.flags & NLM_F_REPLACE) === 0) {
        return undefined;
      }
      const route = decodeRoute(bytes, start, end);
      return route && { type: 'route', gone: type === RTM_DELROUTE, route };
    }
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(bytes, start, end);
      return link && { type: 'link', gone: type === RTM_DELLINK, link };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(bytes, start, end);
      return address && { type: 'address', gone: type === RTM_DELADDR, address };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(bytes, start, end);
      return rule && { type: 'rule', gone: type === RTM_DELRULE, rule };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbor = decodeNeighbor(bytes, start, end);
      return neighbor && { type: 'neighbor', gone: type === RTM_DELNEIGH, neighbor };
    }
    default:
      return undefined;
  }
}
