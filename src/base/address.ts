/**
 * IP addresses, prefixes and MAC addresses as canonical, branded strings.
 *
 * In: text from databases, configuration and the kernel. Out: values that compare with `===`, work as map keys and
 * print as RFC 5952 (IPv6) and dotted quad (IPv4). Parsing is strict: leading zeros, short forms (`10.1`), zone ids and
 * surrounding white space are refused, because each of them means different things to different programs. What does
 * not parse is `undefined`; the caller turns that into a denial or an error that names the row.
 */

declare const brand: unique symbol;

/** Canonical IPv4 or IPv6 host address without a mask, for example `172.24.4.10` or `2001:db8::10`. */
export type IpAddress = string & { readonly [brand]: 'IpAddress' };
/** Canonical prefix with host bits cleared, for example `192.168.1.0/26` or `2001:db8::/64`. */
export type Prefix = string & { readonly [brand]: 'Prefix' };
/** Lower-case, colon separated EUI-48, for example `fa:16:3e:00:00:01`. */
export type MacAddress = string & { readonly [brand]: 'MacAddress' };

export type IpFamily = 4 | 6;

/** An address together with the prefix length it was written with (`172.24.4.221/24`). */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly length: number;
  readonly network: Prefix;
}

/** Parses a host address; `undefined` when the text is not exactly one. */
export function parseIp(text: string): IpAddress | undefined {
  const bytes = ipToBytes(text);
  return bytes === undefined ? undefined : (formatIp(bytes) as IpAddress);
}

/** Parses `address/length`, keeping the host bits; a bare address counts as a host prefix. */
export function parseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const slash = text.indexOf('/');
  const bytes = ipToBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bits = bytes.length * 8;
  const length = slash < 0 ? bits : parsePrefixLength(text.slice(slash + 1), bits);
  if (length === undefined) return undefined;
  const address = formatIp(bytes) as IpAddress;
  return { address, length, network: `${formatIp(maskBytes(bytes, length))}/${length}` as Prefix };
}

/** Parses a prefix and clears its host bits; a bare address counts as a host prefix. */
export function parsePrefix(text: string): Prefix | undefined {
  return parseInterfaceAddress(text)?.network;
}

/** Parses `aa:bb:cc:dd:ee:ff`; `undefined` for anything else, also for other separators. */
export function parseMac(text: string): MacAddress | undefined {
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text) ? (text.toLowerCase() as MacAddress) : undefined;
}

export function familyOf(value: IpAddress | Prefix): IpFamily {
  return value.includes(':') ? 6 : 4;
}

/** An IPv4 address that was written as an IPv6 one (`::ffff:10.0.0.1`) as itself; any other unchanged. */
export function unmapped(address: IpAddress): IpAddress {
  return address.startsWith('::ffff:') ? (parseIp(address.slice('::ffff:'.length)) ?? address) : address;
}

/** `ip/32` or `ip/128`. */
export function hostPrefix(address: IpAddress): Prefix {
  return `${address}/${familyOf(address) === 4 ? 32 : 128}` as Prefix;
}

export function prefixLength(prefix: Prefix): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1));
}

/** The address part of a prefix: its lowest address (the subnet-router anycast address in IPv6, RFC 4291 2.6.1). */
export function networkAddress(prefix: Prefix): IpAddress {
  return prefix.slice(0, prefix.indexOf('/')) as IpAddress;
}

export function isHostPrefix(prefix: Prefix): boolean {
  return prefixLength(prefix) === (familyOf(prefix) === 4 ? 32 : 128);
}

/** True when `inner` (an address or a prefix) lies completely inside `outer`. */
export function contains(outer: Prefix, inner: IpAddress | Prefix): boolean {
  if (familyOf(outer) !== familyOf(inner)) return false;
  const length = prefixLength(outer);
  if (inner.includes('/') && prefixLength(inner as Prefix) < length) return false;
  const bytes = addressBytes(inner.includes('/') ? networkAddress(inner as Prefix) : (inner as IpAddress));
  const masked = maskBytes(bytes, length);
  return addressBytes(networkAddress(outer)).every((byte, index) => byte === masked[index]);
}

/** Network-order bytes (4 or 16) of an address. */
export function addressBytes(address: IpAddress): readonly number[] {
  const bytes = ipToBytes(address);
  if (bytes === undefined) throw new TypeError(`not an IP address: ${JSON.stringify(address)}`);
  return bytes;
}

/** Total order: IPv4 before IPv6, then numeric, then by prefix length; for sorted output. */
export function compareIp(a: IpAddress | Prefix, b: IpAddress | Prefix): number {
  const [left, right] = [ipToBytes(withoutLength(a)), ipToBytes(withoutLength(b))];
  if (left === undefined || right === undefined) return a < b ? -1 : a > b ? 1 : 0;
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  const lengthOf = (text: string): number => (text.includes('/') ? prefixLength(text as Prefix) : -1);
  return lengthOf(a) - lengthOf(b);
}

function withoutLength(text: string): string {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
}

function parsePrefixLength(text: string, bits: number): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const length = Number(text);
  return length <= bits ? length : undefined;
}

function maskBytes(bytes: readonly number[], length: number): number[] {
  return bytes.map((byte, index) => {
    const keep = Math.min(8, Math.max(0, length - index * 8));
    return byte & (0xff << (8 - keep)) & 0xff;
  });
}

function ipToBytes(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  return text.includes(':') ? ipv6ToBytes(text) : ipv4ToBytes(text);
}

function ipv4ToBytes(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    bytes.push(value);
  }
  return bytes;
}

function ipv6ToBytes(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsToBytes(halves[0] ?? '', halves.length === 1);
  if (halves.length === 1) return head?.length === 16 ? head : undefined;
  const tail = groupsToBytes(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  return missing < 2 ? undefined : [...head, ...Array<number>(missing).fill(0), ...tail];
}

function groupsToBytes(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const quad = mayEndInIpv4 && index === groups.length - 1 ? ipv4ToBytes(group) : undefined;
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function formatIp(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  // RFC 5952 5: addresses with a well-known IPv4-mapped prefix print their last 32 bits as a dotted quad.
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return `::ffff:${bytes.slice(12).join('.')}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const [start, length] = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** RFC 5952 4.2.3: the longest run of zero groups, the first of equals. */
function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue;
    if (i - start > best[1]) best = [start, i - start];
    start = i + 1;
  }
  return best;
}

/** Prefixes no node may ever announce, whatever a database says (RFC 6890, RFC 4291). */
const NEVER_ANNOUNCED: readonly Prefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '::ffff:0.0.0.0/96',
  'fe80::/10',
  'ff00::/8',
].map((text) => text as Prefix);

/** Wider than any network that somebody is given: half of the Internet, or an eighth, is a default route in pieces. */
const WIDEST: Readonly<Record<IpFamily, number>> = { 4: 8, 6: 16 };

/** Why an address or prefix must never be announced; `undefined` when it may. */
export function unannounceable(value: IpAddress | Prefix): string | undefined {
  if (value.includes('/') && prefixLength(value as Prefix) === 0) return 'a default route';
  const widest = WIDEST[familyOf(value)];
  if (value.includes('/') && prefixLength(value as Prefix) < widest) return `wider than a /${widest}`;
  const outer = NEVER_ANNOUNCED.find((prefix) => contains(prefix, value));
  if (outer !== undefined) return `inside ${outer}`;
  if (!value.includes('/')) return undefined;
  const inner = NEVER_ANNOUNCED.find((prefix) => contains(value as Prefix, prefix));
  return inner === undefined ? undefined : `it covers ${inner}`;
}
