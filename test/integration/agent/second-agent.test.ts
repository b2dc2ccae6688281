/** Two agents in one network namespace would undo each other's work: the second one is told who is there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ended, eventually } from '../../support/child.ts';

const NAMESPACES = ['a', 'b'].map((letter) => `bgp-lock-${process.pid}-${letter}`);
const [HERE = '', ELSEWHERE = ''] = NAMESPACES;

/** A program with everything that it prints. */
class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  output = '';

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.exit = new Promise((resolve) => this.child.once('close', resolve));
  }

  async says(pattern: RegExp): Promise<void> {
    await eventually(() => pattern.test(this.output), 30_000);
  }
}

let directory: string;
let programs: Program[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'second-agent-'));
  // Nothing listens there: the agents wait.
  await writeFile(
    join(directory, 'agent.conf'),
    `[DEFAULT]\novsdb_connection = unix:${directory}/none.sock\n`,
  );
  for (const name of NAMESPACES) await new Program('ip', ['netns', 'add', name]).exit;
});

afterEach(async () => {
  for (const { child } of programs) await ended(child, 'SIGKILL');
  programs = [];
});

afterAll(async () => {
  for (const name of NAMESPACES) await new Program('ip', ['netns', 'delete', name]).exit;
  await rm(directory, { recursive: true });
});

function start(namespace: string, ...command: readonly string[]): Program {
  const program = new Program('ip', ['netns', 'exec', namespace, ...command]);
  programs.push(program);
  return program;
}

function agent(namespace: string, command: string): Program {
  return start(
    namespace,
    process.execPath,
    join(import.meta.dirname, '../../../bin/ovn-bgp-agent'),
    command,
    '--config-file',
    join(directory, 'agent.conf'),
  );
}

it('keeps a second run and a cleanup out, with the process that is there, and nobody elsewhere', async () => {
  const first = agent(HERE, 'run');
  await first.says(/waiting for the local Open_vSwitch database/);
  const second = agent(HERE, 'run');
  expect(await second.exit).toBe(75);
  expect(second.output).toMatch(
    new RegExp(
      `^ovn-bgp-agent: process ${first.child.pid} \\(.*ovn-bgp-agent run .*\\) works in this network namespace`,
    ),
  );
  expect(second.output.trim().split('\n')).toHaveLength(1);
  const cleanup = agent(HERE, 'cleanup');
  expect(await cleanup.exit).toBe(75);
  expect(cleanup.output).toContain(`process ${first.child.pid} `);
  await agent(ELSEWHERE, 'run').says(/waiting for the local Open_vSwitch database/);
});

it('keeps them out while the first one is frozen, and lets the next one in however it ended', async () => {
  const first = agent(HERE, 'run');
  await first.says(/waiting for the local Open_vSwitch database/);
  first.child.kill('SIGSTOP');
  expect(await agent(HERE, 'run').exit).toBe(75);
  first.child.kill('SIGKILL');
  await first.exit;
  await agent(HERE, 'run').says(/waiting for the local Open_vSwitch database/);
});

it('is not kept out by somebody who could not change the network', async () => {
  const squatter = start(
    HERE,
    'setpriv',
    '--reuid=65534',
    '--clear-groups',
    '--bounding-set=-all',
    '--inh-caps=-all',
    process.execPath,
    '-e',
    "require('node:net').createServer().listen('\\0' + 'ovn-bgp-agent'.padEnd(107, '-'), () => console.log('here'))",
  );
  await squatter.says(/here/);
  const run = agent(HERE, 'run');
  await run.says(/waiting for the local Open_vSwitch database/);
  expect(run.output).toContain('going on without the lock');
});
