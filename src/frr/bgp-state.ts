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
 * main table with a metric of its own, or what the agent puts on the device in the VRF: host addresses, which are
 * `connected`, and routes. The networks of other addresses, the device's own link-local ones among them, and what FRR 10
 * lists as `local` besides, are none of its business.
 */
export function heldPrefixes(text: string, place: ZebraPlace): readonly Prefix[] {
  return prefixes(parseJson(text), place.kind === 'main' ? isKernelRoute(place.isOurs) : isOn(place.device));
}

/** False for a VRF that zebra does not know: it says so in a warning, with an exit status that varies. */
export function knowsVrf(text: string): boolean {
  return at(parseJson(text), 'warning') === undefined;
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

function isOn(device: string): (entry: unknown, prefix: Prefix) => boolean {
  return (entry, prefix) => {
    const [protocol, hops] = [at(entry, 'protocol'), at(entry, 'nexthops')];
    return (
      (protocol === 'kernel' || (protocol === 'connected' && isHostPrefix(prefix))) &&
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
  const isTaken = (path: unknown): boolean =>
    at(path, 'valid') === true && at(path, 'peerId') === '(unspec)' && at(path, 'origin') === 'incomplete';
  return prefixes(at(parseJson(text), 'routes'), isTaken).filter(isHostPrefix);
}

/** Whether `show bgp ipv4 unicast PREFIX json` (or ipv6) has a path that this node brings in. Absent prefixes print as no text. */
export function isOriginated(text: string): boolean {
  const paths = at(parseJson(text), 'paths');
  return Array.isArray(paths) && paths.some((path) => at(path, 'sourced') === true);
}

/** Whether `show ip route PREFIX json` (or ipv6, or of a VRF) shows a route, of whatever protocol. */
export function holdsRoute(text: string, prefix: Prefix): boolean {
  return at(parseJson(text), prefix) !== undefined;
}

/**
 * The one reader of what `show ... json` prints. Nothing to show prints as no text at all, and some commands print several
 * documents one after the other: these read as one object with the members of all.
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    const documents = severalDocuments(text);
    if (documents !== undefined) return Object.assign({}, ...documents);
    const start = JSON.stringify(text.slice(0, 80));
    throw new FrrError('protocol', `FRR answered something that is not JSON: ${start}`, {}, error);
  }
}

/** Objects that follow each other, each on lines of its own as FRR prints them; `undefined` when it is anything else. */
function severalDocuments(text: string): readonly object[] | undefined {
  const parts = text.trim().split(/(?<=^\})\s*\n(?=\s*\{)/m);
  if (parts.length < 2) return undefined;
  try {
    const documents = parts.map((part): unknown => JSON.parse(part));
    return documents.every(isObject) ? documents : undefined;
  } catch {
    return undefined;
  }
}

/** Keys of a table of lists with an entry that passes, sorted. */
function prefixes(table: unknown, passes: (entry: unknown, prefix: Prefix) => boolean): readonly Prefix[] {
  const found: Prefix[] = [];
  for (const [key, entries] of Object.entries(isObject(table) ? table : {})) {
    const prefix = parsePrefix(key);
    if (prefix === undefined || !Array.isArray(entries)) continue;
    if (entries.some((entry) => passes(entry, prefix))) found.push(prefix);
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
