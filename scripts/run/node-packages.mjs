/** `npm ci`, when node_modules is missing or does not hold what package-lock.json asks for. Never edits the lock file. */
import { readFile, stat } from 'node:fs/promises';
import { capture, Failure, PROJECT, step } from './process.mjs';

const WANTED = `${PROJECT}/package-lock.json`;
/** npm writes down what it installed in a lock file of node_modules' own. */
const INSTALLED = `${PROJECT}/node_modules/.package-lock.json`;

export async function installNodePackages() {
  if (await upToDate()) return;
  await step('installing the npm packages of package-lock.json', async () => {
    const { code, output } = await npm('ci');
    if (code === 0) return;
    if (!lacksOtherPlatforms(output)) throw failure('npm ci', output);
    const second = await npm('install', '--no-save');
    if (second.code !== 0) throw failure('npm install --no-save', second.output);
    const wrong = await differences();
    if (wrong.length > 0)
      throw new Failure(`npm installed other versions than the lock file's: ${wrong.join(', ')}`);
  });
}

function npm(...args) {
  return capture('npm', [...args, '--no-audit', '--no-fund']);
}

/**
 * A lock file that was written behind a registry mirror has only the platforms that the mirror has. npm 11 then refuses
 * `npm ci`, naming optional packages without a version, for platforms that are not this one. `npm install --no-save`
 * takes the same versions from the same lock file, and leaves the file alone.
 */
function lacksOtherPlatforms(output) {
  const complaints = output.split('\n').filter((line) => /^npm error (Missing|Invalid):/.test(line));
  return (
    complaints.length > 0 && complaints.every((line) => /^npm error Missing: \S+@ from lock file$/.test(line))
  );
}

/** npm tells the cause first and all of its options afterwards. */
function failure(command, output) {
  const cause = output.split('\n').filter((line) => /^npm error +\S/.test(line));
  return new Failure(
    `${command} failed; the npm registry must be reachable, or node_modules be there already:\n${head(cause)}`,
  );
}

function head(lines, count = 12) {
  return lines
    .slice(0, count)
    .map((line) => `  ${line}`)
    .join('\n');
}

async function upToDate() {
  const [wantedAt, installedAt] = await Promise.all([changedAt(WANTED), changedAt(INSTALLED)]);
  if (installedAt === undefined) return false;
  if (wantedAt === undefined || installedAt >= wantedAt) return true;
  // A checkout touches the file without changing it.
  return (await differences()).length === 0;
}

/** Packages that the lock file asks for and node_modules does not have, or has in another version. */
async function differences() {
  const [installed, wanted] = await Promise.all([INSTALLED, WANTED].map(packagesOf));
  return Object.entries(wanted).flatMap(([path, entry]) => {
    // Optional packages are those of one platform or another.
    if (path === '' || (entry.optional === true && installed[path] === undefined)) return [];
    const same = installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity;
    return same ? [] : [path];
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
