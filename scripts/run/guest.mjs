/**
 * Commands that run in a guest: a machine of its own kernel and Debian suite, booted for the command and gone after it.
 *
 * `--kernel own|uml` chooses; `--suite`, `--uml-binary` and `--memory` say what the guest is made of, as for `lab up`.
 */
import { Failure, PROJECT } from './process.mjs';

const KERNELS = ['own', 'uml'];
const GUEST_OPTIONS = ['--suite', '--uml-binary', '--memory', '--cache', '--mirror'];

/** Takes `--kernel` and the guest's options out of a command line; `guest` is absent where no guest is asked for. */
export function guestFlags(args) {
  const { options: kernels, rest: others } = takeOptions(args, ['--kernel']);
  const { guest, rest } = guestOptions(others);
  const kernel = kernels.at(-1) ?? 'own';
  if (!KERNELS.includes(kernel)) throw new Failure(`no kernel ${kernel}: ${KERNELS.join(', ')}`);
  if (kernel === 'uml') return { guest, rest };
  if (guest.length > 0) throw new Failure(`${guest[0]} is for guests: add --kernel uml`);
  return { guest: undefined, rest };
}

/** Takes the guest's options alone out of a command line. */
export function guestOptions(args) {
  const { options, rest } = takeOptions(args, GUEST_OPTIONS);
  return { guest: options, rest };
}

/** Splits off options that have a value, as `--name value` or `--name=value`; `options` has both as words of their own. */
function takeOptions(args, names) {
  const rest = [];
  const options = [];
  for (let index = 0; index < args.length; index++) {
    const [name, joined] = args[index].split(/=(.*)/s);
    if (!names.includes(name)) {
      rest.push(args[index]);
      continue;
    }
    const value = joined ?? args[++index];
    if (value === undefined) throw new Failure(`${name} wants a value`);
    options.push(name, value);
  }
  return { options, rest };
}

/**
 * Arguments for Node.js here that run Node.js with `args` in a guest; `share`: a directory that it may write to;
 * `environment`: what it finds in its environment besides the guest's own.
 */
export function inGuest(flags, args, { share, environment = {} } = {}) {
  const sharing = share === undefined ? [] : ['--share', share];
  const name = `run-${process.pid}`;
  const settings = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const command = ['env', ...settings, 'node', ...args];
  return [
    `${PROJECT}/dist/lab/main.js`,
    '--name',
    name,
    'guest',
    'run',
    ...flags,
    ...sharing,
    '--',
    ...command,
  ];
}

/** What of this environment is meant for the tests (test/e2e/faults/). */
export function testSettings() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name === 'UPDATE_DOCS' || name.startsWith('DRILL_')),
  );
}
