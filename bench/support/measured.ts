/**
 * Runs a program and says what it cost: wall time from its start to its end, processor time, largest resident memory.
 *
 * All compared programs are measured by the same small wrapper (`bench/compared/measured.py`), which asks the kernel
 * when it collects the child (getrusage(2)). Standard output is handed back; a failing program is an error with its words.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's interpreter: the compared packages are installed for that one. */
export const PYTHON = '/usr/bin/python3';

export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakBytes: number;
}

/** Path of one of the compared programs; the compiled benchmarks are in `dist/bench/`. */
export function comparedProgram(name: string): string {
  return fileURLToPath(new URL(`../../../bench/compared/${name}`, import.meta.url));
}

export async function measured(
  argv: readonly string[],
  options: { readonly discardOutput?: boolean } = {},
): Promise<{ readonly cost: Cost; readonly stdout: string }> {
  const flags = options.discardOutput === true ? ['--discard-output'] : [];
  const { stdout } = await run(PYTHON, [comparedProgram('measured.py'), ...flags, '--', ...argv], {
    maxBuffer: 1 << 28,
  });
  const end = stdout.lastIndexOf('\n', stdout.length - 2);
  const cost = JSON.parse(stdout.slice(end + 1)) as Cost;
  return { cost, stdout: stdout.slice(0, end + 1) };
}

/** True when Debian's Python can import the module. */
export async function pythonHas(module: string): Promise<boolean> {
  return run(PYTHON, ['-c', `import ${module}`]).then(
    () => true,
    () => false,
  );
}
