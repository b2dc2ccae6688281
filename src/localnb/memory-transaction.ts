/**
 * One transaction of the local Northbound database, carried out in memory: for the fake of the edge.
 *
 * In: the tables before, operations in wire form (RFC 7047 5.2). Out: the tables after, and results. Rows that nobody
 * lists any more are collected, weak references to rows that are gone are emptied, unique columns and strong references
 * are enforced. Throws an `OvsdbTransactionError` where the server would refuse; the tables are then as before.
 */
import { compareText } from '../base/order.ts';
import { type Operation, type OperationResult, OvsdbTransactionError } from '../ovsdb/index.ts';
import { LOCAL_NORTHBOUND, type LocalNorthbound, type LocalTables } from './schema.ts';

export type TableName = keyof LocalNorthbound['tables'];
type Values = Readonly<Record<string, unknown>>;
type Staged = Map<string, Values>;

const ROOTS: ReadonlySet<string> = new Set([
  'Logical_Switch',
  'Logical_Router',
  'Static_MAC_Binding',
  'BFD',
  'NB_Global',
]);
/** Columns that keep rows of the named table alive. */
const STRONG: readonly (readonly [TableName, string, TableName])[] = [
  ['Logical_Switch', 'ports', 'Logical_Switch_Port'],
  ['Logical_Switch', 'acls', 'ACL'],
  ['Logical_Router', 'ports', 'Logical_Router_Port'],
  ['Logical_Router', 'policies', 'Logical_Router_Policy'],
  ['Logical_Router', 'static_routes', 'Logical_Router_Static_Route'],
  ['Logical_Router_Port', 'gateway_chassis', 'Gateway_Chassis'],
];
const WEAK: readonly (readonly [TableName, string, TableName])[] = [
  ['Logical_Router_Static_Route', 'bfd', 'BFD'],
  ['Logical_Router_Policy', 'bfd_sessions', 'BFD'],
];
const UNIQUE: readonly (readonly [TableName, readonly string[]])[] = [
  ['Logical_Switch_Port', ['name']],
  ['Logical_Router_Port', ['name']],
  ['Gateway_Chassis', ['name']],
  ['Static_MAC_Binding', ['logical_port', 'ip']],
  ['BFD', ['logical_port', 'dst_ip']],
];

export class MemoryTransaction {
  readonly #views: LocalTables;
  readonly #without: ReadonlySet<string>;
  readonly #newUuid: () => string;
  readonly #staged = new Map<TableName, Staged>();
  readonly #names = new Map<string, string>();

  constructor(views: LocalTables, without: ReadonlySet<string>, newUuid: () => string) {
    this.#views = views;
    this.#without = without;
    this.#newUuid = newUuid;
    for (const table of Object.keys(views) as TableName[]) {
      this.#staged.set(table, new Map([...views[table]].map((row) => [row._uuid, row as Values])));
    }
  }

  run(operations: readonly Operation[]): readonly OperationResult[] {
    for (const operation of operations) {
      if (operation.op === 'insert' && operation['uuid-name'] !== undefined) {
        this.#names.set(operation['uuid-name'], this.#newUuid());
      }
    }
    const results = operations.map((operation, index) => {
      try {
        return this.#operation(operation);
      } catch (error) {
        const details = error instanceof Error ? error.message : String(error);
        throw new OvsdbTransactionError(
          'OVN_Northbound',
          { error: 'constraint violation', details },
          index,
          operation,
        );
      }
    });
    this.#collectGarbage();
    this.#emptyWeak();
    this.#checkUnique();
    return results;
  }

  /** Tables before and after. */
  *differences(): Generator<readonly [TableName, ReadonlyMap<string, Values>, ReadonlyMap<string, Values>]> {
    for (const [table, after] of this.#staged) {
      const before = new Map([...this.#views[table]].map((row) => [row._uuid, row as Values]));
      const same = before.size === after.size && [...after].every(([uuid, row]) => before.get(uuid) === row);
      if (!same) yield [table, before, after];
    }
  }

  #operation(operation: Operation): OperationResult {
    switch (operation.op) {
      case 'insert': {
        const table = operation.table as TableName;
        const name = operation['uuid-name'];
        const uuid = (name === undefined ? undefined : this.#names.get(name)) ?? this.#newUuid();
        this.#table(table).set(uuid, {
          ...emptyRow(table),
          ...this.#values(table, operation.row),
          _uuid: uuid,
        });
        return { uuid: ['uuid', uuid] };
      }
      case 'update': {
        const table = operation.table as TableName;
        const values = this.#values(table, operation.row);
        const uuids = this.#matching(table, operation.where);
        for (const uuid of uuids)
          this.#table(table).set(uuid, { ...this.#table(table).get(uuid), ...values });
        return { count: uuids.length };
      }
      case 'mutate': {
        const table = operation.table as TableName;
        const uuids = this.#matching(table, operation.where);
        for (const uuid of uuids) {
          for (const [column, mutator, value] of operation.mutations) {
            const row = this.#table(table).get(uuid) ?? {};
            this.#table(table).set(uuid, { ...row, [column]: this.#mutated(row[column], mutator, value) });
          }
        }
        return { count: uuids.length };
      }
      case 'delete': {
        const uuids = this.#matching(operation.table as TableName, operation.where);
        for (const uuid of uuids) this.#table(operation.table as TableName).delete(uuid);
        return { count: uuids.length };
      }
      case 'select': {
        const table = operation.table as TableName;
        const rows = this.#matching(table, operation.where).map((uuid) => this.#table(table).get(uuid) ?? {});
        return { rows: rows.map((row) => ({ nb_cfg: row.nb_cfg as number })) };
      }
      case 'abort':
      case 'assert':
      case 'comment':
      case 'commit':
      case 'wait':
        break;
      default:
        operation satisfies never;
    }
    throw new TypeError(`the fake does not know the operation ${operation.op}`);
  }

  #table(table: TableName): Staged {
    const staged = this.#staged.get(table);
    if (staged === undefined) throw new TypeError(`no table ${table}`);
    return staged;
  }

  #matching(table: TableName, where: readonly (readonly [string, string, unknown])[]): string[] {
    return [...this.#table(table)]
      .filter(([, row]) => where.every(([column, , value]) => row[column] === this.#atom(value)))
      .map(([uuid]) => uuid);
  }

  #values(table: TableName, row: Readonly<Record<string, unknown>>): Values {
    return Object.fromEntries(
      Object.entries(row).map(([column, value]) => {
        const type = (LOCAL_NORTHBOUND.tables[table].columns as Readonly<Record<string, string>>)[column];
        if (type === undefined || this.#without.has(`${table}.${column}`)) {
          throw new TypeError(`table ${table} has no column ${column}`);
        }
        return [column, this.#value(type, value)];
      }),
    );
  }

  #value(type: string, wire: unknown): unknown {
    if (type.endsWith('-map')) return new Map(this.#pairs(wire));
    const elements = this.#elements(wire);
    if (type.endsWith('-set')) return elements.sort(compareValues);
    return elements[0];
  }

  #mutated(held: unknown, mutator: string, wire: unknown): unknown {
    if (mutator === '+=') return Number(held) + Number(wire);
    if (held instanceof Map) {
      const next = new Map(held as ReadonlyMap<unknown, unknown>);
      if (mutator === 'delete') for (const key of this.#elements(wire)) next.delete(key);
      else for (const [key, value] of this.#pairs(wire)) if (!next.has(key)) next.set(key, value);
      return next;
    }
    const given = this.#elements(wire);
    const before = Array.isArray(held) ? (held as unknown[]) : [];
    return mutator === 'delete'
      ? before.filter((item) => !given.includes(item))
      : [...new Set([...before, ...given])].sort(compareValues);
  }

  #elements(wire: unknown): unknown[] {
    return Array.isArray(wire) && wire[0] === 'set'
      ? (wire[1] as unknown[]).map((atom) => this.#atom(atom))
      : [this.#atom(wire)];
  }

  #pairs(wire: unknown): [unknown, unknown][] {
    return Array.isArray(wire) && wire[0] === 'map' ? [...(wire[1] as [unknown, unknown][])] : [];
  }

  #atom(wire: unknown): unknown {
    if (!Array.isArray(wire)) return wire;
    if (wire[0] !== 'named-uuid') return wire[1];
    const uuid = this.#names.get(String(wire[1]));
    if (uuid === undefined) throw new TypeError(`no row of this transaction is called ${String(wire[1])}`);
    return uuid;
  }

  #collectGarbage(): void {
    for (let before = -1; before !== this.#size(); ) {
      before = this.#size();
      const listed = new Map<TableName, Set<unknown>>();
      for (const [table, column, target] of STRONG) {
        const uuids = listed.get(target) ?? new Set();
        listed.set(target, uuids);
        for (const row of this.#table(table).values()) {
          for (const uuid of row[column] as readonly string[]) {
            if (!this.#table(target).has(uuid)) {
              throw new OvsdbTransactionError('OVN_Northbound', {
                error: 'referential integrity violation',
                details: `${table}.${column} refers to a row of ${target} that does not exist`,
              });
            }
            uuids.add(uuid);
          }
        }
      }
      for (const [table, rows] of this.#staged) {
        if (ROOTS.has(table)) continue;
        for (const uuid of rows.keys()) if (listed.get(table)?.has(uuid) !== true) rows.delete(uuid);
      }
    }
  }

  #emptyWeak(): void {
    for (const [table, column, target] of WEAK) {
      for (const [uuid, row] of this.#table(table)) {
        const held = row[column];
        const gone = (reference: unknown): boolean => !this.#table(target).has(String(reference));
        if (Array.isArray(held) && held.some(gone)) {
          this.#table(table).set(uuid, { ...row, [column]: held.filter((each) => !gone(each)) });
        } else if (typeof held === 'string' && gone(held)) {
          this.#table(table).set(uuid, { ...row, [column]: undefined });
        }
      }
    }
  }

  #checkUnique(): void {
    for (const [table, columns] of UNIQUE) {
      const seen = new Set<string>();
      for (const row of this.#table(table).values()) {
        const key = JSON.stringify(columns.map((column) => row[column]));
        if (seen.has(key)) {
          throw new OvsdbTransactionError('OVN_Northbound', {
            error: 'constraint violation',
            details: `two rows of ${table} have ${columns.join(', ')} ${key}`,
          });
        }
        seen.add(key);
      }
    }
  }

  #size(): number {
    return [...this.#staged.values()].reduce((sum, rows) => sum + rows.size, 0);
  }
}

function emptyRow(table: TableName): Values {
  return Object.fromEntries(
    Object.entries(LOCAL_NORTHBOUND.tables[table].columns).map(([column, type]) => {
      if (type.startsWith('optional-')) return [column, undefined];
      if (type.endsWith('-set')) return [column, []];
      if (type.endsWith('-map')) return [column, new Map()];
      if (type === 'integer') return [column, 0];
      return [column, type === 'boolean' ? false : ''];
    }),
  );
}

function compareValues(a: unknown, b: unknown): number {
  return compareText(String(a), String(b));
}
