/**
 * Prints the directory of a suite's root file system, made first where it is not there: for what runs programs of another
 * Debian release without a guest. Progress goes to standard error. Exit status 69 when it cannot be made.
 */
import { LabError } from '../machine.ts';
import { progressPrinter } from '../terminal.ts';
import { provide } from './cache.ts';
import { DEFAULT_CACHE, DEFAULT_MIRROR, rootRecipe, SUITES, type Suite } from './recipe.ts';

const [suite] = process.argv.slice(2);
if (!isSuite(suite)) {
  process.stderr.write(`no suite ${suite ?? ''}: ${SUITES.join(', ')}\n`);
  process.exitCode = 2;
} else {
  try {
    const print = progressPrinter((text) => void process.stderr.write(text));
    process.stdout.write(`${await provide(DEFAULT_CACHE, rootRecipe(suite, DEFAULT_MIRROR), print)}\n`);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 69;
  }
}

function isSuite(name: string | undefined): name is Suite {
  return (SUITES as readonly string[]).includes(name ?? '');
}
