/**
 * One node for benchmarks: a network namespace with a vswitchd (userspace datapath, bridge br-ex with a patch port to
 * br-int), zebra and bgpd, and the two databases that the agent reads.
 *
 * In: nothing. Out: the Northbound server, the namespace, starting and stopping the real agent in it. It is what a node
 * of a cloud is to the agent, without a fabric around it: what is measured ends at the kernel. Every process is a child
 * with a pid that is ended by that pid; all die with the benchmark in any case.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  OVN_NB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
  VSWITCH_SCHEMA,
} from '../../test/support/ovsdb-server.ts';
import { until } from '../../test/support/until.ts';
import { LOCALNET, PHYSICAL_NETWORK } from './cloud.ts';
import { type Usage, usageOf } from './process-usage.ts';

const run = promisify(execFile);

export const BRIDGE = 'br-ex';
/** Routing table of the bridge, as the node's rt_tables says. */
export const BRIDGE_TABLE = 200;
export const HOST = 'bench-node';
const AS = 64_999;
const AGENT = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** setpriv(1): the kernel ends it when the benchmark is gone. */
const DIES_WITH_PARENT = ['--pdeathsig', 'KILL'];
const PATCH = `patch-${LOCALNET}-to-br-int`;
const PEER = `patch-br-int-to-${LOCALNET}`;
const SETTLED = 'the node holds what it should';

export interface AgentOptions {
  /** Node.js flags, for example `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
  /** Further lines of the configuration's section DEFAULT. */
  readonly settings?: string;
}

export class BenchNode {
  readonly directory: string;
  readonly northbound: OvsdbServer;
  readonly #switchDatabase: OvsdbServer;
  readonly #holder: ChildProcess;
  readonly #daemons: ChildProcess[] = [];

  private constructor(directory: string, northbound: OvsdbServer, ovs: OvsdbServer, holder: ChildProcess) {
    this.directory = directory;
    this.northbound = northbound;
    this.#switchDatabase = ovs;
    this.#holder = holder;
  }

  static async start(): Promise<BenchNode> {
    const directory = await mkdtemp(join(tmpdir(), 'bench-node-'));
    const northbound = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    const ovs = await startOvsdbServer({ schemas: [VSWITCH_SCHEMA] });
    const holder = spawn('setpriv', [...DIES_WITH_PARENT, 'unshare', '--net', 'sleep', 'infinity'], {
      stdio: 'ignore',
    });
    const node = new BenchNode(directory, northbound, ovs, holder);
    try {
      await node.#boot();
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  /** For programs that open a socket in the node. */
  get netns(): string {
    return `/proc/${this.#holder.pid}/ns/net`;
  }

  async exec(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', [...this.#enter(), program, ...args], { maxBuffer: 1 << 28 });
    return stdout;
  }

  /** Words that run a program in the node. */
  command(...argv: readonly string[]): readonly string[] {
    return ['nsenter', ...this.#enter(), ...argv];
  }

  async startAgent(options: AgentOptions = {}): Promise<BenchAgent> {
    const log = join(this.directory, 'agent.log');
    await rm(log, { force: true });
    await writeFile(this.#at('agent.conf'), this.#agentConfig(options.settings ?? ''));
    const argv = [
      process.execPath,
      ...(options.nodeFlags ?? []),
      AGENT,
      'run',
      '--config-file',
      this.#at('agent.conf'),
    ];
    const startedAt = performance.now();
    const child = this.#daemon(...argv);
    return new BenchAgent(child, log, startedAt);
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) await ended(daemon, 'SIGTERM');
    await this.#switchDatabase.stop();
    await this.northbound.stop();
    await ended(this.#holder, 'SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }

  async #boot(): Promise<void> {
    await chmod(this.directory, 0o755);
    const own = await readlink('/proc/self/ns/net');
    await until('the namespace is there', async () => {
      const { pid } = this.#holder;
      const [namespace, program] = await Promise.all([
        readlink(`/proc/${pid}/ns/net`).catch(() => own),
        readlink(`/proc/${pid}/exe`).catch(() => ''),
      ]);
      return namespace !== own && program.endsWith('sleep');
    });
    await this.exec('ip', 'link', 'set', 'lo', 'up');
    await this.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await Promise.all([this.#startSwitch(), this.#startFrr()]);
    await writeFile(this.#at('rt_tables'), `${BRIDGE_TABLE} ${BRIDGE}\n`);
  }

  async #startSwitch(): Promise<void> {
    const ovs = this.#at('ovs');
    await mkdir(ovs);
    const settings = {
      'system-id': HOST,
      hostname: HOST,
      'ovn-bridge-mappings': `${PHYSICAL_NETWORK}:${BRIDGE}`,
    };
    const ids = Object.entries(settings).map(([name, value]) => `external_ids:${name}="${value}"`);
    const threads = ['other_config:n-handler-threads=1', 'other_config:n-revalidator-threads=1'];
    const vsctl = (...words: readonly string[]): Promise<string> =>
      this.exec('ovs-vsctl', `--db=${this.#switchDatabase.remote}`, '--timeout=20', ...words);
    await vsctl('--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...ids, ...threads);
    this.#daemon(
      'env',
      `OVS_RUNDIR=${ovs}`,
      'ovs-vswitchd',
      this.#switchDatabase.remote,
      `--unixctl=${ovs}/vswitchd.ctl`,
      `--log-file=${ovs}/vswitchd.log`,
      '-vconsole:off',
      '-vsyslog:off',
    );
    const commands = [
      ...[BRIDGE, 'br-int'].flatMap((name) => [
        `add-br ${name}`,
        `set Bridge ${name} datapath_type=netdev fail_mode=standalone`,
      ]),
      `add-port ${BRIDGE} ${PATCH}`,
      `set Interface ${PATCH} type=patch options:peer=${PEER}`,
      `add-port br-int ${PEER}`,
      `set Interface ${PEER} type=patch options:peer=${PATCH}`,
    ];
    await vsctl(...commands.join(' -- ').split(' '));
    await until('the bridge answers', () => existsSync(`${ovs}/${BRIDGE}.mgmt`));
  }

  async #startFrr(): Promise<void> {
    const frr = this.#at('frr');
    await mkdir(frr);
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => (await run('id', [flag, 'frr'])).stdout),
    );
    await chown(frr, Number(uid), Number(gid));
    await writeFile(`${frr}/zebra.conf`, '');
    await writeFile(
      `${frr}/bgpd.conf`,
      `router bgp ${AS}\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n`,
    );
    const daemon = (name: string, ...options: readonly string[]): unknown =>
      this.#daemon(
        `/usr/lib/frr/${name}`,
        '-A127.0.0.1',
        '-P0',
        `-i${frr}/${name}.pid`,
        `--vty_socket=${frr}`,
        `-z${frr}/zserv.api`,
        `-f${frr}/${name}.conf`,
        ...options,
      );
    daemon('zebra', '-s16777216');
    await until('zebra answers', () => existsSync(`${frr}/zserv.api`) && existsSync(`${frr}/zebra.vty`));
    daemon('bgpd', '-p0');
    await until('bgpd answers', () => existsSync(`${frr}/bgpd.vty`));
  }

  #agentConfig(settings: string): string {
    return `[DEFAULT]
driver = nb_ovn_bgp_driver
exposing_method = underlay
advertise_via = main
ovsdb_connection = ${this.#switchDatabase.remote}
bgp_AS = ${AS}
log_file = ${this.#at('agent.log')}
frr_run_dir = ${this.#at('frr')}
ovs_run_dir = ${this.#at('ovs')}
rt_tables = ${this.#at('rt_tables')}
${settings}[ovn]
ovn_nb_connection = ${this.northbound.remote}
`;
  }

  #at(name: string): string {
    return join(this.directory, name);
  }

  #enter(): readonly string[] {
    return ['-t', `${this.#holder.pid}`, '-n'];
  }

  #daemon(...argv: readonly string[]): ChildProcess {
    // nsenter and setpriv replace themselves: the child's pid is the program's.
    const child = spawn('setpriv', [...DIES_WITH_PARENT, ...this.command(...argv)], { stdio: 'ignore' });
    this.#daemons.push(child);
    return child;
  }
}

/** The agent's process. */
export class BenchAgent {
  /** When it was started, as `performance.now()`. */
  readonly startedAt: number;
  readonly #child: ChildProcess;
  readonly #log: string;

  constructor(child: ChildProcess, log: string, startedAt: number) {
    this.#child = child;
    this.#log = log;
    this.startedAt = startedAt;
  }

  /** Waits until it says that the node holds what it should; fails when it ended or complained instead. */
  async whenSettled(timeoutMs = 300_000): Promise<void> {
    await until(
      'the agent has settled',
      async () => {
        if (this.#child.exitCode !== null)
          throw new Error(`the agent ended:\n${(await this.log()).slice(-2000)}`);
        return (await this.log()).includes(SETTLED);
      },
      timeoutMs,
      10,
    );
  }

  async log(): Promise<string> {
    return await readFile(this.#log, 'utf8').catch(() => '');
  }

  usage(): Promise<Usage> {
    return usageOf(this.#child.pid ?? 0);
  }

  /** Ends it in an orderly way; what it put in place stays. */
  stop(): Promise<void> {
    return ended(this.#child, 'SIGTERM');
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(timer);
}
