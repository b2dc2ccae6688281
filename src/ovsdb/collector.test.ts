/** Dumps and updates against a model: contents, identity, reported changes, and indexes against a recomputation. */
import { isDeepStrictEqual } from 'node:util';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type AnyRowChange,
  type Changes,
  type CollectedTable,
  DumpCollector,
  UpdateCollector,
} from './collector.ts';
import { type AnyRow, RowCodec } from './row-codec.ts';
import { ReplicaTable, TableData } from './table.ts';
import type { KeyFunction } from './table-index.ts';
import { type ModelRow, rowArbitrary, shown, wireDifference, wireRow } from './testing/row-model.ts';
import { TEST_SCHEMA, TEST_SPEC } from './testing/schemas.ts';

const SPEC = TEST_SPEC.tables.Thing;
const INDEXES = Object.entries(SPEC.indexes ?? {}).map(
  ([name, keysOf]) => [name, keysOf as unknown as KeyFunction] as const,
);
const uuidOf = (index: number): string => `0000000${index}-1111-4222-8333-444444444444`;
const uuids = fc.integer({ min: 0, max: 7 }).map(uuidOf);
const database = fc.dictionary(uuids, rowArbitrary, { maxKeys: 6 });
type Model = Readonly<Record<string, ModelRow>>;

function newTable(): CollectedTable {
  const noReports = { unsafeInteger: () => undefined, ambiguousValue: () => undefined };
  const newData = (): TableData =>
    new TableData(INDEXES, (what, error) => {
      throw new Error(what, { cause: error });
    });
  return {
    codec: new RowCodec('Thing', SPEC.columns, TEST_SCHEMA, noReports),
    view: new ReplicaTable(newData()),
    newData,
  };
}

/** The `<table-update2>` or RFC 7047 `<table-update>` from one state to the other. */
function difference(from: Model, to: Model, format: 'update' | 'update2'): Record<string, unknown> {
  const rows: Record<string, unknown> = {};
  for (const [uuid, row] of Object.entries(to)) {
    const old = from[uuid];
    if (old === undefined)
      rows[uuid] = format === 'update' ? { new: wireRow(row) } : { insert: wireRow(row) };
    else {
      const changed = wireDifference(old, row);
      if (Object.keys(changed).length === 0) continue;
      rows[uuid] = format === 'update' ? { old: wireRow(old), new: wireRow(row) } : { modify: changed };
    }
  }
  for (const uuid of Object.keys(from)) {
    if (to[uuid] === undefined) {
      rows[uuid] = format === 'update' ? { old: wireRow(from[uuid] ?? {}) } : { delete: null };
    }
  }
  return rows;
}

function dump(model: Model, format: 'update' | 'update2'): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(model).map(([uuid, row]) => [
      uuid,
      format === 'update' ? { new: wireRow(row) } : { initial: wireRow(row) },
    ]),
  );
}

async function apply(
  table: CollectedTable,
  rows: Record<string, unknown>,
  format: 'update' | 'update2',
  whole: boolean,
): Promise<Changes> {
  const tables = new Map([['Thing', table]]);
  const collector = whole ? new DumpCollector(tables, format) : new UpdateCollector(tables, format);
  await collector.take({ Thing: rows });
  const changes = await collector.commit(() => true);
  if (changes === undefined) throw new Error('the commit was not stopped');
  return changes;
}

function snapshot(table: CollectedTable): Map<string, AnyRow> {
  return new Map(table.view.data.rows);
}

function verify(table: CollectedTable, model: Model): void {
  const rows = [...table.view];
  expect(new Map(rows.map((row) => [row._uuid, row]))).toEqual(
    new Map(Object.entries(model).map(([uuid, row]) => [uuid, shown(uuid, row)])),
  );
  for (const row of rows) expect(Object.isFrozen(row)).toBe(true);
  // Every index, recomputed from the rows, for every key that has or had rows.
  for (const [name, keysOf] of INDEXES) {
    const expected = new Map<string, Set<AnyRow>>(['', 'a', 'b', 'c', 'ü"{'].map((key) => [key, new Set()]));
    for (const row of rows) {
      const keys = keysOf(row) ?? [];
      for (const key of typeof keys === 'string' ? [keys] : keys) expected.get(key)?.add(row);
    }
    for (const [key, found] of expected) expect(new Set(table.view.find(name, key))).toEqual(found);
  }
}

/** The reported changes are exactly the difference between what was shown before and after. */
function verifyChanges(before: Map<string, AnyRow>, table: CollectedTable, changes: Changes): void {
  const after = snapshot(table);
  const reported = new Map(
    (changes.Thing ?? []).map((change) => [
      change.kind === 'insert' ? change.row._uuid : change.old._uuid,
      change,
    ]),
  );
  expect(reported.size).toBe((changes.Thing ?? []).length);
  const expected = new Map<string, AnyRowChange>();
  for (const uuid of new Set([...before.keys(), ...after.keys()])) {
    const [old, row] = [before.get(uuid), after.get(uuid)];
    if (old === row) continue;
    if (old === undefined && row !== undefined) expected.set(uuid, { kind: 'insert', row });
    if (old !== undefined && row === undefined) expected.set(uuid, { kind: 'delete', old });
    if (old !== undefined && row !== undefined) expected.set(uuid, { kind: 'modify', row, old });
  }
  expect(reported).toEqual(expected);
  for (const change of reported.values()) {
    // A new object that says the same would be a change without a difference.
    expect(change.kind === 'modify' && isDeepStrictEqual(change.row, change.old)).toBe(false);
  }
}

describe.each(['update', 'update2'] as const)('collecting %s', (format) => {
  test('any sequence of transactions and dumps leads to the state of the server', async () => {
    // Most steps leave most rows alone, so that what is kept beside the rows is tried as well.
    const step = fc.record({
      model: database,
      drop: fc.subarray(Array.from({ length: 8 }, (_, i) => uuidOf(i))),
    });
    const steps = fc.array(
      fc.record({ step, replaceAll: fc.integer({ min: 0, max: 3 }), whole: fc.boolean() }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(database, steps, async (first, steps) => {
        const table = newTable();
        await apply(table, dump(first, format), format, true);
        verify(table, first);
        let current: Model = first;
        for (const { step, replaceAll, whole } of steps) {
          const kept = Object.entries(current).filter(([uuid]) => !step.drop.includes(uuid));
          const some = Object.entries(step.model).slice(0, 1);
          const model = replaceAll === 0 ? step.model : Object.fromEntries([...kept, ...some]);
          const before = snapshot(table);
          const changes = whole
            ? await apply(table, dump(model, format), format, true)
            : await apply(table, difference(current, model, format), format, false);
          verify(table, model);
          verifyChanges(before, table, changes);
          current = model;
        }
      }),
      { numRuns: 150 },
    );
  });

  test('a big transaction, applied aside, does the same as a small one', async () => {
    const uuid = (index: number): string => `${String(index).padStart(8, '0')}-1111-4222-8333-444444444444`;
    const base = fc.sample(rowArbitrary, { numRuns: 20, seed: 7 });
    const model = (from: number, to: number, shiftOf: (index: number) => number): Model =>
      Object.fromEntries(
        Array.from({ length: to - from }, (_, offset) => {
          const index = from + offset;
          return [uuid(index), base[(index + shiftOf(index)) % base.length] ?? {}];
        }),
      );
    // 2000 rows go, 4000 stay of which every other one changes, 2000 come.
    const first = model(0, 6_000, () => 0);
    const second = model(2_000, 8_000, (index) => index % 2);
    const table = newTable();
    await apply(table, dump(first, format), format, true);
    const before = snapshot(table);
    const changes = await apply(table, difference(first, second, format), format, false);
    verify(table, second);
    verifyChanges(before, table, changes);
    expect(table.view.get(uuid(3_000))).toBe(before.get(uuid(3_000)));
  });
});

describe('contradictions', () => {
  const [row = {}, another = {}] = fc.sample(rowArbitrary, { numRuns: 2, seed: 42 });
  const present = uuidOf(1);
  const absent = uuidOf(2);

  test.each([
    ['unknown row modified', { [absent]: { modify: { name: 'x' } } }, /unknown row .* of Thing was modified/],
    ['unknown row deleted', { [absent]: { delete: null } }, /unknown row .* was deleted/],
    ['row inserted twice', { [present]: { insert: wireRow(another) } }, /inserted twice/],
    ['an update that says nothing', { [present]: {} }, /says nothing/],
    [
      'a value of another type',
      { [present]: { modify: { name: 7 } } },
      /Thing\.name of row .*: expected a string/,
    ],
    ['a set that is none', { [present]: { modify: { words: ['set', 'x'] } } }, /expected a set/],
    ['a map that is none', { [present]: { modify: { map: 'x' } } }, /expected a map/],
    ['a UUID that is none', { [present]: { modify: { ref: ['named-uuid', 'x'] } } }, /expected a UUID/],
  ])('%s: nothing is applied', async (_name, rows, message) => {
    const table = newTable();
    await apply(table, dump({ [present]: row }, 'update2'), 'update2', true);
    const before = snapshot(table);
    const all = { ...rows, [uuidOf(3)]: { insert: wireRow(another) } };
    await expect(apply(table, all, 'update2', false)).rejects.toMatchObject({
      code: 'inconsistent',
      message: expect.stringMatching(message) as unknown,
    });
    expect(snapshot(table)).toEqual(before);
  });

  test('a table nobody asked for', async () => {
    const collector = new UpdateCollector(new Map(), 'update2');
    await collector.take({ Nothing: { [present]: { insert: {} } } });
    await expect(collector.commit(() => true)).rejects.toThrow(/was not asked for/);
  });

  test('a stopped commit changes nothing', async () => {
    const table = newTable();
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [
        `${String(index).padStart(8, '0')}-1111-4222-8333-444444444444`,
        { insert: { name: `n${index}` } },
      ]),
    );
    const collector = new UpdateCollector(new Map([['Thing', table]]), 'update2');
    await collector.take({ Thing: many });
    expect(await collector.commit(() => false)).toBeUndefined();
    expect(table.view.size).toBe(0);
  });
});
