/**
 * Values as they stand on the wire (RFC 7047 5.1) and back: atoms, sets and maps.
 *
 * An atom is a JSON scalar or `["uuid", U]`; a set of exactly one element may be a bare atom; a map is
 * `["map", [[K, V], ...]]`. Out come frozen, sorted arrays and maps that share one empty value each. What does not fit
 * throws a protocol error. Integers beyond 2^53 have lost digits in JSON.parse already and are only reported.
 */
import { OvsdbProtocolError } from './errors.ts';
import { frozenMap } from './frozen-map.ts';
import type { AtomType } from './types.ts';

export type Atom = string | number | boolean;
export type WireAtom = Atom | readonly ['uuid', string] | readonly ['named-uuid', string];
export type WireValue =
  | WireAtom
  | readonly ['set', readonly WireAtom[]]
  | readonly ['map', readonly (readonly [WireAtom, WireAtom])[]];

/** A value of a column in a row. Sets are sorted and without duplicates. */
export type Value = Atom | undefined | readonly Atom[] | ReadonlyMap<Atom, Atom>;

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';
export const EMPTY_SET: readonly Atom[] = Object.freeze([]);
export const EMPTY_MAP: ReadonlyMap<Atom, Atom> = frozenMap(new Map());

/** Called with every integer that JavaScript cannot hold exactly. */
export type UnsafeIntegerReport = () => void;

/** Turns one wire atom into its value. */
export type AtomDecoder = (wire: unknown) => Atom;

export function atomDecoder(type: AtomType, unsafe: UnsafeIntegerReport): AtomDecoder {
  if (type !== 'integer') return DECODERS[type];
  return (wire) => {
    if (typeof wire !== 'number' || !Number.isInteger(wire)) return mismatch('an integer', wire);
    if (!Number.isSafeInteger(wire)) unsafe();
    return wire;
  };
}

const DECODERS: Readonly<Record<Exclude<AtomType, 'integer'>, AtomDecoder>> = {
  string: (wire) => (typeof wire === 'string' ? wire : mismatch('a string', wire)),
  boolean: (wire) => (typeof wire === 'boolean' ? wire : mismatch('a boolean', wire)),
  real: (wire) => (typeof wire === 'number' ? wire : mismatch('a number', wire)),
  uuid: (wire) =>
    Array.isArray(wire) && wire[0] === 'uuid' && typeof wire[1] === 'string'
      ? wire[1]
      : mismatch('a UUID', wire),
};

/** What a column of this type holds when nothing is said about it (RFC 7047 5.2.1). */
export function defaultAtom(type: AtomType): Atom {
  return DEFAULT_ATOMS[type];
}

const DEFAULT_ATOMS: Readonly<Record<AtomType, Atom>> = {
  string: '',
  boolean: false,
  uuid: ZERO_UUID,
  integer: 0,
  real: 0,
};

/** The elements of a set, or of a set's difference, sorted and without duplicates. */
export function decodeSet(wire: unknown, decode: AtomDecoder): readonly Atom[] {
  if (!Array.isArray(wire) || wire[0] !== 'set') return Object.freeze([decode(wire)]);
  const elements: unknown = wire[1];
  if (!Array.isArray(elements)) return mismatch('a set', wire);
  if (elements.length === 0) return EMPTY_SET;
  return frozenSet(elements.map(decode));
}

export function decodeMap(
  wire: unknown,
  decodeKey: AtomDecoder,
  decodeValue: AtomDecoder,
): ReadonlyMap<Atom, Atom> {
  if (!Array.isArray(wire) || wire[0] !== 'map' || !Array.isArray(wire[1])) return mismatch('a map', wire);
  const pairs = wire[1] as readonly unknown[];
  if (pairs.length === 0) return EMPTY_MAP;
  const map = new Map<Atom, Atom>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return mismatch('a pair of key and value', pair);
    map.set(decodeKey(pair[0]), decodeValue(pair[1]));
  }
  return sortedMap(map);
}

/** Sorts and deduplicates in place where needed, and freezes. Servers send sets sorted already. */
export function frozenSet(elements: Atom[]): readonly Atom[] {
  for (let i = 1; i < elements.length; i++) {
    if (compareAtoms(elements[i - 1] as Atom, elements[i] as Atom) >= 0) {
      return Object.freeze([...new Set(elements)].sort(compareAtoms));
    }
  }
  return elements.length === 0 ? EMPTY_SET : Object.freeze(elements);
}

export function compareAtoms(a: Atom, b: Atom): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Applies the difference of a set: elements that are in one of the two, but not in both. Both are sorted, so a set of
 * thousands of ports that gets one more is copied and not built anew.
 */
export function mergeSet(old: readonly Atom[], difference: readonly Atom[]): readonly Atom[] {
  const result: Atom[] = [];
  let from = 0;
  for (const element of difference) {
    const at = firstNotBelow(old, element, from);
    for (let i = from; i < at; i++) result.push(old[i] as Atom);
    const isHeld = at < old.length && old[at] === element;
    if (!isHeld) result.push(element);
    from = isHeld ? at + 1 : at;
  }
  for (let i = from; i < old.length; i++) result.push(old[i] as Atom);
  return result.length === 0 ? EMPTY_SET : Object.freeze(result);
}

/** Index of the first element that is not below `wanted`, in a sorted set from `from` on. */
function firstNotBelow(sorted: readonly Atom[], wanted: Atom, from: number): number {
  let [low, high] = [from, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareAtoms(sorted[middle] as Atom, wanted) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Applies the difference of a map: equal pairs go, new keys come, other values replace. */
export function mergeMap(
  old: ReadonlyMap<Atom, Atom>,
  difference: ReadonlyMap<Atom, Atom>,
): ReadonlyMap<Atom, Atom> {
  const result = new Map(old);
  for (const [key, value] of difference) {
    if (result.get(key) === value) result.delete(key);
    else result.set(key, value);
  }
  return result.size === 0 ? EMPTY_MAP : sortedMap(result);
}

/** Maps iterate in the order of their keys, whatever the history; the argument itself, frozen, when it does already. */
function sortedMap(map: Map<Atom, Atom>): ReadonlyMap<Atom, Atom> {
  let previous: Atom | undefined;
  for (const key of map.keys()) {
    if (previous !== undefined && previous > key)
      return frozenMap(new Map([...map].sort(([a], [b]) => compareAtoms(a, b))));
    previous = key;
  }
  return frozenMap(map);
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) if (b.get(key) !== value) return false;
    return true;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, index) => element === b[index]);
  }
  return false;
}

function mismatch(wanted: string, wire: unknown): never {
  throw new OvsdbProtocolError(
    `expected ${wanted}, received ${(JSON.stringify(wire) ?? 'nothing').slice(0, 120)}`,
  );
}
