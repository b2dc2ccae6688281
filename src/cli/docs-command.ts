/**
 * `docs` (hidden): writes the generated files of the source tree, or with `--check` only compares them and ends with 1
 * when one differs. For developers; it must run in the root of the tree.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { configurationReference } from '../config/reference.ts';
import { sampleFile } from '../config/sample.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';

export interface GeneratedFile {
  /** Relative to the root of the tree. */
  readonly path: string;
  readonly content: () => string;
}

const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'docs/reference/configuration.md', content: configurationReference },
  { path: 'etc/bgp-agent.conf.sample', content: sampleFile },
];

export function registerDocsCommand(
  program: Command,
  io: CommandIo,
  files: readonly GeneratedFile[] = GENERATED_FILES,
): void {
  program
    .command('docs', { hidden: true })
    .description('Write the generated files of the source tree')
    .option('--check', 'write nothing; fail if a file differs')
    .option('--root <directory>', 'root of the source tree', '.')
    .action(async ({ check = false, root }: { check?: boolean; root: string }) => {
      const stale = await staleFiles(root, files);
      if (check) {
        for (const { path } of stale) io.stderr(`${path} is out of date: run "npm run docs"\n`);
        io.setExitCode(stale.length === 0 ? EXIT.ok : EXIT.failed);
        return;
      }
      for (const { path, content } of stale) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), content());
        io.stdout(`wrote ${path}\n`);
      }
    });
}

async function staleFiles(root: string, files: readonly GeneratedFile[]): Promise<GeneratedFile[]> {
  const stale: GeneratedFile[] = [];
  for (const file of files) {
    if ((await readIfThere(join(root, file.path))) !== file.content()) stale.push(file);
  }
  return stale;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
