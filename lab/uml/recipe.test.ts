import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bootCommand } from './boot.ts';
import { initScript } from './guest-init.ts';
import { kernelRecipe, rootRecipe, SUITES } from './recipe.ts';

const MIRROR = 'http://deb.example.org/debian';

describe('recipes', () => {
  it('have names that change with everything that goes in', () => {
    const names = [
      ...SUITES.map((suite) => rootRecipe(suite, MIRROR).name),
      rootRecipe('trixie', 'http://other.example.org/debian').name,
      kernelRecipe(MIRROR).name,
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(rootRecipe('trixie', MIRROR)).toEqual(rootRecipe('trixie', MIRROR));
  });

  it('takes Node.js from the suite where it is new enough', () => {
    expect(rootRecipe('trixie', MIRROR).parameters.join(' ')).toContain('nodejs');
    expect(rootRecipe('bookworm', MIRROR).parameters.join(' ')).not.toContain('nodejs');
  });

  it('verify what they take with the archive keyring', () => {
    expect(rootRecipe('sid', MIRROR).script).toContain('--force-check-gpg');
    expect(kernelRecipe(MIRROR).script).toContain('signed-by=$keyring');
  });
});

describe('scripts', () => {
  const options = {
    name: 'g',
    project: "/srv/it's here",
    node: '/usr/bin/node',
    share: '/tmp/out',
    files: { project: '/project', modules: '/kernel/modules', share: '/share' },
  };
  const plan = { name: 'g', directory: '/run/g', root: '/cache/trixie', project: '/p', memoryMb: 512 };
  it.each([
    ['the first program of a guest', initScript(options)],
    [
      'the boot script',
      bootCommand({ ...plan, kernel: '/cache/kernel' }).find((word) => word.includes('\n')) ?? '',
    ],
    ['the root recipe', rootRecipe('trixie', MIRROR).script],
    ['the kernel recipe', kernelRecipe(MIRROR).script],
  ])('%s is a shell script', (_what, script) => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('boots another kernel without the package', () => {
    const command = bootCommand({ ...plan, binary: '/home/me/linux' });
    expect(command).toContain('binary=/home/me/linux');
    expect(command.some((word) => word.startsWith('kernel='))).toBe(false);
  });
});
