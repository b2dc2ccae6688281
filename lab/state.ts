/**
 * Where a lab keeps its state on the machine, and how processes are recognised again.
 *
 * One directory a lab, a tmpfs of its own: `/run/ovn-bgp-agent-lab/<name>/nodes/<node>/`. A process is known by the
 * line of its /proc stat file at the time it was started: its pid together with its start time, so that a pid which the
 * kernel gave to somebody else in the meantime is never signalled.
 */
import type { Machine } from './machine.ts';
import { LabError } from './machine.ts';

export const STATE_ROOT = '/run/ovn-bgp-agent-lab';

export interface LabPaths {
  readonly name: string;
  readonly directory: string;
  /** `stat` line of the lab's first process; it holds the namespaces that all others live in. */
  readonly anchor: string;
  /** Present when the lab came up completely. */
  readonly complete: string;
  readonly nodes: string;
}

export function labPaths(name: string): LabPaths {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new LabError(
      'name',
      `not a lab name: ${JSON.stringify(name)} (lower-case letters, digits and dashes)`,
    );
  }
  const directory = `${STATE_ROOT}/${name}`;
  return {
    name,
    directory,
    anchor: `${directory}/anchor`,
    complete: `${directory}/complete.json`,
    nodes: `${directory}/nodes`,
  };
}

/** A process of the past: the same one only while its start time is the same. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of proc(5) stat. */
  readonly startTime: string;
}

/** Parses a complete line of /proc/PID/stat; the command name in parentheses may contain spaces and parentheses. */
export function parseStat(
  text: string,
): (ProcessIdentity & { readonly parent: number; readonly command: string }) | undefined {
  if (!text.endsWith('\n')) return undefined;
  const match = /^(\d+) \((.*)\) (\S) (.*)$/s.exec(text.trim());
  const [, pid, command, state, rest] = match ?? [];
  const fields = rest?.split(' ') ?? [];
  // The fields after the state are numbered from 4: parent is the first of them, the start time the nineteenth.
  const [parent, startTime] = [fields[0], fields[18]];
  if (pid === undefined || command === undefined || parent === undefined || startTime === undefined)
    return undefined;
  // A zombie has ended: only its parent has not looked yet.
  if (state === 'Z' || state === 'X') return undefined;
  return { pid: Number(pid), parent: Number(parent), command, startTime };
}

/** The process that a file recorded, if it was written completely. */
export async function recordedProcess(machine: Machine, file: string): Promise<ProcessIdentity | undefined> {
  const text = await machine.files.read(file);
  return text === undefined ? undefined : parseStat(text);
}

export async function isAlive(machine: Machine, identity: ProcessIdentity): Promise<boolean> {
  const text = await machine.files.read(`/proc/${identity.pid}/stat`);
  return text !== undefined && parseStat(text)?.startTime === identity.startTime;
}

export async function identify(
  machine: Machine,
  pid: number,
): Promise<(ProcessIdentity & { readonly parent: number }) | undefined> {
  const text = await machine.files.read(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Processes whose parent is one of the given ones, from one pass over /proc. */
export async function childrenOf(machine: Machine, parent: number): Promise<readonly ProcessIdentity[]> {
  const names = (await machine.files.list('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map((name) => machine.files.read(`/proc/${name}/stat`)));
  return stats.flatMap((text) => {
    const stat = text === undefined ? undefined : parseStat(text);
    return stat?.parent === parent ? [{ pid: stat.pid, startTime: stat.startTime }] : [];
  });
}
