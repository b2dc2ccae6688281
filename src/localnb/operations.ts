/**
 * Wanted rows as operations of one transaction (RFC 7047 5.2).
 *
 * In: the replicated tables, what the schema can hold, and what to put or remove. Out: operations, each with the write
 * that it is for, so that a refusal can be laid at its door. Pure. A row that is there already is corrected, one that is
 * gone needs no removal. Rows that hang on others (ports, routes, ACLs) are listed by their parent and vanish when no
 * longer listed; bindings and BFD rows stand for themselves.
 */
import {
  byUuid,
  insert,
  mutate,
  namedUuid,
  type Operation,
  type RowValue,
  type UuidReference,
  update,
  uuid,
} from '../ovsdb/index.ts';
import { readRows, type StoredRow } from './read-rows.ts';
import { bfdKey, rowKey } from './rows.ts';
import type { LocalTables } from './schema.ts';
import {
  type BfdReference,
  type LocalCapabilities,
  type LocalRow,
  type LocalTable,
  type LocalWrite,
  ROW_OWNER_KEY,
} from './types.ts';

export interface PlannedOperation {
  readonly operation: Operation;
  /** Index of the write that it is for. */
  readonly write: number;
}

/** A write that cannot be put into operations, and why. */
export interface PlannedTransaction {
  readonly operations: readonly PlannedOperation[];
  readonly problems: ReadonlyMap<number, string>;
}

const OWNER = new Map([[ROW_OWNER_KEY, 'local']]);
/** Tables without `external_ids`. */
const UNMARKED: ReadonlySet<LocalTable> = new Set(['Static_MAC_Binding']);

/** Where rows of a table hang: the table and column of the parent, and which row it is. */
const PARENTS: Partial<
  Record<LocalTable, { readonly table: LocalTable; readonly column: string; of(row: LocalRow): string }>
> = {
  Logical_Switch_Port: {
    table: 'Logical_Switch',
    column: 'ports',
    of: (row) => (row.table === 'Logical_Switch_Port' ? row.switch : ''),
  },
  ACL: {
    table: 'Logical_Switch',
    column: 'acls',
    of: (row) => (row.table === 'ACL' ? row.switch : ''),
  },
  Logical_Router_Port: {
    table: 'Logical_Router',
    column: 'ports',
    of: (row) => (row.table === 'Logical_Router_Port' ? row.router : ''),
  },
  Logical_Router_Policy: {
    table: 'Logical_Router',
    column: 'policies',
    of: (row) => (row.table === 'Logical_Router_Policy' ? row.router : ''),
  },
  Logical_Router_Static_Route: {
    table: 'Logical_Router',
    column: 'static_routes',
    of: (row) => (row.table === 'Logical_Router_Static_Route' ? row.router : ''),
  },
  Gateway_Chassis: {
    table: 'Logical_Router_Port',
    column: 'gateway_chassis',
    of: (row) => (row.table === 'Gateway_Chassis' ? row.port : ''),
  },
};

export function planTransaction(
  tables: LocalTables,
  capabilities: LocalCapabilities,
  writes: readonly (LocalWrite | undefined)[],
): PlannedTransaction {
  return new Planner(tables, capabilities, writes).plan();
}

class Planner {
  readonly #capabilities: LocalCapabilities;
  readonly #writes: readonly (LocalWrite | undefined)[];
  readonly #stored = new Map<string, StoredRow>();
  readonly #byUuid = new Map<string, StoredRow>();
  /** References to rows that this transaction makes, by key. */
  readonly #made = new Map<string, UuidReference>();
  readonly #removed = new Set<string>();
  readonly #operations: PlannedOperation[] = [];
  /** Children put on and taken off the lists of their parents. */
  readonly #listings: PlannedOperation[] = [];
  readonly #problems = new Map<number, string>();

  constructor(
    tables: LocalTables,
    capabilities: LocalCapabilities,
    writes: readonly (LocalWrite | undefined)[],
  ) {
    this.#capabilities = capabilities;
    this.#writes = writes;
    for (const found of readRows(tables)) {
      this.#byUuid.set(found.uuid, found);
      if (found.duplicate === undefined) this.#stored.set(rowKey(found.row), found);
    }
  }

  plan(): PlannedTransaction {
    for (const [index, write] of this.#writes.entries()) {
      if (write === undefined) continue;
      const key = rowKey(write.row);
      if (write.op === 'remove') {
        const stored = this.#target(write, key);
        if (stored !== undefined) this.#removed.add(stored.uuid);
      } else if (!this.#stored.has(key)) this.#made.set(key, namedUuid(`row${index}`));
    }
    for (const [index, write] of this.#writes.entries()) {
      if (write === undefined) continue;
      if (write.op === 'put') this.#put(index, write.row);
      else this.#remove(index, write);
    }
    // Parents first: an operation sees what those before it did.
    return { operations: [...this.#operations, ...this.#listings], problems: this.#problems };
  }

  #put(index: number, row: LocalRow): void {
    const stored = this.#stored.get(rowKey(row));
    const place = PARENTS[row.table];
    const parent = place === undefined ? undefined : this.#reference(`${place.table} ${place.of(row)}`);
    if (place !== undefined && parent === undefined) {
      this.#problems.set(index, `${place.table} ${place.of(row)}, which it belongs to, does not exist`);
      return;
    }
    const values = this.#values(row);
    if (stored === undefined) {
      const marks = UNMARKED.has(row.table) ? {} : { external_ids: OWNER };
      const options = 'options' in row ? { options: new Map(Object.entries(row.options)) } : {};
      this.#push(index, insert(row.table, { ...values, ...options, ...marks }, { uuidName: `row${index}` }));
    } else {
      this.#push(index, update(row.table, byUuid(stored.uuid), values));
      for (const operation of mapUpdates(row, stored)) this.#push(index, operation);
    }
    if (place === undefined || parent === undefined) return;
    const self = stored === undefined ? namedUuid(`row${index}`) : uuid(stored.uuid);
    const moved = stored?.parent !== undefined && parent[1] !== stored.parent;
    if (stored?.parent !== undefined && moved) this.#unlist(index, place, stored.parent, self);
    if (stored === undefined || moved) {
      const operation = mutate(place.table, [['_uuid', '==', parent]], [[place.column, 'insert', [self]]]);
      this.#listings.push({ operation, write: index });
    }
  }

  #remove(index: number, write: LocalWrite): void {
    const stored = this.#target(write, rowKey(write.row));
    if (stored === undefined) return;
    const place = PARENTS[write.row.table];
    if (place === undefined) {
      this.#push(index, {
        op: 'delete',
        table: write.row.table,
        where: [['_uuid', '==', ['uuid', stored.uuid]]],
      });
    } else if (stored.parent !== undefined && !this.#removed.has(stored.parent)) {
      this.#unlist(index, place, stored.parent, uuid(stored.uuid));
    }
  }

  #target(write: LocalWrite, key: string): StoredRow | undefined {
    return write.duplicate === undefined ? this.#stored.get(key) : this.#byUuid.get(write.duplicate);
  }

  #unlist(
    index: number,
    place: { readonly table: LocalTable; readonly column: string },
    parent: string,
    self: UuidReference,
  ): void {
    const operation = mutate(place.table, byUuid(parent), [[place.column, 'delete', [self]]]);
    this.#listings.push({ operation, write: index });
  }

  #reference(key: string): UuidReference | undefined {
    const stored = this.#stored.get(key);
    return stored === undefined ? this.#made.get(key) : uuid(stored.uuid);
  }

  #bfd(reference: BfdReference | undefined): readonly UuidReference[] {
    const found = reference === undefined ? undefined : this.#reference(bfdKey(reference));
    return found === undefined ? [] : [found];
  }

  /** Columns of the row itself; its place among others is a matter of the parent. */
  #values(row: LocalRow): RowValue {
    switch (row.table) {
      case 'Logical_Switch':
        return { name: row.name };
      case 'Logical_Switch_Port':
        return {
          name: row.name,
          type: row.type,
          addresses: new Set(row.addresses),
          tag: row.tag,
        };
      case 'Logical_Router':
        return { name: row.name };
      case 'Logical_Router_Port':
        return {
          name: row.name,
          mac: row.mac,
          networks: new Set(row.networks),
        };
      case 'Gateway_Chassis':
        return {
          name: row.name,
          chassis_name: row.chassis,
          priority: row.priority,
        };
      case 'Logical_Router_Policy':
        return {
          priority: row.priority,
          match: row.match,
          action: row.action,
          nexthop: undefined,
          nexthops: new Set(row.nexthops),
          ...(this.#capabilities.policyBfd
            ? { bfd_sessions: new Set(row.bfd.flatMap((reference) => this.#bfd(reference))) }
            : {}),
        };
      case 'Logical_Router_Static_Route':
        return {
          ip_prefix: row.prefix,
          nexthop: row.nexthop,
          output_port: row.outputPort,
          policy: 'dst-ip',
          bfd: new Set(this.#bfd(row.bfd)),
        };
      case 'Static_MAC_Binding':
        return { logical_port: row.port, ip: row.ip, mac: row.mac, override_dynamic_mac: true };
      case 'BFD':
        return {
          logical_port: row.port,
          dst_ip: row.peer,
          min_tx: row.minTxMs,
          min_rx: row.minRxMs,
          detect_mult: row.detectMultiplier,
        };
      case 'ACL':
        return {
          direction: row.direction,
          priority: row.priority,
          match: row.match,
          action: row.action,
        };
      default:
        return row satisfies never;
    }
  }

  #push(write: number, operation: Operation): void {
    this.#operations.push({ operation, write });
  }
}

/** Corrects columns that others may keep something in, too: replaces only the agent's own keys, and adds the mark. */
function mapUpdates(row: LocalRow, stored: StoredRow): readonly Operation[] {
  const where = byUuid(stored.uuid);
  const operations: Operation[] = [];
  if ('options' in row && 'options' in stored.row) {
    const before = Object.keys(stored.row.options);
    const after = new Map(Object.entries(row.options));
    if (before.length > 0)
      operations.push(mutate(row.table, where, [['options', 'delete', new Set(before)]]));
    if (after.size > 0) operations.push(mutate(row.table, where, [['options', 'insert', after]]));
  }
  if (!UNMARKED.has(row.table))
    operations.push(mutate(row.table, where, [['external_ids', 'insert', OWNER]]));
  return operations;
}
