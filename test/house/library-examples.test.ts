/** The examples in the README of the OVSDB library are programs: each compiles by itself, under the project's own rules. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const LIBRARY = 'src/ovsdb';
const run = promisify(execFile);
const made: string[] = [];
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

test('the examples of the OVSDB library compile', async () => {
  const readme = await readFile(join(LIBRARY, 'README.md'), 'utf8');
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '');
  expect(examples.length).toBeGreaterThanOrEqual(2);
  // In the project, so that its types are found.
  await mkdir('build', { recursive: true });
  const directory = await mkdtemp(join('build', 'examples-'));
  made.push(directory);
  const files = examples.map((_, index) => join(directory, `example-${index}.ts`));
  for (const [index, code] of examples.entries()) {
    await writeFile(files[index] ?? '', code.replaceAll("'./index.ts'", `'../../${LIBRARY}/index.ts'`));
  }
  const options = { extends: '../../tsconfig.json', include: ['*.ts'], compilerOptions: { noEmit: true } };
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(options));
  const compiled = run('node_modules/.bin/tsc', ['-p', directory]).then(
    () => 'compiled',
    (error: { readonly stdout?: string }) => error.stdout,
  );
  expect(await compiled).toBe('compiled');
}, 60_000);
