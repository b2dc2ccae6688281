import { describe, expect, it } from 'vitest';
import { databaseSpec, tableSpec } from '../ovsdb/types.ts';
import { memoryDatabase } from './memory-database.ts';

const SPEC = databaseSpec('Test', {
  Thing: tableSpec(
    {
      name: 'string',
      size: 'integer',
      tags: 'string-set',
      owner: 'optional-uuid',
      notes: 'string-map',
      on: 'boolean',
    },
    { name: (row) => row.name, tag: (row) => row.tags },
  ),
});

describe('memoryDatabase', () => {
  it('fills in what an insert leaves out', () => {
    const db = memoryDatabase(SPEC);
    const { changes } = db.insert('Thing', { name: 'a' });
    const row = { name: 'a', size: 0, tags: [], owner: undefined, notes: new Map(), on: false };
    expect(changes.Thing).toEqual([{ kind: 'insert', row: { _uuid: expect.any(String), ...row } }]);
  });

  it('keeps its indexes up to date', () => {
    const { views, ...db } = memoryDatabase(SPEC);
    db.insert('Thing', { name: 'a', tags: ['x', 'y'] }, 'one');
    db.insert('Thing', { name: 'b', tags: ['y'] }, 'two');
    const found = (index: 'name' | 'tag', key: string) =>
      views.Thing.find(index, key).map((row) => row._uuid);
    expect([found('name', 'a'), found('tag', 'y'), found('tag', 'z')]).toEqual([['one'], ['one', 'two'], []]);
    db.update('Thing', 'one', { tags: ['z'] });
    expect([found('tag', 'x'), found('tag', 'y'), found('tag', 'z')]).toEqual([[], ['two'], ['one']]);
    db.delete('Thing', 'one');
    expect([found('name', 'a'), found('tag', 'z'), views.Thing.size]).toEqual([[], [], 1]);
  });

  it('makes one change of everything that a transaction does to a row', () => {
    const db = memoryDatabase(SPEC);
    db.insert('Thing', { name: 'a' }, 'one');
    const set = db.transact((tx) => {
      tx.update('Thing', 'one', { size: 1 });
      tx.update('Thing', 'one', { name: 'b' });
      tx.insert('Thing', { name: 'passing' }, 'two');
      tx.delete('Thing', 'two');
    });
    expect(set.cause).toBe('update');
    expect(set.changes.Thing).toHaveLength(1);
    expect(set.changes.Thing?.[0]).toMatchObject({
      kind: 'modify',
      row: { name: 'b', size: 1 },
      old: { name: 'a', size: 0 },
    });
  });

  it('refuses changes of rows that are not there, and a UUID twice', () => {
    const db = memoryDatabase(SPEC);
    db.insert('Thing', {}, 'one');
    expect(() => db.insert('Thing', {}, 'one')).toThrow(/already/);
    expect(() => db.update('Thing', 'two', {})).toThrow(/no row/);
    expect(() => db.delete('Thing', 'two')).toThrow(/no row/);
  });
});
