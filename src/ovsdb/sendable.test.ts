import { expect, test } from 'vitest';

import { OvsdbClient } from './client.ts';
import { OvsdbConfigurationError } from './errors.ts';
import { insert, type Operation, update } from './operations.ts';
import { assertSendable } from './sendable.ts';

let deep: unknown = 'x';
for (let i = 0; i < 300; i++) deep = [deep];

test.each<[unknown, RegExp]>([
  ['a\0b', /^here: "a\\u0000b" has the character U\+0000/],
  ['x\ud800y', /half a surrogate pair \(U\+D800\)/],
  ['x\udfff', /half a surrogate pair \(U\+DFFF\)/],
  ['\ud800\ud800\udc00', /half a surrogate pair \(U\+D800\)/],
  [[{ row: { name: ['set', ['ok', 'a\0']] } }], /^here, 0\.row\.name\.1\.1: /],
  [{ 'a\0': 1 }, /U\+0000/],
  [5e-324, /too small/],
  [-1e-310, /too small/],
  [2.2250738585072014e-308, /too small/],
  [-Number.MAX_VALUE, /too big/],
  [Number.NaN, /NaN is no number of JSON/],
  [Number.POSITIVE_INFINITY, /no number of JSON/],
  [1n, /a bigint cannot be sent/],
  [deep, /nested deeper/],
])('refused value %#', (value, message) => {
  expect(() => assertSendable(value, 'here')).toThrow(OvsdbConfigurationError);
  expect(() => assertSendable(value, 'here')).toThrow(message);
});

test.each([
  '',
  '\u{1f600}\u00fc\u0001\u007f\uffff',
  0,
  -0,
  -2.3e-308,
  1.79e308,
  null,
  undefined,
  [{ a: [true, ['map', []]] }],
])('sent value %#', (value) => {
  expect(() => assertSendable(value, 'here')).not.toThrow();
});

test('a transaction is looked at before there is a connection', async () => {
  const client = new OvsdbClient({ remotes: 'unix:/nowhere', database: 'Test' });
  const refusal = (operation: Operation): Promise<string> =>
    client.transact([operation]).then(
      () => 'sent',
      (error: Error) => error.message,
    );
  expect(await refusal(insert('Thing', { name: 'a\0' }))).toMatch(/^a transaction on Test, 0\.row\.name: /);
  expect(await refusal(update('Thing', [['name', '==', '\udc00']], {}))).toMatch(/0\.where\.0\.2: /);
  expect(await refusal({ op: 'comment', comment: '\0' })).toMatch(/0\.comment: /);
});
