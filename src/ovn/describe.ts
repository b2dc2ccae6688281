/** A database row in words, for messages: `Logical_Switch_Port "vm-1"`. Names come from users, so they are quoted. */
import { quote } from '../base/quote.ts';
import type { RowReference } from './topology.ts';

export function describeRow(row: RowReference): string {
  return `${row.table} ${row.name === undefined || row.name === '' ? row.uuid : quote(row.name)}`;
}
