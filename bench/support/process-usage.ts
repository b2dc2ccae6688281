/** What a running process has used so far, from /proc (proc(5)); read failures mean that it has ended. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Usage {
  readonly cpuMs: number;
  /** Without what the kernel did for the process. */
  readonly userMs: number;
  readonly peakBytes: number;
  readonly residentBytes: number;
}

/** Clock ticks a second (sysconf(_SC_CLK_TCK)). */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The command, field 2, may hold anything; what follows its closing bracket starts with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    userMs: (Number(fields[11]) * 1000) / TICKS,
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS,
    peakBytes: kilobytes('VmHWM') * 1024,
    residentBytes: kilobytes('VmRSS') * 1024,
  };
}
