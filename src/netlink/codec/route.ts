/**
 * Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (struct rtmsg, RTA_*, struct rtnexthop).
 *
 * In: message payloads, route requests. Out: `Route`, message payloads; `undefined` for other families and for cached
 * routes. `peekRoute` reads only the fixed header: deciding that a route is uninteresting costs next to nothing.
 */
import { NetlinkDecodeError, NetlinkEncodeError } from '../errors.ts';
import { anyAddress, formatAddress, parseAddress, parseAddressOf, parsePrefixOf } from '../ip-text.ts';
import {
  AF_INET,
  AF_INET6,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_COMPAT,
  RTM_F_CLONED,
  RTNH_F_ONLINK,
} from '../kernel-numbers.ts';
import type { Family, NextHop, Route, RouteFilter, RouteRequest, RouteType } from '../types.ts';
import { familyNumber, familyOf } from './family.ts';
import { type AttributeType, attribute, attributes, ip, made, raw, struct, u32 } from './schema.ts';
import { align, type MessageWriter, readU16, readU32 } from './writer.ts';

const rtmsg = struct('rtmsg', {
  family: 'u8',
  destinationLength: 'u8',
  sourceLength: 'u8',
  tos: 'u8',
  table: 'u8',
  protocol: 'u8',
  scope: 'u8',
  type: 'u8',
  flags: 'u32',
});

const AT = rtmsg.offsets;
/** rta_expires in struct rta_cacheinfo. */
const EXPIRES_AT = 8;

/** RTN_*: the position is the number. */
const ROUTE_TYPES: readonly RouteType[] = [
  'unspecified',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
];

/** struct rtvia: a gateway with its family. */
const via: AttributeType<string> = {
  read(bytes, start, end) {
    if (end - start < 2) throw new NetlinkDecodeError('RTA_VIA without a family');
    const length = { [AF_INET]: 4 as const, [AF_INET6]: 16 as const }[readU16(bytes, start)];
    if (length === undefined) return undefined;
    if (end - start - 2 < length) throw new NetlinkDecodeError('RTA_VIA shorter than its address');
    return formatAddress(bytes, start + 2, length);
  },
  write(writer, value) {
    const address = parseAddress(value);
    writer.u16(address.length === 4 ? AF_INET : AF_INET6);
    writer.append(address);
  },
};

const gatewayAttributes = attributes({ gateway: attribute(5, ip), via: attribute(18, via) });
const nextHopAttributes = attributes({
  gateway: attribute(5, ip),
  realms: attribute(11, u32),
  via: attribute(18, via),
  encapsulationType: attribute(21, raw),
});

const rtnexthop = struct('rtnexthop', { length: 'u16', flags: 'u8', hops: 'u8', index: 'i32' });

/** RTA_CACHEINFO: true when the route ends by itself (rta_expires is not 0). */
const expires: AttributeType<boolean> = {
  read: (bytes, start, end) => end - start >= EXPIRES_AT + 4 && readU32(bytes, start + EXPIRES_AT) !== 0,
  write() {
    throw new NetlinkEncodeError('the life of a route cannot be requested');
  },
};

/** RTA_PREF: true when it is not ICMPV6_ROUTER_PREF_MEDIUM (0), which every route has. */
const preferred: AttributeType<boolean> = {
  read: (bytes, start, end) => end > start && bytes[start] !== 0,
  write() {
    throw new NetlinkEncodeError('a preference of a route cannot be requested');
  },
};

const routeAttributes = attributes({
  destination: attribute(1, ip),
  from: attribute(2, ip),
  incoming: attribute(3, u32),
  index: attribute(4, u32),
  gateway: attribute(5, ip),
  metric: attribute(6, u32),
  source: attribute(7, ip),
  metrics: attribute(8, raw),
  multipath: attribute(9, raw),
  realms: attribute(11, u32),
  cacheInfo: attribute(12, expires),
  table: attribute(15, u32),
  via: attribute(18, via),
  preference: attribute(20, preferred),
  encapsulationType: attribute(21, raw),
  expires: attribute(23, u32),
  nextHopId: attribute(30, u32),
});

/** What none of the fields of a `Route` tells. */
function hasMore(values: ReturnType<typeof routeAttributes.read>): boolean {
  return (
    values.metrics !== undefined ||
    values.cacheInfo === true ||
    values.preference === true ||
    values.encapsulationType !== undefined ||
    values.realms !== undefined ||
    values.incoming !== undefined ||
    values.expires !== undefined
  );
}

const requestAttributes = attributes({
  destination: attribute(1, made),
  index: attribute(4, u32),
  gateway: attribute(5, made),
  metric: attribute(6, u32),
  source: attribute(7, made),
  multipath: attribute(9, made),
  table: attribute(15, u32),
  via: attribute(18, via),
});

/** Protocol of a route message without decoding it; `undefined` when the message is too short to have one. */
export function peekRouteProtocol(bytes: Buffer, start: number, end: number): number | undefined {
  return start + rtmsg.size > end ? undefined : bytes[start + AT.protocol];
}

export function decodeRoute(
  bytes: Buffer,
  start: number,
  end: number,
  filter?: RouteFilter,
): Route | undefined {
  // By hand: a node with a full BGP table has a million of these.
  if (start + rtmsg.size > end) rtmsg.read(bytes, start, end);
  const family = familyOf(bytes[start + AT.family] ?? 0);
  const flags = readU32(bytes, start + AT.flags);
  if (family === undefined || (flags & RTM_F_CLONED) !== 0) return undefined;
  if (filter?.family !== undefined && family !== filter.family) return undefined;
  const protocol = bytes[start + AT.protocol] ?? 0;
  if (filter?.protocol !== undefined && protocol !== filter.protocol) return undefined;
  const values = routeAttributes.read(bytes, start + rtmsg.size, end);
  const table = values.table ?? bytes[start + AT.table] ?? 0;
  if (filter?.table !== undefined && table !== filter.table) return undefined;
  const destination = values.destination ?? anyAddress(family);
  const route: { -readonly [K in keyof Route]: Route[K] } = {
    family,
    table,
    destination: `${destination}/${bytes[start + AT.destinationLength]}`,
    type: ROUTE_TYPES[bytes[start + AT.type] ?? 0] ?? 'unspecified',
    protocol,
    scope: bytes[start + AT.scope] ?? 0,
    metric: values.metric ?? 0,
  };
  if (values.index !== undefined) route.index = values.index;
  const gateway = values.gateway ?? values.via;
  if (gateway !== undefined) route.via = gateway;
  if ((flags & RTNH_F_ONLINK) !== 0) route.onlink = true;
  if (values.source !== undefined) route.source = values.source;
  let more = hasMore(values);
  if (values.multipath !== undefined) {
    const decoded = decodeNextHops(values.multipath);
    route.nextHops = decoded.nextHops;
    more ||= decoded.more;
  }
  if (more) route.other = true;
  if (values.nextHopId !== undefined) route.nextHopId = values.nextHopId;
  const sourceLength = bytes[start + AT.sourceLength] ?? 0;
  if (sourceLength !== 0) route.from = `${values.from ?? anyAddress(family)}/${sourceLength}`;
  const tos = bytes[start + AT.tos] ?? 0;
  if (tos !== 0) route.tos = tos;
  return route;
}

function decodeNextHops(payload: Uint8Array): { readonly nextHops: NextHop[]; readonly more: boolean } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const nextHops: NextHop[] = [];
  let more = false;
  let at = 0;
  while (at + rtnexthop.size <= bytes.length) {
    const header = rtnexthop.read(bytes, at, bytes.length);
    if (header.length < rtnexthop.size || at + header.length > bytes.length) {
      throw new NetlinkDecodeError(
        `next hop of length ${header.length} with ${bytes.length - at} bytes left`,
      );
    }
    const values = nextHopAttributes.read(bytes, at + rtnexthop.size, at + header.length);
    more ||= values.encapsulationType !== undefined || values.realms !== undefined;
    const gateway = values.gateway ?? values.via;
    nextHops.push({
      ...(header.index === 0 ? undefined : { index: header.index }),
      ...(gateway === undefined ? undefined : { via: gateway }),
      weight: header.hops + 1,
      ...((header.flags & RTNH_F_ONLINK) === 0 ? undefined : { onlink: true }),
    });
    at += align(header.length);
  }
  return { nextHops, more };
}

export function encodeRoute(writer: MessageWriter, route: RouteRequest, deleting: boolean): void {
  const { family } = route;
  const destination = parsePrefixOf(family, route.destination);
  const type = route.type ?? 'unicast';
  rtmsg.write(writer, {
    family: familyNumber(family),
    destinationLength: destination.length,
    table: route.table > 255 ? RT_TABLE_COMPAT : route.table,
    protocol: route.protocol,
    scope: route.scope ?? defaultScope(route, type, deleting),
    type: ROUTE_TYPES.indexOf(type),
    flags: route.onlink === true ? RTNH_F_ONLINK : 0,
  });
  const sameFamily = route.via !== undefined && isOfFamily(family, route.via);
  requestAttributes.write(writer, {
    destination: destination.length === 0 ? undefined : destination.address,
    index: route.index,
    gateway: route.via !== undefined && sameFamily ? parseAddressOf(family, route.via) : undefined,
    // 0 in IPv6 asks for the default of 1024, like no attribute at all.
    metric: route.metric === 0 ? undefined : route.metric,
    source: route.source === undefined ? undefined : parseAddressOf(family, route.source),
    multipath: route.nextHops === undefined ? undefined : encodeNextHops(writer, family, route.nextHops),
    table: route.table,
    via: sameFamily ? undefined : route.via,
  });
}

/** The next hops are written behind the message and taken back: no second buffer, no copy of the writer's logic. */
function encodeNextHops(writer: MessageWriter, family: Family, nextHops: readonly NextHop[]): Uint8Array {
  const begin = writer.length;
  for (const nextHop of nextHops) {
    const start = writer.length;
    rtnexthop.write(writer, {
      flags: nextHop.onlink === true ? RTNH_F_ONLINK : 0,
      hops: nextHop.weight - 1,
      index: nextHop.index,
    });
    if (nextHop.via !== undefined) {
      const sameFamily = isOfFamily(family, nextHop.via);
      gatewayAttributes.write(writer, sameFamily ? { gateway: nextHop.via } : { via: nextHop.via });
    }
    writer.setLength16(start);
  }
  const bytes = Uint8Array.from(writer.bytes.subarray(begin));
  writer.truncate(begin);
  return bytes;
}

function isOfFamily(family: Family, address: string): boolean {
  return address.includes(':') === (family === 6);
}

/** IPv6 has no scopes. A delete request without one matches any; else what `ip route add` chooses. */
function defaultScope(route: RouteRequest, type: RouteType, deleting: boolean): number {
  if (route.family === 6) return RT_SCOPE_UNIVERSE;
  if (deleting) return RT_SCOPE_NOWHERE;
  if (type === 'local' || type === 'nat') return RT_SCOPE_HOST;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return RT_SCOPE_LINK;
  const direct = type === 'unicast' && route.via === undefined && route.nextHops === undefined;
  return direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

export function encodeRouteDump(writer: MessageWriter, family: Family, filter: RouteFilter): void {
  rtmsg.write(writer, { family: familyNumber(family), protocol: filter.protocol });
  routeAttributes.write(writer, { table: filter.table });
}
