/**
 * The cache of what guests are made of: one directory for each recipe, made once and then only read.
 *
 * A directory is filled under another name and renamed when it is complete, so what has its final name is whole; what an
 * interrupted build left is removed by the next one. A lock that ends with its holder keeps two builders apart. The
 * builder has mount and PID namespaces of its own: interrupting it leaves no mount and no process. Fails with a
 * `LabError` that quotes the end of the build's log, which stays beside the directory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { LabError } from '../machine.ts';
import { type Progress, Steps } from '../progress.ts';
import type { Recipe } from './recipe.ts';

/** Exit status of the build script for "somebody else is building". */
const LOCKED = 75;

const BUILD = `
final=$1 script=$2
building=$final.building
[ ! -e "$final" ] || exit 0
exec 3>&1 >"$3" 2>&1
rm -rf --one-file-system "$building"
mkdir -p "$building"
chmod 755 "$building"
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
shift 3
bash -ec "$script" recipe "$building" "$@"
mv "$building" "$final"
`;

/** Makes sure that the directory of a recipe is there, and returns it. Reports each step of a build; nothing otherwise. */
export async function provide(cache: string, recipe: Recipe, progress: Progress): Promise<string> {
  const directory = `${cache}/${recipe.name}`;
  if (await isDirectory(directory)) return directory;
  await mkdir(cache, { recursive: true });
  const steps = new Steps(progress);
  const immediate = await build(directory, recipe, steps, [
    '--nonblock',
    '--conflict-exit-code',
    `${LOCKED}`,
  ]);
  if (immediate === LOCKED) {
    await steps.run(`another build of the ${recipe.title}`, () => build(directory, recipe, steps, []), {
      slow: true,
    });
  }
  if (!(await isDirectory(directory))) {
    const log = (await readFile(logFile(directory), 'utf8').catch(() => '')).trimEnd();
    const said = log.split('\n').slice(-25).join('\n  ');
    throw new LabError('build', `making the ${recipe.title} failed (${logFile(directory)}):\n  ${said}`);
  }
  return directory;
}

async function build(
  directory: string,
  recipe: Recipe,
  steps: Steps,
  locking: readonly string[],
): Promise<number> {
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const command = ['bash', '-ec', BUILD, 'build', directory, recipe.script, logFile(directory)];
  const child = spawn(
    'flock',
    [...locking, `${directory}.lock`, 'unshare', ...namespaces, ...command, ...recipe.parameters],
    // Its own process group: an interrupt at the terminal is passed on once, below.
    { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  const stop = (): void => {
    killGroup(child);
  };
  for (const signal of ['exit', 'SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    return await follow(child, recipe, steps);
  } finally {
    for (const signal of ['exit', 'SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  }
}

/** Every step lasts until the next one is announced, the last one until the end. */
async function follow(child: ChildProcess, recipe: Recipe, steps: Steps): Promise<number> {
  const status = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new LabError('spawn', `cannot start a build: ${cause.message}`, { cause })),
    );
    child.once('exit', (code) => resolve(code ?? 1));
  });
  status.catch(() => undefined);
  let ended: ((good: boolean) => void) | undefined;
  let step: Promise<void> = Promise.resolve();
  if (child.stdout !== null) {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('== ')) continue;
      ended?.(true);
      await step;
      step = steps
        .run(
          `${recipe.title}: ${line.slice(3)}`,
          () => {
            return new Promise<void>((resolve, reject) => {
              ended = (good) => (good ? resolve() : reject(new LabError('build', 'failed')));
            });
          },
          { slow: true },
        )
        .catch(() => undefined);
    }
  }
  const code = await status;
  ended?.(code === 0);
  await step;
  return code;
}

export interface CacheEntry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'complete' | 'unfinished';
}

/** What the cache holds, unfinished builds included. */
export async function cacheEntries(cache: string): Promise<readonly CacheEntry[]> {
  const names = await readdir(cache).catch(() => []);
  const entries = await Promise.all(
    names
      .sort((a, b) => (a < b ? -1 : 1))
      .map(async (name): Promise<readonly CacheEntry[]> => {
        const path = `${cache}/${name}`;
        if (!(await isDirectory(path))) return [];
        return [{ name, path, kind: name.endsWith('.building') ? 'unfinished' : 'complete' }];
      }),
  );
  return entries.flat();
}

/** Whether somebody builds the entry just now: then its lock cannot be had. */
export async function isLocked(path: string): Promise<boolean> {
  const lock = `${path.replace(/\.building$/, '')}.lock`;
  // Opening makes sure that the question itself leaves a file only where there was one.
  const handle = await open(lock, 'r').catch(() => undefined);
  if (handle === undefined) return false;
  await handle.close();
  const child = spawn('flock', ['--nonblock', '--conflict-exit-code', `${LOCKED}`, lock, 'true'], {
    stdio: 'ignore',
  });
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (status) => resolve(status ?? 1));
  });
  return code === LOCKED;
}

/** Removes a directory of the cache with its log and lock. */
export async function removeEntry({ path }: CacheEntry): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const base = path.replace(/\.building$/, '');
  await rm(logFile(base), { force: true });
  await rm(`${base}.lock`, { force: true });
}

function logFile(directory: string): string {
  return `${directory}.log`;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
}
