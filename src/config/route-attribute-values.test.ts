import { describe, expect, test } from 'vitest';
import { communitiesType, medType } from './route-attribute-values.ts';

describe('communities', () => {
  test.each([
    ['floating-ip=64999:100', 'floating-ip=64999:100'],
    [' tag:gold = no-export + 1:2+1:1+1:2 ', 'tag:gold=1:1+1:2+no-export'],
    ['gateway=4294967295:0:1+64999:0', 'gateway=64999:0+4294967295:0:1'],
    ['vip=9:1:1+10:1:1', 'vip=9:1:1+10:1:1'],
  ])('%s', (text, canonical) => {
    const parsed = communitiesType.parse(text);
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(communitiesType.format(parsed.value)).toBe(canonical);
  });

  test.each([
    ['floating-ip', 'has no "="'],
    ['floating-ip=', 'gives no value'],
    ['floatingip=1:1', 'meant: floating-ip?'],
    ['nonsense=1:1', 'one of provider-port'],
    ['tag:=1:1', 'names a tag'],
    ['tag:a b=1:1', 'names a tag'],
    ['gateway=65536:1', 'is no community'],
    ['gateway=1:65536', 'is no community'],
    ['gateway=01:1', 'is no community'],
    ['gateway=65535:666', 'is no community'],
    ['gateway=1:2:4294967296', 'is no community'],
    ['gateway=1:2:3:4', 'is no community'],
    ['gateway=1:1+', 'is no community'],
    ['gateway=1:1\nrouter bgp 1', 'is no community'],
    ['gateway=no-export additive', 'is no community'],
  ])('refuse %s', (text, problem) => {
    expect(communitiesType.parse(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });
});

test.each([
  ['gateway=0', 0],
  ['tag:backup=4294967295', 4294967295],
])('MED %s', (text, med) => {
  expect(medType.parse(text)).toMatchObject({ ok: true, value: { med } });
});

test.each(['gateway=-1', 'gateway=4294967296', 'gateway=1e3', 'gateway=+1'])('no MED %s', (text) => {
  expect(medType.parse(text).ok).toBe(false);
});
