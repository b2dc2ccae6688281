import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareIp } from '../base/address.ts';
import { sortedByIp } from './ip-order.ts';
import { ip, prefixes } from './testing.ts';

const ITEMS = [
  ...['10.0.0.9', '10.0.0.10', '9.255.0.1', '::', '2001:db8::9', '2001:db8::10'].map(ip),
  ...prefixes('10.0.0.0/8', '10.0.0.0/16', '10.0.0.10', '2001:db8::/32', '2001:db8::/128', '::/0'),
];

it('is the order of compareIp', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(ITEMS), (items) => {
      expect(sortedByIp(items, (item) => item)).toEqual([...items].sort(compareIp));
    }),
  );
});
