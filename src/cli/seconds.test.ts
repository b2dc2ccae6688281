import { expect, it } from 'vitest';
import { parseSeconds } from './seconds.ts';

it.each([
  ['0.5', 0.5],
  ['60', 60],
  ['86400', 86_400],
])('takes %s', (text, seconds) => {
  expect(parseSeconds(text)).toBe(seconds);
});

it.each(['abc', '', ' ', '0', '-1', '86401', '1e9', 'NaN', 'Infinity', '5s'])('refuses "%s"', (text) => {
  expect(() => parseSeconds(text)).toThrow('Give a number of seconds');
});
