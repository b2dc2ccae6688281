/**
 * A node with a real ovsdb-server and ovs-vswitchd, in a network and mount namespace of its own.
 *
 * In: nothing. Out: the run directory with the sockets, and handles to run the command line tools, to kill and start
 * vswitchd. Bridges use the userspace datapath, which needs no kernel module. Everything is a child of the test and is
 * ended by its pid.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ended, eventually } from '../../support/child.ts';

const run = promisify(execFile);
/** setpriv(1): the kernel ends it when the test process is gone. */
const DIES_WITH_PARENT = ['--pdeathsig', 'KILL'];
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class OvsNode {
  readonly runDir: string;
  readonly #holder: ChildProcess;
  readonly #environment: NodeJS.ProcessEnv;
  #server: ChildProcess | undefined;
  #vswitchd: ChildProcess | undefined;

  private constructor(runDir: string, holder: ChildProcess) {
    this.runDir = runDir;
    this.#holder = holder;
    this.#environment = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      OVS_RUNDIR: runDir,
      OVS_LOGDIR: runDir,
      OVS_DBDIR: runDir,
      OVS_SYSCONFDIR: runDir,
    };
  }

  static async start(): Promise<OvsNode> {
    const runDir = await mkdtemp(join(tmpdir(), 'ovs-'));
    const holder = spawn(
      'setpriv',
      [...DIES_WITH_PARENT, 'unshare', '--net', '--mount', '--propagation', 'private', 'sleep', 'infinity'],
      { stdio: 'ignore' },
    );
    const node = new OvsNode(runDir, holder);
    try {
      await node.#boot();
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  async #boot(): Promise<void> {
    const own = await readlink('/proc/self/ns/net');
    await eventually(async () => (await readlink(`/proc/${this.#holder.pid}/ns/net`)) !== own);
    await eventually(async () => (await readlink(`/proc/${this.#holder.pid}/exe`)).endsWith('sleep'));
    await this.#tool('ip', 'link', 'set', 'lo', 'up');
    await this.#tool('ovsdb-tool', 'create', join(this.runDir, 'conf.db'), SCHEMA);
    await this.startServer();
    await this.vsctl('--no-wait', 'init');
    await this.startVswitchd();
  }

  /** What `ovsdb_connection` would be. */
  get remote(): string {
    return `unix:${join(this.runDir, 'db.sock')}`;
  }

  async startServer(): Promise<void> {
    const at = (name: string): string => join(this.runDir, name);
    this.#server = this.#daemon(
      'ovsdb-server',
      at('conf.db'),
      `--remote=punix:${at('db.sock')}`,
      `--unixctl=${at('ovsdb.ctl')}`,
    );
    await eventually(() => existsSync(at('db.sock')));
  }

  async stopServer(): Promise<void> {
    await ended(this.#server, 'SIGTERM');
  }

  async startVswitchd(): Promise<void> {
    this.#vswitchd = this.#daemon(
      'ovs-vswitchd',
      this.remote,
      `--unixctl=${join(this.runDir, 'vswitchd.ctl')}`,
    );
    await eventually(() => existsSync(join(this.runDir, 'vswitchd.ctl')));
  }

  async stopVswitchd(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await ended(this.#vswitchd, signal);
  }

  /** A standalone bridge; its flows are there when this returns. */
  async addBridge(name: string, ...settings: readonly string[]): Promise<void> {
    const common = ['datapath_type=netdev', 'fail-mode=standalone', ...settings];
    await this.vsctl('add-br', name, '--', 'set', 'bridge', name, ...common);
    await eventually(() => existsSync(join(this.runDir, `${name}.mgmt`)));
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return this.#tool('ovs-vsctl', `--db=${this.remote}`, '--timeout=10', ...args);
  }

  ofctl(...args: readonly string[]): Promise<string> {
    return this.#tool('ovs-ofctl', '-O', 'OpenFlow10,OpenFlow13,OpenFlow14', ...args);
  }

  ip(...args: readonly string[]): Promise<string> {
    return this.#tool('ip', ...args);
  }

  async stop(): Promise<void> {
    await ended(this.#vswitchd, 'SIGTERM');
    await ended(this.#server, 'SIGTERM');
    await ended(this.#holder, 'SIGKILL');
    await rm(this.runDir, { recursive: true, force: true });
  }

  #daemon(program: string, ...args: readonly string[]): ChildProcess {
    const quiet = ['-vconsole:off', '-vsyslog:off', `--log-file=${join(this.runDir, `${program}.log`)}`];
    return spawn('setpriv', [...DIES_WITH_PARENT, 'nsenter', ...this.#target(), program, ...args, ...quiet], {
      stdio: 'ignore',
      env: this.#environment,
    });
  }

  async #tool(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', [...this.#target(), program, ...args], {
      env: this.#environment,
    });
    return stdout;
  }

  #target(): string[] {
    return ['-t', String(this.#holder.pid), '-n', '-m'];
  }
}
