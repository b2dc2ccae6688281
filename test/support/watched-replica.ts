/**
 * A replica of a random database with everything that must hold of it: it shows what the server's own `select` says,
 * its change sets add up to its contents, and its index names its rows. What does not hold is collected.
 */
import {
  type Conditions,
  type DatabaseSpec,
  OvsdbClient,
  type Replica,
  select,
} from '../../src/ovsdb/index.ts';
import type { Seeded } from './fuzzing.ts';
import { type DatabaseModel, shownValue } from './random-database.ts';

export const DATABASE = 'Fuzz';
const DEADLINE_MS = 60_000;

/** Rows in wire form, by table and UUID. */
export type Rows = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** One client with what must hold of its replica. */
export class WatchedReplica {
  readonly client: OvsdbClient;
  readonly replica: Replica;
  readonly #model: DatabaseModel;
  /** The contents as the change sets tell them. */
  readonly #mirror = new Map<string, object>();
  /** What was found wrong so far. */
  readonly wrong: string[] = [];
  #conditions: Conditions = {};

  constructor(remote: string, model: DatabaseModel, random: Seeded) {
    this.#model = model;
    this.client = new OvsdbClient({
      remotes: remote,
      database: DATABASE,
      backoff: { minMs: 5, maxMs: 50 },
      random: random.next,
    });
    this.replica = this.client.replicate(specOf(model));
    this.replica.subscribe(({ changes }) => {
      for (const [table, list] of Object.entries(changes)) {
        for (const change of list ?? []) this.#follow(table, change);
      }
    });
    this.client.start();
  }

  setConditions(conditions: Conditions): void {
    this.#conditions = conditions;
    this.replica.setConditions(conditions);
  }

  /** What the server has. Adds to `wrong` whatever the replica shows otherwise. */
  async check(): Promise<Rows> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    await this.replica.whenSynchronized(signal);
    await this.replica.whenConditionsApplied(signal);
    const tables = Object.keys(this.#model);
    // The updates of everything before come before this reply; nobody else writes meanwhile.
    const results = await this.client.transact(
      tables.map((table) => select(table, [])),
      { signal, idempotent: true },
    );
    await this.replica.whenSynchronized(signal);
    const all: Record<string, Record<string, object>> = {};
    for (const [at, table] of tables.entries()) {
      const rows = (results[at]?.rows ?? []) as readonly Readonly<Record<string, unknown>>[];
      all[table] = Object.fromEntries(rows.map((row) => [(row._uuid as [string, string])[1], row]));
      this.#compare(table, rows);
    }
    const { inconsistencies, callerErrors } = this.client.counters;
    if (inconsistencies + callerErrors > 0) this.wrong.push(`${inconsistencies} inconsistencies counted`);
    return all;
  }

  #compare(table: string, rows: readonly Readonly<Record<string, unknown>>[]): void {
    const model = this.#model[table];
    const view = this.replica.tables[table];
    if (model === undefined || view === undefined) throw new Error(`no table ${table}`);
    const expected = rows
      .filter((row) => isSelected(this.#conditions[table], row))
      .map((row) => ({
        _uuid: (row._uuid as [string, string])[1],
        ...Object.fromEntries(
          Object.entries(model.declared).map(([name, declared]) => {
            const column = model.columns[name];
            if (column === undefined) throw new Error(`no column ${name}`);
            return [name, shownValue(declared, column, row[name])];
          }),
        ),
      }));
    const shown = new Map([...view].map((row) => [row._uuid, row]));
    const wanted = new Map(expected.map((row) => [row._uuid, row]));
    for (const uuid of new Set([...shown.keys(), ...wanted.keys()])) {
      const [found, right] = [shownText(shown.get(uuid)), shownText(wanted.get(uuid))];
      if (found !== right) this.wrong.push(`${table} ${uuid}: ${found} instead of ${right}`);
    }
    for (const [uuid, row] of shown) {
      if (this.#mirror.get(`${table} ${uuid}`) !== row) this.wrong.push(`${table} ${uuid} was never told`);
      const { name } = row as { readonly name?: unknown };
      if (!view.find('name', String(name)).includes(row)) this.wrong.push(`${table} ${uuid} is not indexed`);
    }
    const mirrored = [...this.#mirror.keys()].filter((key) => key.startsWith(`${table} `));
    if (mirrored.length !== shown.size)
      this.wrong.push(`${table}: ${mirrored.length} rows told, ${shown.size} shown`);
  }

  #follow(
    table: string,
    change: { readonly kind: string; readonly row?: { _uuid: string }; readonly old?: { _uuid: string } },
  ): void {
    const key = `${table} ${(change.row ?? change.old)?._uuid}`;
    if (this.#mirror.get(key) !== change.old) this.wrong.push(`${change.kind} of ${key}`);
    if (change.row === undefined) this.#mirror.delete(key);
    else this.#mirror.set(key, change.row);
  }
}

function isSelected(
  clauses: Conditions[string] | undefined,
  row: Readonly<Record<string, unknown>>,
): boolean {
  if (clauses === undefined) return true;
  return clauses.some((clause) => {
    if (typeof clause === 'boolean') return clause;
    const [column, relation, value] = clause;
    return (JSON.stringify(row[column]) === JSON.stringify(value)) === (relation === '==');
  });
}

function specOf(model: DatabaseModel): DatabaseSpec {
  const tables = Object.entries(model).map(([name, { declared }]) => [
    name,
    { columns: declared, indexes: { name: (row: Readonly<Record<string, unknown>>) => String(row.name) } },
  ]);
  return { name: DATABASE, tables: Object.fromEntries(tables) };
}

/** A row as text, with maps spelled out; equal texts are equal rows. */
function shownText(row: object | undefined): string {
  if (row === undefined) return 'nothing';
  return JSON.stringify(row, (_key, value: unknown) => {
    if (value instanceof Map) return ['map', ...(value as ReadonlyMap<unknown, unknown>)];
    return value === undefined ? 'none' : value;
  });
}
