/** The native part and the TypeScript build, each only when something changed. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { capture, Failure, PROJECT, step, tail } from './process.mjs';

const BUILD_INFO = `${PROJECT}/dist/.tsbuildinfo`;

/** The script knows by itself whether there is anything to do; it is silent then. */
export async function buildNative() {
  const { code, output } = await capture(process.execPath, ['scripts/build-native.mjs']);
  if (code !== 0) throw new Failure(`building the native part failed:\n${tail(output)}`);
}

export async function buildTypeScript() {
  const built = changedAt(BUILD_INFO);
  const sources = ['src', 'lab', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  const newest = Math.max(...sources.map((name) => newestIn(`${PROJECT}/${name}`)));
  if (built !== undefined && built >= newest) return;
  await step('building', async () => {
    // The compiler leaves the file alone when the result is the same; a new one shows the next run that all is done.
    rmSync(BUILD_INFO, { force: true });
    const { code, output } = await capture(process.execPath, [
      'node_modules/typescript/bin/tsc',
      '-p',
      'tsconfig.build.json',
    ]);
    if (code === 0) return;
    // Incomplete output must not look like a finished build.
    rmSync(BUILD_INFO, { force: true });
    throw new Failure(`the TypeScript build failed:\n${tail(output, 60)}`);
  });
}

/** Directories count as well: a removed file changes its directory. */
function newestIn(path) {
  const own = changedAt(path) ?? 0;
  const entries = own > 0 && statSync(path).isDirectory() ? readdirSync(path) : [];
  return entries.reduce((newest, entry) => Math.max(newest, newestIn(`${path}/${entry}`)), own);
}

function changedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
