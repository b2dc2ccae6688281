/**
 * The first and the last act of a lab on the machine: claiming its state directory, and letting go of everything.
 *
 * Directories that must exist so that a node's own can be bound over them, and that the packages did not make, are made
 * with the first lab, written down, and removed again with the last. Both acts hold a lock on `/run` itself, so that
 * a lab that comes up and one that goes at the same moment do not take each other's directories away; the lock leaves
 * no file behind and ends with its holder.
 */
import { CommandError, type Machine } from './machine.ts';
import { type LabPaths, STATE_ROOT } from './state.ts';

/** Exit status of the script for "there is such a directory already". */
const TAKEN = 17;

const CLAIM = `
root=$1 directory=$2
shift 2
mkdir -p "$root"
mkdir "$directory" 2>/dev/null || exit ${TAKEN}
for point in "$@"; do
  [ -e "$point" ] && continue
  echo "$point" >>"$root/.mount-points"
  mkdir -p "$point"
done`;

/** A directory that is not empty by now belongs to somebody, and stays. */
const RELEASE = `
root=$1 directory=$2
[ ! -e "$directory" ] || rm -rf --one-file-system "$directory"
[ -e "$root" ] && [ -z "$(ls "$root")" ] || exit 0
if [ -e "$root/.mount-points" ]; then
  while read -r point; do
    [ ! -e "$point" ] || rmdir --ignore-fail-on-non-empty "$point"
  done <"$root/.mount-points"
  rm "$root/.mount-points"
fi
rmdir "$root"`;

/** Makes the lab's state directory and what mounts need; false when a lab of that name has one. */
export async function claimLab(
  machine: Machine,
  paths: LabPaths,
  mountPoints: readonly string[],
): Promise<boolean> {
  const argv = locked(CLAIM, [paths.directory, ...mountPoints]);
  const result = await machine.run(argv, { check: false });
  if (result.code === TAKEN) return false;
  if (result.code !== 0) throw new CommandError(argv.slice(0, 3), result, `exit status ${result.code}`);
  return true;
}

/** Removes the lab's state directory, and with the last lab everything that `claimLab` made. */
export async function releaseLab(machine: Machine, paths: LabPaths): Promise<void> {
  await machine.run(locked(RELEASE, [paths.directory]));
}

function locked(script: string, args: readonly string[]): readonly string[] {
  return ['flock', '/run', 'bash', '-ec', script, 'lab', STATE_ROOT, ...args];
}
