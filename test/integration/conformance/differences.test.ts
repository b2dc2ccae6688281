/** The list of differences itself: the page says what the tests let pass, and every row that is not compared is shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ADOPTION_DIFFERENCES,
  DRIVER_DIFFERENCES,
  PROVEN_DIFFERENCES,
  STATE_DIFFERENCES,
} from './differences.ts';
import { differencesPage } from './differences-page.ts';

const ROOT = join(import.meta.dirname, '../../..');

describe('docs/differences.md', () => {
  it('is what the tables say', async () => {
    await expect(differencesPage()).toMatchFileSnapshot(join(ROOT, 'docs/differences.md'));
  });

  it('has no row twice', () => {
    const rows = [
      ...STATE_DIFFERENCES,
      ...ADOPTION_DIFFERENCES,
      ...DRIVER_DIFFERENCES,
      ...PROVEN_DIFFERENCES,
    ].map(({ what }) => what);
    expect(rows.filter((row, index) => rows.indexOf(row) !== index)).toEqual([]);
  });

  it('has no row of the compared states that shows nowhere', () => {
    const idle = [
      ...STATE_DIFFERENCES.filter(({ captured, computed }) => captured.length + computed.length === 0),
      ...ADOPTION_DIFFERENCES.filter(({ changed }) => changed.length === 0),
      ...DRIVER_DIFFERENCES.filter(({ northbound }) => Object.values(northbound).flat().length === 0),
    ];
    expect(idle).toEqual([]);
  });

  it.each(PROVEN_DIFFERENCES)('$what: the test that shows it exists', ({ proof }) => {
    expect(readFileSync(join(ROOT, proof.file), 'utf8')).toContain(proof.title);
  });
});
