/** The native edge: build script, worker threads, and the notification socket of the service manager. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSdNotifier } from '../../../src/netlink/index.ts';
import { loadAddon } from '../../../src/netlink/native.ts';
import { until } from '../../support/until.ts';
import { Namespace } from './namespace.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const addonPath = path.join(root, 'build/native/ovn_bgp_agent_native.node');

describe('build script', () => {
  const build = (env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, [path.join(root, 'scripts/build-native.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });

  it('does nothing when there is nothing to do', () => {
    expect(build()).toMatchObject({ status: 0, stderr: '' });
    const before = statSync(addonPath);
    expect(build()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(statSync(addonPath)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('says in one line what to install when there is no compiler', () => {
    const before = readdirSync(path.dirname(addonPath));
    const { status, stdout, stderr } = build({ CC: 'no-such-cc' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^build-native: C compiler "no-such-cc" not found: install one \(.*gcc.*\)[^\n]*\n$/,
    );
    expect(readdirSync(path.dirname(addonPath))).toEqual(before);
  });

  it('leaves the old addon in place when the compiler fails', () => {
    const before = statSync(addonPath);
    const { status, stderr } = build({ CFLAGS: '-DNAPI_MODULE_INIT=broken' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/build-native: "cc" failed \(exit \d+\), see above/);
    expect(statSync(addonPath).ino).toBe(before.ino);
    expect(readdirSync(path.dirname(addonPath)).filter((name) => /\.\d+$/.test(name))).toEqual([]);
  });
});

describe('addon', () => {
  it('refuses arguments of the wrong type instead of crashing', () => {
    const addon = loadAddon() as unknown as Record<string, (...args: unknown[]) => unknown>;
    const handle = addon.open?.(null);
    const calls: [name: string, args: unknown[]][] = [
      ['open', []],
      ['open', [1]],
      ['close', [{}]],
      ['send', [{}, Buffer.alloc(1), 1]],
      ['send', [handle, 'text', 1]],
      ['send', [handle, Buffer.alloc(1), 'x']],
      ['receive', [handle, undefined]],
      ['setOption', [handle, 'a', 1, 1]],
      ['getOption', [null, 1, 1]],
      ['sdNotify', ['/x', 5]],
    ];
    for (const [name, args] of calls) {
      expect(() => addon[name]?.(...args)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    }
    expect(addon.send?.(handle, Buffer.alloc(4), 5)).toBe(-22);
    addon.close?.(handle);
    addon.close?.(handle);
    expect(addon.receive?.(handle, Buffer.alloc(4))).toBe(-9);
    expect(addon.watch?.(handle, () => undefined)).toBe(-9);
  });

  it('works in worker threads, which may end while it waits for events', async () => {
    const namespace = new Namespace();
    try {
      const program = `
        const { parentPort } = require('node:worker_threads');
        const addon = require(${JSON.stringify(addonPath)});
        const socket = addon.open(${JSON.stringify(namespace.path)});
        addon.setOption(socket, 270, 1, 1); // NETLINK_ADD_MEMBERSHIP RTNLGRP_LINK
        addon.watch(socket, (bytes, status) => parentPort.postMessage({ bytes: bytes.length, status }));
        parentPort.postMessage('ready');`;
      for (let round = 0; round < 5; round++) {
        const workers = [1, 2, 3].map(() => new Worker(program, { eval: true }));
        const heard = workers.map(() => 0);
        for (const [at, worker] of workers.entries()) {
          worker.on('message', () => {
            heard[at] = (heard[at] ?? 0) + 1;
          });
        }
        await until('workers that are ready', () => heard.every((count) => count >= 1));
        namespace.ip(`link add br${round} type bridge`);
        await until('an event in each worker', () => heard.every((count) => count >= 2));
        const codes = await Promise.all(workers.map((worker) => worker.terminate()));
        expect(codes).toEqual([1, 1, 1]);
      }
    } finally {
      namespace.remove();
    }
  });

  it('lets a process end that closed its sockets, and one that forgot to', () => {
    const run = (code: string) =>
      spawnSync(process.execPath, ['-e', `const addon = require(${JSON.stringify(addonPath)}); ${code}`], {
        timeout: 10_000,
        encoding: 'utf8',
      });
    const open = 'const socket = addon.open(null); addon.watch(socket, () => {});';
    expect(run(`${open} addon.close(socket);`)).toMatchObject({ status: 0, stderr: '' });
    expect(run(`${open} process.exit(3);`)).toMatchObject({ status: 3, stderr: '' });
  });
});

/** Prints one line of JSON for every datagram; Node.js itself cannot receive on such sockets. */
const RECEIVER = `
import json, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace('@', chr(0), 1) if sys.argv[1].startswith('@') else sys.argv[1])
print(json.dumps('ready'), flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
`;

const hasPython = spawnSync('python3', ['--version']).status === 0;
const reason = hasPython ? '' : ' (SKIPPED: no python3 to receive with)';
if (!hasPython) process.stderr.write(`sd_notify:${reason}\n`);

describe.skipIf(!hasPython)(`sd_notify${reason}`, () => {
  let directory: string;
  let receiver: ChildProcess | undefined;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'sd-notify-'));
  });

  afterEach(async () => {
    if (receiver !== undefined && receiver.exitCode === null) {
      receiver.kill('SIGKILL');
      await once(receiver, 'exit');
    }
    receiver = undefined;
    rmSync(directory, { recursive: true });
  });

  it.each(['path', 'abstract name'])('reaches a socket with a %s', async (kind) => {
    const socket = kind === 'path' ? path.join(directory, 'notify') : `@${path.basename(directory)}`;
    let output = '';
    receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    receiver.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await until('the receiver', () => output.includes('ready'));
    const notifier = createSdNotifier(socket);
    expect(notifier.ready('grüße')).toBe(true);
    expect(notifier.watchdog()).toBe(true);
    expect(notifier.stopping()).toBe(true);
    await until('three messages', () => output.split('\n').length > 4);
    expect(
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as string),
    ).toEqual(['ready', 'READY=1\nSTATUS=grüße', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('says that nobody is there', () => {
    const warnings: unknown[] = [];
    const logger = { debug: () => undefined, warn: (fields: unknown) => warnings.push(fields) };
    expect(createSdNotifier('/no/such/socket', { logger }).ready()).toBe(false);
    expect(createSdNotifier('relative', { logger }).ready()).toBe(false);
    expect(createSdNotifier(`/${'x'.repeat(200)}`, { logger }).ready()).toBe(false);
    expect(warnings).toMatchObject([{ code: 'ENOENT' }, { code: 'EINVAL' }, { code: 'ENAMETOOLONG' }]);
  });
});
