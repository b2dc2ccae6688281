/**
 * A node at work, with all that it needs: two network namespaces, real ovsdb-server, vswitchd, zebra, bgpd and the built
 * agent.
 *
 * `node` has the agent, its switch and its FRR; `leaf`, over a link, has the BGP peer and the Northbound database, which
 * the agent reads over TCP. Everything is a child of the test, ended by its pid; all files are in one folder.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ended, eventually } from '../../support/child.ts';
import { OVN_NB_SCHEMA, VSWITCH_SCHEMA } from '../../support/ovsdb-server.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
/** setpriv(1): the kernel ends it when the test process is gone. */
const DIES_WITH_PARENT = ['--pdeathsig', 'KILL'];

export type Side = 'node' | 'leaf';

/** What the node needs, by address; networks with their length. */
export const NEEDS = {
  own: '10.0.0.21',
  loopback: '10.255.0.21',
  fabric: '10.0.0.0/24',
  fabric6: '2001:db8:f::/64',
  own6: '2001:db8:f::21',
  peer: '10.0.0.1',
  nextHop: '10.0.0.254',
  database: '10.99.0.1',
  databaseNetwork: '10.99.0.0/24',
  tunnel: '10.254.0.9',
  management: '192.168.250.0/24',
} as const;

const SETUP: Readonly<Record<Side, readonly string[]>> = {
  node: [
    'link set lo up',
    `address add ${NEEDS.loopback}/32 dev lo`,
    `address add ${NEEDS.own}/24 dev f0`,
    `address add ${NEEDS.own6}/64 dev f0 nodad`,
    'link set f0 up',
    'address add 10.99.0.2/24 dev d0',
    'link set d0 up',
    'link add mgmt0 type bridge',
    'address add 192.168.250.7/24 dev mgmt0',
    'link set mgmt0 up',
    `route add 10.60.0.0/16 via ${NEEDS.nextHop} dev f0 proto static`,
    `route add ${NEEDS.tunnel}/32 via ${NEEDS.peer} dev f0 proto static`,
  ],
  leaf: [
    'link set lo up',
    `address add ${NEEDS.peer}/24 dev f1`,
    'link set f1 up',
    `address add ${NEEDS.database}/24 dev d1`,
    'link set d1 up',
  ],
};

const BGP: Readonly<Record<Side, string>> = {
  node: `router bgp 64999
 bgp router-id ${NEEDS.loopback}
 no bgp ebgp-requires-policy
 neighbor ${NEEDS.peer} remote-as 65001
 neighbor ${NEEDS.peer} timers 1 3
 neighbor ${NEEDS.peer} timers connect 1
`,
  leaf: `router bgp 65001
 bgp router-id ${NEEDS.peer}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${NEEDS.own} remote-as 64999
 neighbor ${NEEDS.own} timers 1 3
 address-family ipv4 unicast
  network 198.51.100.0/24
`,
};

export class FabricNode {
  readonly #folder: string;
  readonly #holders = new Map<Side, ChildProcess>();
  readonly #daemons: ChildProcess[] = [];
  #agent: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** `settings`: lines of bgp-agent.conf besides where things are. */
  static async start(settings: readonly string[]): Promise<FabricNode> {
    const node = new FabricNode(await mkdtemp(join(tmpdir(), 'fabric-')));
    try {
      await node.#boot(settings);
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  get config(): string {
    return this.#at('agent.conf');
  }

  /** Output of a command on one side. */
  async on(side: Side, ...command: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', [...this.#target(side), ...command], {
      env: this.#environment,
      maxBuffer: 1 << 28,
    });
    return stdout;
  }

  async vtysh(side: Side, command: string): Promise<unknown> {
    const text = await this.on(side, 'vtysh', '--vty_socket', this.#at(side), '-c', command);
    return JSON.parse(text);
  }

  /** One transaction in the Northbound database; throws when an operation failed. */
  async transact(operations: readonly unknown[]): Promise<void> {
    const file = this.#at('transaction.json');
    await writeFile(file, JSON.stringify(['OVN_Northbound', ...operations]));
    const script = `ovsdb-client transact unix:${this.#at('nb.sock')} "$(cat ${file})"`;
    const results = JSON.parse(await this.on('leaf', 'sh', '-c', script)) as { readonly error?: string }[];
    const failed = results.find((result) => result?.error !== undefined);
    if (failed !== undefined) throw new Error(`transaction refused: ${JSON.stringify(failed)}`);
  }

  startAgent(): void {
    this.#agent = this.#spawn(
      'node',
      process.execPath,
      join(ROOT, 'bin/ovn-bgp-agent'),
      'run',
      '--config-file',
      this.config,
    );
  }

  async plan(): Promise<unknown> {
    // The status says whether there is something to do.
    const command = `${process.execPath} ${ROOT}/bin/ovn-bgp-agent plan --output json --config-file ${this.config} || true`;
    return JSON.parse(await this.on('node', 'sh', '-c', command));
  }

  agentLog(): Promise<string> {
    return readFile(this.#at('agent.log'), 'utf8');
  }

  async stop(): Promise<void> {
    await ended(this.#agent, 'SIGTERM');
    for (const daemon of this.#daemons.toReversed()) await ended(daemon, 'SIGTERM');
    for (const holder of this.#holders.values()) await ended(holder, 'SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #boot(settings: readonly string[]): Promise<void> {
    await chmod(this.#folder, 0o755);
    for (const side of ['node', 'leaf'] as const) await this.#hold(side);
    const leaf = String(this.#holders.get('leaf')?.pid);
    for (const [own, other] of [
      ['f0', 'f1'],
      ['d0', 'd1'],
    ]) {
      await this.on('node', 'sh', '-c', `ip link add ${own} type veth peer name ${other} netns ${leaf}`);
    }
    for (const [side, lines] of Object.entries(SETUP)) {
      for (const line of lines) await this.on(side as Side, 'ip', ...line.split(' '));
    }
    await this.on('node', 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await this.#startDatabase();
    await this.#startSwitch();
    for (const side of ['node', 'leaf'] as const) await this.#startFrr(side);
    await writeFile(this.#at('rt_tables'), '');
    const lines = [
      '[DEFAULT]',
      'driver = nb_ovn_bgp_driver',
      'advertise_via = main',
      `ovsdb_connection = unix:${this.#at('db.sock')}`,
      `ovs_run_dir = ${this.#folder}`,
      `frr_run_dir = ${this.#at('node')}`,
      `rt_tables = ${this.#at('rt_tables')}`,
      `log_file = ${this.#at('agent.log')}`,
      'bgp_AS = 64999',
      ...settings,
    ];
    await writeFile(this.config, `${lines.join('\n')}\n`);
  }

  async #hold(side: Side): Promise<void> {
    const own = await readlink('/proc/self/ns/net');
    const holder = spawn('setpriv', [...DIES_WITH_PARENT, 'unshare', '--net', 'sleep', 'infinity'], {
      stdio: 'ignore',
    });
    this.#holders.set(side, holder);
    await eventually(async () => (await readlink(`/proc/${holder.pid}/ns/net`)) !== own);
    await eventually(async () => (await readlink(`/proc/${holder.pid}/exe`)).endsWith('sleep'));
  }

  async #startDatabase(): Promise<void> {
    await run('ovsdb-tool', ['create', this.#at('nb.db'), OVN_NB_SCHEMA]);
    const remotes = [`--remote=punix:${this.#at('nb.sock')}`, `--remote=ptcp:6641:${NEEDS.database}`];
    this.#daemon('leaf', 'ovsdb-server', this.#at('nb.db'), ...remotes, `--unixctl=${this.#at('nb.ctl')}`);
    await eventually(() => existsSync(this.#at('nb.sock')));
  }

  async #startSwitch(): Promise<void> {
    await run('ovsdb-tool', ['create', this.#at('conf.db'), VSWITCH_SCHEMA]);
    const remote = `unix:${this.#at('db.sock')}`;
    this.#daemon(
      'node',
      'ovsdb-server',
      this.#at('conf.db'),
      `--remote=p${remote}`,
      `--unixctl=${this.#at('ovsdb.ctl')}`,
    );
    await eventually(() => existsSync(this.#at('db.sock')));
    const vsctl = (...args: readonly string[]): Promise<string> =>
      this.on('node', 'ovs-vsctl', `--db=${remote}`, '--timeout=20', ...args);
    await vsctl('--no-wait', 'init');
    this.#daemon('node', 'ovs-vswitchd', remote, `--unixctl=${this.#at('vswitchd.ctl')}`);
    const bridge = (name: string): string[] => [
      'add-br',
      name,
      '--',
      'set',
      'bridge',
      name,
      'datapath_type=netdev',
    ];
    await vsctl(...bridge('br-int'), '--', ...bridge('br-ex'));
    const patch = (own: string, at: string, peer: string): string[] =>
      ['add-port', at, own, '--', 'set', 'interface', own, 'type=patch'].concat(`options:peer=${peer}`);
    const [inner, outer] = ['patch-br-int-to-provnet-1', 'patch-provnet-1-to-br-int'];
    await vsctl(...patch(outer, 'br-ex', inner), '--', ...patch(inner, 'br-int', outer));
    const tunnel = ['set', 'interface', 'ovn-other-0', 'type=geneve', `options:remote_ip=${NEEDS.tunnel}`];
    await vsctl('add-port', 'br-int', 'ovn-other-0', '--', ...tunnel, 'options:key=flow');
    const ids = {
      'system-id': 'C1',
      hostname: 'cmp-1',
      'ovn-bridge-mappings': 'physnet1:br-ex',
      'ovn-nb-remote': `tcp:${NEEDS.database}:6641`,
      'ovn-encap-ip': NEEDS.loopback,
    };
    const settings = Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`);
    await vsctl('set', 'open', '.', ...settings);
  }

  async #startFrr(side: Side): Promise<void> {
    const folder = this.#at(side);
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'frr'])).stdout)),
    );
    await run('mkdir', [folder]);
    await chown(folder, uid ?? 0, gid ?? 0);
    await writeFile(join(folder, 'zebra.conf'), '');
    await writeFile(join(folder, 'bgpd.conf'), BGP[side]);
    for (const daemon of ['zebra', 'bgpd']) {
      const at = (name: string): string => join(folder, name);
      const options = [
        '-A',
        '127.0.0.1',
        '-P',
        '0',
        ...(side === 'node' && daemon === 'bgpd' ? ['-p', '0'] : []),
      ];
      const files = ['-i', at(`${daemon}.pid`), '--vty_socket', folder, '-z', at('zserv.api')];
      this.#daemons.push(
        this.#spawn(side, `/usr/lib/frr/${daemon}`, ...options, ...files, '-f', at(`${daemon}.conf`)),
      );
      await eventually(() => existsSync(at(`${daemon}.vty`)));
    }
  }

  #daemon(side: Side, program: string, ...args: readonly string[]): void {
    const quiet = ['-vconsole:off', '-vsyslog:off'];
    this.#daemons.push(this.#spawn(side, program, ...args, ...quiet));
  }

  #spawn(side: Side, ...command: readonly string[]): ChildProcess {
    return spawn('setpriv', [...DIES_WITH_PARENT, 'nsenter', ...this.#target(side), ...command], {
      stdio: 'ignore',
      env: this.#environment,
    });
  }

  get #environment(): NodeJS.ProcessEnv {
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    return { PATH: path, OVS_RUNDIR: this.#folder, OVS_DBDIR: this.#folder, OVS_LOGDIR: this.#folder };
  }

  #target(side: Side): string[] {
    return ['-t', String(this.#holders.get(side)?.pid), '-n'];
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }
}
