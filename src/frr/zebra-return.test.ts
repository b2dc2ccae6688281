import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { ZebraReturn } from './zebra-return.ts';

/** A zebra that says which clients it has. */
class Zebra {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  asked = 0;
  clients = '';

  constructor(path: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => {
        for (const command of bytes.toString().split('\0').slice(0, -1)) {
          if (command === 'show zebra client summary') this.asked += 1;
          const text = command === 'enable' ? '' : `Name      Connect Time\n-----\n${this.clients}`;
          socket.write(Buffer.concat([Buffer.from(text), Buffer.from([0, 0, 0, 0])]));
        }
      });
    }).listen(path);
  }

  get connected(): boolean {
    return this.#sockets.size > 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let directory: string;
let path: string;
let zebra: Zebra;
let watcher: ZebraReturn;
let returns: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zebra-'));
  path = join(directory, 'zebra.vty');
  zebra = new Zebra(path);
  returns = 0;
  watcher = new ZebraReturn({
    path,
    clock: systemClock,
    logger: silentLogger,
    onReturn: () => {
      returns += 1;
    },
  });
});

afterEach(async () => {
  watcher.close();
  await zebra.close();
  await rm(directory, { recursive: true, force: true });
});

test('tells of a new zebra once bgpd is its client, and not of the first one', async () => {
  zebra.clients = 'bgp   00:00:01\n';
  watcher.watch();
  await expect.poll(() => zebra.connected).toBe(true);
  await zebra.close();
  zebra = new Zebra(path);
  zebra.clients = 'vnc   00:00:01\nbfd   00:00:01\n';
  await expect.poll(() => zebra.asked, { timeout: 5000 }).toBeGreaterThan(0);
  expect(returns).toBe(0);
  zebra.clients += 'bgp   00:00:01\n';
  await expect.poll(() => returns, { timeout: 5000 }).toBe(1);
});
