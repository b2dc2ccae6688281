import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference } from './changes.ts';

const references = fc
  .uniqueArray(fc.integer({ min: 0, max: 20 }))
  .map((numbers) => numbers.map((number) => `uuid-${number}`));

describe('difference', () => {
  it('is what only one of the two sets holds, whatever their order', () => {
    fc.assert(
      fc.property(references, references, (before, after) => {
        const expected = [
          ...before.filter((uuid) => !after.includes(uuid)),
          ...after.filter((uuid) => !before.includes(uuid)),
        ];
        expect([...difference(before, after)].sort()).toEqual(expected.sort());
      }),
    );
  });

  it('finds one member more or less in a sorted set', () => {
    const many = ['a', 'b', 'c', 'd'];
    for (const one of many) {
      const rest = many.filter((uuid) => uuid !== one);
      expect(difference(rest, many)).toEqual([one]);
      expect(difference(many, rest)).toEqual([one]);
    }
    expect(difference(many, many)).toEqual([]);
  });
});
