/**
 * What to ask a server to replicate: columns and conditions of each table, reduced to what its schema has.
 */
import type { MonitorMethod } from './connection.ts';
import { OvsdbConfigurationError } from './errors.ts';
import type { RowCodec } from './row-codec.ts';
import type { DatabaseSchema, SchemaProblem } from './schema.ts';
import { assertSendable } from './sendable.ts';
import type { ConditionClause, ConditionFunction, Conditions, DatabaseSpec } from './types.ts';

/** `[true]` is what the protocol means by no condition at all. */
const ALL_ROWS: readonly ConditionClause[] = [true];
/** No clause at all is none that matches; the protocol would take an empty list for all rows. */
const NO_ROWS: readonly ConditionClause[] = [false];
const FUNCTIONS: ReadonlySet<ConditionFunction> = new Set([
  '<',
  '<=',
  '==',
  '!=',
  '>=',
  '>',
  'includes',
  'excludes',
] as const);

/** Conditions with every table named, so that two of them can be compared. */
export type EffectiveConditions = ReadonlyMap<string, readonly ConditionClause[]>;

/** Throws an `OvsdbConfigurationError` for conditions that no server could take, whatever its schema. */
export function checkConditions(spec: DatabaseSpec, conditions: Conditions): void {
  for (const [table, clauses] of Object.entries(conditions)) {
    const where = `the condition of ${spec.name}.${table}`;
    if (!Object.hasOwn(spec.tables, table)) {
      throw new OvsdbConfigurationError(`${where} is for a table that is not declared`);
    }
    if (!Array.isArray(clauses)) throw new OvsdbConfigurationError(`${where} is not a list of clauses`);
    for (const clause of clauses as readonly unknown[]) {
      if (typeof clause === 'boolean') continue;
      const [column, relation] = Array.isArray(clause) && clause.length === 3 ? (clause as unknown[]) : [];
      if (typeof column !== 'string' || !FUNCTIONS.has(relation as ConditionFunction)) {
        throw new OvsdbConfigurationError(
          `${where} has the clause ${JSON.stringify(clause)}: [column, function, value], true or false is expected`,
        );
      }
    }
    assertSendable(clauses, where);
  }
}

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
    const given = conditions[table] ?? ALL_ROWS;
    const clauses = given.length === 0 ? NO_ROWS : given;
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
