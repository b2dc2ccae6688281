/** What is switched off is not reached: OVN drops it. In: a record of the topology. Out: a refusal, or nothing. Pure. */
import { describeRow } from '../ovn/describe.ts';
import type { RowReference } from '../ovn/topology.ts';
import type { Refusal } from './verdict.ts';

export interface MayBeDisabled {
  readonly row: RowReference;
  /** The row that says so: its own, or one that it depends on. */
  readonly disabled?: RowReference;
}

export function disabledRefusal({ row, disabled }: MayBeDisabled): Refusal | undefined {
  if (disabled === undefined) return undefined;
  const what =
    disabled.uuid === row.uuid
      ? `${describeRow(row)} is switched off`
      : `${describeRow(row)} depends on ${describeRow(disabled)}, which is switched off`;
  return { code: 'disabled', fault: false, message: `${what} (enabled is false)` };
}
