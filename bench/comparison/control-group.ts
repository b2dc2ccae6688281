/**
 * A control group (cgroups(7), version 2) for a program and all that it starts: what they have used together, and their end.
 *
 * The kernel counts the processor time of the group, that of processes which have ended included; memory is the sum over
 * the processes that are there. Needs the file system that the guests have at /sys/fs/cgroup.
 */
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { until } from '../../test/support/until.ts';
import { memoryOf } from '../support/process-usage.ts';

const ROOT = '/sys/fs/cgroup';

export interface GroupUsage {
  readonly cpuMs: number;
  /** Without what the kernel did for the programs. */
  readonly userMs: number;
  readonly processes: number;
  /** Sum of the processes' resident memory. */
  readonly residentBytes: number;
  /** Sum of the largest resident memory that each process ever had. */
  readonly peakBytes: number;
}

export class ControlGroup {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(name: string): Promise<ControlGroup> {
    const path = `${ROOT}/${name}`;
    await mkdir(path);
    return new ControlGroup(path);
  }

  /** Words that run a program in the group. */
  command(...argv: readonly string[]): readonly string[] {
    return ['sh', '-c', `echo $$ >${this.#path}/cgroup.procs && exec "$@"`, 'sh', ...argv];
  }

  async usage(): Promise<GroupUsage> {
    const stat = await readFile(`${this.#path}/cpu.stat`, 'utf8');
    const microseconds = (name: string): number =>
      Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? Number.NaN);
    const memory = await Promise.all((await this.#pids()).map(memoryOf));
    const alive = memory.filter((each) => each !== undefined);
    return {
      cpuMs: microseconds('usage_usec') / 1000,
      userMs: microseconds('user_usec') / 1000,
      processes: alive.length,
      residentBytes: alive.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
      peakBytes: alive.reduce((sum, { peakBytes }) => sum + peakBytes, 0),
    };
  }

  /** Kills what is left in it, and removes it. */
  async remove(): Promise<void> {
    await writeFile(`${this.#path}/cgroup.kill`, '1');
    await until('the group is empty', async () => (await this.#pids()).length === 0);
    await rmdir(this.#path);
  }

  async #pids(): Promise<readonly number[]> {
    const text = await readFile(`${this.#path}/cgroup.procs`, 'utf8');
    return text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]));
  }
}
