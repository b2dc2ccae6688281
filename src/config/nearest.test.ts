import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './nearest.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['abc', 'axc', 1],
    ['abc', 'abxc', 1],
    ['abc', 'acb', 1],
    ['abcd', 'badc', 2],
    ['kitten', 'sitting', 3],
  ])('%j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is symmetric and zero only for equals', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe('nearestName', () => {
  const names = ['bgp_AS', 'bgp_nic', 'bgp_vrf', 'driver', 'log_file'];
  it.each([
    ['bgp_as', 'bgp_AS'],
    ['bgp-nic', 'bgp_nic'],
    ['drvier', 'driver'],
    ['log-file', 'log_file'],
    ['logfile', 'log_file'],
    ['bgp_vrf_', 'bgp_vrf'],
    ['completely_else', undefined],
    ['x', undefined],
    ['', undefined],
  ])('%j means %j', (word, meant) => {
    expect(nearestName(word, names)).toBe(meant);
  });
});
