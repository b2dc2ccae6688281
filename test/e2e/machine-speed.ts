/**
 * How much slower than a bare machine this one is at what repairs are made of: new processes and system calls.
 *
 * Promises in seconds are made for bare machines. In a guest (User Mode Linux) everything costs several times more, also
 * the questions by which a repair is seen; there the same promise holds for the same work, so it is scaled by the
 * measured factor. On a bare machine, busy or not, the promise stands as it is: the factor is 1.
 */
import { readFile } from 'node:fs/promises';
import { LocalMachine } from '../../lab/local-machine.ts';

/** Median of the probe on a bare machine with two processors of 2024. */
const REFERENCE_MS = 12;
const ROUNDS = 9;
/** A machine that is slower than that is no measure of anything. */
const MOST = 20;

/** The processor that such a kernel reports (arch/um/kernel/um_arch.c). */
export async function isGuest(): Promise<boolean> {
  return (await readFile('/proc/cpuinfo', 'utf8')).includes('User Mode Linux');
}

/**
 * Starts a shell that asks the kernel in a network namespace, as the tests do; returns 1, in a guest up to 20. Of the moment:
 * ask right after what is judged, for guests share their machine with others.
 */
export async function slowness(): Promise<number> {
  if (!(await isGuest())) return 1;
  const machine = new LocalMachine();
  const probe = [
    'nsenter',
    '--target',
    `${process.pid}`,
    '--net',
    '--',
    'bash',
    '-ec',
    'ip -4 rule; ip -6 rule',
  ];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await machine.run(probe);
    times.push(performance.now() - begin);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? REFERENCE_MS;
  return Math.min(MOST, Math.max(1, median / REFERENCE_MS));
}
