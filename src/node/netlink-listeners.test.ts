import { expect, it } from 'vitest';
import { routeListeners } from './netlink-listeners.ts';

const HEAD = 'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode';

it('finds who listens to routes, of either family, and how far behind each is', () => {
  const text = `${HEAD}
00000000dbb4e432 0   12504      040404c0 58880    0        0     2        17       1882299 
00000000d8d56c1b 0   0          00000400 0        0        0     2        0        1882275 
000000008407acc2 0   2769357213 00000001 99999    0        0     2        3        1882300 
000000009c57f560 4   0          ffffffff 77777    0        0     2        9        1882281 
`;
  expect(routeListeners(text)).toEqual([
    { inode: 1_882_299, queuedBytes: 58_880, drops: 17 },
    { inode: 1_882_275, queuedBytes: 0, drops: 0 },
  ]);
});

it.each(['', HEAD, 'nonsense', `${HEAD}\n0 0 1 000000c0 x 0 0 2 0 7`, `${HEAD}\n0 0 1 000000c0`])(
  'finds nobody in %j',
  (text) => {
    expect(routeListeners(text)).toEqual([]);
  },
);
