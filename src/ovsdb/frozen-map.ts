/**
 * Maps that nobody can change: rows are handed to every caller, and equal values are one object, so a change by one would
 * be seen by all. `Object.freeze` does not reach what is inside a Map.
 */
const REFUSING = Object.create(Map.prototype, {
  set: { value: refuse },
  delete: { value: refuse },
  clear: { value: refuse },
}) as object;

/** Freezes this very map; it stays a `Map` in every other respect. */
export function frozenMap<K, V>(map: Map<K, V>): ReadonlyMap<K, V> {
  return Object.freeze(Object.setPrototypeOf(map, REFUSING) as Map<K, V>);
}

function refuse(): never {
  throw new TypeError('a map in a row cannot be changed; make a copy: new Map(row.column)');
}
