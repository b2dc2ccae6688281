import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OvsdbFileError } from '../errors.ts';
import { clusterLog, logRecord, rawRecord, standaloneLog } from '../testing/log-writer.ts';
import { type ModelRow, rowArbitrary, shown, wireDifference, wireRow } from '../testing/row-model.ts';
import { TEST_SCHEMA_JSON, TEST_SPEC } from '../testing/schemas.ts';
import { databaseSpec, tableSpec } from '../types.ts';
import { databaseFile, openDatabaseFile } from './database-file.ts';

const [A, B] = ['00000000-aaaa-4bbb-8ccc-dddddddddddd', '11111111-aaaa-4bbb-8ccc-dddddddddddd'] as const;
const SCHEMA = TEST_SCHEMA_JSON;

const read = (bytes: Buffer) => databaseFile(bytes, 'file.db').contents(TEST_SPEC);
const rows = (bytes: Buffer): object =>
  Object.fromEntries([...read(bytes).tables.Thing].map((row) => [row._uuid, row]));
const named = (bytes: Buffer): string[] => [...read(bytes).tables.Thing].map((row) => row.name).sort();
const insert = (uuid: string, name: string) => ({ Thing: { [uuid]: { name } } });

/** Code and message of what opening or reading throws. */
function refusal(bytes: Buffer): string {
  try {
    read(bytes);
  } catch (error) {
    if (!(error instanceof OvsdbFileError)) throw error;
    return `${error.code}: ${error.message}`;
  }
  return 'none';
}

/** Where the second transaction of a log begins. */
const LAST = standaloneLog(SCHEMA, insert(A, 'a')).length;

const step = fc.record({
  uuid: fc.constantFrom(A, B),
  row: fc.option(rowArbitrary, { nil: null }),
  asDifference: fc.boolean(),
});

describe('any history', () => {
  it('ends with the rows that it ends with, written as values or as differences', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const held = new Map<string, ModelRow>();
        const records: object[] = [];
        for (const { uuid, row, asDifference } of steps) {
          const old = held.get(uuid);
          if (row === null) {
            if (old === undefined) continue;
            held.delete(uuid);
            records.push({ Thing: { [uuid]: null } });
            continue;
          }
          held.set(uuid, row);
          const wire = old !== undefined && asDifference ? wireDifference(old, row) : wireRow(row);
          records.push({ _is_diff: asDifference, Thing: { [uuid]: wire } });
        }
        const expected = Object.fromEntries([...held].map(([uuid, row]) => [uuid, shown(uuid, row)]));
        expect(rows(standaloneLog(SCHEMA, ...records))).toEqual(expected);
        const entries = records.map((record, i) => ({ term: 1, index: i + 2, data: [null, record] }));
        const header = { name: 'Test', prev_index: 1, prev_data: [SCHEMA, {}] };
        const commit = { commit_index: entries.length + 1 };
        expect(rows(clusterLog(header, ...entries, commit))).toEqual(expected);
      }),
    );
  });
});

describe('a standalone log', () => {
  it('gives rows, indexes, schema and date', () => {
    const bytes = standaloneLog(SCHEMA, { _date: 1000, _comment: 'x', ...insert(A, 'a'), Other: { x: 1 } });
    const file = databaseFile(bytes, 'file.db');
    expect(file).toMatchObject({ format: 'standalone', name: 'Test', version: '1.2.3', source: 'file.db' });
    const contents = file.contents(TEST_SPEC);
    expect(contents.tables.Thing.find('name', 'a').map((row) => row._uuid)).toEqual([A]);
    expect(contents).toMatchObject({ problems: [], warnings: [], dateMs: 1000 });
    expect([contents.has('Thing', 'name'), contents.has('Thing')]).toEqual([true, true]);
  });

  it('reads columns and tables that it lacks as empty', () => {
    const spec = databaseSpec('Test', {
      Thing: tableSpec({ name: 'string', younger: 'string-map' }),
      Younger: tableSpec({ name: 'string' }),
    });
    const contents = databaseFile(standaloneLog(SCHEMA, insert(A, 'a')), 'f').contents(spec);
    expect([...contents.tables.Thing]).toEqual([{ _uuid: A, name: 'a', younger: new Map() }]);
    expect(contents.tables.Younger.size).toBe(0);
    expect(contents.problems.map(({ kind }) => kind)).toEqual(['missing-column', 'missing-table']);
    expect(contents.has('Younger')).toBe(false);
  });

  it('is read compressed as well', () => {
    const bytes = gzipSync(standaloneLog(SCHEMA, insert(A, 'a')));
    expect(named(bytes)).toEqual(['a']);
    expect(refusal(bytes.subarray(0, bytes.length - 9))).toMatch(/^corrupt: file\.db cannot be decompressed/);
  });

  it('that ends inside its last record loses that record, wherever it is cut', () => {
    const whole = standaloneLog(SCHEMA, insert(A, 'a'), insert(B, 'b'));
    const last = standaloneLog(SCHEMA, insert(A, 'a')).length;
    expect(read(whole.subarray(0, last)).warnings).toEqual([]);
    for (let end = last + 1; end < whole.length; end++) {
      const contents = read(whole.subarray(0, end));
      expect([...contents.tables.Thing].map((row) => row.name)).toEqual(['a']);
      expect(contents.warnings).toEqual([
        `file.db: record 3 at byte ${last} is not complete (the file was copied while it was written?); it is left out`,
      ]);
    }
    for (let end = 1; end < logRecord(SCHEMA).length; end++) {
      expect(refusal(whole.subarray(0, end))).toMatch(/^(?:incomplete|unrecognized): file\.db /);
    }
  });

  it('that ends in zeros ends there', () => {
    const bytes = Buffer.concat([standaloneLog(SCHEMA, insert(A, 'a')), Buffer.alloc(5000)]);
    expect(named(bytes)).toEqual(['a']);
    expect(read(bytes).warnings.join()).toMatch(/all that follows are zeros/);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['of which the tail is zeros', (bytes) => Buffer.from(bytes).fill(0, bytes.length - 20)],
    [
      'with one byte changed',
      (bytes) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 10 ? byte ^ 1 : byte))),
    ],
    [
      'whose header is gone',
      (bytes) => Buffer.concat([bytes.subarray(0, LAST), Buffer.alloc(9), bytes.subarray(LAST + 9)]),
    ],
  ])('whose last record is one %s ends before it, as for a server', (_what, damage) => {
    const contents = read(damage(standaloneLog(SCHEMA, insert(A, 'a'), insert(B, 'b'))));
    expect([...contents.tables.Thing].map((row) => row.name)).toEqual(['a']);
    expect(contents.warnings).toHaveLength(1);
    expect(contents.warnings[0]).toMatch(
      /record 3 at byte \d+ .*; it is left out, with all that follows \(\d+ bytes\)$/,
    );
  });

  it('that other text follows ends before that', () => {
    const bytes = Buffer.concat([standaloneLog(SCHEMA, insert(A, 'a')), Buffer.from('garbage\n')]);
    expect(named(bytes)).toEqual(['a']);
    expect(read(bytes).warnings.join()).toMatch(
      /record 3 .*does not begin with .*left out, with all that follows \(8 bytes\)/,
    );
  });

  it.each<[string, Buffer | string, RegExp]>([
    ['nothing', '', /^incomplete: file\.db is empty$/],
    ['text', 'name: ovn', /^unrecognized: file\.db is no OVSDB file/],
    [
      'a damaged record that good ones follow',
      standaloneLog(SCHEMA, insert(A, 'a'), insert(B, 'b')).toString().replace('"a"', '"x"'),
      /^corrupt: .*record 2 at byte \d+ is damaged.* and good records follow$/,
    ],
    [
      'a hole of zeros before good records',
      Buffer.concat([standaloneLog(SCHEMA), Buffer.alloc(50), standaloneLog(insert(A, 'a'))]),
      /^corrupt: .*record 2 .*and good records follow$/,
    ],
    [
      'a damaged schema',
      standaloneLog(SCHEMA).toString().replace('Thing', 'Thong'),
      /^corrupt: .*record 1 at byte 0 is damaged/,
    ],
    [
      'very many headers of no record',
      `${logRecord(SCHEMA)}${`OVSDB JSON 9 ${'0'.repeat(40)}\n`.repeat(500)}`,
      /^corrupt: /,
    ],
    [
      'bytes between records',
      `${logRecord(SCHEMA)}x${logRecord(insert(A, 'a'))}`,
      /^corrupt: .*record 2 .*does not begin with/,
    ],
    ['records of another kind', `${logRecord(SCHEMA)}${logRecord({}, 'CLUSTER')}`, /^corrupt: /],
    [
      'a record that is not JSON',
      logRecord(SCHEMA) + rawRecord('{"a":}\n'),
      /^corrupt: .*record 2 .* is not JSON$/,
    ],
    ['a record that is no object', standaloneLog(SCHEMA, []), /^corrupt: .* is not a JSON object$/],
    ['no schema', standaloneLog(insert(A, 'a')), /^corrupt: .*record 1 .*the schema has no name$/],
    [
      'an odd schema',
      standaloneLog({ name: 'Test', tables: { Thing: { columns: { name: { type: 'x' } } } } }),
      /unknown type "x"/,
    ],
    [
      'another database',
      standaloneLog({ ...SCHEMA, name: 'Other' }),
      /^wrong-database: file\.db holds Other, not Test$/,
    ],
    [
      'a table that is no object',
      standaloneLog(SCHEMA, { Thing: [] }),
      /^corrupt: .*Thing is not a JSON object$/,
    ],
    [
      'a row that is no object',
      standaloneLog(SCHEMA, { Thing: { [A]: 1 } }),
      /^corrupt: .*record 2 .*is not a JSON object$/,
    ],
    ['a row with another name', standaloneLog(SCHEMA, { Thing: { '../x': {} } }), /^corrupt: .*is no UUID$/],
    [
      'a value of another type',
      standaloneLog(SCHEMA, { Thing: { [A]: { name: 1 } } }),
      /^corrupt: .*Thing\.name.*expected a string, received 1$/,
    ],
    [
      'a deleted row that was never there',
      standaloneLog(SCHEMA, { Thing: { [A]: null } }),
      /^corrupt: .*never there$/,
    ],
    [
      'a value without end',
      logRecord(SCHEMA) +
        rawRecord(`{"Thing":{"${A}":{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}}}\n`),
      /^corrupt: .*nested too deep/,
    ],
  ])('with %s is refused', (_what, text, message) => {
    expect(refusal(Buffer.from(text))).toMatch(message);
  });

  it('never throws anything but its own error, whatever bytes are changed', () => {
    const good = standaloneLog(SCHEMA, insert(A, 'a'), insert(B, 'b'));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        expect(refusal(bytes)).toMatch(/^(?:none|(?:unrecognized|corrupt|incomplete): .*)$/);
      }),
    );
  });
});

describe("a cluster member's log", () => {
  const header = { name: 'Test', prev_index: 1, prev_term: 1, prev_data: [SCHEMA, insert(A, 'a')] };
  const entry = (index: number, data: readonly unknown[]) => ({ term: 2, index, data });

  it('is the snapshot and the committed entries', () => {
    const bytes = clusterLog(
      header,
      { term: 2, vote: 'x' },
      { term: 2, index: 2, servers: {} },
      entry(3, [null, insert(B, 'b')]),
      { commit_index: 3 },
      { leader: 'x', term: 2 },
      { note: 'transfer leadership' },
    );
    expect(databaseFile(bytes, 'f')).toMatchObject({ format: 'cluster', name: 'Test', version: '1.2.3' });
    expect(named(bytes)).toEqual(['a', 'b']);
    expect(read(bytes).warnings).toEqual([]);
  });

  it('leaves out what the member did not know to be committed', () => {
    const bytes = clusterLog(
      header,
      entry(2, [null, insert(B, 'b')]),
      { commit_index: 2 },
      entry(3, [null, { Thing: { [A]: null } }]),
    );
    expect(named(bytes)).toEqual(['a', 'b']);
    expect(read(bytes).warnings.join()).toContain('1 of 2 log entries are left out');
  });

  it('takes the later of two entries of an index, and nothing that followed the earlier one', () => {
    const bytes = clusterLog(
      header,
      entry(2, [null, insert(B, 'lost')]),
      entry(3, [null, { Thing: { [A]: null } }]),
      entry(2, [null, insert(B, 'kept')]),
      { commit_index: 2 },
    );
    expect(named(bytes)).toEqual(['a', 'kept']);
    expect(read(bytes).warnings).toEqual([]);
  });

  it('follows a conversion to another schema, with or without the rows', () => {
    const { nick: _nick, ...columns } = SCHEMA.tables.Thing.columns;
    const words = { type: { key: 'string', min: 0, max: 'unlimited' } };
    const newer = { ...SCHEMA, version: '2', tables: { Thing: { columns: { ...columns, name: words } } } };
    const change = { _is_diff: true, Thing: { [A]: { name: 'more', words: ['set', ['x']] } } };
    const before = entry(2, [null, { Thing: { [A]: { name: 'a', nick: 'n', words: ['set', ['w']] } } }]);
    const kept = clusterLog(
      { ...header, prev_data: [SCHEMA, {}] },
      before,
      entry(3, [newer, null]),
      entry(4, [null, change]),
      { commit_index: 4 },
    );
    expect(read(kept).tables.Thing.get(A)).toMatchObject({
      // Two values where one was declared read as empty.
      name: '',
      nick: undefined,
      words: ['w', 'x'],
    });
    expect(read(kept).warnings.join()).toContain('Thing.name: a column that should hold one value');
    const back = clusterLog(
      { ...header, prev_data: [SCHEMA, {}] },
      before,
      entry(3, [newer, null]),
      entry(4, [null, change]),
      entry(5, [{ ...newer, tables: { ...newer.tables, Other: { columns: {} } } }, null]),
      entry(6, [{ ...newer, tables: { Thing: { columns: { name: words, words } } } }, null]),
      entry(7, [null, { _is_diff: true, Thing: { [A]: { name: 'a' } } }]),
      { commit_index: 7 },
    );
    expect(read(back).tables.Thing.get(A)?.name).toBe('more');
    expect(named(clusterLog(header, entry(2, [SCHEMA, insert(B, 'b')]), { commit_index: 2 }))).toEqual(['b']);
  });

  it('says that a member has left', () => {
    expect(read(clusterLog(header, { note: 'left' })).warnings.join()).toContain('left its cluster');
  });

  it.each<[string, readonly unknown[], RegExp]>([
    [
      'of a joining member',
      [{ name: 'Test', remote_addresses: ['tcp:192.0.2.1:6644'] }],
      /^incomplete: .*had not joined/,
    ],
    ['with a gap', [header, entry(3, [null, {}])], /^corrupt: .*has index 3, where 2 to 2/],
    [
      'that takes a commit back',
      [header, entry(2, [null, {}]), { commit_index: 2 }, entry(2, [null, {}])],
      /^corrupt: .*has index 2/,
    ],
    ['that commits what is not there', [header, { commit_index: 9 }], /^corrupt: .*commits index 9/],
    ['with an odd index', [header, { index: 'x' }], /^corrupt: .*no usable index/],
    ['with an odd snapshot', [{ ...header, prev_data: 1 }], /^corrupt: .*other than \[schema, transaction\]/],
    [
      'with an odd entry',
      [header, entry(2, [null]), { commit_index: 2 }],
      /^corrupt: .*other than \[schema, transaction\]/,
    ],
  ])('%s is refused', (_what, records, message) => {
    expect(refusal(clusterLog(...records))).toMatch(message);
  });

  it('that ends inside its snapshot is refused', () => {
    expect(refusal(clusterLog(header).subarray(0, 300))).toMatch(/^incomplete: .*ends inside the snapshot/);
  });
});

describe('a dump', () => {
  const table = (caption: string, headings: readonly string[], ...data: readonly unknown[]) => ({
    caption,
    headings,
    data,
  });
  const dump = (...tables: readonly unknown[]): Buffer =>
    Buffer.from(tables.map((each) => JSON.stringify(each, undefined, 1)).join('\n'));
  const thing = table(
    'Thing table',
    ['_uuid', 'name', 'nick', 'words', 'map'],
    [['uuid', A], 'a', ['set', []], 'one', ['map', [['k', 'v']]]],
  );

  it('is read by its headings', () => {
    const bytes = dump(thing, table('Other table', ['x']));
    expect(databaseFile(bytes, 'f')).toMatchObject({ format: 'dump', name: undefined, version: undefined });
    const contents = read(bytes);
    expect(contents.tables.Thing.find('word', 'one')).toEqual([
      expect.objectContaining({
        _uuid: A,
        name: 'a',
        nick: undefined,
        words: ['one'],
        map: new Map([['k', 'v']]),
        refs: [],
      }),
    ]);
    expect(contents.problems.every(({ kind }) => kind === 'missing-column')).toBe(true);
    expect(contents.warnings).toEqual([]);
  });

  it('reads a column with values of another type as empty', () => {
    const bytes = dump(table('Thing table', ['_uuid', 'name', 'nick'], [['uuid', A], 5, 'n']));
    expect(read(bytes).tables.Thing.get(A)).toMatchObject({ name: '', nick: 'n' });
    expect(read(bytes).warnings).toEqual([
      'file.db: table Thing: column name is not as expected and reads as empty: expected a string, received 5',
    ]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['that is cut off', dump(thing).subarray(0, 100), /^incomplete: .*ends inside table 1/],
    [
      'of another database',
      dump(table('Other table', ['_uuid'])),
      /^wrong-database: .*no dump of all of Test: it has 1 tables \(Other\)/,
    ],
    ['with a table twice', dump(thing, thing), /^corrupt: .*Thing is there twice/],
    [
      'with a row twice',
      dump(table('Thing table', ['_uuid'], [['uuid', A]], [['uuid', A]])),
      /^corrupt: .*twice/,
    ],
    ['without UUIDs', dump(table('Thing table', ['name'], ['a'])), /^incomplete: .*no column _uuid/],
    ['with odd UUIDs', dump(table('Thing table', ['_uuid'], ['__proto__'])), /^corrupt: .*no UUID/],
    [
      'with short rows',
      dump(table('Thing table', ['_uuid', 'name'], [['uuid', A]])),
      /^corrupt: .*do not fit its headings/,
    ],
    ['that is a schema', dump(SCHEMA), /^unrecognized: .*caption, headings and data/],
    [
      'with text between',
      Buffer.concat([dump(thing), Buffer.from('\nerror: x\n')]),
      /^corrupt: file\.db: table 2: /,
    ],
    ['with broken JSON', Buffer.from('{"caption":}'), /^corrupt: file\.db: table 1: .*not JSON/],
  ])('%s is refused', (_what, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });
});

describe('openDatabaseFile', () => {
  it('reads a file, and names one that it cannot read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ovsdb-file-'));
    try {
      const path = join(directory, 'a.db');
      await writeFile(path, standaloneLog(SCHEMA, insert(A, 'a')));
      expect((await openDatabaseFile(path)).contents(TEST_SPEC).tables.Thing.size).toBe(1);
      await expect(openDatabaseFile(`${path}.absent`)).rejects.toMatchObject({
        code: 'unreadable',
        message: expect.stringContaining(`${path}.absent cannot be read: ENOENT`),
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('weak references to rows that are gone', () => {
  const weak = { type: 'uuid', refTable: 'Other', refType: 'weak' };
  const many = { min: 0, max: 'unlimited' };
  const REFERRING = {
    name: 'Test',
    version: '1.0.0',
    tables: {
      Thing: {
        isRoot: true,
        columns: {
          set: { type: { key: weak, ...many } },
          optional: { type: { key: weak, min: 0, max: 1 } },
          needed: { type: { key: weak, min: 1, max: 2 } },
          keys: { type: { key: weak, value: 'string', ...many } },
          values: { type: { key: 'string', value: weak, ...many } },
          strong: { type: { key: { type: 'uuid', refTable: 'Other' }, ...many } },
          several: { type: { key: weak, ...many } },
        },
      },
      Other: { isRoot: true, columns: { name: { type: 'string' } } },
    },
  };
  const columns = {
    set: 'uuid-set',
    optional: 'optional-uuid',
    needed: 'uuid-set',
    keys: 'uuid-string-map',
    values: 'string-uuid-map',
    strong: 'uuid-set',
    several: 'optional-uuid',
  } as const;
  const [X, Y, GONE] = [A, B, '22222222-aaaa-4bbb-8ccc-dddddddddddd'].map((id) => ['uuid', id]);
  const log = (...records: readonly unknown[]): Buffer =>
    clusterLog(
      { name: 'Test', prev_index: 1, prev_data: [REFERRING, {}] },
      ...records.map((record, i) => ({ term: 1, index: i + 2, data: [null, record] })),
      { commit_index: records.length + 1 },
    );
  const bytes = log(
    { Other: { [A]: {}, [B]: {}, '22222222-aaaa-4bbb-8ccc-dddddddddddd': {} } },
    {
      Thing: {
        [A]: {
          set: ['set', [X, Y, GONE]],
          optional: GONE,
          needed: GONE,
          keys: [
            'map',
            [
              [X, 'x'],
              [GONE, 'gone'],
            ],
          ],
          values: [
            'map',
            [
              ['a', GONE],
              ['b', Y],
            ],
          ],
          strong: ['set', [GONE]],
          several: ['set', [X, GONE]],
        },
      },
    },
    // As a server writes it: the row goes, and nothing of what referred to it is said.
    { Thing: { [A]: {} }, Other: { '22222222-aaaa-4bbb-8ccc-dddddddddddd': null } },
  );
  const left = {
    set: [A, B],
    optional: undefined,
    // The server would not have let this go.
    needed: [GONE?.[1]],
    keys: new Map([[A, 'x']]),
    values: new Map([['b', B]]),
    strong: [GONE?.[1]],
    several: A,
  };

  it.each([
    ['declared', databaseSpec('Test', { Thing: tableSpec(columns), Other: tableSpec({ name: 'string' }) })],
    ['not declared', databaseSpec('Test', { Thing: tableSpec(columns) })],
  ])('go with them, whether those are %s', (_what, spec) => {
    const { tables } = databaseFile(bytes, 'f').contents(spec);
    expect([...tables.Thing]).toEqual([{ _uuid: A, ...left }]);
  });

  it('stay in an index only as far as they stay in the row', () => {
    const spec = databaseSpec('Test', { Thing: tableSpec({ set: 'uuid-set' }, { set: (row) => row.set }) });
    const { tables } = databaseFile(bytes, 'f').contents(spec);
    expect(tables.Thing.find('set', String(GONE?.[1]))).toEqual([]);
    expect(tables.Thing.find('set', B)).toHaveLength(1);
  });
});
