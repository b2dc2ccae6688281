/**
 * `npm test`: every check and test of the project, part by part, and a verdict over all of them.
 *
 * The end-to-end suite runs on this machine's kernel (`e2e`), and the main part of it again in a guest with VRF devices and
 * the versions of a newer Debian (`uml`; `--suite` names it). A failed part does not stop the others. A part that cannot
 * run on this machine says why and counts as failed, unless `--allow-missing` is given. `--only part[,part]` runs some parts, `--with
 * part` one that is left out otherwise: `faults`, the fault drills, and `faults-uml`, the same in the guest. The last line
 * is always `N passed, N failed`.
 */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildTypeScript } from './build.mjs';
import { guestOptions, inGuest, testSettings } from './guest.mjs';
import { noNamespaces } from './machine.mjs';
import { capture, Failure, node, PROJECT, run, seconds, tail, vitest } from './process.mjs';
import { failed, missing, passed, readReport, verdictTable } from './verdict.mjs';

const CHECKS = [
  { name: 'format', command: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  { name: 'lint', command: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'types', command: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'docs', command: ['dist/src/cli/main.js', 'docs', '--check'] },
];

/** Parts that run only when they are asked for. */
const EXTRA = ['faults', 'faults-uml'];
const IN_GUEST = ['uml', 'faults-uml'];
/**
 * What of the end-to-end suite a guest proves in every run: what a VRF and a dummy device change, which is the way of an
 * address, of a gateway and of a tenant network, with both drivers. A guest takes several times as long as the machine:
 * `npm run test:e2e -- --kernel uml` runs the whole suite there.
 */
const GUEST_FILES = ['provider-ports', 'gateways', 'tenant-networks'].map(
  (name) => `test/e2e/${name}.test.ts`,
);
/** What the lab's command line ends with when no guest could be made or booted. */
const NO_GUEST_STATUS = 69;

export async function testSuite(args, prepareAll) {
  const { guest, rest } = guestOptions(args);
  const { only, extra, allowMissing } = parse(rest);
  const reports = mkdtempSync(join(tmpdir(), 'ovn-bgp-agent-test-'));
  // Once for the parts that need it; each of them reports the same problem.
  let prepared;
  const prepare = () => {
    prepared ??= prepareAll(IN_GUEST.some(wanted));
    return prepared;
  };
  const wanted = (name) =>
    extra.includes(name) || (only.length === 0 ? !EXTRA.includes(name) : only.includes(name));
  const parts = {
    check: () => checkPart(),
    unit: () => vitestPart('unit', reports, node),
    integration: () => realPart(prepare, () => vitestPart('integration', reports, isolated)),
    e2e: () => realPart(prepare, () => vitestPart('e2e', reports, node)),
    uml: () => realPart(prepare, () => guestPart('e2e', guest, reports, GUEST_FILES)),
    faults: () => realPart(prepare, () => vitestPart('faults', reports, node)),
    'faults-uml': () => realPart(prepare, () => guestPart('faults', guest, reports)),
  };
  const unknown = [...only, ...extra].filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0)
    throw new Failure(`no part ${unknown.join(', ')}: ${Object.keys(parts).join(', ')}`);
  const results = [];
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (!wanted(name)) continue;
      print(`\n=== ${name}`);
      const begin = performance.now();
      const result = await part();
      results.push({ name, ms: performance.now() - begin, ...result });
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  const verdict = verdictTable(results, allowMissing);
  print('');
  for (const line of verdict.lines) print(line);
  return verdict.good ? 0 : 1;
}

/** Runs Node.js where it cannot touch the machine's network: own network and mount namespace, loopback up. */
export function isolated(args) {
  // /sys shows the devices of the namespace in which it was mounted.
  const script = 'mount -t sysfs sysfs /sys && ip link set lo up && exec "$@"';
  const unshare = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', script, 'isolated'];
  return run('unshare', [...unshare, process.execPath, ...args]);
}

async function checkPart() {
  const outcomes = [];
  for (const { name, command } of CHECKS) {
    const begin = performance.now();
    const problem = name === 'docs' ? await buildProblem() : undefined;
    const { code, output } =
      problem === undefined ? await capture(process.execPath, command) : { code: 1, output: problem };
    print(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name} (${seconds(performance.now() - begin)})`);
    if (code !== 0) print(tail(output, 60));
    outcomes.push(code === 0 ? passed(1) : failed(1, name));
  }
  return {
    passed: outcomes.reduce((sum, outcome) => sum + outcome.passed, 0),
    failed: outcomes.reduce((sum, outcome) => sum + outcome.failed, 0),
    skipped: 0,
    note: outcomes.flatMap(({ note }) => note ?? []).join(', '),
  };
}

async function buildProblem() {
  try {
    await buildTypeScript();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** A part that needs namespaces and the real programs. */
async function realPart(prepare, work) {
  const reason = await noNamespaces();
  if (reason !== undefined) {
    print(`CANNOT RUN: ${reason}`);
    return missing(reason);
  }
  try {
    await prepare();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    print(`CANNOT RUN: ${error.message}`);
    return missing(error.message.split('\n')[0]);
  }
  return work();
}

/** A part in a guest, which sees the directory of the reports under the path that it has here. */
async function guestPart(project, flags, directory, files = []) {
  // The project cannot be written to in a guest: a page that the suite updates comes out through the shared directory.
  const page = join(directory, 'reliability.md');
  const environment = { ...testSettings(), RESULTS_PAGE: page };
  const runner = (command) => node(inGuest(flags, command, { share: directory, environment }));
  const result = await vitestPart(project, directory, runner, files);
  if (existsSync(page)) copyFileSync(page, `${PROJECT}/docs/reliability.md`);
  if (result.status !== NO_GUEST_STATUS) return result;
  print('CANNOT RUN: no guest, for the reason above');
  return missing('no guest, for the reason above');
}

async function vitestPart(project, directory, runner, files = []) {
  const report = join(directory, `${project}.json`);
  // Another part may have run the same project.
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const status = await runner(vitest(['--project', project, ...files, ...reporters]));
  let text;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return { ...failed(1, `vitest ended with status ${status} and without a report`), status };
  }
  return readReport(text, status);
}

function parse(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string', default: '' },
        with: { type: 'string', default: '' },
        'allow-missing': { type: 'boolean', default: false },
      },
    });
    const names = (list) => list.split(',').filter((name) => name !== '');
    return {
      only: names(values.only),
      extra: names(values.with),
      allowMissing: values['allow-missing'],
    };
  } catch (error) {
    throw new Failure(
      `${error.message}\nusage: npm test [-- [--only PART[,PART]] [--with PART[,PART]] [--suite trixie|sid|bookworm] [--allow-missing]]`,
    );
  }
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
