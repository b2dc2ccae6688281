/**
 * Database files against damage: random files of every format, bytes changed, cut, inserted and doubled, records with
 * their hashes made right again. Each is read, or refused with an `OvsdbFileError`, and in a time that grows with its size.
 */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { OvsdbFileError } from '../../src/ovsdb/errors.ts';
import { databaseFile } from '../../src/ovsdb/file/database-file.ts';
import { clusterLog, standaloneLog } from '../../src/ovsdb/testing/log-writer.ts';
import { TEST_SCHEMA_JSON, TEST_SPEC } from '../../src/ovsdb/testing/schemas.ts';
import { fuzz, fuzzTimeout, Seeded } from '../support/fuzzing.ts';

const SHORT = Array.from({ length: 500 }, (_, index) => index);
const UUIDS = [0, 1, 2, 3].map((digit) => `${String(digit).repeat(8)}-aaaa-4bbb-8ccc-dddddddddddd`);
/** What damages JSON in interesting places. */
const SNIPPETS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  '\\',
  'null',
  '-1',
  '1e999',
  '"uuid"',
  '["set",[]]',
  '\0',
  'OVSDB JSON 5 ',
];

function transaction(random: Seeded): object {
  const rows = Object.fromEntries(
    random
      .several(3, () => random.pick(UUIDS))
      .map((uuid) => {
        if (random.chance(0.2)) return [uuid, null];
        const words = random.several(3, () => random.pick(['a', 'b', '']));
        return [uuid, { name: random.pick(['x', 'ü', '']), words: ['set', words], number: random.below(9) }];
      }),
  );
  return { _date: random.below(1e9), _is_diff: random.chance(0.5), Thing: rows };
}

function made(random: Seeded): Buffer {
  const transactions = Array.from({ length: random.below(6) }, () => transaction(random));
  if (random.chance(0.4)) return standaloneLog(TEST_SCHEMA_JSON, ...transactions);
  if (random.chance(0.7)) {
    const entries = transactions.map((data, index) => ({ term: 1, index: index + 2, data: [null, data] }));
    const commit = { commit_index: 1 + random.below(entries.length + 1) };
    return clusterLog({ name: 'Test', prev_index: 1, prev_data: [TEST_SCHEMA_JSON, {}] }, ...entries, commit);
  }
  const data = UUIDS.slice(random.below(4)).map((uuid) => [['uuid', uuid], random.pick(['a', 'b'])]);
  return Buffer.from(JSON.stringify({ caption: 'Thing table', headings: ['_uuid', 'name'], data }));
}

function damaged(bytes: Buffer, random: Seeded): Buffer {
  const at = random.below(bytes.length);
  const length = random.below(40);
  switch (random.below(6)) {
    case 0: {
      const copy = Buffer.from(bytes);
      copy[at] = random.below(256);
      return copy;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(SNIPPETS)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length), bytes.subarray(at + length)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(bytes.length))]);
  }
}

/** Writes length and hash of each record anew, so that its contents are looked at. */
function rehashed(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes
      .toString('latin1')
      .split(/^(?=OVSDB )/m)
      .map((record) => {
        const [, magic, body = ''] = /^OVSDB (JSON|CLUSTER) \d+ [0-9a-f]+\n(.*)$/s.exec(record) ?? [];
        if (magic === undefined) return record;
        const hash = createHash('sha1').update(Buffer.from(body, 'latin1')).digest('hex');
        return `OVSDB ${magic} ${body.length} ${hash}\n${body}`;
      })
      .join(''),
    'latin1',
  );
}

test(
  // A loop that grows with the damage would take seconds a file, and the test's own time.
  'a damaged file is read or refused',
  () =>
    fuzz(SHORT, (seed) => {
      const random = new Seeded(seed);
      let bytes = made(random);
      for (let count = 1 + random.below(3); count > 0 && bytes.length > 0; count--)
        bytes = damaged(bytes, random);
      if (random.chance(0.7)) bytes = rehashed(bytes);
      try {
        const { tables, warnings } = databaseFile(bytes, 'fuzzed').contents(TEST_SPEC);
        for (const row of tables.Thing) {
          expect(tables.Thing.get(row._uuid)).toBe(row);
          expect(tables.Thing.find('name', row.name)).toContain(row);
        }
        expect(warnings.length).toBeLessThan(20);
      } catch (error) {
        if (!(error instanceof OvsdbFileError) || !error.message.includes('fuzzed')) throw error;
      }
    }),
  fuzzTimeout(30_000),
);
