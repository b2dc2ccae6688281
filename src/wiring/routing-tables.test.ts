import { describe, expect, it } from 'vitest';
import { parseRtTables } from '../node/rt-tables.ts';
import { assignTables } from './routing-tables.ts';

const STOCK =
  '#\n# reserved values\n#\n255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n#\n# local\n#\n#1\tinr.ruhep\n';

describe('assignTables', () => {
  it.each([
    ['an existing line counts', `${STOCK}200 br-ex\n`, ['br-ex'], { 'br-ex': 200 }],
    ['with tabs, spaces and a comment', `${STOCK}  200\t br-ex  # mine\n`, ['br-ex'], { 'br-ex': 200 }],
    ['in hexadecimal', '0xc8 br-ex', ['br-ex'], { 'br-ex': 200 }],
    ['above 255', '1000 br-ex\n', ['br-ex'], { 'br-ex': 1000 }],
    [
      'the first free number for a new bridge',
      `${STOCK}200 br-ex\n`,
      ['br-ex', 'br-data'],
      { 'br-ex': 200, 'br-data': 1 },
    ],
    ['numbers of others are not free', '1 inr\n2 other\n200 br-ex\n', ['br-data'], { 'br-data': 3 }],
    ['a comment takes no number', '#1 inr\n', ['br-data'], { 'br-data': 1 }],
    ['a line for a later bridge is not given away', '1 br-b\n', ['br-a', 'br-b'], { 'br-a': 2, 'br-b': 1 }],
    ['a bridge twice', '', ['br-a', 'br-a'], { 'br-a': 1 }],
    ['a name that contains the bridge', '7 br-ex2\n', ['br-ex'], { 'br-ex': 1 }],
    ['the first of several lines', '7 br-ex\n8 br-ex\n', ['br-ex'], { 'br-ex': 7 }],
    ['the number of the VRF', '10 br-ex\n', ['br-ex', 'br-data'], { 'br-data': 1 }],
    ['a number of the kernel', '254 br-ex\n', ['br-ex'], {}],
    ['a number too large', '4294967296 br-ex\n', ['br-ex'], {}],
    ['the number of another bridge', '7 br-a\n7 br-b\n', ['br-a', 'br-b'], { 'br-a': 7 }],
    ['garbage', 'br-ex 200\n200\n\u0000\n', ['br-ex'], { 'br-ex': 1 }],
  ])('%s', (_, text, bridges, expected) => {
    expect(Object.fromEntries(assignTables(parseRtTables(text), bridges, [10]))).toEqual(expected);
  });

  it('never gives away the VRF table', () => {
    expect([...assignTables([], ['a', 'b'], [1, 2]).values()]).toEqual([3, 4]);
  });

  it('leaves out bridges for which no number is left', () => {
    const bridges = Array.from({ length: 260 }, (_, index) => `br-${index}`);
    const tables = assignTables([], bridges, [10]);
    expect(tables.size).toBe(251);
    expect(Math.max(...tables.values())).toBe(252);
    expect(new Set(tables.values()).size).toBe(251);
  });

  it('keeps a number once its line is written', () => {
    const first = assignTables(parseRtTables(STOCK), ['br-a', 'br-b'], [10]);
    const written = `${STOCK}${[...first].map(([name, number]) => `${number} ${name}`).join('\n')}\n`;
    expect(assignTables(parseRtTables(written), ['br-c', 'br-b', 'br-a'], [10])).toEqual(
      new Map([...first, ['br-c', 3]]),
    );
  });
});
