/**
 * What a machine must have for a guest, and why one did not boot, in words that say what to do.
 *
 * `missingForGuests` asks the machine before anything is downloaded; `bootHint` reads what a kernel that gave up has said.
 * Both return `undefined` when they know of nothing.
 */
import { access, statfs } from 'node:fs/promises';

const MIB = 1024 * 1024;
const MEMORY_DIRECTORY = '/dev/shm';

export interface GuestNeeds {
  readonly memoryMb: number;
  /** A kernel of the user's own: for whichever processor it was built. */
  readonly ownBinary: boolean;
}

/** Why a guest cannot run here. */
export async function missingForGuests({ memoryMb, ownBinary }: GuestNeeds): Promise<string | undefined> {
  if (!ownBinary && process.arch !== 'x64') {
    return `Debian's User Mode Linux exists for amd64 only, this machine is ${process.arch}: use a machine of that kind, or --uml-binary`;
  }
  if (!(await isThere('/dev/net/tun'))) {
    return 'this machine has no /dev/net/tun, over which guests are reached: load the module tun, or give the container that device';
  }
  const { bavail, bsize } = await statfs(MEMORY_DIRECTORY);
  const freeMb = Math.floor((bavail * bsize) / MIB);
  return freeMb < memoryMb / 2
    ? `${MEMORY_DIRECTORY} has ${freeMb} MiB left, and a guest's memory of up to ${memoryMb} MiB lies there: make it larger (mount -o remount,size=4g ${MEMORY_DIRECTORY}), or give the guest less (--memory)`
    : undefined;
}

/** What to do about a kernel that ended while it booted; `said` is its console and what started it. */
export function bootHint(said: string): string | undefined {
  if (/ptrace|seccomp/i.test(said)) {
    return 'User Mode Linux runs its processes by seccomp(2) or ptrace(2), and this machine allows neither: run it where one of them is allowed (in a container: with the capability SYS_PTRACE, or without a seccomp profile)';
  }
  if (/noexec|PROT_EXEC/.test(said)) {
    return `${MEMORY_DIRECTORY} is mounted noexec, and programs of a guest run from its memory there: mount -o remount,exec ${MEMORY_DIRECTORY}`;
  }
  return undefined;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
