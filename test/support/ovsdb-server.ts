/**
 * Real ovsdb-servers for tests: standalone, or a RAFT cluster, each in a temporary directory of its own.
 *
 * In: schema files. Out: handles with the remote to connect to and the ways to hurt a server (kill, suspend, cut off,
 * restart). Servers run in the foreground as children, are stopped by pid, and die with the test process in any case.
 * A server that does not come up fails the start with the tail of its own log.
 *
 * OVSDB_SERVER_ROOT names a root file system of Debian whose programs are run instead of this machine's, with their own
 * loader and libraries; files and sockets stay where they are (`npm run test:fuzz -- --suite` makes such a root).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { until } from './until.ts';

const execute = promisify(execFile);

/** A program of the servers' release, as a command line. */
function programOf(name: string): readonly [string, ...string[]] {
  const root = process.env.OVSDB_SERVER_ROOT ?? '';
  if (root === '') return [name];
  const [triplet] = readdirSync(`${root}/usr/lib`).filter((entry) => entry.endsWith('-linux-gnu'));
  if (triplet === undefined) throw new Error(`OVSDB_SERVER_ROOT=${root} has no usr/lib/*-linux-gnu`);
  const libraries = `${root}/usr/lib/${triplet}`;
  const [loader] = readdirSync(libraries).filter((entry) => /^ld-linux-.*\.so\.\d+$/.test(entry));
  const folder = ['usr/sbin', 'usr/bin'].find((each) => existsSync(`${root}/${each}/${name}`));
  if (loader === undefined || folder === undefined)
    throw new Error(`OVSDB_SERVER_ROOT=${root} has no ${name}`);
  return [`${libraries}/${loader}`, '--library-path', libraries, `${root}/${folder}/${name}`];
}

/** Runs a program: one of the servers' release when it is of OVSDB. */
async function run(name: string, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const [program, ...before] = /^ov(?:sdb|s)-/.test(name) ? programOf(name) : ([name] as const);
  return await execute(program, [...before, ...args]);
}

export const OVN_NB_SCHEMA = '/usr/share/ovn/ovn-nb.ovsschema';
export const OVN_SB_SCHEMA = '/usr/share/ovn/ovn-sb.ovsschema';
export const VSWITCH_SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** What a test may do with one running server. */
export interface OvsdbServer {
  /** `unix:PATH`, present for every server. */
  readonly remote: string;
  readonly socketPath: string;
  readonly directory: string;
  readonly logPath: string;
  readonly pid: number | undefined;
  readonly running: boolean;
  readonly suspended: boolean;
  /** `ovs-appctl` to this server's control socket. */
  appctl(...args: readonly string[]): Promise<string>;
  /** One RFC 7047 transaction over a connection of its own; throws when an operation failed. */
  transact(database: string, operations: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Any JSON-RPC request over a connection of its own. */
  call(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Adds a listener, e.g. `ptcp:0:127.0.0.1`, and returns the TCP port for the `ptcp:`/`pssl:` kinds. */
  listen(remote: string): Promise<number | undefined>;
  /** Ends the process with a signal (SIGKILL unless told) and waits for it to be gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the same database files again after `kill`. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
  /** Kills the process and removes the directory. */
  stop(): Promise<void>;
}

export interface StandaloneOptions {
  /** Schema files; one database each. */
  readonly schemas: readonly string[];
  /** Existing database files (for example from `ovsdb-client backup`), copied before use. */
  readonly databases?: readonly string[];
  /** Further `--remote` arguments, for example `pssl:16641:127.0.0.1`. */
  readonly remotes?: readonly string[];
  /** Further command line arguments, for example `--private-key=...`. */
  readonly arguments?: readonly string[];
}

export interface ClusterOptions {
  readonly schema: string;
  readonly members?: number;
  /** Each member in a network namespace of its own, so that it can be cut off from the others. Needs root. */
  readonly severable?: boolean;
  /** RAFT election timer in ms; the server's own default is 1000. */
  readonly electionTimerMs?: number;
}

export interface ClusterMember extends OvsdbServer {
  /** Takes the member's link to the others down (only with `severable`). */
  sever(): Promise<void>;
  /** Brings the link back. */
  rejoin(): Promise<void>;
}

export interface OvsdbCluster {
  readonly database: string;
  readonly members: readonly ClusterMember[];
  /** All members as one comma separated remote list. */
  readonly remote: string;
  /** Waits until the running members agree on a leader and returns it. */
  leader(): Promise<ClusterMember>;
  stop(): Promise<void>;
}

/** Starts one standalone server. */
export async function startOvsdbServer(options: StandaloneOptions): Promise<OvsdbServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ovsdb-'));
  try {
    const files: string[] = [];
    for (const [index, schema] of options.schemas.entries()) {
      const file = join(directory, `${index}.db`);
      await run('ovsdb-tool', ['create', file, schema]);
      files.push(file);
    }
    for (const [index, source] of (options.databases ?? []).entries()) {
      const file = join(directory, `copy${index}.db`);
      await copyFile(source, file);
      files.push(file);
    }
    const remotes = (options.remotes ?? []).map((remote) => `--remote=${remote}`);
    const server = new ServerProcess(directory, [...files, ...remotes, ...(options.arguments ?? [])], []);
    await server.start();
    return server;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Starts a cluster and waits until every member has joined and a leader is known. */
export async function startOvsdbCluster(options: ClusterOptions): Promise<OvsdbCluster> {
  const count = options.members ?? 3;
  const database = schemaName(await readFile(options.schema, 'utf8'));
  const directory = await mkdtemp(join(tmpdir(), 'ovsdb-'));
  const network = options.severable === true ? await SeverableNetwork.create(count) : undefined;
  const members: MemberProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
    await network?.remove();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const address = (index: number): string =>
      network === undefined ? `unix:${directory}/raft${index}` : `tcp:${network.address(index)}:6644`;
    for (let index = 0; index < count; index++) {
      const home = join(directory, `member${index}`);
      await mkdir(home);
      const file = join(home, 'cluster.db');
      await (index === 0
        ? run('ovsdb-tool', [
            ...(options.electionTimerMs === undefined ? [] : [`--election-timer=${options.electionTimerMs}`]),
            'create-cluster',
            file,
            options.schema,
            address(0),
          ])
        : run('ovsdb-tool', ['join-cluster', file, database, address(index), address(0)]));
      const member = new MemberProcess(home, [file], network, index);
      members.push(member);
      await member.start();
      // A server that joins ends the connections that it had.
      await until(
        `member ${index} has joined`,
        async () => (await databaseRow(member, database).catch(() => undefined))?.connected === true,
      );
    }
    return {
      database,
      members,
      remote: members.map((member) => member.remote).join(','),
      leader: () => findLeader(members, database),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function findLeader(members: readonly MemberProcess[], database: string): Promise<ClusterMember> {
  return await until('a leader that a majority follows', async () => {
    for (const member of members) {
      if (!member.running || member.suspended) continue;
      const row = await databaseRow(member, database).catch(() => undefined);
      if (row?.leader === true && row.connected === true) return member;
    }
    return undefined;
  });
}

interface DatabaseRow {
  readonly leader?: boolean;
  readonly connected?: boolean;
}

async function databaseRow(server: OvsdbServer, database: string): Promise<DatabaseRow | undefined> {
  const [result] = await server.transact('_Server', [
    { op: 'select', table: 'Database', where: [['name', '==', database]], columns: ['leader', 'connected'] },
  ]);
  return (result?.rows as DatabaseRow[] | undefined)?.[0];
}

function schemaName(text: string): string {
  const schema = JSON.parse(text) as { name?: unknown };
  if (typeof schema.name !== 'string') throw new TypeError('the schema file has no name');
  return schema.name;
}

class ServerProcess implements OvsdbServer {
  readonly directory: string;
  readonly socketPath: string;
  readonly remote: string;
  readonly logPath: string;
  suspended = false;
  readonly #control: string;
  readonly #arguments: readonly string[];
  readonly #prefix: readonly string[];
  #child: ChildProcess | undefined;
  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGKILL');
  };

  constructor(directory: string, serverArguments: readonly string[], prefix: readonly string[]) {
    this.directory = directory;
    this.socketPath = join(directory, 'db.sock');
    this.remote = `unix:${this.socketPath}`;
    this.logPath = join(directory, 'server.log');
    this.#control = join(directory, 'ctl.sock');
    this.#arguments = serverArguments;
    this.#prefix = prefix;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`the server in ${this.directory} is running already`);
    const [program = 'ovsdb-server', ...prefix] = [...this.#prefix, ...programOf('ovsdb-server')];
    const child = spawn(
      program,
      [
        ...prefix,
        ...this.#arguments,
        `--remote=punix:${this.socketPath}`,
        `--unixctl=${this.#control}`,
        `--log-file=${this.logPath}`,
        '-vconsole:off',
        '-vsyslog:off',
        '--no-chdir',
      ],
      { stdio: 'ignore' },
    );
    this.#child = child;
    this.suspended = false;
    process.on('exit', this.#killAtExit);
    child.once('exit', () => {
      process.off('exit', this.#killAtExit);
      if (this.#child === child) this.#child = undefined;
    });
    await until(
      'ovsdb-server answers',
      async () => {
        if (!this.running) {
          throw new Error(`ovsdb-server ended at once:\n${await this.#logTail()}`);
        }
        return (
          existsSync(this.socketPath) &&
          (await this.call('list_dbs', []).catch(() => undefined)) !== undefined
        );
      },
      60_000,
    );
  }

  async appctl(...args: readonly string[]): Promise<string> {
    return (await run('ovs-appctl', ['-t', this.#control, ...args])).stdout;
  }

  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const reply = await exchange(this.socketPath, { method, params, id: 0 });
    if (reply.error !== null) throw new Error(`${method}: ${JSON.stringify(reply.error)}`);
    return reply.result;
  }

  async transact(
    database: string,
    operations: readonly unknown[],
  ): Promise<readonly Record<string, unknown>[]> {
    const results = (await this.call('transact', [database, ...operations])) as Record<string, unknown>[];
    const failed = results.find((result) => result !== null && result.error !== undefined);
    if (failed !== undefined) throw new Error(`transact on ${database}: ${JSON.stringify(failed)}`);
    return results;
  }

  async listen(remote: string): Promise<number | undefined> {
    await this.appctl('ovsdb-server/add-remote', remote);
    if (!/^p(?:tcp|ssl):/.test(remote)) return undefined;
    const configured = Number(remote.split(':')[1]);
    if (configured !== 0) return configured;
    // With port 0 the kernel chooses; the server only tells in its log.
    return await until('the chosen port in the log', async () => {
      const found = [
        ...(await readFile(this.logPath, 'utf8')).matchAll(/\|socket_util\|.*: listening on port (\d+)/g),
      ];
      return found.length === 0 ? undefined : Number(found.at(-1)?.[1]);
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    if (this.suspended && signal !== 'SIGKILL') this.resume();
    await gone;
  }

  suspend(): void {
    this.suspended = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.suspended = false;
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #logTail(): Promise<string> {
    return (await readFile(this.logPath, 'utf8').catch(() => '(no log)')).split('\n').slice(-15).join('\n');
  }
}

class MemberProcess extends ServerProcess implements ClusterMember {
  readonly #network: SeverableNetwork | undefined;
  readonly #index: number;

  constructor(
    directory: string,
    serverArguments: readonly string[],
    network: SeverableNetwork | undefined,
    index: number,
  ) {
    super(directory, serverArguments, network?.prefix(index) ?? []);
    this.#network = network;
    this.#index = index;
  }

  async sever(): Promise<void> {
    if (this.#network === undefined) throw new Error('the cluster was started without severable: true');
    await this.#network.setLink(this.#index, 'down');
  }

  async rejoin(): Promise<void> {
    if (this.#network === undefined) throw new Error('the cluster was started without severable: true');
    await this.#network.setLink(this.#index, 'up');
  }
}

/** One namespace per member and one in the middle with a bridge. Unix sockets work across them, RAFT over TCP does not. */
class SeverableNetwork {
  readonly #name: string;
  readonly #count: number;

  private constructor(name: string, count: number) {
    this.#name = name;
    this.#count = count;
  }

  static async create(count: number): Promise<SeverableNetwork> {
    const network = new SeverableNetwork(`raft${process.pid}-${Date.now() % 100_000}`, count);
    try {
      await network.#build();
      return network;
    } catch (error) {
      await network.remove();
      throw error;
    }
  }

  address(index: number): string {
    return `10.10.10.${index + 1}`;
  }

  prefix(index: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#member(index)];
  }

  async setLink(index: number, state: 'up' | 'down'): Promise<void> {
    await run('ip', ['-n', this.#hub, 'link', 'set', `m${index}`, state]);
  }

  async remove(): Promise<void> {
    for (let index = 0; index < this.#count; index++) {
      await run('ip', ['netns', 'del', this.#member(index)]).catch(() => undefined);
    }
    await run('ip', ['netns', 'del', this.#hub]).catch(() => undefined);
  }

  get #hub(): string {
    return `${this.#name}-hub`;
  }

  #member(index: number): string {
    return `${this.#name}-${index}`;
  }

  async #build(): Promise<void> {
    await run('ip', ['netns', 'add', this.#hub]);
    await run('ip', ['-n', this.#hub, 'link', 'add', 'name', 'hub', 'type', 'bridge']);
    await run('ip', ['-n', this.#hub, 'link', 'set', 'hub', 'up']);
    for (let index = 0; index < this.#count; index++) {
      const member = this.#member(index);
      await run('ip', ['netns', 'add', member]);
      const peer = ['peer', 'name', 'eth0', 'netns', member];
      await run('ip', ['-n', this.#hub, 'link', 'add', 'name', `m${index}`, 'type', 'veth', ...peer]);
      await run('ip', ['-n', this.#hub, 'link', 'set', `m${index}`, 'master', 'hub', 'up']);
      await run('ip', ['-n', member, 'addr', 'add', `${this.address(index)}/24`, 'dev', 'eth0']);
      await run('ip', ['-n', member, 'link', 'set', 'lo', 'up']);
      await run('ip', ['-n', member, 'link', 'set', 'eth0', 'up']);
    }
  }
}

interface Reply {
  readonly result: unknown;
  readonly error: unknown;
}

/** One request, one reply, on a connection of its own; deliberately independent of the client under test. */
async function exchange(socketPath: string, request: unknown): Promise<Reply> {
  return await new Promise<Reply>((resolve, reject) => {
    const socket = connect(socketPath);
    const chunks: Buffer[] = [];
    socket.setTimeout(30_000, () => socket.destroy(new Error(`no answer from ${socketPath} within 30 s`)));
    socket.on('connect', () => socket.write(JSON.stringify(request)));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunk.at(-1) !== 0x7d) return;
      try {
        const reply = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Reply;
        socket.destroy();
        resolve(reply);
      } catch {
        // Not complete yet: the chunk happened to end in a brace.
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${socketPath} closed the connection without an answer`)));
  });
}
