#!/usr/bin/env node
/**
 * Entry point of the benchmarks: builds them and runs those named; when none is named, all but `burst` and `python`.
 *
 *   node bench/run.mjs [replica|netlink|change|start|gateway-change|gateway-start|idle|burst|python]...
 *                      [--rounds N] [--sizes 1,100,...]
 *                      [--output table|json] [--document] [--profile DIR] [--drivers nb,sb] [--turns FILE]
 *
 * Needs root, the built native part (`npm run build:native`), and the Debian packages that docs/performance.md names.
 * Progress goes to standard error, results to standard output. Exit status: 1 when a benchmark failed, 2 for wrong usage.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

function run(args) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: PROJECT, stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

process.exitCode =
  run(['node_modules/typescript/bin/tsc', '-p', 'bench/tsconfig.json']) ||
  run(['dist/bench/main.js', ...process.argv.slice(2)]);
