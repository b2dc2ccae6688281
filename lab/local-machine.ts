/** This machine's own kernel, file system and process table as a `Machine`. */
import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { constants, release } from 'node:os';
import {
  type Capabilities,
  CommandError,
  LAB_PATH,
  LabError,
  type Machine,
  type MachineFiles,
  type RunOptions,
  type RunResult,
  type StartedProcess,
  type StartOptions,
} from './machine.ts';

/** A guest with one processor, on a machine that has other work, needs a minute for what takes seconds elsewhere. */
const DEFAULT_TIMEOUT_MS = 120_000;
// Programs leave files at home (vtysh its history): in a node, /tmp is the node's own.
const ENVIRONMENT = { PATH: LAB_PATH, HOME: '/tmp', LC_ALL: 'C', TERM: 'dumb' };

export class LocalMachine implements Machine {
  readonly description = 'this machine';
  readonly files: MachineFiles = localFiles;
  #capabilities: Promise<Capabilities> | undefined;

  /** Tries each kind of device in a network namespace that ends with the attempt; asked of the kernel once. */
  capabilities(): Promise<Capabilities> {
    this.#capabilities ??= this.#probe();
    return this.#capabilities;
  }

  async #probe(): Promise<Capabilities> {
    const can = async (...command: string[]): Promise<boolean> =>
      (await this.run(['unshare', '--net', ...command], { check: false })).code === 0;
    const link = (...type: string[]): Promise<boolean> => can('ip', 'link', 'add', 'probe0', ...type);
    const [vrf, dummy, vlan, geneve, openvswitch, conntrackZones] = await Promise.all([
      link('type', 'vrf', 'table', '10'),
      link('type', 'dummy'),
      link('link', 'lo', 'type', 'vlan', 'id', '100'),
      link('type', 'geneve', 'id', '1', 'remote', '192.0.2.1'),
      can('genl', 'ctrl', 'get', 'name', 'ovs_datapath'),
      // The one user of zones that can be asked without a data path; the kernel refuses where it was built without.
      can('tc', 'actions', 'add', 'action', 'ct', 'zone', '5'),
    ]);
    return { kernel: release(), vrf, dummy, vlan, geneve, openvswitch, conntrackZones };
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [file, ...args] = argv;
    if (file === undefined) throw new TypeError('an empty command');
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        cwd: '/',
        env: ENVIRONMENT,
        // Its own process group, so that a time-out reaches what the command started, also inside a namespace.
        detached: true,
        stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
      const output = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream]?.setEncoding('utf8');
        child[stream]?.on('data', (chunk: string) => {
          output[stream] += chunk;
        });
      }
      let verdict: string | undefined;
      const stop = (why: string): void => {
        verdict ??= why;
        killGroup(child.pid);
      };
      const timer = setTimeout(() => stop(`still running after ${timeoutMs} ms, killed`), timeoutMs);
      const onAbort = (): void => stop('aborted');
      if (options.signal?.aborted === true) onAbort();
      options.signal?.addEventListener('abort', onAbort, { once: true });
      const finish = (): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
      };
      child.once('error', (cause) => {
        finish();
        reject(
          new LabError('spawn', `cannot run ${file} on ${this.description}: ${cause.message}`, { cause }),
        );
      });
      child.once('close', (code, signal) => {
        finish();
        const result: RunResult = { code: exitStatus(code, signal), ...output };
        if (verdict !== undefined) reject(new CommandError(argv, result, verdict));
        else if (result.code !== 0 && options.check !== false) {
          reject(new CommandError(argv, result, `exit status ${result.code}`));
        } else resolve(result);
      });
      // A command may end without reading its input; that is its exit status' business.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input);
    });
  }

  async start(argv: readonly string[], options: StartOptions): Promise<StartedProcess> {
    const [file, ...args] = argv;
    if (file === undefined) throw new TypeError('an empty command');
    const log = await open(options.log, 'a');
    try {
      const child = spawn(file, args, {
        cwd: '/',
        env: ENVIRONMENT,
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      const exited = new Promise<number>((resolve) => {
        child.once('exit', (code, signal) => resolve(exitStatus(code, signal)));
      });
      const { pid } = child;
      if (pid === undefined) {
        const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
        throw new LabError('spawn', `cannot start ${file} on ${this.description}: ${cause.message}`, {
          cause,
        });
      }
      child.unref();
      return { pid, exited };
    } finally {
      await log.close();
    }
  }

  interact(argv: readonly string[]): Promise<number> {
    const [file, ...args] = argv;
    if (file === undefined) throw new TypeError('an empty command');
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { stdio: 'inherit' });
      // The terminal sends an interrupt to the command as well; only the command decides what it means.
      const ignore = (): void => undefined;
      process.on('SIGINT', ignore);
      const finish = (): void => {
        process.off('SIGINT', ignore);
      };
      child.once('error', (cause) => {
        finish();
        reject(
          new LabError('spawn', `cannot run ${file} on ${this.description}: ${cause.message}`, { cause }),
        );
      });
      child.once('exit', (code, signal) => {
        finish();
        resolve(exitStatus(code, signal));
      });
    });
  }

  async signal(pid: number, signal: NodeJS.Signals): Promise<boolean> {
    try {
      return process.kill(pid, signal);
    } catch (error) {
      if (errorCode(error) === 'ESRCH') return false;
      throw error;
    }
  }
}

const localFiles: MachineFiles = {
  read: (path) => absentAs(readFile(path, 'utf8'), undefined),
  write: (path, text, mode = 0o644) => writeFile(path, text, { mode }),
  link: (path) => absentAs(readlink(path), undefined),
  list: async (path) => (await absentAs(readdir(path), [])).sort((a, b) => (a < b ? -1 : 1)),
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true });
  },
  claimDirectory: async (path) => {
    try {
      await mkdir(path);
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  exists: async (path) => (await absentAs(stat(path), undefined)) !== undefined,
};

async function absentAs<T, A>(value: Promise<T>, absent: A): Promise<T | A> {
  try {
    return await value;
  } catch (error) {
    // ESRCH: a process went away while its /proc file was read. EINVAL: readlink of what is no link. EACCES: a process
    // that not even root may look at.
    if (['ENOENT', 'ENOTDIR', 'ESRCH', 'EINVAL', 'EACCES'].includes(errorCode(error) ?? '')) return absent;
    throw error;
  }
}

function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
