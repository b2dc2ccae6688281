import { expect, it } from 'vitest';
import { emptyVips } from './vip-members.ts';

it.each([
  ['10.0.0.8:80', true],
  ['10.0.0.8', true],
  ['10.0.0.8:80,10.0.0.9:80', true],
  ['junk, 10.0.0.9:80', true],
  ['[2001:db8::8]:80', true],
  ['[2001:db8::8]', true],
  ['2001:db8::8', true],
  ['^BACKENDS', true],
  ['', false],
  [' , ', false],
  ['10.0.0.300:80', false],
  ['junk:80', false],
])('"%s" is a member: %s', (text, member) => {
  const vips = new Map([
    ['b', text],
    ['a', ''],
  ]);
  expect(emptyVips(vips)).toEqual(member ? ['a'] : ['a', 'b']);
});
