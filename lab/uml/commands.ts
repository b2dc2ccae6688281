/**
 * The part of the lab's command line that is about guests: labs in them, the guests themselves, and their cache.
 *
 * A lab in a guest is the same lab with the same commands: the command line is run again in the guest, where it finds
 * the lab on that machine's own kernel.
 */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROJECT_DIRECTORY } from '../lab.ts';
import { LocalMachine } from '../local-machine.ts';
import { LabError } from '../machine.ts';
import { type Print, progressPrinter, table } from '../terminal.ts';
import { cacheEntries, isLocked, removeEntry } from './cache.ts';
import { Guest } from './guest.ts';
import { DEFAULT_CACHE, DEFAULT_MIRROR, DEFAULT_SUITE, SUITES, type Suite } from './recipe.ts';

/** The lab's command line, as the guest finds it. */
const LAB_PROGRAM = `${PROJECT_DIRECTORY}/dist/lab/main.js`;

export interface GuestFlags {
  readonly suite: Suite;
  readonly umlBinary?: string;
  readonly memory?: number;
  readonly cache: string;
  readonly mirror: string;
  readonly share?: string;
}

/** The options that say what a guest is made of. */
export function withGuestOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--suite <suite>', "the guest's Debian suite").choices(SUITES).default(DEFAULT_SUITE),
    )
    .option('--uml-binary <file>', "a static User Mode Linux of your own instead of Debian's")
    .option('--memory <MiB>', "the guest's memory", wholeNumber)
    .option('--cache <directory>', 'where root file systems and kernels are kept', DEFAULT_CACHE)
    .option('--mirror <url>', 'where Debian packages come from', DEFAULT_MIRROR)
    .option('--share <directory>', 'a directory that the guest may write to, under the same path');
}

export async function bootGuest(name: string, flags: GuestFlags, print: Print): Promise<Guest> {
  return Guest.up(
    {
      name,
      suite: flags.suite,
      cache: resolve(flags.cache),
      mirror: flags.mirror,
      ...(flags.umlBinary === undefined ? {} : { binary: resolve(flags.umlBinary) }),
      ...(flags.memory === undefined ? {} : { memoryMb: flags.memory }),
      ...(flags.share === undefined ? {} : { share: resolve(flags.share) }),
    },
    progressPrinter(print),
  );
}

/** Runs a command line of the lab in the guest; returns its exit status. */
export function runLabIn(guest: Guest, argv: readonly string[]): Promise<number> {
  return guest.run(['node', LAB_PROGRAM, ...argv]);
}

export interface GuestCommandContext {
  readonly print: Print;
  readonly name: () => string;
  readonly exit: (code: number) => void;
}

export function addGuestCommands(program: Command, { print, name, exit }: GuestCommandContext): void {
  const guest = program
    .command('guest')
    .description('machines of their own kernel (User Mode Linux), with or without a lab in them')
    .enablePositionalOptions();

  withGuestOptions(guest.command('up').description('boot a guest, without a lab in it')).action(
    async (flags: GuestFlags) => {
      await bootGuest(name(), flags, print);
    },
  );

  guest
    .command('exec')
    .description('run a command in a guest, outside of the lab in it')
    .argument('<command...>')
    .passThroughOptions()
    .action(async (command: readonly string[]) => {
      exit(await (await standing(name())).run(withoutSeparator(command), PROJECT_DIRECTORY));
    });

  guest
    .command('sh')
    .description('a shell in a guest')
    .action(async () => {
      exit(await (await standing(name())).run(['bash', '--norc', '-i']));
    });

  withGuestOptions(
    guest
      .command('run')
      .description("boot a guest, run a command in it in the project's directory, and take it away")
      .argument('<command...>')
      .passThroughOptions(),
  ).action(async (command: readonly string[], flags: GuestFlags) => {
    exit(await runOnce(name(), flags, withoutSeparator(command), print));
  });

  guest
    .command('console')
    .description("what the guest's kernel and its first program have said")
    .action(async () => {
      print(((await Guest.console(name())) ?? '').trimEnd());
    });

  guest
    .command('cache')
    .description('root file systems and kernels that are kept, with their sizes')
    .option('--cache <directory>', 'where they are kept', DEFAULT_CACHE)
    .option('--clear', 'remove all that no guest uses just now')
    .action(async ({ cache, clear }: { cache: string; clear?: true }) => {
      await showCache(resolve(cache), clear === true, print);
    });
}

async function runOnce(
  name: string,
  flags: GuestFlags,
  command: readonly string[],
  print: Print,
): Promise<number> {
  const stoodBefore = (await Guest.names()).includes(name);
  try {
    const guest = await bootGuest(name, flags, print);
    return await guest.run(command, PROJECT_DIRECTORY);
  } finally {
    if (!stoodBefore) await Guest.down(name);
  }
}

async function standing(name: string): Promise<Guest> {
  const guest = await Guest.find(name);
  if (guest === undefined) throw new LabError('absent', `there is no guest "${name}": bring it up first`);
  return guest;
}

async function showCache(cache: string, clear: boolean, print: Print): Promise<void> {
  const machine = new LocalMachine();
  const used = new Set((await Promise.all((await Guest.names()).map(usedBy))).flat());
  const rows = [['SIZE', 'STATE', 'DIRECTORY']];
  for (const entry of await cacheEntries(cache)) {
    const building = entry.kind === 'unfinished' && (await isLocked(entry.path));
    const inUse = used.has(entry.path) || building;
    const { stdout } = await machine.run(['du', '--summarize', '--human-readable', entry.path], {
      check: false,
      timeoutMs: 120_000,
    });
    if (clear && !inUse) await removeEntry(entry);
    const state = building ? 'being built' : inUse ? 'in use' : clear ? 'removed' : entry.kind;
    rows.push([stdout.split('\t')[0] ?? '?', state, entry.path]);
  }
  for (const line of table(rows)) print(line);
}

async function usedBy(name: string): Promise<readonly string[]> {
  try {
    return (await Guest.find(name))?.record.uses ?? [];
  } catch (error) {
    // The remains of a guest use nothing.
    if (error instanceof LabError) return [];
    throw error;
  }
}

function withoutSeparator(command: readonly string[]): readonly string[] {
  return command[0] === '--' ? command.slice(1) : command;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 256)
    throw new InvalidArgumentError('Not a number of MiB, 256 or more.');
  return value;
}
