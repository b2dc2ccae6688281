/** What is published can be mended by its own advice: the addon is built from the package alone. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../../..');
const ADDON = 'build/native/ovn_bgp_agent_native.node';

let folder: string;
let root: string;

/** A package as npm publishes it, unpacked, with its dependencies. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-'));
  const run = (command: string, ...args: readonly string[]): string =>
    execFileSync(command, args, { cwd: PROJECT, encoding: 'utf8', stdio: 'pipe' });
  const [packed] = JSON.parse(
    run('npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as readonly { readonly filename: string }[];
  run('tar', '-xzf', join(folder, packed?.filename ?? ''), '-C', folder);
  root = join(folder, 'package');
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['node-api-headers', 'commander', 'pino'])
    symlinkSync(join(PROJECT, 'node_modules', name), join(root, 'node_modules', name));
});

afterAll(() => rmSync(folder, { recursive: true }));

function inside(
  command: string,
  ...args: readonly string[]
): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
}

describe('the package', () => {
  it('builds the addon that it lacks, and runs with it', () => {
    rmSync(join(root, 'build'), { recursive: true });
    const script =
      'import("./dist/src/netlink/index.js").then(({ openRtnetlink }) => openRtnetlink().close())';
    const without = inside(process.execPath, '--eval', script);
    expect(without.text).toContain('build it with "npm run build:native"');
    expect(inside('npm', 'run', 'build:native').text).toContain(`built ${ADDON}`);
    expect(inside(process.execPath, '--eval', script)).toEqual({ status: 0, text: '' });
    expect(inside('bin/ovn-bgp-agent', '--version').status).toBe(0);
  });

  it('has neither tests nor what only tests use', () => {
    const files = execFileSync(
      'find',
      ['.', '-path', './node_modules', '-prune', '-o', '-type', 'f', '-print'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    )
      .trim()
      .split('\n');
    expect(
      files.filter((file) => /\.test\.|testing|\/(?:fake|random|memory)-|virtual-clock/.test(file)),
    ).toEqual([]);
    expect(existsSync(join(root, 'dist/src/cli/main.js'))).toBe(true);
  });
});
