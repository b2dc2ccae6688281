/**
 * Routes: into the bridges' tables, prefixes of the advertising VRF, and advertised blackholes in the main table.
 *
 * The main table may hold the whole Internet: the kernel is asked for the agent's own protocol there, never for all.
 */
import { networkAddress, parseIp, parsePrefix, prefixLength } from '../../base/address.ts';
import type { Request, Route, RouteRequest } from '../../netlink/types.ts';
import { isAdvertiseMetric } from '../advertise-metrics.ts';
import { AGENT_PROTOCOL, MAIN_TABLE, type ObservedObject, type RouteObject } from '../objects.ts';
import { isHandoverDevice, OTHERS_ROUTES, PROTOCOL_BOOT } from '../ownership.ts';
import type { Kind, View } from './kind.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

/** IP6_RT_PRIO_USER: what the kernel makes of an IPv6 route without a metric. */
const IPV6_DEFAULT_METRIC = 1024;
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
/** RT_SCOPE_NOWHERE in a deletion matches every scope. */
const SCOPE_ANY = 255;
/** Types that only the kernel makes, for its own addresses. */
const KERNEL_TYPES = new Set(['local', 'broadcast', 'anycast', 'multicast', 'unspecified', 'nat']);

/** Whether a route of the kernel can concern the agent at all; cheap, for the churn of a full BGP table. */
export function isRelevantRoute({ scope }: View, raw: Route): boolean {
  if (scope.tables.has(raw.table)) return true;
  if (raw.table === MAIN_TABLE) return isAdvertiseMetric(raw.metric);
  if (raw.protocol === AGENT_PROTOCOL) return true;
  return raw.table === scope.bgpVrfTable && !OTHERS_ROUTES.has(raw.protocol);
}

export function observeRoute(view: View, raw: Route): ObservedObject | undefined {
  if (KERNEL_TYPES.has(raw.type) || !isRelevantRoute(view, raw)) return undefined;
  // Routes for some traffic only are other things than routes for all of it.
  if (raw.from !== undefined || (raw.tos ?? 0) !== 0) return undefined;
  const destination = parsePrefix(raw.destination);
  if (destination === undefined) return undefined;
  const object: RouteObject = {
    kind: 'route',
    family: raw.family,
    table: raw.table,
    destination,
    target: targetOf(view, raw),
    metric: raw.family === 6 && raw.metric === IPV6_DEFAULT_METRIC ? 0 : raw.metric,
  };
  if (!isOurs(view, raw, object)) return foreignRoute(view, raw, object);
  const plain = raw.protocol === AGENT_PROTOCOL && (raw.index !== undefined || raw.type === 'blackhole');
  return plain ? { object, owned: true } : { object, owned: true, deletion: [deleteAsIs(raw)] };
}

/**
 * A default route of somebody else in a bridge's table stands in the way of the agent's whatever its metric: one beside it
 * would divert what uses it.
 */
function foreignRoute({ scope }: View, raw: Route, object: RouteObject): ObservedObject {
  const foreign = `a route that is not the agent's stands there: ${routeKind.describe(object)} (protocol ${raw.protocol})`;
  const isDefault = scope.tables.has(raw.table) && prefixLength(object.destination) === 0;
  if (!isDefault) return { object, owned: false, foreign };
  return { object: { ...object, metric: 0 }, owned: false, foreign, unlike: true };
}

export const routeKind: Kind<RouteObject> = {
  kind: 'route',
  concern: 'kernel',
  same: ({ target: a }, { target: b }) =>
    a.type === 'blackhole'
      ? b.type === 'blackhole'
      : b.type === 'device' && a.device === b.device && a.via === b.via,
  describe: (route) => {
    const target = route.target.type === 'blackhole' ? '' : ` dev ${route.target.device}`;
    const via = route.target.type === 'device' && route.target.via ? ` via ${route.target.via}` : '';
    const blackhole = route.target.type === 'blackhole' ? 'blackhole ' : '';
    const metric = route.metric === 0 ? '' : ` metric ${route.metric}`;
    return `route ${blackhole}${destinationText(route)}${via}${target} table ${route.table}${metric}`;
  },
  read: async (view, signal) => {
    const { netlink } = view.edge;
    const { tables, bgpVrfTable } = view.scope;
    const dumps = [await netlink.routes({ protocol: AGENT_PROTOCOL })];
    for (const table of new Set([...tables, bgpVrfTable])) {
      signal?.throwIfAborted();
      dumps.push((await netlink.routes({ table })).filter((raw) => raw.protocol !== AGENT_PROTOCOL));
    }
    // Two routes may share a key (appended ones): the agent's counts.
    return dumps
      .flat()
      .flatMap((raw) => observeRoute(view, raw) ?? [])
      .sort((a, b) => Number(b.owned) - Number(a.owned));
  },
  write: (view, writes, signal) =>
    writeNetlink(
      view,
      writes,
      {
        requests: ({ op, object, observed }) => {
          if (op === 'remove' && observed?.deletion !== undefined) return observed.deletion;
          const index =
            object.target.type === 'device' ? view.devices.named(object.target.device)?.index : undefined;
          if (object.target.type === 'device' && index === undefined) {
            // The kernel takes a device's routes along with it.
            return op === 'remove' ? [] : noDevice(object.target.device);
          }
          const kernelOp = op === 'remove' ? 'delete' : op === 'change' ? 'replace' : 'add';
          return [{ type: 'route', op: kernelOp, route: routeRequest(object, index, kernelOp) }];
        },
        // Another route to the same destination answers the same.
        existsIsDone: () => false,
      },
      signal,
    ),
};

function isOurs({ scope, devices }: View, raw: Route, { target }: RouteObject): boolean {
  if (raw.table === MAIN_TABLE) return raw.protocol === AGENT_PROTOCOL && target.type === 'blackhole';
  if (raw.protocol === AGENT_PROTOCOL) return true;
  if (raw.protocol !== PROTOCOL_BOOT || raw.type !== 'unicast' || raw.index === undefined) return false;
  const device = devices.at(raw.index)?.name;
  if (device === undefined) return false;
  if (scope.tables.has(raw.table)) {
    return scope.adopted?.tables.has(raw.table) === true && isHandoverDevice(scope, device);
  }
  return scope.adopted?.vrf === true && device === scope.bgpNic;
}

/** A target that the agent never writes (several next hops, an unreachable) gets a device name that no device has. */
function targetOf(view: View, raw: Route): RouteObject['target'] {
  if (raw.type === 'blackhole') return { type: 'blackhole' };
  if (raw.type !== 'unicast') return { type: 'device', device: `(${raw.type})` };
  if (raw.index === undefined) {
    const names = (raw.nextHops ?? []).map((hop) => nameAt(view, hop.index));
    return { type: 'device', device: `(${names.join(' ')})` };
  }
  const via = raw.via === undefined ? undefined : parseIp(raw.via);
  return { type: 'device', device: nameAt(view, raw.index), ...(via === undefined ? {} : { via }) };
}

function nameAt(view: View, index: number | undefined): string {
  if (index === undefined) return '(none)';
  return view.devices.at(index)?.name ?? `(device ${index})`;
}

function routeRequest(
  { family, table, destination, target, metric }: RouteObject,
  index: number | undefined,
  op: 'add' | 'replace' | 'delete',
): RouteRequest {
  const via = target.type === 'device' ? target.via : undefined;
  const linkScope = target.type === 'device' && via === undefined ? SCOPE_LINK : SCOPE_UNIVERSE;
  const scope = op === 'delete' ? SCOPE_ANY : linkScope;
  const kernelMetric = family === 6 && metric === 0 ? IPV6_DEFAULT_METRIC : metric;
  return {
    family,
    table,
    destination,
    type: target.type === 'blackhole' ? 'blackhole' : 'unicast',
    protocol: AGENT_PROTOCOL,
    ...(family === 4 ? { scope } : {}),
    ...(kernelMetric === 0 ? {} : { metric: kernelMetric }),
    ...(index === undefined ? {} : { index }),
    ...(via === undefined ? {} : { via }),
  };
}

function deleteAsIs(raw: Route): Request {
  return {
    type: 'route',
    op: 'delete',
    route: {
      family: raw.family,
      table: raw.table,
      destination: raw.destination,
      type: raw.type,
      protocol: raw.protocol,
      ...(raw.family === 4 ? { scope: SCOPE_ANY } : {}),
      ...(raw.metric === 0 ? {} : { metric: raw.metric }),
      ...(raw.index === undefined ? {} : { index: raw.index }),
      ...(raw.via === undefined ? {} : { via: raw.via }),
    },
  };
}

function destinationText({ destination, family }: RouteObject): string {
  if (prefixLength(destination) === 0) return family === 4 ? 'default' : 'default (IPv6)';
  const host = family === 4 ? 32 : 128;
  return prefixLength(destination) === host ? networkAddress(destination) : destination;
}
