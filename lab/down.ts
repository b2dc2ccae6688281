/**
 * Taking a lab away: also one that came up half-way, or whose builder was killed.
 *
 * Killing the anchor ends every process of the lab and with them its namespaces; the rest is the state directory.
 */
import type { Machine } from './machine.ts';
import { releaseLab } from './mount-points.ts';
import { identify, isAlive, type LabPaths, type ProcessIdentity, recordedProcess } from './state.ts';
import { untilTrue } from './until.ts';

const DOWN_TIMEOUT_MS = 60_000;

/** False when there was nothing to take away. */
export async function teardown(machine: Machine, paths: LabPaths): Promise<boolean> {
  if (!(await machine.files.exists(paths.directory))) {
    return false;
  }
  const anchor = await recordedProcess(machine, paths.anchor);
  if (anchor !== undefined && (await isAlive(machine, anchor))) {
    await wakeEntrances(machine, anchor);
    await machine.signal(anchor.pid, 'SIGKILL');
    // Process 1 of a PID namespace ends last: the kernel has it wait for all the others.
    await untilTrue(
      `the processes of lab "${paths.name}" to end`,
      async () => !(await isAlive(machine, anchor)),
      {
        timeoutMs: DOWN_TIMEOUT_MS,
        everyMs: 10,
      },
    );
  }
  await unmount(machine, paths);
  await releaseLab(machine, paths);
  return true;
}

/**
 * An `nsenter` stops together with the program that it started in the lab, and must go on to collect it: until then the
 * kernel does not let process 1 of the namespace end.
 */
async function wakeEntrances(machine: Machine, anchor: ProcessIdentity): Promise<void> {
  const home = await machine.files.link(`/proc/${anchor.pid}/ns/pid`);
  const isInside = async (pid: number): Promise<boolean> =>
    (await machine.files.link(`/proc/${pid}/ns/pid`)) === home;
  const pids = (await machine.files.list('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => ((await isInside(pid)) ? (await identify(machine, pid))?.parent : undefined)),
  );
  for (const parent of new Set(parents)) {
    if (parent === undefined || parent <= 1 || (await isInside(parent))) continue;
    await machine.signal(parent, 'SIGCONT');
  }
}

async function unmount(machine: Machine, paths: LabPaths): Promise<void> {
  const mounted = async (): Promise<boolean> => {
    const mounts = (await machine.files.read('/proc/self/mounts')) ?? '';
    return mounts.split('\n').some((line) => line.split(' ')[1] === paths.directory);
  };
  const gone = async (): Promise<boolean> => {
    if (!(await mounted())) return true;
    await machine.run(['umount', paths.directory], { check: false });
    return !(await mounted());
  };
  // Somebody may be reading a log of the lab: then the mount is taken out of sight and ends with the reader.
  await untilTrue(`${paths.directory} to be unmounted`, gone, { timeoutMs: 2000, everyMs: 50 }).catch(
    async () => {
      await machine.run(['umount', '--lazy', paths.directory]);
    },
  );
}
