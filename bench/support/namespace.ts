/**
 * A network namespace with long-running programs in it.
 *
 * In: nothing, or directories that the programs find under standard paths (then it is a mount namespace, too). Out: ways
 * to run programs in it. Every program is a child with a pid and ended by that pid; all die with the benchmark in any
 * case. A standard path that does not exist is an error.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { until } from '../../test/support/until.ts';

const run = promisify(execFile);
/** setpriv(1): the kernel ends it when the benchmark is gone. */
const DIES_WITH_PARENT = ['--pdeathsig', 'KILL'];

export class Namespace {
  readonly #holder: ChildProcess;
  readonly #enter: readonly string[];
  readonly #daemons: ChildProcess[] = [];

  private constructor(holder: ChildProcess, enter: readonly string[]) {
    this.#holder = holder;
    this.#enter = enter;
  }

  /** `mounts`: standard path to the directory that is seen there. */
  static async start(mounts: Readonly<Record<string, string>> = {}): Promise<Namespace> {
    const standard = Object.entries(mounts);
    const unshare = standard.length === 0 ? ['--net'] : ['--net', '--mount', '--propagation', 'private'];
    const holder = spawn('setpriv', [...DIES_WITH_PARENT, 'unshare', ...unshare, 'sleep', 'infinity'], {
      stdio: 'ignore',
    });
    const namespace = new Namespace(holder, standard.length === 0 ? ['-n'] : ['-n', '-m']);
    try {
      const own = await readlink('/proc/self/ns/net');
      await until('the namespace is there', async () => {
        const [entered, program] = await Promise.all([
          readlink(`/proc/${holder.pid}/ns/net`).catch(() => own),
          readlink(`/proc/${holder.pid}/exe`).catch(() => ''),
        ]);
        return entered !== own && program.endsWith('sleep');
      });
      for (const [path, directory] of standard) await namespace.exec('mount', '--bind', directory, path);
      await namespace.exec('ip', 'link', 'set', 'lo', 'up');
      await namespace.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
      return namespace;
    } catch (error) {
      await namespace.stop();
      throw error;
    }
  }

  /** The process that holds it, for commands that take one (`ip link ... netns PID`). */
  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** For programs that open a socket in it. */
  get netns(): string {
    return `/proc/${this.#holder.pid}/ns/net`;
  }

  async exec(program: string, ...args: readonly string[]): Promise<string> {
    const [file = '', ...rest] = this.command(program, ...args);
    const { stdout } = await run(file, rest, { maxBuffer: 1 << 28 });
    return stdout;
  }

  /** Words that run a program in it. */
  command(...argv: readonly string[]): readonly string[] {
    return ['nsenter', '-t', `${this.#holder.pid}`, ...this.#enter, ...argv];
  }

  daemon(...argv: readonly string[]): ChildProcess {
    // nsenter and setpriv replace themselves: the child's pid is the program's.
    const child = spawn('setpriv', [...DIES_WITH_PARENT, ...this.command(...argv)], { stdio: 'ignore' });
    this.#daemons.push(child);
    return child;
  }

  /** Ends the programs, the last one first. */
  async stop(): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await ended(daemon, 'SIGTERM');
    await ended(this.#holder, 'SIGKILL');
  }
}

/** Ends a child; one that does not go by itself within ten seconds is killed. */
export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(timer);
}
