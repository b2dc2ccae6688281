import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { databaseSpec, tableSpec } from '../ovsdb/types.ts';
import { BulkMembers } from './bulk-members.ts';
import { memoryDatabase, type Transaction } from './memory-database.ts';
import { QueryGraph } from './query-graph.ts';

const SPEC = databaseSpec('Test', {
  Owner: tableSpec({ name: 'string', members: 'uuid-set' }, { member: (row) => row.members }),
  /** A member without a kind is of no class. */
  Member: tableSpec({ kind: 'string', size: 'integer' }),
});
type Spec = typeof SPEC;

function world() {
  const db = memoryDatabase(SPEC);
  const graph = new QueryGraph();
  const members = new BulkMembers<Spec, 'Owner', 'Member'>(
    {
      owner: 'Owner',
      member: 'Member',
      space: 'members',
      listOf: (row) => row.members,
      classOf: (row) => (row.kind === '' ? undefined : row.kind),
      ownersOf: (uuid) => db.views.Owner.find('member', uuid),
    },
    db.views.Owner,
    db.views.Member,
    graph,
  );
  return {
    db,
    graph,
    members,
    /** Makes the changes; returns the roots that must be asked again, sorted. */
    change: (work: (tx: Transaction<Spec>) => void): readonly string[] =>
      [...graph.touch(members.staleReads(db.transact(work)))].sort(),
  };
}

/** An owner with one red, one blue and two members of no class, another one that shares the red one. */
function owned() {
  const all = world();
  const { graph, members, change } = all;
  change((tx) => {
    tx.insert('Member', { kind: 'red' }, 'red');
    tx.insert('Member', { kind: 'blue' }, 'blue');
    tx.insert('Member', {}, 'plain');
    tx.insert('Member', {}, 'free');
    tx.insert('Owner', { members: ['red', 'plain', 'blue', 'nobody'] }, 'one');
    tx.insert('Owner', { members: ['red'] }, 'two');
  });
  for (const owner of ['one', 'two', 'three'])
    for (const kind of ['red', 'blue']) graph.root(`${owner} ${kind}`, () => members.of(owner, kind));
  return all;
}

describe('members of a class', () => {
  it('are those that the column lists, as it has them', () => {
    const { db, members, change } = owned();
    expect(members.of('one', 'red')).toEqual(['red']);
    expect(members.of('one', 'blue')).toEqual(['blue']);
    expect(members.of('one', 'green')).toEqual([]);
    expect(members.of('two', 'blue')).toEqual([]);
    change((tx) => {
      tx.insert('Member', { kind: 'red' }, 'a');
      tx.update('Owner', 'one', { members: ['red', 'nobody', 'blue', 'a'] });
    });
    expect(members.of('one', 'red')).toEqual(['red', 'a']);
    expect(db.views.Owner.size).toBe(2);
  });

  it('are none of an owner that is not there', () => {
    expect(owned().members.of('three', 'red')).toEqual([]);
  });

  it.each<[string, (tx: Transaction<Spec>) => void, readonly string[]]>([
    ['a member comes', (tx) => tx.update('Owner', 'two', { members: ['blue', 'red'] }), ['two blue']],
    ['a member goes', (tx) => tx.update('Owner', 'one', { members: ['red', 'plain'] }), ['one blue']],
    ['the row of a listed one comes', (tx) => tx.insert('Member', { kind: 'red' }, 'nobody'), ['one red']],
    ['the row of a listed one goes', (tx) => tx.delete('Member', 'red'), ['one red', 'two red']],
    [
      'a member gets another class',
      (tx) => tx.update('Member', 'red', { kind: 'blue' }),
      ['one blue', 'one red', 'two blue', 'two red'],
    ],
    ['a member gets a class', (tx) => tx.update('Member', 'plain', { kind: 'red' }), ['one red']],
    ['a member loses its class', (tx) => tx.update('Member', 'blue', { kind: '' }), ['one blue']],
    [
      'a member gets another class and another owner at once',
      (tx) => {
        tx.update('Member', 'blue', { kind: 'red' });
        tx.update('Owner', 'one', { members: ['red'] });
        tx.update('Owner', 'two', { members: ['blue', 'red'] });
      },
      ['one blue', 'one red', 'two red'],
    ],
    [
      'a member goes with its row',
      (tx) => {
        tx.update('Owner', 'one', { members: ['red', 'plain'] });
        tx.delete('Member', 'blue');
      },
      ['one blue'],
    ],
    [
      'an owner comes with a member',
      (tx) => {
        tx.insert('Member', { kind: 'blue' }, 'new');
        tx.insert('Owner', { members: ['new'] }, 'three');
      },
      ['three blue'],
    ],
    ['an owner goes', (tx) => tx.delete('Owner', 'one'), ['one blue', 'one red']],
    [
      'an owner goes with its members',
      (tx) => {
        tx.delete('Owner', 'one');
        for (const member of ['red', 'blue', 'plain']) tx.delete('Member', member);
      },
      ['one blue', 'one red', 'two red'],
    ],
  ])('are asked for again when %s', (_, work, roots) => {
    expect(owned().change(work)).toEqual(expect.arrayContaining([...roots]));
  });

  it.each<[string, (tx: Transaction<Spec>) => void]>([
    ['a member of no class comes', (tx) => tx.update('Owner', 'two', { members: ['free', 'red'] })],
    ['one of no class goes', (tx) => tx.update('Owner', 'one', { members: ['red', 'blue', 'nobody'] })],
    ['one that nobody knows comes', (tx) => tx.update('Owner', 'two', { members: ['nowhere', 'red'] })],
    ['a member changes otherwise', (tx) => tx.update('Member', 'red', { size: 1 })],
    ['an owner changes otherwise', (tx) => tx.update('Owner', 'one', { name: 'x' })],
    ['one that nobody lists gets a class', (tx) => tx.update('Member', 'free', { kind: 'red' })],
  ])('are not asked for again when %s', (_, work) => {
    expect(owned().change(work)).toEqual([]);
  });

  it('are not asked for again when the tables are not in the change set', () => {
    const { graph, members } = owned();
    expect([...graph.touch(members.staleReads({ cause: 'update', changes: {} }))]).toEqual([]);
  });
});

const OWNERS = ['o0', 'o1', 'o2'];
const MEMBERS = ['m0', 'm1', 'm2', 'm3'];
const KINDS = ['', 'red', 'blue'];
const operation = fc.oneof(
  fc.record({
    table: fc.constant('Owner' as const),
    uuid: fc.constantFrom(...OWNERS),
    values: fc.option(fc.record({ members: fc.shuffledSubarray(MEMBERS) })),
  }),
  fc.record({
    table: fc.constant('Member' as const),
    uuid: fc.constantFrom(...MEMBERS),
    values: fc.option(fc.record({ kind: fc.constantFrom(...KINDS), size: fc.nat(1) }, { requiredKeys: [] })),
  }),
);
const transactions = fc.array(fc.array(operation, { maxLength: 6 }), { maxLength: 12 });

it('whatever changes, everything that is answered otherwise is asked for again', () => {
  fc.assert(
    fc.property(transactions, (history) => {
      const { db, graph, members, change } = world();
      const cells = OWNERS.flatMap((owner) => ['red', 'blue'].map((kind) => [owner, kind] as const));
      const known = new Map<string, readonly string[]>();
      const ask = (owner: string, kind: string): void => {
        known.set(
          `${owner} ${kind}`,
          graph.root(`${owner} ${kind}`, () => members.of(owner, kind)),
        );
      };
      /** From the rows alone. */
      const truth = (owner: string, kind: string): readonly string[] =>
        (db.views.Owner.get(owner)?.members ?? []).filter((uuid) => db.views.Member.get(uuid)?.kind === kind);
      for (const [owner, kind] of cells) ask(owner, kind);
      for (const operations of history) {
        const stale = change((tx) => {
          for (const { table, uuid, values } of operations) {
            const there = db.views[table].get(uuid) !== undefined;
            if (values === null) {
              if (there) tx.delete(table, uuid);
            } else if (there) tx.update(table, uuid, values);
            else tx.insert(table, values, uuid);
          }
        });
        for (const name of stale) {
          const [owner = '', kind = ''] = name.split(' ');
          ask(owner, kind);
        }
        for (const [owner, kind] of cells) {
          expect([owner, kind, known.get(`${owner} ${kind}`)?.toSorted()]).toEqual([
            owner,
            kind,
            truth(owner, kind).toSorted(),
          ]);
        }
      }
    }),
    { numRuns: 500 },
  );
});
