import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'mutations',
          include: ['test/mutations/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'unit',
          // How long a poll waits in vain: only a failure takes it, and a busy machine needs it.
          expect: { poll: { timeout: 10_000 } },
          include: [
            'src/**/*.test.ts',
            'lab/**/*.test.ts',
            'test/house/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
          ],
          pool: 'threads',
          isolate: false,
          // Property tests of a busy machine; none waits for anything.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          // How long a poll waits in vain: only a failure takes it, and a busy machine needs it.
          expect: { poll: { timeout: 10_000 } },
          include: ['test/integration/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // Random tests, run for as long as one wants; `unit` and `integration` have a few seeds of each.
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts', 'test/integration/**/fuzz-*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/faults.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/e2e/faults.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
