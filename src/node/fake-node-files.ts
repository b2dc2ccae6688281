/** /proc/sys and rt_tables in memory, for tests. Settings exist as long as their device does, and start at 0. */
import type { NodeFiles, RtTableEntry } from './edge.ts';
import { sysctlDevice } from './kinds/sysctl.ts';
import { editRtTablesText, parseRtTables } from './rt-tables.ts';

export class FakeNodeFiles implements NodeFiles {
  /** Paths that were written, in order; `rt_tables` for that file. */
  readonly log: string[] = [];
  /** The file's text; `undefined`: it does not exist. */
  rtTables: string | undefined = '255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n';
  /** Entries of rt_tables.d and of the distribution's files. */
  otherTableNames: readonly RtTableEntry[] = [];
  /** Who listens to the kernel's news: nobody. */
  netlinkListeners: string | undefined = '';
  /** Returns a message to refuse a write. */
  fail: ((path: string) => string | undefined) | undefined;
  readonly #sysctls = new Map<string, string>();
  readonly #deviceExists: (name: string) => boolean;

  constructor(deviceExists: (name: string) => boolean = () => true) {
    this.#deviceExists = deviceExists;
  }

  async readSysctl(path: string): Promise<string | undefined> {
    return this.#exists(path) ? (this.#sysctls.get(path) ?? '0') : undefined;
  }

  async writeSysctl(path: string, value: string): Promise<void> {
    this.#failIfAsked(path);
    if (!this.#exists(path)) throw new Error(`cannot write ${path}: ENOENT`);
    this.#sysctls.set(path, value);
    this.log.push(path);
  }

  readNetlinkListeners(): string | undefined {
    return this.netlinkListeners;
  }

  async readRtTables(): Promise<readonly RtTableEntry[]> {
    return parseRtTables(this.rtTables ?? '');
  }

  async readTableNames(): Promise<readonly RtTableEntry[]> {
    return [...parseRtTables(this.rtTables ?? ''), ...this.otherTableNames];
  }

  async editRtTables(edit: {
    readonly add: readonly RtTableEntry[];
    readonly remove: readonly string[];
  }): Promise<void> {
    this.#failIfAsked('rt_tables');
    const after = editRtTablesText(this.rtTables ?? '', edit);
    if (after === this.rtTables) return;
    this.rtTables = after;
    this.log.push('rt_tables');
  }

  /** Somebody else sets a value. */
  tamper(path: string, value: string): void {
    this.#sysctls.set(path, value);
  }

  /** A device is gone: should it come back, its settings start anew. */
  forgetDevice(name: string): void {
    for (const path of this.#sysctls.keys()) if (sysctlDevice(path) === name) this.#sysctls.delete(path);
  }

  #exists(path: string): boolean {
    const device = sysctlDevice(path);
    return device === undefined || device === 'all' || device === 'default' || this.#deviceExists(device);
  }

  #failIfAsked(path: string): void {
    const message = this.fail?.(path);
    if (message !== undefined) throw new Error(message);
  }
}
