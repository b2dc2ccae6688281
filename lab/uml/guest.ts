/**
 * A guest: a machine of its own kernel and suite, made of User Mode Linux, in which a lab stands as on any machine.
 *
 * `Guest.up` provides root file system and kernel from the cache and boots; `Guest.find` finds one that runs; `run` runs a
 * command in it on the caller's streams. Guests are known by name and stand side by side. The state directory is
 * `/run/ovn-bgp-agent-guests/<name>`; the guest's processes end together, and with them go its memory, mounts and
 * network. Fails with a `LabError` that quotes the console.
 */
import { spawn } from 'node:child_process';
import { access, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT_DIRECTORY } from '../lab.ts';
import { LocalMachine } from '../local-machine.ts';
import { LabError } from '../machine.ts';
import { type Progress, Steps } from '../progress.ts';
import { isAlive, labPaths, type ProcessIdentity, recordedProcess } from '../state.ts';
import { type Seen, until, untilTrue } from '../until.ts';
import { type BootPlan, bootCommand, filesOf } from './boot.ts';
import { provide } from './cache.ts';
import { FAILED_LINE, initScript, LINK, READY_LINE } from './guest-init.ts';
import {
  DEFAULT_CACHE,
  DEFAULT_MIRROR,
  DEFAULT_SUITE,
  hasNode,
  kernelRecipe,
  rootRecipe,
  type Suite,
} from './recipe.ts';
import { bootHint, missingForGuests } from './requirements.ts';

export const GUEST_ROOT = '/run/ovn-bgp-agent-guests';

export interface GuestOptions {
  readonly name: string;
  readonly suite?: Suite;
  /** A statically linked `linux` of User Mode Linux with everything built in, instead of Debian's. */
  readonly binary?: string;
  readonly memoryMb?: number;
  /** Debian packages beyond those of every guest. */
  readonly packages?: readonly string[];
  readonly cache?: string;
  readonly mirror?: string;
  /** A directory of the machine that the guest sees under the same path, and may write to. */
  readonly share?: string;
}

/** What runs, as it is written down. */
export interface GuestRecord {
  readonly suite: Suite;
  /** Directories that must stay while the guest runs. */
  readonly uses: readonly string[];
  readonly memoryMb: number;
}

const DEFAULT_MEMORY_MB = 3072;
const BOOT_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 20_000;
const HOST_NODE = '/lab/node/node';

const machine = new LocalMachine();

export class Guest {
  readonly name: string;
  readonly record: GuestRecord;
  readonly #process: ProcessIdentity;

  private constructor(name: string, record: GuestRecord, process: ProcessIdentity) {
    this.name = name;
    this.record = record;
    this.#process = process;
  }

  /** Boots a guest; what a failed boot leaves stays for inspection until `down`. */
  static async up(options: GuestOptions, progress: Progress = () => undefined): Promise<Guest> {
    const { name, suite = DEFAULT_SUITE, cache = DEFAULT_CACHE, mirror = DEFAULT_MIRROR } = options;
    const directory = directoryOf(name);
    if (options.binary !== undefined) await requireExecutable(options.binary);
    const memoryMb = options.memoryMb ?? DEFAULT_MEMORY_MB;
    const missing = await missingForGuests({ memoryMb, ownBinary: options.binary !== undefined });
    if (missing !== undefined) throw new LabError('machine', missing);
    const root = await provide(cache, rootRecipe(suite, mirror, options.packages), progress);
    const kernel =
      options.binary === undefined ? await provide(cache, kernelRecipe(mirror), progress) : undefined;
    await claim(name, directory);
    const plan: BootPlan = {
      name,
      directory,
      root,
      project: PROJECT_DIRECTORY,
      memoryMb,
      ...(kernel === undefined ? {} : { kernel }),
      ...(options.binary === undefined ? {} : { binary: options.binary }),
      ...(hasNode(suite) ? {} : { node: dirname(process.execPath) }),
      ...(options.share === undefined ? {} : { share: options.share }),
    };
    const steps = new Steps(progress);
    const identity = await steps.run(`guest "${name}" boots (Debian ${suite})`, () => boot(plan, suite));
    const uses = [root, ...(kernel === undefined ? [] : [kernel])];
    const record: GuestRecord = { suite, uses, memoryMb: plan.memoryMb };
    await machine.files.write(`${directory}/guest.json`, `${JSON.stringify(record, undefined, 2)}\n`);
    return new Guest(name, record, identity);
  }

  /** A guest that runs; `undefined` when there is nothing of that name. Fails on the remains of one. */
  static async find(name: string): Promise<Guest | undefined> {
    const directory = directoryOf(name);
    if (!(await machine.files.exists(directory))) return undefined;
    const [identity, text] = await Promise.all([
      recordedProcess(machine, `${directory}/process`),
      machine.files.read(`${directory}/guest.json`),
    ]);
    if (identity === undefined || text === undefined || !(await isAlive(machine, identity))) {
      const console = await consoleTail(directory);
      throw new LabError(
        'broken',
        `guest "${name}" has ended or never came up: take it down first${console}`,
      );
    }
    return new Guest(name, JSON.parse(text) as GuestRecord, identity);
  }

  static async names(): Promise<readonly string[]> {
    return machine.files.list(GUEST_ROOT);
  }

  /** What the guest has said so far, also of one that did not come up. */
  static console(name: string): Promise<string | undefined> {
    return machine.files.read(`${directoryOf(name)}/console`);
  }

  /** Ends a guest, whatever state it is in; false when there was nothing. */
  static async down(name: string): Promise<boolean> {
    const directory = directoryOf(name);
    if (!(await machine.files.exists(directory))) return false;
    const identity = await recordedProcess(machine, `${directory}/process`);
    if (identity !== undefined && (await isAlive(machine, identity))) {
      // Nothing in a guest outlives it, so there is nothing to shut down in an orderly way.
      await machine.signal(identity.pid, 'SIGKILL');
      const ended = async (): Promise<boolean> => !(await isAlive(machine, identity));
      await untilTrue(`guest "${name}" to end`, ended, { timeoutMs: END_TIMEOUT_MS, everyMs: 10 });
    }
    await machine.files.remove(directory);
    return true;
  }

  /** Runs a command in the guest on the caller's own streams; returns its exit status. */
  run(argv: readonly string[], directory = '/'): Promise<number> {
    return forward(this.#process, argv, directory);
  }

  down(): Promise<boolean> {
    return Guest.down(this.name);
  }
}

function directoryOf(name: string): string {
  // Guests are named after the labs in them.
  return `${GUEST_ROOT}/${labPaths(name).name}`;
}

async function claim(name: string, directory: string): Promise<void> {
  await machine.files.makeDirectory(GUEST_ROOT);
  if (await machine.files.claimDirectory(directory)) return;
  await Guest.find(name);
  throw new LabError('already-up', `there is a guest "${name}" already`);
}

async function boot(plan: BootPlan, suite: Suite): Promise<ProcessIdentity> {
  const { directory, name } = plan;
  const { files } = machine;
  await files.makeDirectory(`${directory}/boot`);
  const script = initScript({
    name,
    project: plan.project,
    node: hasNode(suite) ? '/usr/bin/node' : HOST_NODE,
    files: filesOf(plan),
    ...(plan.share === undefined ? {} : { share: plan.share }),
  });
  await files.write(`${directory}/boot/init`, script, 0o755);
  // Vite's caches are in node_modules, which the guest cannot write to: it puts its memory in their place.
  for (const cache of ['.vite', '.vite-temp']) {
    if (await files.exists(`${plan.project}/node_modules`))
      await files.makeDirectory(`${plan.project}/node_modules/${cache}`);
  }
  const log = `${directory}/boot.log`;
  const started = await machine.start(bootCommand(plan), { log });
  let over = false;
  void (async () => {
    await started.exited;
    over = true;
  })();
  const probe = async (): Promise<Seen<ProcessIdentity>> => {
    const ended = over;
    const console = (await files.read(`${directory}/console`)) ?? '';
    const identity = await recordedProcess(machine, `${directory}/process`);
    if (console.includes(READY_LINE) && identity !== undefined) return { value: identity };
    if (ended || console.includes(FAILED_LINE)) {
      const said = ((await files.read(log)) ?? '').trim();
      const hint = bootHint(`${said}\n${console}`);
      const why = [hint, said].filter((text) => text !== undefined && text !== '').join('\n');
      throw new LabError('guest', `guest "${name}" did not boot: ${why}${await consoleTail(directory)}`);
    }
    return { seen: console.trim().split('\n').at(-1) ?? '' };
  };
  return (await until(`guest "${name}" to boot`, probe, { timeoutMs: BOOT_TIMEOUT_MS, everyMs: 20 })).value;
}

async function consoleTail(directory: string): Promise<string> {
  const text = ((await machine.files.read(`${directory}/console`)) ?? '').trim();
  return text === '' ? '' : `\nits console said:\n  ${text.split('\n').slice(-15).join('\n  ')}`;
}

/** Only a process in the guest's network namespace reaches it. */
function forward(guest: ProcessIdentity, argv: readonly string[], directory: string): Promise<number> {
  // Beside this file, compiled or not.
  const own = fileURLToPath(import.meta.url);
  const program = own.replace(/guest(\.[jt]s)$/, 'forward-main$1');
  const enter = ['--target', `${guest.pid}`, '--net', '--', process.execPath, program];
  const child = spawn('nsenter', [...enter, LINK.guest, `${LINK.port}`, directory, ...argv], {
    stdio: 'inherit',
  });
  // The terminal interrupts all of its processes; the one below passes it on to the guest. Others signal only this one.
  const ignore = (): void => undefined;
  const passOn = (): void => {
    child.kill('SIGTERM');
  };
  process.on('SIGINT', ignore).on('SIGTERM', passOn);
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new LabError('spawn', `cannot enter the guest: ${cause.message}`, { cause })),
    );
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', passOn);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

async function requireExecutable(file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  const executable = await access(file, 1).then(
    () => true,
    () => false,
  );
  if (there?.isFile() !== true || !executable)
    throw new LabError('usage', `${file} is not an executable file`);
}
