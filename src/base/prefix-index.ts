/**
 * Finds what overlaps a prefix among many.
 *
 * In: items with a prefix each; they may nest, repeat and be of both families. Out: the items inside a prefix, and those
 * around it. A question costs the logarithm of the number of items, and the answer. Pure; the index never changes.
 */
import {
  addressBytes,
  familyOf,
  type IpFamily,
  networkAddress,
  type Prefix,
  prefixLength,
} from './address.ts';

interface Entry<T> {
  readonly item: T;
  readonly first: bigint;
  readonly last: bigint;
  /** Index of the narrowest entry around this one; -1: none. */
  readonly around: number;
}

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

export class PrefixIndex<T> {
  readonly #entries: Readonly<Record<IpFamily, readonly Entry<T>[]>>;

  constructor(items: Iterable<T>, prefixOf: (item: T) => Prefix) {
    const ranges: Record<IpFamily, (Range & { readonly item: T })[]> = { 4: [], 6: [] };
    for (const item of items) {
      const prefix = prefixOf(item);
      ranges[familyOf(prefix)].push({ item, ...rangeOf(prefix) });
    }
    this.#entries = { 4: nested(ranges[4]), 6: nested(ranges[6]) };
  }

  /** Items that lie inside the prefix or are equal to it, in the order of their addresses. */
  inside(prefix: Prefix): readonly T[] {
    const entries = this.#entries[familyOf(prefix)];
    if (entries.length === 0) return [];
    const { first, last } = rangeOf(prefix);
    const found: T[] = [];
    for (let at = lastUpTo(entries, first - 1n) + 1; at < entries.length; at++) {
      const entry = entries[at];
      if (entry === undefined || entry.first > last) break;
      if (entry.last <= last) found.push(entry.item);
    }
    return found;
  }

  /** Items that contain the prefix and are not equal to it, the narrowest first. */
  around(prefix: Prefix): readonly T[] {
    const entries = this.#entries[familyOf(prefix)];
    if (entries.length === 0) return [];
    const { first, last } = rangeOf(prefix);
    const found: T[] = [];
    let entry = entries[lastUpTo(entries, first)];
    while (entry !== undefined) {
      const isEqual = entry.first === first && entry.last === last;
      if (entry.last >= last && !isEqual) found.push(entry.item);
      entry = entries[entry.around];
    }
    return found;
  }

  /** True when an item lies inside the prefix or around it. */
  touches(prefix: Prefix): boolean {
    return this.inside(prefix).length > 0 || this.around(prefix).length > 0;
  }
}

/** Prefixes nest or are apart: in this order every entry comes after those around it. */
function nested<T>(ranges: (Range & { readonly item: T })[]): readonly Entry<T>[] {
  ranges.sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
  const entries: Entry<T>[] = [];
  const open: number[] = [];
  for (const [index, range] of ranges.entries()) {
    while (open.length > 0 && (entries[open.at(-1) ?? 0]?.last ?? 0n) < range.first) open.pop();
    entries.push({ ...range, around: open.at(-1) ?? -1 });
    open.push(index);
  }
  return entries;
}

/** Index of the last entry that starts at `first` or before; -1: none. */
function lastUpTo<T>(entries: readonly Entry<T>[], first: bigint): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.first ?? 0n) <= first) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function rangeOf(prefix: Prefix): Range {
  const bytes = addressBytes(networkAddress(prefix));
  let first = 0n;
  for (const byte of bytes) first = (first << 8n) | BigInt(byte);
  const free = BigInt(bytes.length * 8 - prefixLength(prefix));
  return { first, last: first | ((1n << free) - 1n) };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
