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
  const memory = await memoryOf(pid);
  if (memory === undefined) throw new Error(`process ${pid} has ended`);
  return {
    userMs: (Number(fields[11]) * 1000) / TICKS,
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS,
    ...memory,
  };
}

/** `undefined` when there is no such process, or only what its parent has not collected yet. */
export async function memoryOf(pid: number): Promise<Pick<Usage, 'peakBytes' | 'residentBytes'> | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const [peakBytes, residentBytes] = [kilobytes('VmHWM') * 1024, kilobytes('VmRSS') * 1024];
  return Number.isNaN(residentBytes) ? undefined : { peakBytes, residentBytes };
}
