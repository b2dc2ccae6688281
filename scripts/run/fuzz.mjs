/**
 * `npm run test:fuzz`: the random tests for as long as one wants, one after the other.
 *
 * `--seconds N` runs new seeds for that time in each fuzzer; `--seed N` runs that one, or begins there; `--suite SUITE`
 * takes the OVSDB servers of that Debian suite instead of this machine's. What is left goes to vitest (`-t NAME`).
 */
import { capture, Failure, run, vitest } from './process.mjs';

const SETTINGS = { '--seconds': 'FUZZ_SECONDS', '--seed': 'FUZZ_SEED' };

/** Takes the fuzzers' options out of a command line. */
export function fuzzOptions(args) {
  const environment = {};
  const rest = [];
  let suite;
  for (let index = 0; index < args.length; index++) {
    const [name, joined] = args[index].split(/=(.*)/s);
    if (name !== '--suite' && !Object.hasOwn(SETTINGS, name)) {
      rest.push(args[index]);
      continue;
    }
    const value = joined ?? args[++index];
    if (name === '--suite') suite = value;
    else if (/^\d{1,9}$/.test(value ?? '')) environment[SETTINGS[name]] = value;
    else throw new Failure(`${name} wants a whole number, not ${value ?? 'nothing'}`);
  }
  return { environment, suite, rest };
}

export async function fuzz({ environment, suite, rest }) {
  const root = suite === undefined ? {} : { OVSDB_SERVER_ROOT: await rootOf(suite) };
  return run(process.execPath, vitest(['--project', 'fuzz', ...rest]), {
    ...process.env,
    ...environment,
    ...root,
  });
}

async function rootOf(suite) {
  const { code, output } = await capture(process.execPath, ['dist/lab/uml/root-main.js', suite]);
  const lines = output.trimEnd().split('\n');
  if (code !== 0) throw new Failure(lines.join('\n'));
  return lines.at(-1);
}
