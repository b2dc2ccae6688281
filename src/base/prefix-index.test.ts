import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, type Prefix, parsePrefix } from './address.ts';
import { PrefixIndex } from './prefix-index.ts';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
}

function indexOf(...texts: readonly string[]): PrefixIndex<Prefix> {
  return new PrefixIndex(texts.map(prefix), (item) => item);
}

/** Few bits vary, so that prefixes nest, repeat and touch. */
const anyPrefix = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 32 }))
    .map(([low, high, length]) => prefix(`10.${high}.0.${low}/${length}`)),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 128 }))
    .map(([low, length]) => prefix(`2001:db8::${low.toString(16)}/${length}`)),
);

describe('the index of prefixes', () => {
  it('finds what is inside, equal ones with it', () => {
    const index = indexOf('10.0.0.0/24', '10.0.0.7/32', '10.0.0.7/32', '10.0.1.0/24', '2001:db8::/64');
    expect(index.inside(prefix('10.0.0.0/24'))).toEqual(['10.0.0.0/24', '10.0.0.7/32', '10.0.0.7/32']);
    expect(index.inside(prefix('10.0.0.7/32'))).toEqual(['10.0.0.7/32', '10.0.0.7/32']);
    expect(index.inside(prefix('2001:db8::/32'))).toEqual(['2001:db8::/64']);
  });

  it('finds what is around, the narrowest first, without equal ones', () => {
    const index = indexOf('10.0.0.0/8', '10.0.0.0/24', '10.0.0.0/28', '10.0.0.128/25');
    expect(index.around(prefix('10.0.0.3/32'))).toEqual(['10.0.0.0/28', '10.0.0.0/24', '10.0.0.0/8']);
    expect(index.around(prefix('10.0.0.0/24'))).toEqual(['10.0.0.0/8']);
    expect(index.around(prefix('10.1.0.0/16'))).toEqual(['10.0.0.0/8']);
    expect(index.around(prefix('11.0.0.0/16'))).toEqual([]);
  });

  it('says the same as a comparison with every item', () => {
    fc.assert(
      fc.property(fc.array(anyPrefix, { maxLength: 40 }), anyPrefix, (items, asked) => {
        const index = new PrefixIndex(items, (item) => item);
        const inside = items.filter((item) => contains(asked, item));
        const around = items.filter((item) => item !== asked && contains(item, asked));
        expect([...index.inside(asked)].sort()).toEqual([...inside].sort());
        expect([...index.around(asked)].sort()).toEqual([...around].sort());
        expect(index.touches(asked)).toBe(inside.length + around.length > 0);
      }),
      { numRuns: 2000 },
    );
  });
});
