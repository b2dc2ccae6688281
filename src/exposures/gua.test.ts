import { expect, it } from 'vitest';
import { isGloballyRoutable6 } from './gua.ts';
import { ip } from './testing.ts';

it.each([
  '2a02:26f0:10::1',
  '2600::1',
  '2001:200::1',
  '2001:1::1',
  '2001:1::2',
  '2001:3:ffff::1',
  '2001:4:112::1',
  '2001:2f:ffff::1',
  '2001:3f::1',
  '64:ff9b::1',
  '2003::1',
  '4000::1',
  '100:0:0:1::1',
])('%s is globally routable', (text) => {
  expect(isGloballyRoutable6(ip(text))).toBe(true);
});

it.each([
  '8.8.8.8',
  '::',
  '::1',
  '::ffff:8.8.8.8',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:1::3',
  '2001:4:113::1',
  '2001:1ff::1',
  '2001:db8::1',
  '2002::1',
  '3fff::1',
  'fc00::1',
  'fd00::1',
  'fe80::1',
  'ff0e::1',
])('%s is not', (text) => {
  expect(isGloballyRoutable6(ip(text))).toBe(false);
});
