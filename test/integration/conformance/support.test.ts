/** The table of what is supported: the page says what the table says, and every cell names a test that exists. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasTitle } from './proofs.ts';
import { SUPPORT } from './support.ts';
import { supportPage } from './support-page.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('docs/reference/support.md', () => {
  it('is what the table says', async () => {
    await expect(supportPage()).toMatchFileSnapshot(join(ROOT, 'docs/reference/support.md'));
  });

  it('has no kind twice', () => {
    const kinds = SUPPORT.map(({ kind }) => kind);
    expect(kinds.filter((kind, index) => kinds.indexOf(kind) !== index)).toEqual([]);
  });

  it.each(SUPPORT)('$kind: the tests that show it exist', ({ northbound, southbound, ovn }) => {
    for (const { proof } of [northbound, southbound, ovn]) {
      const text = readFileSync(join(ROOT, proof.file), 'utf8');
      expect(hasTitle(text, proof.title), `${proof.file}: ${proof.title}`).toBe(true);
    }
  });
});
