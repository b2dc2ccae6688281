/** Every required deviation has its tests, or is openly not in this version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTATIONS } from '../../mutations/mutations.ts';
import { DEVIATIONS } from './deviations.ts';
import { hasTitle } from './proofs.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('the required deviations', () => {
  it('are all there, in order', () => {
    const all = Array.from({ length: 30 }, (_, index) => `D-${String(index + 1).padStart(2, '0')}`);
    expect(DEVIATIONS.map(({ id }) => id)).toEqual(all);
  });

  it.each(DEVIATIONS)('$id: $what', ({ proofs, notInThisVersion }) => {
    expect(proofs.length > 0 || notInThisVersion !== undefined).toBe(true);
    for (const { file, title } of proofs) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      expect(hasTitle(text, title), `${file}: ${title}`).toBe(true);
    }
  });

  it('are each taken out of the source once, in a place that is there (npm run test:mutations)', () => {
    const broken = new Set(MUTATIONS.map(({ id }) => id));
    const proven = DEVIATIONS.filter(({ notInThisVersion }) => notInThisVersion === undefined);
    expect(proven.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([]);
    for (const { id, what, file, from } of MUTATIONS) {
      const places = readFileSync(join(ROOT, file), 'utf8').split(from).length - 1;
      expect(places, `${id}, ${what}: places for it in ${file}`).toBe(1);
    }
  });
});
