/**
 * The machine that a lab runs on: the one seam between the lab and the kernel underneath it.
 *
 * Everything that the lab does to the outside (run a command, start a process, signal it, read and write a file) goes
 * through a `Machine`. `local-machine.ts` is this machine's own kernel. A guest with a newer kernel or other versions of
 * the programs is another implementation, and nothing else of the lab has to know.
 */

/** What the kernel of a machine can do; decides which data path and which way of advertising the lab uses. */
export interface Capabilities {
  readonly kernel: string;
  readonly vrf: boolean;
  readonly dummy: boolean;
  readonly vlan: boolean;
  readonly geneve: boolean;
  /** The Open vSwitch data path of the kernel. */
  readonly openvswitch: boolean;
  /** Connection tracking in zones: without them OVN does not work on the kernel's data path. */
  readonly conntrackZones: boolean;
}

export interface RunOptions {
  /** Milliseconds until the command and everything that it started in its process group are killed; default 30 s. */
  readonly timeoutMs?: number;
  readonly input?: string;
  /** `false`: a non-zero exit is an ordinary result instead of a `CommandError`. */
  readonly check?: boolean;
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** Exit status; a command that a signal ended counts as 128 plus the signal's number, as in a shell. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** File on the machine that both output streams are appended to. */
  readonly log: string;
}

/** A process that outlives the call that started it. */
export interface StartedProcess {
  readonly pid: number;
  /** Settles with the exit status when the process ends; never rejects. */
  readonly exited: Promise<number>;
}

export interface Machine {
  /** For messages: "this machine". */
  readonly description: string;
  capabilities(): Promise<Capabilities>;
  /** Runs a command to its end with a clean environment (`PATH`, `HOME`, `LC_ALL=C`). */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a process in its own session; it goes on when this program ends. */
  start(argv: readonly string[], options: StartOptions): Promise<StartedProcess>;
  /** Runs a command on the caller's terminal and returns its exit status. */
  interact(argv: readonly string[]): Promise<number>;
  /** Sends a signal; false when there is no such process. */
  signal(pid: number, signal: NodeJS.Signals): Promise<boolean>;
  readonly files: MachineFiles;
}

/** Files as the machine's root namespace sees them. */
export interface MachineFiles {
  /** `undefined` when the file is not there (or went away while it was read, as in /proc). */
  read(path: string): Promise<string | undefined>;
  write(path: string, text: string, mode?: number): Promise<void>;
  /** Target of a symbolic link; `undefined` when there is none. */
  link(path: string): Promise<string | undefined>;
  /** Names in a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  makeDirectory(path: string): Promise<void>;
  /** Makes a directory that must not exist yet; false when it does. */
  claimDirectory(path: string): Promise<boolean>;
  /** Removes a file or a tree; nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
}

/** `PATH` of every command of the lab; FRR's daemons are not on the usual one, and nodes have a directory of their own. */
export const LAB_PATH =
  '/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr';

/** The words of a command line that needs no quoting. */
export function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** Something went wrong in the lab; `message` says what was attempted, on what, and what was seen. */
export class LabError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.code = code;
  }
}

/** A command that failed, ran out of time or could not be started. */
export class CommandError extends LabError {
  readonly argv: readonly string[];
  readonly result: RunResult;

  constructor(argv: readonly string[], result: RunResult, what: string) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
    super('command', `${argv.join(' ')}: ${what}${said === '' ? '' : `: ${said}`}`);
    this.name = 'CommandError';
    this.argv = argv;
    this.result = result;
  }
}
