/**
 * What to ask a server to replicate: columns and conditions of each table, reduced to what its schema has.
 */
import type { MonitorMethod } from './connection.ts';
import type { RowCodec } from './row-codec.ts';
import type { DatabaseSchema, SchemaProblem } from './schema.ts';
import type { ConditionClause, Conditions } from './types.ts';

/** `[true]` is what the protocol means by no condition at all. */
const ALL_ROWS: readonly ConditionClause[] = [true];

/** Conditions with every table named, so that two of them can be compared. */
export type EffectiveConditions = ReadonlyMap<string, readonly ConditionClause[]>;

/** Reduces conditions to what the schema allows; a table whose condition cannot be stated is replicated whole. */
export function effectiveConditions(
  tables: Iterable<string>,
  conditions: Conditions,
  schema: DatabaseSchema,
): { conditions: EffectiveConditions; problems: readonly SchemaProblem[] } {
  const problems: SchemaProblem[] = [];
  const effective = new Map<string, readonly ConditionClause[]>();
  for (const table of tables) {
    const columns = schema.tables.get(table)?.columns;
    if (columns === undefined) continue;
    const clauses = conditions[table] ?? ALL_ROWS;
    const unusable = clauses.find((clause) => typeof clause !== 'boolean' && !isColumn(columns, clause[0]));
    if (unusable === undefined) effective.set(table, clauses);
    else {
      const column = typeof unusable === 'boolean' ? '' : unusable[0];
      effective.set(table, ALL_ROWS);
      problems.push({
        kind: 'unusable-condition',
        table,
        column,
        detail: `${schema.name} has no column ${table}.${column} to select rows by; all rows are replicated`,
      });
    }
  }
  return { conditions: effective, problems };
}

function isColumn(columns: ReadonlyMap<string, unknown>, name: string): boolean {
  return name === '_uuid' || columns.has(name);
}

/** The `<monitor-requests>` object; `monitor` knows no conditions and sends all rows. */
export function monitorRequests(
  method: MonitorMethod,
  codecs: Iterable<RowCodec>,
  conditions: EffectiveConditions,
): Readonly<Record<string, unknown>> {
  const requests: Record<string, unknown> = {};
  for (const codec of codecs) {
    if (!codec.present) continue;
    const columns = codec.monitored;
    const where = conditions.get(codec.table) ?? ALL_ROWS;
    requests[codec.table] = [method === 'monitor' ? { columns } : { columns, where }];
  }
  return requests;
}

/** The tables whose condition differs, as `<monitor-cond-update-requests>`; `undefined` when none does. */
export function conditionChanges(
  from: EffectiveConditions,
  to: EffectiveConditions,
): Readonly<Record<string, unknown>> | undefined {
  const changes: Record<string, unknown> = {};
  for (const [table, where] of to) {
    if (JSON.stringify(from.get(table)) !== JSON.stringify(where)) changes[table] = [{ where }];
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}

/** Two servers with the same key send the same columns, so that one can continue what the other began. */
export function columnsKey(codecs: Iterable<RowCodec>): string {
  return JSON.stringify([...codecs].map((codec) => [codec.table, codec.present, codec.signature]));
}
