/**
 * What of the node's own OVN is there: processes, whose they are, and whether they answer.
 *
 * In: settings, the node. Out: one status a process. Nothing is changed and nothing is thrown for what is missing.
 */
import { select } from '../ovsdb/index.ts';
import { askDatabase } from './ask-database.ts';
import type { HostProcess, LocalOvnHost } from './host.ts';
import { type DatabaseSpec, databaseSpecs, type ProcessSpec, processSpecs, socketPath } from './processes.ts';
import {
  LOCAL_PROCESSES,
  type LocalOvnSettings,
  type LocalProcess,
  OWNER_VARIABLE,
  type ProcessStatus,
} from './types.ts';

/** Generous: a machine under load is no reason to call a process dead. */
const ANSWER_MS = 15_000;

export async function inspectProcesses(
  host: LocalOvnHost,
  settings: LocalOvnSettings,
  southbound: string | undefined,
): Promise<readonly ProcessStatus[]> {
  const [specs, databases] = [processSpecs(settings, southbound), databaseSpecs(settings, southbound)];
  const processes = await host.processes();
  return Promise.all(
    LOCAL_PROCESSES.map((name) => {
      const found = processesOf(specs[name], processes, settings);
      return name === 'nb' || name === 'sb'
        ? databaseStatus(host, specs[name], databases[name], found)
        : daemonStatus(host, specs[name], found);
    }),
  );
}

/** The processes of which nothing is there: no process, and nothing that answers in its place. Cheap: it starts no program. */
export async function absentProcesses(
  host: LocalOvnHost,
  settings: LocalOvnSettings,
  southbound: string | undefined,
): Promise<{ readonly absent: readonly LocalProcess[]; readonly pids: readonly number[] }> {
  const [specs, databases] = [processSpecs(settings, southbound), databaseSpecs(settings, southbound)];
  const processes = await host.processes();
  const absent: LocalProcess[] = [];
  const pids: number[] = [];
  for (const name of LOCAL_PROCESSES) {
    const found = processesOf(specs[name], processes, settings);
    pids.push(...found.map(({ pid }) => pid));
    if (found.length > 0) continue;
    const elsewhere = (name === 'nb' || name === 'sb') && (await answers(host, databases[name]));
    if (!elsewhere) absent.push(name);
  }
  return { absent, pids };
}

/** Processes that are, or watch over, the one specified: a monitor has rewritten its command line, but not its origin. */
export function processesOf(
  spec: ProcessSpec,
  processes: readonly HostProcess[],
  settings: LocalOvnSettings,
): readonly HostProcess[] {
  const owner = ownerMark(spec.name, settings);
  return processes.filter(
    ({ program, argv, environment }) =>
      program === spec.program && (spec.recognises(argv) || environment.get(OWNER_VARIABLE) === owner),
  );
}

/** What the environment of a process of ours says. */
export function ownerMark(name: LocalProcess, { runDir, chassis }: LocalOvnSettings): string {
  return `${name}:${chassis}:${runDir}`;
}

/** The process itself among those found: of a monitored pair the one that still has its command line. */
function worker(spec: ProcessSpec, found: readonly HostProcess[]): HostProcess | undefined {
  return found.find(({ argv }) => spec.recognises(argv) && !isMonitor(argv));
}

/** daemon-unix.c of Open vSwitch: "PROGRAM: monitoring pid N (STATE)". */
export function isMonitor(argv: readonly string[]): boolean {
  return argv.some((word) => /: monitoring pid \d+/.test(word));
}

async function databaseStatus(
  host: LocalOvnHost,
  spec: ProcessSpec,
  database: DatabaseSpec,
  found: readonly HostProcess[],
): Promise<ProcessStatus> {
  const process = worker(spec, found);
  const answered = await answers(host, database);
  const version = answered ? await versionOf(host, spec, process) : undefined;
  return {
    ...identity(spec, process, answered),
    state: answered ? 'running' : found.length > 0 ? 'silent' : 'absent',
    ...(version === undefined ? {} : { version }),
  };
}

async function answers(host: LocalOvnHost, { name, remote, schema }: DatabaseSpec): Promise<boolean> {
  const socket = socketPath(remote);
  // A remote that is not a socket of this node is the operator's, and is asked in any case.
  if (socket !== undefined && !(await host.exists(socket))) return false;
  const question = select(name === 'nb' ? 'NB_Global' : 'SB_Global', [], ['_uuid']);
  return (await askDatabase(remote, schema, [question], ANSWER_MS)) !== undefined;
}

/** What a daemon must say to count as at work. */
const WORKING: Readonly<
  Record<'northd' | 'controller', { readonly command: string; readonly pattern: RegExp }>
> = {
  northd: { command: 'status', pattern: /^Status: (active|standby)/m },
  controller: { command: 'connection-status', pattern: /^connected/m },
};

async function daemonStatus(
  host: LocalOvnHost,
  spec: ProcessSpec,
  found: readonly HostProcess[],
): Promise<ProcessStatus> {
  const process = worker(spec, found);
  if (process === undefined) {
    return { ...identity(spec, process, false), state: found.length > 0 ? 'silent' : 'absent' };
  }
  const { command, pattern } = WORKING[spec.name === 'northd' ? 'northd' : 'controller'];
  const answer = await control(host, spec, process, [command]);
  const said = answer?.trim().split('\n')[0];
  const working = answer !== undefined && pattern.test(answer);
  const version = await versionOf(host, spec, process);
  return {
    ...identity(spec, process, false),
    state: working ? 'running' : 'silent',
    ...(said === undefined || said === '' ? {} : { says: said }),
    ...(version === undefined ? {} : { version }),
  };
}

function identity(
  spec: ProcessSpec,
  process: HostProcess | undefined,
  answers: boolean,
): Pick<ProcessStatus, 'name' | 'title' | 'pid' | 'owner' | 'unit'> {
  const { name, title } = spec;
  if (process === undefined) return { name, title, ...(answers ? { owner: 'operator' as const } : {}) };
  return {
    name,
    title,
    pid: process.pid,
    owner: process.environment.has(OWNER_VARIABLE) ? 'ours' : 'operator',
    ...(process.unit === undefined ? {} : { unit: process.unit }),
  };
}

async function versionOf(
  host: LocalOvnHost,
  spec: ProcessSpec,
  process: HostProcess | undefined,
): Promise<string | undefined> {
  if (process === undefined) return undefined;
  return (await control(host, spec, process, ['version']))?.split('\n')[0]?.trim();
}

/** Asks a process over its control socket (ovs-appctl(8)); `undefined` when it does not answer. */
export async function control(
  host: LocalOvnHost,
  spec: ProcessSpec,
  process: Pick<HostProcess, 'pid' | 'argv' | 'environment'>,
  command: readonly string[],
): Promise<string | undefined> {
  const socket = controlSocket(spec, process);
  if (!(await host.exists(socket))) return undefined;
  const argv = ['ovs-appctl', '-T', `${ANSWER_MS / 1000}`, '-t', socket, ...command];
  const { code, stdout } = await host.run(argv);
  return code === 0 ? stdout : undefined;
}

/** Where its own command line or environment put it: processes of the operator keep their own places. */
function controlSocket(
  spec: ProcessSpec,
  { pid, argv, environment }: Pick<HostProcess, 'pid' | 'argv' | 'environment'>,
): string {
  const option = argv.find((word) => word.startsWith('--unixctl='))?.slice('--unixctl='.length);
  const directory =
    environment.get(spec.program === 'ovsdb-server' ? 'OVS_RUNDIR' : 'OVN_RUNDIR') ??
    (spec.program === 'ovsdb-server' ? '/var/run/openvswitch' : '/var/run/ovn');
  if (option === undefined) return `${directory}/${spec.program}.${pid}.ctl`;
  return option.startsWith('/') ? option : `${directory}/${option}`;
}
