/**
 * A second, independent idea of rows for property tests: plain objects in wire form, their update2 differences computed
 * from the definition (ovsdb-server(7) 4.1.14), and what a correct replica shows for them.
 */
import * as fc from 'fast-check';

import type { AtomType } from '../types.ts';

type Kind = 'one' | 'optional' | 'set' | 'map';
interface ModelColumn {
  readonly kind: Kind;
  readonly key: AtomType;
  readonly value?: AtomType;
  /** The most elements; a column of at most one is never sent as a difference. */
  readonly max?: 1;
}

export const MODEL_COLUMNS: Readonly<Record<string, ModelColumn>> = {
  name: { kind: 'one', key: 'string' },
  number: { kind: 'one', key: 'integer' },
  ratio: { kind: 'one', key: 'real' },
  on: { kind: 'one', key: 'boolean' },
  ref: { kind: 'one', key: 'uuid' },
  nick: { kind: 'optional', key: 'string' },
  tag: { kind: 'optional', key: 'integer' },
  maybe: { kind: 'optional', key: 'boolean' },
  other: { kind: 'optional', key: 'uuid' },
  words: { kind: 'set', key: 'string' },
  numbers: { kind: 'set', key: 'integer' },
  refs: { kind: 'set', key: 'uuid' },
  map: { kind: 'map', key: 'string', value: 'string' },
  counts: { kind: 'map', key: 'string', value: 'integer' },
  named: { kind: 'map', key: 'string', value: 'uuid' },
  slots: { kind: 'map', key: 'integer', value: 'uuid' },
  share: { kind: 'optional', key: 'real' },
  ratios: { kind: 'set', key: 'real' },
  flags: { kind: 'set', key: 'boolean' },
  weights: { kind: 'map', key: 'string', value: 'real' },
  pairs: { kind: 'map', key: 'integer', value: 'integer' },
  single: { kind: 'map', key: 'string', value: 'string', max: 1 },
};

type Atom = string | number | boolean;
/** A scalar, `undefined`, a list without order, or a list of pairs. */
export type ModelValue = Atom | undefined | readonly Atom[] | readonly (readonly [Atom, Atom])[];
export type ModelRow = Readonly<Record<string, ModelValue>>;

const UUIDS = Array.from(
  { length: 6 },
  (_, index) => `${String(index).repeat(8)}-aaaa-4bbb-8ccc-dddddddddddd`,
);
const ATOMS: Readonly<Record<AtomType, fc.Arbitrary<Atom>>> = {
  string: fc.constantFrom('', 'a', 'b', 'c', 'ü"{'),
  integer: fc.integer({ min: -3, max: 3 }),
  real: fc.constantFrom(0, 0.5, -1.25),
  boolean: fc.boolean(),
  uuid: fc.constantFrom(...UUIDS),
};

function valueArbitrary({ kind, key, value, max: most }: ModelColumn): fc.Arbitrary<ModelValue> {
  const max = most ?? 4;
  if (kind === 'one') return ATOMS[key];
  if (kind === 'optional') return fc.option(ATOMS[key], { nil: undefined });
  if (kind === 'set') return fc.uniqueArray(ATOMS[key], { maxLength: max });
  const pair = fc.tuple(ATOMS[key], ATOMS[value ?? 'string']);
  return fc.uniqueArray(pair, { maxLength: max, selector: ([first]) => first });
}

export const rowArbitrary: fc.Arbitrary<ModelRow> = fc.record(
  Object.fromEntries(Object.entries(MODEL_COLUMNS).map(([name, column]) => [name, valueArbitrary(column)])),
);

const wireAtom = (type: AtomType | undefined, atom: Atom): unknown =>
  type === 'uuid' ? ['uuid', atom] : atom;

/** A column in wire form; sets of one element as the bare atom, as servers send them. */
export function wireValue(name: string, value: ModelValue): unknown {
  const column = MODEL_COLUMNS[name];
  if (column === undefined) throw new Error(`no column ${name}`);
  if (value === undefined) return ['set', []];
  if (!Array.isArray(value)) return wireAtom(column.key, value as Atom);
  if (column.kind === 'map') {
    const pairs = value as readonly (readonly [Atom, Atom])[];
    return ['map', pairs.map(([key, each]) => [wireAtom(column.key, key), wireAtom(column.value, each)])];
  }
  const atoms = (value as readonly Atom[]).map((atom) => wireAtom(column.key, atom));
  return atoms.length === 1 ? atoms[0] : ['set', atoms];
}

export function wireRow(row: ModelRow): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, wireValue(name, value)]));
}

/** The `<row>` of a `modify` that leads from one row to the other. */
export function wireDifference(from: ModelRow, to: ModelRow): Record<string, unknown> {
  const difference: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(MODEL_COLUMNS)) {
    const [a, b] = [from[name], to[name]];
    if (column.max === 1) {
      if (JSON.stringify(a) !== JSON.stringify(b)) difference[name] = wireValue(name, b);
    } else if (column.kind === 'set') {
      const [before, after] = [a as Atom[], b as Atom[]];
      const changed = [
        ...before.filter((atom) => !after.includes(atom)),
        ...after.filter((atom) => !before.includes(atom)),
      ];
      if (changed.length > 0) difference[name] = wireValue(name, changed);
    } else if (column.kind === 'map') {
      const [before, after] = [new Map(a as [Atom, Atom][]), new Map(b as [Atom, Atom][])];
      const changed: [Atom, Atom][] = [
        ...[...before].filter(([key]) => !after.has(key)),
        ...[...after].filter(([key, value]) => !before.has(key) || before.get(key) !== value),
      ];
      if (changed.length > 0) difference[name] = wireValue(name, changed);
    } else if (a !== b) difference[name] = wireValue(name, b);
  }
  return difference;
}

const order = (a: Atom, b: Atom): number => (a < b ? -1 : a > b ? 1 : 0);

/** What a row of the replica must equal. */
export function shown(uuid: string, row: ModelRow): Record<string, unknown> {
  const result: Record<string, unknown> = { _uuid: uuid };
  for (const [name, column] of Object.entries(MODEL_COLUMNS)) {
    const value = row[name];
    if (column.kind === 'set') result[name] = [...(value as Atom[])].sort(order);
    else if (column.kind === 'map')
      result[name] = new Map([...(value as [Atom, Atom][])].sort(([a], [b]) => order(a, b)));
    else result[name] = value;
  }
  return result;
}
