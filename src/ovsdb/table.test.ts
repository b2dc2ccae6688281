import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AnyRow } from './row-codec.ts';
import { TableData } from './table.ts';

const KEYS = 30;

function row(uuid: string, keys: readonly string[]): AnyRow {
  return { _uuid: uuid, keys };
}

function keysOf(one: AnyRow): readonly string[] {
  return one.keys as readonly string[];
}

const someKeys = fc.oneof(
  fc.array(fc.nat(KEYS - 1), { maxLength: 3 }),
  // As the ports of a switch: many, mostly the same from version to version.
  fc
    .tuple(fc.nat(KEYS - 1), fc.nat(KEYS - 1))
    .map(([absent, again]) => [
      ...Array.from({ length: KEYS }, (_, key) => key).filter((key) => key !== absent),
      again,
    ]),
);

it('an index finds the present versions of the rows that have a key, whatever came and went', () => {
  const steps = fc.array(
    fc.record({
      uuid: fc.constantFrom('a', 'b', 'c', 'd'),
      keys: fc.option(someKeys, { nil: undefined }),
      /** Finding fills what the index remembers, which the next step must not leave standing. */
      asked: fc.nat(KEYS - 1),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(steps, (changes) => {
      const data = new TableData([['byKey', keysOf]], () => expect.unreachable());
      const found = (key: string) => [...(data.index('byKey')?.find(key) ?? [])];
      const byUuid = (left: AnyRow, right: AnyRow) => (left._uuid < right._uuid ? -1 : 1);
      for (const { uuid, keys, asked } of changes) {
        found(`${asked}`);
        if (keys === undefined) data.delete(uuid);
        else
          data.put(
            row(
              uuid,
              keys.map((key) => `${key}`),
            ),
          );
        for (let key = 0; key < KEYS; key++) {
          const truth = [...data.rows.values()].filter((one) => keysOf(one).includes(`${key}`));
          expect(found(`${key}`).sort(byUuid)).toEqual(truth.sort(byUuid));
        }
      }
    }),
  );
});

it('a row whose key function throws is reported and found under no key', () => {
  const reports: string[] = [];
  const data = new TableData(
    [
      [
        'broken',
        (one) => {
          if (one._uuid === 'bad') throw new Error('no key');
          return 'key';
        },
      ],
    ],
    (what) => reports.push(what),
  );
  data.put(row('good', []));
  data.put(row('bad', []));
  expect(data.index('broken')?.find('key')).toEqual([row('good', [])]);
  expect(reports).toEqual(['index broken of row bad']);
});
