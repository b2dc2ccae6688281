/** Administrative state: which row of several is switched off. In: rows of either database. Out: a reference. Pure. */
import type { RowReference } from './topology.ts';

/** What `enabled` says; absent means on (ovn-nb(5)). */
export function isOff(row: { readonly enabled: boolean | undefined } | undefined): boolean {
  return row?.enabled === false;
}

/** As a part of a candidate: nothing where nothing is switched off. */
export function disabledBy(...rows: readonly (RowReference | undefined)[]): {
  readonly disabled?: RowReference;
} {
  const disabled = rows.find((row) => row !== undefined);
  return disabled === undefined ? {} : { disabled };
}
