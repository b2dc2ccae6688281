/**
 * Random schemas, declarations, values and transactions, and an independent idea of what a replica must show: read from
 * the server's own `select` by the rules of the library's README, without its code.
 */
import type { AtomType, ColumnType } from '../../src/ovsdb/types.ts';
import type { Seeded } from './fuzzing.ts';

export type WireAtom = string | number | boolean | readonly ['uuid', string];
export type Shown = unknown;

interface ColumnModel {
  readonly key: AtomType;
  readonly value?: AtomType;
  readonly min: 0 | 1;
  readonly max: 1 | 'unlimited';
  /** Weak references to the table of that name. */
  readonly refTable?: string;
}

export interface TableModel {
  readonly columns: Readonly<Record<string, ColumnModel>>;
  /** As the replica is told; may be looser or tighter than the schema. */
  readonly declared: Readonly<Record<string, ColumnType>>;
}

export type DatabaseModel = Readonly<Record<string, TableModel>>;

const ATOMS: readonly AtomType[] = ['string', 'integer', 'real', 'boolean', 'uuid'];
const EMPTY: Readonly<Record<AtomType, unknown>> = {
  string: '',
  integer: 0,
  real: 0,
  boolean: false,
  uuid: '00000000-0000-0000-0000-000000000000',
};
const TEXTS = ['', 'a', 'b', 'B', 'z"\\', '{}', '[', 'ü€', '\u{1f600}', '\u0001\n', '10.0.0.1/24', 'a b'];
const UUIDS = Array.from({ length: 6 }, (_, i) => `${String(i).repeat(8)}-1111-4222-8333-444444444444`);

export function randomDatabase(random: Seeded): DatabaseModel {
  const table = (others: readonly string[]): TableModel => {
    const columns: Record<string, ColumnModel> = { name: { key: 'string', min: 1, max: 1 } };
    const declared: Record<string, ColumnType> = { name: 'string' };
    for (let i = 0; i < 12; i++) {
      const column = randomColumn(random, others);
      columns[`c${i}`] = column;
      if (random.chance(0.9)) declared[`c${i}`] = declaration(column, random);
    }
    return { columns, declared };
  };
  return { One: table(['Two']), Two: table(['One']) };
}

function randomColumn(random: Seeded, tables: readonly string[]): ColumnModel {
  const key = random.pick(ATOMS);
  const isMap = random.chance(0.3);
  const isReference = key === 'uuid' && random.chance(0.5);
  // A maximum in between is not used: OVS 3.1 checks it for differences too, and a cluster stops at one that is bigger.
  const max = random.pick([1, 'unlimited'] as const);
  return {
    key,
    ...(isMap ? { value: random.pick(ATOMS) } : {}),
    // A weak reference must be able to go.
    min: isMap || isReference ? 0 : random.pick([0, 1] as const),
    max,
    ...(isReference ? { refTable: random.pick(tables) } : {}),
  };
}

/** The type that fits exactly, or now and then another one that the library reads it as. */
function declaration({ key, value, min, max }: ColumnModel, random: Seeded): ColumnType {
  if (value !== undefined) return `${key}-${value}-map`;
  if (random.chance(0.3)) return random.pick([key, `optional-${key}`, `${key}-set`] as const);
  if (max !== 1) return `${key}-set`;
  return min === 1 ? key : `optional-${key}`;
}

/** The schema as `ovsdb-tool create` wants it. */
export function schemaJson(name: string, model: DatabaseModel): object {
  const tables = Object.entries(model).map(([table, { columns }]) => [
    table,
    {
      isRoot: true,
      columns: Object.fromEntries(
        Object.entries(columns).map(([column, { key, value, min, max, refTable }]) => {
          const base = refTable === undefined ? key : { type: key, refTable, refType: 'weak' };
          return [column, { type: { key: base, ...(value === undefined ? {} : { value }), min, max } }];
        }),
      ),
    },
  ]);
  return { name, version: '1.0.0', tables: Object.fromEntries(tables) };
}

/** The UUIDs of each table's rows. */
type Held = Readonly<Record<string, readonly string[]>>;

export class RandomRows {
  readonly #model: DatabaseModel;
  readonly #random: Seeded;
  #names = 0;

  constructor(model: DatabaseModel, random: Seeded) {
    this.#model = model;
    this.#random = random;
  }

  /** One to five operations; now and then a row of some hundred kilobytes. `rows`: the UUIDs of each table. */
  transaction(rows: Held): object[] {
    return Array.from({ length: 1 + this.#random.below(5) }, () => this.#operation(rows));
  }

  #operation(rows: Held): object {
    const random = this.#random;
    const table = random.pick(Object.keys(this.#model));
    const held = rows[table] ?? [];
    if (held.length < 3 || random.chance(0.3)) {
      return { op: 'insert', table, row: { ...this.#row(table, rows, true), name: this.#name() } };
    }
    const where = random.chance(0.05) ? [] : [['_uuid', '==', ['uuid', random.pick(held)]]];
    const deletes = where.length > 0 && (held.length > 60 || random.chance(0.2));
    if (deletes) return { op: 'delete', table, where };
    const mutations = random.chance(0.3) ? this.#mutations(table, rows) : [];
    return mutations.length > 0
      ? { op: 'mutate', table, where, mutations }
      : { op: 'update', table, where, row: this.#row(table, rows, false) };
  }

  #name(): string {
    this.#names += 1;
    return this.#random.chance(0.02) ? `${this.#names}${'x'.repeat(300_000)}` : `n${this.#names}`;
  }

  #row(table: string, rows: Held, isNew: boolean): object {
    const entries = Object.entries(this.#model[table]?.columns ?? {}).filter(
      ([name, column]) => name !== 'name' && ((isNew && isTreacherous(column)) || this.#random.chance(0.4)),
    );
    return Object.fromEntries(entries.map(([name, column]) => [name, this.#value(column, rows)]));
  }

  #value(column: ColumnModel, rows: Held): unknown {
    const { key, value, min, max } = column;
    const most = max === 'unlimited' ? 6 : max;
    const atom = (): unknown => this.#atom(key, column.refTable, rows);
    if (value !== undefined) {
      const keys = this.#random.several(most, atom);
      return ['map', keys.map((each) => [each, this.#atom(value, undefined, rows)])];
    }
    const atoms = this.#random.several(most, atom);
    if (min === 1 && (atoms.length === 0 || isTreacherous(column))) {
      const other = JSON.stringify(SECOND[key]);
      const others = atoms.filter((each) => JSON.stringify(each) !== other);
      return ['set', [...others, SECOND[key]].slice(-most)];
    }
    return ['set', atoms];
  }

  #mutations(table: string, rows: Held): unknown[] {
    return Object.entries(this.#model[table]?.columns ?? {}).flatMap(([name, column]): unknown[] => {
      if (column.max !== 'unlimited' || column.min !== 0 || this.#random.chance(0.6)) return [];
      return [[name, this.#random.pick(['insert', 'delete']), this.#value(column, rows)]];
    });
  }

  #atom(type: AtomType, refTable: string | undefined, rows: Held): unknown {
    const random = this.#random;
    const targets = refTable === undefined ? UUIDS : (rows[refTable] ?? []);
    const makers: Readonly<Record<AtomType, () => unknown>> = {
      string: () => random.pick(TEXTS),
      integer: () => random.pick([0, 1, -1, 7, 2 ** 31, -(2 ** 53) + 1, random.below(1000)]),
      real: () => random.pick([0, 0.5, -2.25, 1e10, 3, random.below(100) / 4]),
      boolean: () => random.chance(0.5),
      uuid: () => ['uuid', random.pick(targets.length === 0 ? UUIDS : targets)],
    };
    return makers[type]();
  }
}

/**
 * OVS 3.1 misreads its own record of a change to a set that needs an element and holds just its default: the column gets
 * more than was written. Such a set always gets something else from here.
 */
function isTreacherous({ min, max }: ColumnModel): boolean {
  return min === 1 && max !== 1;
}

const SECOND: Readonly<Record<AtomType, unknown>> = {
  string: 'other',
  integer: 5,
  real: 5.5,
  boolean: true,
  uuid: ['uuid', UUIDS[5]],
};

/** What the replica must show for a value that `select` gives. */
export function shownValue(declared: ColumnType, { key, value }: ColumnModel, wire: unknown): Shown {
  if (value !== undefined) {
    const [, pairs] = wire as ['map', [WireAtom, WireAtom][]];
    return new Map(pairs.map(([k, v]) => [plain(k), plain(v)] as const).toSorted(([a], [b]) => order(a, b)));
  }
  const isSet = Array.isArray(wire) && wire[0] === 'set';
  const atoms = (isSet ? (wire[1] as WireAtom[]) : [wire as WireAtom]).map(plain);
  if (declared.endsWith('-set')) return atoms.toSorted(order);
  if (atoms.length === 1) return atoms[0];
  return declared.startsWith('optional-') ? undefined : EMPTY[key];
}

function plain(atom: WireAtom): string | number | boolean {
  return typeof atom === 'object' ? atom[1] : atom;
}

function order(a: string | number | boolean, b: string | number | boolean): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
