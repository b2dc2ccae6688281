/** Every trap of the method `ovn` has its tests, under the titles that the table says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTitle } from '../conformance/proofs.ts';
import { TRAPS } from './traps.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('the traps of the method ovn', () => {
  it('are all there, in order', () => {
    expect(TRAPS.map(({ id }) => id)).toEqual(Array.from({ length: 19 }, (_, index) => `T${index + 1}`));
  });

  it.each(TRAPS)('$id: $what', ({ tests }) => {
    expect(tests).not.toEqual([]);
    for (const { file, title } of tests) {
      expect(hasTitle(readFileSync(join(ROOT, file), 'utf8'), title), `${file}: ${title}`).toBe(true);
    }
  });
});
