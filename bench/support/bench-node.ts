/**
 * One node for benchmarks: a network namespace with a vswitchd (userspace datapath, bridge br-ex with a patch port to
 * br-int), zebra and bgpd, and the two databases that the agent reads.
 *
 * In: nothing. Out: the Northbound server, the namespace, starting and stopping the real agent in it. It is what a node
 * of a cloud is to the agent, without a fabric around it: what is measured ends at the kernel. Every process is a child
 * with a pid that is ended by that pid; all die with the benchmark in any case.
 */
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  OVN_NB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
  VSWITCH_SCHEMA,
} from '../../test/support/ovsdb-server.ts';
import { until } from '../../test/support/until.ts';
import { frrDirectory, startFrr } from './frr.ts';
import { ended, Namespace } from './namespace.ts';
import { BRIDGE, startSwitch } from './open-vswitch.ts';
import { type Usage, usageOf } from './process-usage.ts';
import { BRIDGE_TABLE } from './signs.ts';

export const HOST = 'bench-node';
const AS = 64_999;
export const AGENT = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const SETTLED = 'the node holds what it should';

export interface AgentOptions {
  /** Node.js flags, for example `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}

export class BenchNode {
  readonly directory: string;
  readonly northbound: OvsdbServer;
  readonly #switchDatabase: OvsdbServer;
  readonly #place: Namespace;

  private constructor(directory: string, northbound: OvsdbServer, ovs: OvsdbServer, place: Namespace) {
    this.directory = directory;
    this.northbound = northbound;
    this.#switchDatabase = ovs;
    this.#place = place;
  }

  static async start(): Promise<BenchNode> {
    const directory = await mkdtemp(join(tmpdir(), 'bench-node-'));
    const northbound = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA] });
    const ovs = await startOvsdbServer({ schemas: [VSWITCH_SCHEMA] });
    const node = new BenchNode(directory, northbound, ovs, await Namespace.start());
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
    return this.#place.netns;
  }

  exec(program: string, ...args: readonly string[]): Promise<string> {
    return this.#place.exec(program, ...args);
  }

  /** Words that run a program in the node. */
  command(...argv: readonly string[]): readonly string[] {
    return this.#place.command(...argv);
  }

  async startAgent(options: AgentOptions = {}): Promise<BenchAgent> {
    const log = join(this.directory, 'agent.log');
    await rm(log, { force: true });
    const argv = [
      process.execPath,
      ...(options.nodeFlags ?? []),
      AGENT,
      'run',
      '--config-file',
      this.#at('agent.conf'),
    ];
    const startedAt = performance.now();
    const child = this.#place.daemon(...argv);
    return new BenchAgent(child, log, startedAt);
  }

  async stop(): Promise<void> {
    await this.#place.stop();
    await this.#switchDatabase.stop();
    await this.northbound.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #boot(): Promise<void> {
    await chmod(this.directory, 0o755);
    await Promise.all([this.#startSwitch(), this.#startFrr()]);
    await writeFile(this.#at('rt_tables'), `${BRIDGE_TABLE} ${BRIDGE}\n`);
    await writeFile(this.#at('agent.conf'), this.#agentConfig());
  }

  async #startSwitch(): Promise<void> {
    await mkdir(this.#at('ovs'));
    const ids = { 'system-id': HOST, hostname: HOST };
    await startSwitch(this.#place, this.#at('ovs'), this.#switchDatabase, ids);
  }

  async #startFrr(): Promise<void> {
    const config = `router bgp ${AS}\n bgp router-id 192.0.2.1\n no bgp ebgp-requires-policy\n`;
    await startFrr(this.#place, await frrDirectory(this.#at('frr')), config);
  }

  #agentConfig(): string {
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
[ovn]
ovn_nb_connection = ${this.northbound.remote}
`;
  }

  #at(name: string): string {
    return join(this.directory, name);
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
