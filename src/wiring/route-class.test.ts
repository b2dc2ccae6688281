import { expect, test } from 'vitest';
import { routeClasses, routeClassOf } from './route-class.ts';

const SETTINGS = {
  communities: [
    { selector: 'tag:gold', communities: ['64999:7'], largeCommunities: [] },
    { selector: 'gateway', communities: ['64999:1'], largeCommunities: ['1:2:3'] },
  ],
  meds: [
    { selector: 'gateway', med: 10 },
    { selector: 'tag:backup', med: 200 },
  ],
};

test('classes have one entry for each kind or tag with settings, by fixed numbers', () => {
  expect(routeClasses(SETTINGS)).toEqual([
    { number: 4, metric: 17904, communities: ['64999:1'], largeCommunities: ['1:2:3'], med: 10 },
    { number: 64, metric: 17964, communities: ['64999:7'], largeCommunities: [] },
    { number: 65, metric: 17965, communities: [], largeCommunities: [], med: 200 },
  ]);
  expect(routeClasses({ communities: [], meds: [] })).toEqual([]);
});

test.each([
  [{ kind: 'gateway' as const }, 4],
  [{ kind: 'floating-ip' as const }, 0],
  [{ kind: 'gateway' as const, tag: 'gold' }, 64],
  [{ kind: 'floating-ip' as const, tag: 'backup' }, 65],
  // A tag without settings is only a word.
  [{ kind: 'gateway' as const, tag: 'silver' }, 4],
])('%o belongs to class %i', (exposure, number) => {
  expect(routeClassOf(exposure, SETTINGS)).toBe(number);
});

test('another tag at the end renumbers nothing', () => {
  const more = { ...SETTINGS, meds: [...SETTINGS.meds, { selector: 'tag:new', med: 1 }] };
  expect(routeClassOf({ kind: 'gateway', tag: 'gold' }, more)).toBe(64);
  expect(routeClassOf({ kind: 'gateway', tag: 'backup' }, more)).toBe(65);
});
