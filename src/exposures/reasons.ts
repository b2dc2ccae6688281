/** Reasons in words, for logs and `plan`. Pure. */
import { describeRow } from '../ovn/describe.ts';
import type { Reason } from './types.ts';

/** The row and what of it counted, in one phrase. */
export function reasonText({ row, note }: Reason): string {
  return `${describeRow(row)}: ${note}`;
}
