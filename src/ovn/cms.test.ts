import { describe, expect, it } from 'vitest';
import { type Cms, madeByNeutron, neutronId } from './cms.ts';

const KEY = 'neutron:network_name';
const NEUTRON = new Map([
  ['ovn-bgp-agent:expose', 'true'],
  [KEY, 'neutron-1'],
]);
const EMPTY_TEXT = new Map([[KEY, '']]);
const PLAIN = new Map([
  ['ovn-bgp-agent:expose', 'true'],
  ['not-neutron:x', 'y'],
]);
const NOTHING = new Map<string, string>();

describe('a row is made by Neutron', () => {
  it.each<[Cms, ReadonlyMap<string, string>, boolean]>([
    ['auto', NEUTRON, true],
    ['auto', EMPTY_TEXT, true],
    ['auto', PLAIN, false],
    ['auto', NOTHING, false],
    ['neutron', NEUTRON, true],
    ['neutron', NOTHING, true],
    ['ovn', NEUTRON, false],
    ['ovn', NOTHING, false],
  ])('with cms = %s and external_ids %o: %s', (cms, ids, expected) => {
    expect(madeByNeutron(ids, cms)).toBe(expected);
  });
});

describe('what Neutron says', () => {
  it.each<[Cms, ReadonlyMap<string, string>, string | undefined]>([
    ['auto', NEUTRON, 'neutron-1'],
    ['auto', EMPTY_TEXT, undefined],
    ['auto', PLAIN, undefined],
    ['neutron', NEUTRON, 'neutron-1'],
    ['neutron', EMPTY_TEXT, undefined],
    ['neutron', NOTHING, undefined],
    ['ovn', NEUTRON, undefined],
  ])('counts with cms = %s and external_ids %o as %s', (cms, ids, expected) => {
    expect(neutronId(ids, KEY, cms)).toBe(expected);
  });
});
