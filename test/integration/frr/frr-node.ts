/**
 * A node with a real zebra and bgpd, in a network and mount namespace of its own.
 *
 * In: the operator's configuration of bgpd. Out: the run directory with the vty sockets, and handles to kill and start the
 * daemons, to run vtysh and to change routes. Everything is a child of the test and is ended by its pid.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ended, eventually } from '../../support/child.ts';

const run = promisify(execFile);
/** setpriv(1): the kernel ends it when the test process is gone. */
const DIES_WITH_PARENT = ['--pdeathsig', 'KILL'];

export type Daemon = 'zebra' | 'bgpd';

export class FrrNode {
  readonly runDir: string;
  readonly #holder: ChildProcess;
  readonly #daemons = new Map<Daemon, ChildProcess>();

  private constructor(runDir: string, holder: ChildProcess) {
    this.runDir = runDir;
    this.#holder = holder;
  }

  /** Files of the node's network namespace: that itself, and who listens to its kernel's news. */
  get network(): { readonly namespace: string; readonly listeners: string } {
    const process = `/proc/${this.#holder.pid}`;
    return { namespace: `${process}/ns/net`, listeners: `${process}/net/netlink` };
  }

  static async start(bgpdConfig: string): Promise<FrrNode> {
    const runDir = await mkdtemp(join(tmpdir(), 'frr-'));
    const { stdout: uid } = await run('id', ['-u', 'frr']);
    const { stdout: gid } = await run('id', ['-g', 'frr']);
    await chown(runDir, Number(uid), Number(gid));
    await writeFile(join(runDir, 'zebra.conf'), '');
    const holder = spawn(
      'setpriv',
      [...DIES_WITH_PARENT, 'unshare', '--net', '--mount', '--propagation', 'private', 'sleep', 'infinity'],
      { stdio: 'ignore' },
    );
    const node = new FrrNode(runDir, holder);
    try {
      await node.#boot(bgpdConfig);
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  async #boot(bgpdConfig: string): Promise<void> {
    const own = await readlink('/proc/self/ns/net');
    await eventually(async () => (await readlink(`/proc/${this.#holder.pid}/ns/net`)) !== own);
    await eventually(async () => (await readlink(`/proc/${this.#holder.pid}/exe`)).endsWith('sleep'));
    await this.ip('link', 'set', 'lo', 'up');
    await this.configure(bgpdConfig);
    await this.startDaemon('zebra');
    await this.startDaemon('bgpd');
  }

  /** What bgpd reads when it starts. */
  async configure(bgpdConfig: string): Promise<void> {
    await writeFile(join(this.runDir, 'bgpd.conf'), bgpdConfig);
  }

  async startDaemon(daemon: Daemon): Promise<void> {
    const at = (name: string): string => join(this.runDir, name);
    const options = ['-A', '127.0.0.1', '-P', '0', ...(daemon === 'bgpd' ? ['-p', '0'] : [])];
    const files = ['-i', at(`${daemon}.pid`), '--vty_socket', this.runDir, '-z', at('zserv.api')];
    const child = spawn(
      'nsenter',
      [...this.#target(), `/usr/lib/frr/${daemon}`, ...options, ...files, '-f', at(`${daemon}.conf`)],
      { stdio: 'ignore' },
    );
    this.#daemons.set(daemon, child);
    await eventually(() => answers(at(`${daemon}.vty`)));
  }

  /** Ends a daemon; it gets no chance to say good-bye with SIGKILL. */
  async stopDaemon(daemon: Daemon, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#daemons.get(daemon);
    this.#daemons.delete(daemon);
    if (child !== undefined) await ended(child, signal);
  }

  /** Freezes or continues a daemon. */
  signalDaemon(daemon: Daemon, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#daemons.get(daemon)?.kill(signal);
  }

  async vtysh(...commands: readonly string[]): Promise<string> {
    const flags = commands.flatMap((command) => ['-c', command]);
    const { stdout } = await run('nsenter', [
      ...this.#target(),
      'vtysh',
      '--vty_socket',
      this.runDir,
      ...flags,
    ]);
    return stdout;
  }

  async ip(...args: readonly string[]): Promise<void> {
    await run('nsenter', [...this.#target(), 'ip', ...args]);
  }

  async stop(): Promise<void> {
    await this.stopDaemon('bgpd', 'SIGTERM');
    await this.stopDaemon('zebra', 'SIGTERM');
    await ended(this.#holder, 'SIGKILL');
    await rm(this.runDir, { recursive: true, force: true });
  }

  #target(): string[] {
    return ['-t', String(this.#holder.pid), '-n', '-m'];
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
