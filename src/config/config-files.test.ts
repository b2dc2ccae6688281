import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDefaultPlaces } from './config-files.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bgp-agent-places-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function found(...existing: readonly string[]) {
  for (const path of existing) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await (path.endsWith('.d') ? mkdir(join(root, path)) : writeFile(join(root, path), ''));
  }
  const places = await findDefaultPlaces(join(root, 'home'), join(root, 'etc'), join(root, 'packaged.conf'));
  const relative = (paths: readonly string[]): string[] => paths.map((path) => path.slice(root.length + 1));
  return { files: relative(places.files), directories: relative(places.directories) };
}

describe('findDefaultPlaces', () => {
  it('finds nothing where nothing is', async () => {
    expect(await found()).toEqual({ files: [], directories: [] });
  });

  it.each([
    ['home/.bgp-agent/bgp-agent.conf', 'home/bgp-agent.conf'],
    ['home/bgp-agent.conf', 'etc/bgp-agent/bgp-agent.conf'],
    ['etc/bgp-agent/bgp-agent.conf', 'etc/bgp-agent.conf'],
    ['etc/bgp-agent.conf', 'packaged.conf'],
  ])('prefers %s to %s', async (better, worse) => {
    expect((await found(worse)).files).toEqual([worse]);
    expect((await found(better)).files).toEqual([better]);
  });

  it('takes one for the project and one for the program, and directories alike', async () => {
    expect(
      await found(
        'etc/bgp-agent/bgp-agent.conf',
        'home/ovn-bgp-agent.conf',
        'etc/bgp-agent/bgp-agent.conf.d',
        'etc/bgp-agent.conf.d',
      ),
    ).toEqual({
      files: ['etc/bgp-agent/bgp-agent.conf', 'home/ovn-bgp-agent.conf'],
      directories: ['etc/bgp-agent/bgp-agent.conf.d'],
    });
  });
});
