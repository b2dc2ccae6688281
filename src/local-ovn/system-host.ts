/** The node itself: `child_process`, `/proc` and the file system. Failures of files other than "not there" are thrown. */
import { execFile } from 'node:child_process';
import { access, constants, mkdir, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostProcess, LocalOvnHost, ProgramResult, RunSettings } from './host.ts';

const TIMEOUT_MS = 20_000;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export class SystemHost implements LocalOvnHost {
  run(argv: readonly string[], settings: RunSettings = {}): Promise<ProgramResult> {
    const [program = '', ...args] = argv;
    return new Promise((resolve) => {
      execFile(
        program,
        args,
        {
          timeout: settings.timeoutMs ?? TIMEOUT_MS,
          killSignal: 'SIGKILL',
          maxBuffer: MAX_OUTPUT_BYTES,
          env: { PATH, LC_ALL: 'C', ...settings.environment },
        },
        (error, stdout, stderr) => resolve({ code: exitCode(error), stdout, stderr }),
      );
    });
  }

  async processes(): Promise<readonly HostProcess[]> {
    const own = await readlink('/proc/self/ns/net');
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const found = await Promise.all(pids.map((pid) => processOf(pid, own)));
    return found.filter((process) => process !== undefined).sort((a, b) => a.pid - b.pid);
  }

  isAlive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch (error) {
      // Not allowed to signal it is a sign of life, too.
      return codeOf(error) === 'EPERM';
    }
  }

  signal(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }

  async find(program: string): Promise<string | undefined> {
    for (const directory of PATH.split(':')) {
      const path = join(directory, program);
      const executable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (executable) return path;
    }
    return undefined;
  }

  read(path: string): Promise<string | undefined> {
    return unlessAbsent(readFile(path, 'utf8'));
  }

  async holds(path: string, text: string): Promise<boolean> {
    return (await unlessAbsent(readFile(path)))?.includes(text) === true;
  }

  async exists(path: string): Promise<boolean> {
    return (await unlessAbsent(stat(path))) !== undefined;
  }

  async makeDirectory(path: string): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o755 });
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }
}

/** `undefined` for processes of other network namespaces, of the kernel, and those that end meanwhile. */
async function processOf(pid: number, network: string): Promise<HostProcess | undefined> {
  const file = (name: string): Promise<string | undefined> =>
    unlessAbsent(readFile(`/proc/${pid}/${name}`, 'utf8'));
  // Most processes are no OVS programs: their name is asked for before anything that costs more.
  const program = (await file('comm'))?.trim();
  if (program === undefined || !/^ov(sdb|n)-/.test(program)) return undefined;
  if ((await unlessAbsent(readlink(`/proc/${pid}/ns/net`))) !== network) return undefined;
  const [argv, environment, cgroup] = await Promise.all([file('cmdline'), file('environ'), file('cgroup')]);
  if (argv === undefined || argv === '') return undefined;
  return {
    pid,
    program,
    argv: argv.split('\0').filter((word) => word !== ''),
    environment: new Map(
      (environment ?? '').split('\0').flatMap((entry) => {
        const [name = '', value] = entry.split(/=(.*)/s);
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
    unit: unitOf(cgroup ?? ''),
  };
}

/** The innermost unit of a cgroup path (systemd.special(7)); a login session is nobody's service. */
function unitOf(cgroup: string): string | undefined {
  return [...cgroup.matchAll(/\/([^/\n]+\.service)(?=[/\n]|$)/g)].at(-1)?.[1];
}

/** ESRCH and EACCES: a process that went away while it was read. */
async function unlessAbsent<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function exitCode(error: (Error & { code?: unknown; killed?: boolean }) | null): number {
  if (error === null) return 0;
  if (error.killed === true) return 124;
  if (error.code === 'ENOENT') return 127;
  return typeof error.code === 'number' ? error.code : 1;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
