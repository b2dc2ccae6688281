/**
 * One node of a lab: commands, files and long-running processes inside its namespaces.
 *
 * Paths are the node's own (`/etc/frr/frr.conf`); `hostPath` says where the machine has them.
 */
import {
  LAB_PATH,
  LabError,
  type Machine,
  type RunOptions,
  type RunResult,
  type StartedProcess,
} from './machine.ts';
import { enter, OWN_DIRECTORIES } from './namespaces.ts';
import { childrenOf, identify, isAlive, type ProcessIdentity, parseStat } from './state.ts';
import { until, untilTrue } from './until.ts';

const START_TIMEOUT_MS = 60_000;

export class LabNode {
  readonly name: string;
  readonly #machine: Machine;
  readonly #directory: string;
  readonly #holder: ProcessIdentity;

  constructor(machine: Machine, name: string, directory: string, holder: ProcessIdentity) {
    this.name = name;
    this.#machine = machine;
    this.#directory = directory;
    this.#holder = holder;
  }

  /** Pid of the process that holds the node's namespaces, for commands that take one (`ip link ... netns PID`). */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Runs a command in the node; fails with a `CommandError` unless `check` is false. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.#machine.run(enter(this.#holder, argv), options);
  }

  /** Runs a shell script in the node; the script stops at its first failing command. */
  script(text: string, options: RunOptions = {}): Promise<RunResult> {
    return this.exec(['bash', '-ec', text], options);
  }

  /** Applies `ip -batch` lines; all or an error, but what came before the failing line stays. */
  async ip(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await this.exec(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Runs a command in the node on the caller's terminal; returns its exit status. */
  interact(argv: readonly string[]): Promise<number> {
    const environment = ['env', `PATH=${LAB_PATH}`, 'HOME=/tmp', 'LC_ALL=C'];
    return this.#machine.interact(enter(this.#holder, [...environment, ...argv]));
  }

  /** Where the machine has a file of the node; fails for paths that the node shares with the machine. */
  hostPath(path: string): string {
    if (!OWN_DIRECTORIES.some((own) => path === own || path.startsWith(`${own}/`))) {
      throw new LabError('path', `${path} of ${this.name} is the machine's own file, not the node's`);
    }
    return `${this.#directory}/root${path}`;
  }

  read(path: string): Promise<string | undefined> {
    return this.#machine.files.read(this.hostPath(path));
  }

  async write(path: string, text: string, mode?: number): Promise<void> {
    const target = this.hostPath(path);
    await this.#machine.files.makeDirectory(target.slice(0, target.lastIndexOf('/')));
    await this.#machine.files.write(target, text, mode);
  }

  /** Whether the node sees a file, its own or the machine's. */
  async sees(path: string): Promise<boolean> {
    return (await this.exec(['test', '-e', path], { check: false })).code === 0;
  }

  list(path: string): Promise<readonly string[]> {
    return this.#machine.files.list(this.hostPath(path));
  }

  /**
   * Starts a long-running process. Its output goes to `/var/log/<name>.log` of the node, its identity is recorded so
   * that another run of the lab's programs finds it again. Fails when a process of that name runs already, or when it ended
   * before it was seen; `exited` tells of one that ends later.
   */
  async spawn(name: string, argv: readonly string[]): Promise<NodeProcess> {
    const standing = await this.process(name);
    if (standing !== undefined) {
      throw new LabError('running', `${name} runs on ${this.name} already (pid ${standing.pid})`);
    }
    const log = `/var/log/${name}.log`;
    // A machine that runs no programs of its own has no such directory.
    await this.#machine.files.makeDirectory(this.hostPath('/var/log'));
    const entering = await this.#machine.start(enter(this.#holder, argv), { log: this.hostPath(log) });
    let ended: number | undefined;
    void (async () => {
      ended = await entering.exited;
    })();
    // nsenter forks to get into the PID namespace: the program is its only child.
    const probe = async (): Promise<{ value: ProcessIdentity } | { seen: string }> => {
      const [child] = await childrenOf(this.#machine, entering.pid);
      if (child !== undefined) return { value: child };
      if (ended === undefined) return { seen: 'not started yet' };
      const said = ((await this.read(log)) ?? '').trim().slice(-2000);
      throw new LabError(
        'ended',
        `${argv.join(' ')} on ${this.name} ended at once (status ${ended}): ${said}`,
      );
    };
    const what = `${name} to start on ${this.name}`;
    const { value } = await until(what, probe, { timeoutMs: START_TIMEOUT_MS, everyMs: 5 });
    const stat = await this.#machine.files.read(`/proc/${value.pid}/stat`);
    await this.#machine.files.makeDirectory(this.#processDirectory);
    await this.#machine.files.write(`${this.#processDirectory}/${name}`, stat ?? '');
    return new NodeProcess(this.#machine, this, name, value, entering);
  }

  /** A process that `spawn` started, from this or an earlier run; `undefined` when it has ended. */
  async process(name: string): Promise<NodeProcess | undefined> {
    const record = await this.#machine.files.read(`${this.#processDirectory}/${name}`);
    const identity = record === undefined ? undefined : parseStat(record);
    if (identity === undefined || !(await isAlive(this.#machine, identity))) return undefined;
    return new NodeProcess(this.#machine, this, name, identity);
  }

  /** Names of the processes that `spawn` started and that still run. */
  async processes(): Promise<readonly string[]> {
    const names = await this.#machine.files.list(this.#processDirectory);
    const alive = await Promise.all(names.map((name) => this.process(name)));
    return names.filter((_, index) => alive[index] !== undefined);
  }

  /** Every program that runs in the node's network namespace, its holder excepted: names, sorted. */
  async programs(): Promise<readonly string[]> {
    const own = await this.#machine.files.link(`/proc/${this.#holder.pid}/ns/net`);
    const pids = (await this.#machine.files.list('/proc')).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        if (Number(pid) === this.#holder.pid) return [];
        if ((await this.#machine.files.link(`/proc/${pid}/ns/net`)) !== own) return [];
        const stat = parseStat((await this.#machine.files.read(`/proc/${pid}/stat`)) ?? '');
        return stat === undefined ? [] : [stat.command];
      }),
    );
    return found.flat().sort();
  }

  get #processDirectory(): string {
    return `${this.#directory}/processes`;
  }
}

/** A long-running process in a node. */
export class NodeProcess {
  readonly name: string;
  readonly #machine: Machine;
  readonly #node: LabNode;
  readonly #identity: ProcessIdentity;
  readonly #started: StartedProcess | undefined;

  constructor(
    machine: Machine,
    node: LabNode,
    name: string,
    identity: ProcessIdentity,
    started?: StartedProcess,
  ) {
    this.#machine = machine;
    this.#node = node;
    this.name = name;
    this.#identity = identity;
    this.#started = started;
  }

  /** As the machine numbers it. */
  get pid(): number {
    return this.#identity.pid;
  }

  /** Exit status when it ends; only known to the program that started it. */
  get exited(): Promise<number> | undefined {
    return this.#started?.exited;
  }

  alive(): Promise<boolean> {
    return isAlive(this.#machine, this.#identity);
  }

  /** Sends a signal; nothing happens when the process has ended. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const now = await identify(this.#machine, this.pid);
    if (now?.startTime === this.#identity.startTime) await this.#machine.signal(this.pid, signal);
  }

  /** Sends a signal and waits for the end; fails when the process outlives the deadline. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 20_000): Promise<void> {
    await this.signal(signal);
    const what = `${this.name} (pid ${this.pid}) on ${this.#node.name} to end after ${signal}`;
    await untilTrue(what, async () => !(await this.alive()), { timeoutMs, everyMs: 10 });
  }
}
