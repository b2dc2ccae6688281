/**
 * Breaks each required deviation and each promise in turn and sees that a test which is named as its proof fails.
 *
 * Every case runs the named tests in a process of its own, against source with one mutation in it. Slow, so apart from the
 * other tests: `npm run test:mutations`.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTATIONS, PROVEN, titlePattern } from './mutations.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

/** What vitest's JSON report has of each file. */
interface FileReport {
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
}

const CASES = MUTATIONS.map(({ id, what }, position) => [`${id}: ${what}`, id, position] as const);

/** Named tests that failed, by the number of the deviation. */
const failed = new Map<string, string[]>();

describe('a test fails when', () => {
  it.each(CASES)('%s', (_, id, position) => {
    const run = spawnSync(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        '--config',
        'test/mutations/vitest.config.ts',
        '--reporter=json',
      ],
      {
        cwd: PROJECT,
        env: { ...process.env, MUTATION: String(position) },
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    const begin = run.stdout.indexOf('{"num');
    expect(begin, `no report: ${run.stderr.slice(-2000)}${run.stdout.slice(-2000)}`).toBeGreaterThanOrEqual(
      0,
    );
    const { testResults } = JSON.parse(run.stdout.slice(begin)) as { testResults: FileReport[] };
    // A file that cannot be loaded fails for a reason of its own.
    expect(testResults.filter(({ assertionResults }) => assertionResults.length === 0)).toEqual([]);
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failures = results.filter(({ status }) => status === 'failed');
    const titles = failures.map(({ fullName }) => fullName);
    failed.set(id, [...(failed.get(id) ?? []), ...titles]);
    expect(titles).not.toEqual([]);
  });
});

/** Of the deviations that were broken in this run. */
it('every test that is named as a proof fails once', () => {
  const idle = PROVEN.filter(({ id }) => failed.has(id)).flatMap(({ id, proofs }) =>
    proofs
      .filter(({ title }) => !failed.get(id)?.some((name) => new RegExp(titlePattern(title)).test(name)))
      .map(({ title }) => `${id}: ${title}`),
  );
  expect(idle).toEqual([]);
});
