import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { databaseSpec, type RowChange, type RowOf, tableSpec } from '../ovsdb/types.ts';
import { memoryDatabase, type Transaction } from './memory-database.ts';
import { QueryGraph } from './query-graph.ts';
import { type Read, staleReads, trackedViews } from './tracked-views.ts';

const THINGS = tableSpec(
  { name: 'string', size: 'integer', notes: 'string-map', tags: 'string-set', members: 'uuid-set' },
  { name: (row) => row.name, tag: (row) => row.tags, member: (row) => row.members },
);
const SPEC = databaseSpec('Test', {
  Thing: THINGS,
  Other: tableSpec({ name: 'string' }, { name: (row) => row.name }),
});
type Spec = typeof SPEC;
const BULK = { Thing: ['members'] } as const;

function world() {
  const db = memoryDatabase(SPEC);
  const graph = new QueryGraph();
  const views = trackedViews<Spec>('db', db.views, graph);
  return {
    db,
    graph,
    views,
    /** Makes the changes; returns the roots that must be asked again, sorted. */
    change: (work: (tx: Transaction<Spec>) => void): readonly string[] =>
      [...graph.touch(staleReads('db', SPEC, db.transact(work), BULK))].sort(),
  };
}

/** Two things, both tagged `x`, and a root for every way of reading. */
function read() {
  const all = world();
  const { graph, views, change } = all;
  change((tx) => {
    tx.insert('Thing', { name: 'a', tags: ['x'], members: ['m1', 'm2'] }, 'one');
    tx.insert('Thing', { name: 'b', tags: ['x', 'y'] }, 'two');
    tx.insert('Other', { name: 'a' }, 'one');
  });
  graph.root('get one', () => views.Thing.get('one'));
  graph.root('get three', () => views.Thing.get('three'));
  graph.root('find y', () => views.Thing.find('tag', 'y'));
  graph.root('find z', () => views.Thing.find('tag', 'z'));
  graph.root('uuids y', () => views.Thing.uuids('tag', 'y'));
  graph.root('uuids m1', () => views.Thing.uuids('member', 'm1'));
  graph.root('other', () => [views.Other.get('one'), views.Other.find('name', 'a')]);
  graph.root('all', () => [...views.Thing]);
  return all;
}

describe('a tracked table', () => {
  it('reads like the table itself', () => {
    const { db, views } = read();
    expect(views.Thing.size).toBe(2);
    expect(views.Thing.get('one')).toBe(db.views.Thing.get('one'));
    expect(views.Thing.get('three')).toBeUndefined();
    expect(views.Thing.find('tag', 'x')).toEqual(db.views.Thing.find('tag', 'x'));
    expect(views.Thing.uuids('tag', 'x')).toEqual(['one', 'two']);
    expect(views.Thing.uuids('tag', 'z')).toEqual([]);
    expect([...views.Thing]).toEqual([...db.views.Thing]);
  });

  it.each<[string, (tx: Transaction<Spec>) => void, readonly string[]]>([
    ['a column of a row', (tx) => tx.update('Thing', 'one', { size: 1 }), ['get one']],
    ['a map of a row', (tx) => tx.update('Thing', 'one', { notes: new Map([['k', 'v']]) }), ['get one']],
    ['what is in a row that was found', (tx) => tx.update('Thing', 'two', { size: 1 }), ['find y']],
    ['which rows are found: one more', (tx) => tx.insert('Thing', { tags: ['z'] }, 'zed'), ['find z']],
    [
      'which rows are found: one less',
      (tx) => tx.update('Thing', 'two', { tags: ['x'] }),
      ['find y', 'uuids y'],
    ],
    [
      'which rows are found: another one',
      (tx) => {
        tx.update('Thing', 'one', { tags: ['x', 'y'] });
        tx.update('Thing', 'two', { tags: ['x'] });
      },
      ['find y', 'get one', 'uuids y'],
    ],
    ['a row that was not there', (tx) => tx.insert('Thing', { name: 'c' }, 'three'), ['get three']],
    ['a row that was there', (tx) => tx.delete('Thing', 'one'), ['get one', 'uuids m1']],
    ['a row of the same UUID in another table', (tx) => tx.update('Other', 'one', { name: 'b' }), ['other']],
    ['nothing', (tx) => tx.update('Thing', 'one', { name: 'a', tags: ['x'], notes: new Map() }), []],
    ['a row that comes and goes', (tx) => tx.delete('Thing', tx.insert('Thing', { tags: ['y'] })), []],
  ])('has those asked again who read %s', (_, work, roots) => {
    expect(read().change(work)).toEqual(roots);
  });

  it('has nobody asked again for a bulk column alone but those who searched for what came or went', () => {
    expect(read().change((tx) => tx.update('Thing', 'one', { members: ['m1', 'm3'] }))).toEqual([]);
    expect(read().change((tx) => tx.update('Thing', 'one', { members: ['m2'] }))).toEqual(['uuids m1']);
    expect(read().change((tx) => tx.update('Thing', 'two', { members: ['m1'] }))).toEqual(['uuids m1']);
    expect(read().change((tx) => tx.update('Thing', 'one', { members: [], size: 1 }))).toEqual([
      'get one',
      'uuids m1',
    ]);
  });

  it('is kept apart from the table of that name in another database', () => {
    const { db, graph } = world();
    graph.root('there', () => trackedViews<Spec>('elsewhere', db.views, graph).Thing.get('one'));
    const inserted = db.insert('Thing', {}, 'one');
    expect([...graph.touch(staleReads('db', SPEC, inserted, BULK))]).toEqual([]);
    expect([...graph.touch(staleReads('elsewhere', SPEC, inserted, BULK))]).toEqual(['there']);
  });
});

describe('stale reads', () => {
  it('are none of tables that the change set does not have', () => {
    expect([...staleReads('db', SPEC, { cause: 'update', changes: {} }, BULK)]).toEqual([]);
  });

  it('are none of an index whose key function fails, and all others of the row', () => {
    const spec = databaseSpec('Test', {
      Thing: tableSpec(
        { name: 'string' },
        {
          broken: (row) => {
            if (row.name === 'bad') throw new Error('no key');
            return row.name;
          },
          name: (row) => row.name,
        },
      ),
    });
    const reads = (change: RowChange<RowOf<(typeof spec)['tables']['Thing']>>): readonly Read[] => [
      ...staleReads('db', spec, { cause: 'update', changes: { Thing: [change] } }, {}),
    ];
    const [bad, good] = ['bad', 'good'].map((name) => ({ _uuid: 'one', name }));
    if (bad === undefined || good === undefined) throw new TypeError('two rows');
    const changed = reads({ kind: 'modify', old: good, row: bad });
    expect(changed.map(([, key]) => key).sort()).toEqual(['bad', 'good', 'good', 'one']);
    expect(reads({ kind: 'insert', row: bad }).map(([, key]) => key)).toEqual(['one', 'bad']);
  });
});

const UUIDS = ['u0', 'u1', 'u2', 'u3'];
const TAGS = ['x', 'y'];
const values = fc.record(
  {
    name: fc.constantFrom('a', 'b'),
    size: fc.nat(1),
    notes: fc.constantFrom(new Map<string, string>(), new Map([['k', 'v']])),
    tags: fc.subarray(TAGS),
    members: fc.subarray(['m0', 'm1', 'm2']),
  },
  { requiredKeys: [] },
);
const operation = fc.record({ uuid: fc.constantFrom(...UUIDS), values: fc.option(values) });
const transactions = fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 10 });

it('whatever changes, everything that reads otherwise is asked again', () => {
  fc.assert(
    fc.property(transactions, (history) => {
      const { db, graph, views, change } = world();
      const apart = (row: RowOf<typeof THINGS> | undefined) =>
        row === undefined ? undefined : { ...row, members: undefined };
      const questions = new Map<string, () => unknown>();
      for (const uuid of UUIDS) questions.set(`get ${uuid}`, () => apart(views.Thing.get(uuid)));
      for (const [index, keys] of [
        ['name', ['a', 'b', '']],
        ['tag', TAGS],
        ['member', ['m0', 'm1', 'm2']],
      ] as const) {
        for (const key of keys) {
          questions.set(`find ${index} ${key}`, () =>
            views.Thing.find(index, key)
              .map(apart)
              .sort((a, b) => ((a?._uuid ?? '') < (b?._uuid ?? '') ? -1 : 1)),
          );
          questions.set(`uuids ${index} ${key}`, () => [...views.Thing.uuids(index, key)].sort());
        }
      }
      const known = new Map<string, unknown>();
      const ask = (name: string): void => {
        known.set(name, graph.root(name, questions.get(name) ?? (() => undefined)));
      };
      for (const name of questions.keys()) ask(name);
      for (const operations of history) {
        const stale = change((tx) => {
          for (const { uuid, values: columns } of operations) {
            const there = db.views.Thing.get(uuid) !== undefined;
            if (columns === null) {
              if (there) tx.delete('Thing', uuid);
            } else if (there) tx.update('Thing', uuid, columns);
            else tx.insert('Thing', columns, uuid);
          }
        });
        for (const name of stale) ask(name);
        // Asked outside of a root: the truth, and nothing of it is noted.
        for (const [name, question] of questions) expect([name, known.get(name)]).toEqual([name, question()]);
      }
    }),
    { numRuns: 100 },
  );
});
