/** Child processes of the npm scripts, and the one line that each step of a preparation prints. */
import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Programs are asked in English, so that their answers can be understood; FRR and OVN live in the sbin directories. */
export const ENVIRONMENT = {
  ...process.env,
  LC_ALL: 'C',
  PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`,
};

/** Something that the user must know or do; printed without a stack. */
export class Failure extends Error {}

/** Runs a command on this terminal; returns its exit status. An interrupt is the command's to handle. */
export function run(file, args, environment = ENVIRONMENT) {
  return new Promise((settle, reject) => {
    const child = spawn(file, args, { cwd: PROJECT, env: environment, stdio: 'inherit' });
    const ignore = () => undefined;
    const forward = () => child.kill('SIGTERM');
    process.on('SIGINT', ignore);
    process.on('SIGTERM', forward);
    const finish = () => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
    };
    child.once('error', (cause) => {
      finish();
      reject(new Failure(`cannot run ${file}: ${cause.message}`));
    });
    child.once('exit', (code, signal) => {
      finish();
      settle(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Runs a command and collects what it says, both streams in the order in which they came. */
export function capture(file, args, environment = ENVIRONMENT) {
  return new Promise((settle) => {
    const child = spawn(file, args, { cwd: PROJECT, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.once('error', (cause) => settle({ code: 127, output: cause.message }));
    child.once('close', (code) => settle({ code: code ?? 1, output }));
  });
}

export function node(args) {
  return run(process.execPath, args);
}

/** Arguments for Node.js to run vitest once. */
export function vitest(args) {
  return ['node_modules/vitest/vitest.mjs', 'run', ...args];
}

/** Runs a step and prints its line: a word while it runs, the time when it is done. */
export async function step(title, work) {
  const begin = performance.now();
  process.stderr.write(`${title} ...`);
  try {
    const value = await work();
    process.stderr.write(` ${seconds(performance.now() - begin)}\n`);
    return value;
  } catch (error) {
    process.stderr.write(` failed after ${seconds(performance.now() - begin)}\n`);
    throw error;
  }
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The end of a long output, indented. */
export function tail(text, lines = 25) {
  return text
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join('\n');
}
