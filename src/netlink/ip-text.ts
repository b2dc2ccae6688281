/**
 * Addresses between text and network-order bytes.
 *
 * In: text of a request, bytes of a message. Out: bytes, or canonical text (RFC 5952 for IPv6). Parsing is strict, and
 * what does not parse throws NetlinkEncodeError: a request must not reach the kernel with a guessed address.
 */
import { NetlinkEncodeError } from './errors.ts';
import type { Family } from './types.ts';

const DOT = 0x2e;
const DIGIT_ZERO = 0x30;

export function parseAddress(text: string): readonly number[] {
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
  if (bytes === undefined) throw new NetlinkEncodeError(`not an IP address: ${JSON.stringify(text)}`);
  return bytes;
}

/** Parses an address that has to be of that family. */
export function parseAddressOf(family: Family, text: string): readonly number[] {
  const bytes = parseAddress(text);
  if (bytes.length !== (family === 4 ? 4 : 16)) {
    throw new NetlinkEncodeError(`not an IPv${family} address: ${JSON.stringify(text)}`);
  }
  return bytes;
}

/** Parses `address/length` and keeps the host bits. */
export function parsePrefixOf(
  family: Family,
  text: string,
): { readonly address: readonly number[]; readonly length: number } {
  const slash = text.indexOf('/');
  const length = slash < 0 ? undefined : decimal(text, slash + 1);
  if (length === undefined || length > (family === 4 ? 32 : 128)) {
    throw new NetlinkEncodeError(`not an IPv${family} address/length: ${JSON.stringify(text)}`);
  }
  return { address: parseAddressOf(family, text.slice(0, slash)), length };
}

export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text)) {
    throw new NetlinkEncodeError(`not a MAC address: ${JSON.stringify(text)}`);
  }
  return Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16));
}

/** Text of the 4 or 16 bytes from `start` on. */
export function formatAddress(bytes: Buffer, start: number, length: 4 | 16): string {
  if (length === 4) {
    return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`;
  }
  const groups: number[] = [];
  for (let at = start; at < start + 16; at += 2) groups.push(bytes.readUInt16BE(at));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatAddress(bytes, start + 12, 4)}`;
  }
  const [first, count] = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  // RFC 5952 4.2.2: a single zero group is not shortened.
  if (count < 2) return hex(groups);
  return `${hex(groups.slice(0, first))}::${hex(groups.slice(first + count))}`;
}

export function formatMac(bytes: Buffer, start: number): string {
  let text = '';
  for (let at = start; at < start + 6; at++) {
    text += `${at === start ? '' : ':'}${bytes.readUInt8(at).toString(16).padStart(2, '0')}`;
  }
  return text;
}

/** The all-zero address: what a missing RTA_DST or FRA_DST stands for. */
export function anyAddress(family: Family): string {
  return family === 4 ? '0.0.0.0' : '::';
}

function longestZeroRun(groups: readonly number[]): [first: number, count: number] {
  let best: [number, number] = [0, 0];
  let first = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === 0) continue;
    if (at - first > best[1]) best = [first, at - first];
    first = at + 1;
  }
  return best;
}

/** The decimal number without leading zeros, of at most three digits, that the rest of the text is. */
function decimal(text: string, from: number): number | undefined {
  const digits = text.length - from;
  if (digits < 1 || digits > 3) return undefined;
  let value = 0;
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - DIGIT_ZERO;
    if (digit < 0 || digit > 9 || (digit === 0 && at === from && digits > 1)) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Four decimal numbers without leading zeros; by hand, because every route and rule has one. */
function ipv4Bytes(text: string): number[] | undefined {
  const bytes: number[] = [];
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (value < 0 || bytes.length === 3) return undefined;
      bytes.push(value);
      value = -1;
      continue;
    }
    const digit = code - DIGIT_ZERO;
    if (digit < 0 || digit > 9 || value === 0) return undefined;
    value = value < 0 ? digit : value * 10 + digit;
    if (value > 255) return undefined;
  }
  if (value < 0 || bytes.length !== 3) return undefined;
  bytes.push(value);
  return bytes;
}

function ipv6Bytes(text: string): number[] | undefined {
  const halves = text.length > 45 ? [] : text.split('::');
  if (halves.length === 0 || halves.length > 2) return undefined;
  const head = groupBytes(halves[0] ?? '', halves.length === 1);
  if (halves.length === 1) return head?.length === 16 ? head : undefined;
  const tail = groupBytes(halves[1] ?? '', true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  return missing < 2 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function groupBytes(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const quad = mayEndInIpv4 && index === groups.length - 1 ? ipv4Bytes(group) : undefined;
    if (quad === undefined) return undefined;
    bytes.push(...quad);
  }
  return bytes;
}
