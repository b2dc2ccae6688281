import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VtySocket } from './vty-socket.ts';

/** A daemon whose answers the test gives by hand. */
class Daemon {
  readonly commands: string[] = [];
  readonly #server: Server;
  #socket: Socket | undefined;
  #waiting: ((command: string) => void) | undefined;

  constructor(path: string) {
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.on('data', (bytes) => {
        for (const command of bytes.toString().split('\0').slice(0, -1)) {
          if (command === 'enable') {
            this.answer('');
            continue;
          }
          this.commands.push(command);
          this.#waiting?.(command);
        }
      });
    }).listen(path);
  }

  /** The next command that comes. */
  next(): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  answer(text: string, status = 0): void {
    this.#socket?.write(Buffer.concat([Buffer.from(text), Buffer.from([0, 0, 0, status])]));
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let directory: string;
let daemon: Daemon;
let vty: VtySocket;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vty-'));
  daemon = new Daemon(join(directory, 'bgpd.vty'));
  vty = await VtySocket.connect(join(directory, 'bgpd.vty'));
});

afterEach(async () => {
  vty.close();
  await daemon.close();
  await rm(directory, { recursive: true });
});

describe('VtySocket', () => {
  test('sends one command at a time, in order', async () => {
    const came = daemon.next();
    const first = vty.execute('show one');
    const second = vty.execute('show two');
    await came;
    expect(daemon.commands).toEqual(['show one']);
    const cameToo = daemon.next();
    daemon.answer('1');
    expect(await first).toEqual({ text: '1', status: 0 });
    await cameToo;
    daemon.answer('2', 13);
    expect(await second).toEqual({ text: '2', status: 13 });
  });

  test('throws away the late reply to a command that was given up', async () => {
    const controller = new AbortController();
    const came = daemon.next();
    const given = vty.execute('show slow', controller.signal);
    await came;
    const reason = new Error('too slow');
    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    const cameToo = daemon.next();
    const next = vty.execute('show next');
    daemon.answer('slow');
    await cameToo;
    daemon.answer('next');
    expect((await next).text).toBe('next');
  });

  test('does not send a command that was given up while it waited', async () => {
    const controller = new AbortController();
    const came = daemon.next();
    const first = vty.execute('show one');
    const second = vty.execute('show two', controller.signal);
    const third = vty.execute('show three');
    await came;
    controller.abort(new Error('no longer wanted'));
    await expect(second).rejects.toThrow('no longer wanted');
    const cameToo = daemon.next();
    daemon.answer('1');
    expect(await cameToo).toBe('show three');
    daemon.answer('3');
    await first;
    expect((await third).text).toBe('3');
  });

  test('fails everything that waits when the daemon goes, and says so once', async () => {
    let closed = 0;
    vty.onClose(() => closed++);
    const came = daemon.next();
    const work = [vty.execute('show one'), vty.execute('show two')];
    const outcomes = Promise.allSettled(work);
    await came;
    daemon.hangUp();
    expect(
      (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'fine')),
    ).toEqual(['unreachable', 'unreachable']);
    await expect(vty.execute('show three')).rejects.toMatchObject({ code: 'unreachable' });
    expect(closed).toBe(1);
    expect(vty.closed).toBe(true);
  });

  test('does not send what is not one command', async () => {
    await expect(vty.execute('show one\nshow two')).rejects.toMatchObject({ code: 'invalid' });
    expect(daemon.commands).toEqual([]);
  });

  test('ends the connection at a reply that nobody asked for, or that is too long', async () => {
    const ended = new Promise<void>((resolve) => {
      vty.onClose(resolve);
    });
    daemon.answer('surprise');
    await ended;
    const other = await VtySocket.connect(vty.path, undefined, 10);
    const came = daemon.next();
    const work = other.execute('show much');
    await came;
    daemon.answer('x'.repeat(11));
    await expect(work).rejects.toMatchObject({ code: 'protocol' });
  });

  test('names the socket that nobody listens on', async () => {
    const path = join(directory, 'zebra.vty');
    await expect(VtySocket.connect(path)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(path),
    });
  });
});
