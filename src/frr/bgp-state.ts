/**
 * Reads FRR's JSON state.
 *
 * In: the text of `show ... json`. Out: the few facts that the agent asks for. Pure. Text that is not JSON is an
 * `FrrError` `protocol`; fields that are missing (they differ between releases) read as absent, never as a default.
 */
import {
  compareIp,
  type IpAddress,
  isHostPrefix,
  type Prefix,
  parseIp,
  parsePrefix,
} from '../base/address.ts';
import { FrrError } from './errors.ts';
import type { ZebraPlace } from './types.ts';

/** Router id of the default instance from `show ip bgp summary json`; absent there while it has no neighbours. */
export function routerIdOfSummary(text: string): IpAddress | undefined {
  return routerId(at(parseJson(text), 'ipv4Unicast', 'routerId'));
}

/** Router id of the default instance from `show bgp vrfs json`. */
export function routerIdOfVrfs(text: string): IpAddress | undefined {
  return routerId(at(parseJson(text), 'vrfs', 'default', 'routerId'));
}

/** True when `show bgp vrfs json` lists a default instance. */
export function hasDefaultInstance(text: string): boolean {
  return at(parseJson(text), 'vrfs', 'default') !== undefined;
}

/**
 * Prefixes that zebra holds of what the agent announces, from `show ip route ... json` (or ipv6): `kernel` routes of the
 * main table with a metric of its own, or what the device in the VRF has. FRR 10 lists an address of the node as `local`,
 * too.
 */
export function heldPrefixes(text: string, place: ZebraPlace): readonly Prefix[] {
  if (text.trim() === '') return [];
  return prefixes(parseJson(text), place.kind === 'main' ? isKernelRoute(place.isOurs) : isOf(place.device));
}

/** False for a VRF that zebra does not know: it says so in a warning, with an exit status that varies. */
export function knowsVrf(text: string): boolean {
  return text.trim() === '' || at(parseJson(text), 'warning') === undefined;
}

function isKernelRoute(isOurs: (metric: number) => boolean): (entry: unknown) => boolean {
  return (entry) => {
    const [table, metric] = [at(entry, 'table'), at(entry, 'metric')];
    return (
      at(entry, 'protocol') === 'kernel' &&
      typeof metric === 'number' &&
      isOurs(metric) &&
      (table === undefined || table === 254)
    );
  };
}

function isOf(device: string): (entry: unknown) => boolean {
  return (entry) => {
    const [protocol, hops] = [at(entry, 'protocol'), at(entry, 'nexthops')];
    return (
      (protocol === 'connected' || protocol === 'local' || protocol === 'kernel') &&
      Array.isArray(hops) &&
      hops.some((hop) => at(hop, 'interfaceName') === device)
    );
  };
}

/**
 * Prefixes that this node itself brings into BGP, from `show bgp ipv4 unicast json` (or ipv6): their paths have no peer.
 */
export function originatedPrefixes(text: string): readonly Prefix[] {
  const isOwn = (path: unknown): boolean =>
    at(path, 'valid') === true && (at(path, 'peerId') === '(unspec)' || at(path, 'sourced') === true);
  return prefixes(at(parseJson(text), 'routes'), isOwn);
}

/**
 * Host prefixes that bgpd took over from zebra, from `show bgp ... json`: paths without a peer and of origin `incomplete`,
 * which is what redistribution gives them; `network` and aggregates have another. No table prints as no text.
 */
export function redistributedHosts(text: string): readonly Prefix[] {
  if (text.trim() === '') return [];
  const isTaken = (path: unknown): boolean =>
    at(path, 'valid') === true && at(path, 'peerId') === '(unspec)' && at(path, 'origin') === 'incomplete';
  return prefixes(at(parseJson(text), 'routes'), isTaken).filter(isHostPrefix);
}

/** Whether `show bgp ipv4 unicast PREFIX json` (or ipv6) has a path that this node brings in. Absent prefixes print as no text. */
export function isOriginated(text: string): boolean {
  if (text.trim() === '') return false;
  const paths = at(parseJson(text), 'paths');
  return Array.isArray(paths) && paths.some((path) => at(path, 'sourced') === true);
}

/** Whether `show ip route PREFIX json` (or ipv6, or of a VRF) shows a route, of whatever protocol. */
export function holdsRoute(text: string, prefix: Prefix): boolean {
  return at(parseJson(text), prefix) !== undefined;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const start = JSON.stringify(text.slice(0, 80));
    throw new FrrError('protocol', `FRR answered something that is not JSON: ${start}`, {}, error);
  }
}

/** Keys of a table of lists with an entry that passes, sorted. */
function prefixes(table: unknown, passes: (entry: unknown) => boolean): readonly Prefix[] {
  const found: Prefix[] = [];
  for (const [key, entries] of Object.entries(isObject(table) ? table : {})) {
    const prefix = parsePrefix(key);
    if (prefix !== undefined && Array.isArray(entries) && entries.some(passes)) found.push(prefix);
  }
  return found.sort(compareIp);
}

function routerId(value: unknown): IpAddress | undefined {
  const address = typeof value === 'string' ? parseIp(value) : undefined;
  return address === '0.0.0.0' ? undefined : address;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
