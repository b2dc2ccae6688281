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
  const [old, current] = [new Set(before), new Set(after)];
  return [...before.filter((uuid) => !current.has(uuid)), ...after.filter((uuid) => !old.has(uuid))];
}
