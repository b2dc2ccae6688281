/** Small questions about change sets that both databases' topologies ask. */
import type { RowChange, Uuid } from '../ovsdb/types.ts';

/** Old and new row of a change, as far as there are two. */
export function rowsOf<R>(change: RowChange<R>): readonly [R] | readonly [R, R] {
  switch (change.kind) {
    case 'insert':
      return [change.row];
    case 'delete':
      return [change.old];
    case 'modify':
      return [change.old, change.row];
    default:
      return change satisfies never;
  }
}

/** Members that are in only one of two sets of references. */
export function difference(before: readonly Uuid[], after: readonly Uuid[]): readonly Uuid[] {
  // Sets are sorted, and a switch with thousands of ports gets one more: all but the middle is the same.
  const shorter = Math.min(before.length, after.length);
  let same = 0;
  while (same < shorter && before[same] === after[same]) same += 1;
  let tail = 0;
  while (tail < shorter - same && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const [old, current] = [before.slice(same, before.length - tail), after.slice(same, after.length - tail)];
  const [wasThere, isThere] = [new Set(old), new Set(current)];
  return [...old.filter((uuid) => !isThere.has(uuid)), ...current.filter((uuid) => !wasThere.has(uuid))];
}
