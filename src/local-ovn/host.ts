/** The edge of this room: programs, processes and files of the node. One real implementation: `system-host.ts`. */

export interface ProgramResult {
  /** Exit status; 127 when the program is not there, 124 when it was ended because it took too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process in this network namespace. */
export interface HostProcess {
  readonly pid: number;
  /** As the kernel has it: up to 15 characters. */
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** The systemd unit that it runs in. */
  readonly unit: string | undefined;
}

export interface RunSettings {
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface LocalOvnHost {
  /** Runs a program to its end, without a shell; never throws for what the program does. */
  run(argv: readonly string[], settings?: RunSettings): Promise<ProgramResult>;
  /** Processes in the network namespace that this one is in, by pid. */
  processes(): Promise<readonly HostProcess[]>;
  isAlive(pid: number): boolean;
  /** Sends a signal; nothing happens when the process has ended. */
  signal(pid: number, signal: NodeJS.Signals): void;
  /** Path of a program on `PATH`; `undefined` when it is not there. */
  find(program: string): Promise<string | undefined>;
  /** `undefined` when the file is not there. */
  read(path: string): Promise<string | undefined>;
  /** Whether the file holds the text; for executables. */
  holds(path: string, text: string): Promise<boolean>;
  exists(path: string): Promise<boolean>;
  makeDirectory(path: string): Promise<void>;
  /** Removes a file, or a directory with all that is in it; nothing happens when it is not there. */
  remove(path: string): Promise<void>;
}
