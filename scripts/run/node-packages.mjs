/** `npm ci`, when node_modules is missing or does not hold what package-lock.json asks for. Never edits the lock file. */
import { readFile, stat } from 'node:fs/promises';
import { capture, Failure, PROJECT, step } from './process.mjs';

export async function installNodePackages() {
  if (await upToDate()) return;
  await step('installing the npm packages of package-lock.json', async () => {
    const { code, output } = await capture('npm', ['ci', '--no-audit', '--no-fund']);
    if (code === 0) return;
    // npm tells the cause first and all of its options afterwards.
    const cause = output.split('\n').filter((line) => /^npm error +\S/.test(line));
    throw new Failure(
      `npm ci failed; the npm registry must be reachable, or node_modules be there already:\n${head(cause)}`,
    );
  });
}

function head(lines, count = 12) {
  return lines
    .slice(0, count)
    .map((line) => `  ${line}`)
    .join('\n');
}

async function upToDate() {
  // npm writes down what it installed in a lock file of node_modules' own.
  const [wanted, installed] = [`${PROJECT}/package-lock.json`, `${PROJECT}/node_modules/.package-lock.json`];
  const [wantedAt, installedAt] = await Promise.all([changedAt(wanted), changedAt(installed)]);
  if (installedAt === undefined) return false;
  if (wantedAt === undefined || installedAt >= wantedAt) return true;
  // A checkout touches the file without changing it.
  const [before, after] = await Promise.all([installed, wanted].map(packagesOf));
  return Object.entries(after).every(([path, entry]) => {
    if (path === '' || entry.optional === true) return true;
    return before[path]?.version === entry.version && before[path]?.integrity === entry.integrity;
  });
}

async function changedAt(path) {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

async function packagesOf(path) {
  return JSON.parse(await readFile(path, 'utf8')).packages ?? {};
}
