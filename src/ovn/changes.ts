/** Small questions about change sets that both databases' topologies ask. */
import { differentParts } from '../ovsdb/different-parts.ts';
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
  // A switch with thousands of ports gets one more.
  const [old, current] = differentParts(before, after);
  const [wasThere, isThere] = [new Set(old), new Set(current)];
  return [...old.filter((uuid) => !isThere.has(uuid)), ...current.filter((uuid) => !wasThere.has(uuid))];
}
