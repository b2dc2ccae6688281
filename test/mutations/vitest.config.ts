/**
 * Runs the tests that prove one deviation or promise against source with one mutation in it. No file is touched: the text is
 * replaced on its way into the tests.
 *
 * In: `MUTATION`, the position of the mutation in `mutations.ts`. Throws when the source has not exactly one place for it.
 */
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { MUTATIONS, PROVEN, titlePattern } from './mutations.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

const mutation = MUTATIONS[Number(process.env.MUTATION)];
if (mutation === undefined) throw new Error(`MUTATION is none of 0 to ${MUTATIONS.length - 1}`);
const proofs = PROVEN.find(({ id }) => id === mutation.id)?.proofs ?? [];
const target = resolve(PROJECT, mutation.file);

export default defineConfig({
  root: PROJECT,
  plugins: [
    {
      name: 'mutation',
      enforce: 'pre',
      transform(code, id) {
        if (id.split('?')[0] !== target) return undefined;
        const parts = code.split(mutation.from);
        if (parts.length !== 2) throw new Error(`${mutation.file} has ${parts.length - 1} places for it`);
        return { code: parts.join(mutation.to), map: null };
      },
    },
  ],
  test: {
    include: [...new Set(proofs.map(({ file }) => file))],
    testNamePattern: new RegExp(proofs.map(({ title }) => titlePattern(title)).join('|')),
    expect: { poll: { timeout: 10_000 } },
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
