import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredObject, ObjectKey } from '../node/objects.ts';
import { DesiredState } from './desired-state.ts';

function sysctl(path: string, because: string): DesiredObject {
  return { object: { kind: 'sysctl', path, value: '1' }, role: 'wire', requires: [], because };
}

function wanted(contributor: string, paths: readonly string[]): [ObjectKey, DesiredObject][] {
  return paths.map((path) => [`sysctl|${path}`, sysctl(path, contributor)]);
}

describe('DesiredState', () => {
  it('keeps an object as long as one contributor wants it', () => {
    const state = new DesiredState();
    const touched = new Set<string>();
    state.replace('a', wanted('a', ['x', 'y']), touched);
    state.replace('b', wanted('b', ['y']), touched);
    expect([...touched].sort()).toEqual(['sysctl|x', 'sysctl|y']);
    state.replace('a', [], new Set());
    expect([...state.objects.keys()]).toEqual(['sysctl|y']);
    expect(state.objects.get('sysctl|y')?.because).toBe('b');
    state.replace('b', [], new Set());
    expect(state.objects.size).toBe(0);
    expect([...state.contributors()]).toEqual([]);
  });

  it('touches what is new, what changed and what is gone', () => {
    const state = new DesiredState();
    state.replace('a', wanted('a', ['x', 'y']), new Set());
    const touched = new Set<string>();
    state.replace('a', wanted('a', ['y', 'z']), touched);
    expect([...touched].sort()).toEqual(['sysctl|x', 'sysctl|y', 'sysctl|z']);
  });

  it('is the union of what its contributors want, whatever the order of events', () => {
    const step = fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.uniqueArray(fc.constantFrom('p', 'q', 'r', 's', 't'), { maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const state = new DesiredState();
        const last = new Map<string, readonly string[]>();
        for (const [contributor, paths] of steps) {
          state.replace(contributor, wanted(contributor, paths), new Set());
          last.set(contributor, paths);
        }
        const expected = new Map<string, DesiredObject>();
        for (const contributor of [...last.keys()].sort().toReversed()) {
          for (const [key, object] of wanted(contributor, last.get(contributor) ?? []))
            expected.set(key, object);
        }
        expect(new Map(state.objects)).toEqual(expected);
        expect(new Set(state.keysOfKind('sysctl'))).toEqual(new Set(expected.keys()));
        expect([...state.keysOfKind('rule')]).toEqual([]);
      }),
    );
  });
});
