import { expect, it } from 'vitest';
import { sameValue } from './same-value.ts';

const values = () => [
  undefined,
  null,
  0,
  '',
  'a',
  [],
  ['a'],
  ['a', 'b'],
  {},
  { a: 1 },
  { a: undefined },
  { b: 1 },
  { a: { b: [1] } },
  { a: { b: [2] } },
  new Map(),
  new Map([['a', 1]]),
  new Map([['b', 1]]),
  new Set(['a']),
  new Set(['b']),
];

it('tells plain data apart by what is in it', () => {
  values().forEach((a, i) => {
    values().forEach((b, j) => {
      expect([i, j, sameValue(a, b)]).toEqual([i, j, i === j]);
    });
  });
  expect(sameValue({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
});
