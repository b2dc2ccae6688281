/**
 * Directories that must exist on the machine so that a node's own can be bound over them. Those that the packages did
 * not make are made, written down, and removed again with the last lab.
 */
import type { Machine } from './machine.ts';
import { STATE_ROOT } from './state.ts';

const RECORD = `${STATE_ROOT}/.mount-points`;

export async function makeMountPoints(machine: Machine, directories: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const directory of directories) {
    if (!(await machine.files.exists(directory))) missing.push(directory);
  }
  if (missing.length === 0) return;
  const recorded = (await machine.files.read(RECORD)) ?? '';
  await machine.files.write(RECORD, `${recorded}${missing.join('\n')}\n`);
  for (const directory of missing) await machine.files.makeDirectory(directory);
}

/** Removes what `makeMountPoints` made, where it is still empty: a directory that got contents belongs to somebody. */
export async function removeMountPoints(machine: Machine): Promise<void> {
  const made = ((await machine.files.read(RECORD)) ?? '').split('\n').filter((line) => line !== '');
  for (const directory of made) {
    await machine.run(['rmdir', '--ignore-fail-on-non-empty', directory], { check: false });
  }
  await machine.files.remove(RECORD);
}
