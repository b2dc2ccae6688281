/** The command channel over loopback: what is asked of a guest can be asked of any machine. */
import { type AddressInfo, connect, type Server } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilTrue } from '../until.ts';
import { runInGuest } from './client.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { serveCommands } from './guest-server.ts';

let server: Server;

beforeAll(async () => {
  server = await serveCommands('127.0.0.1', 0);
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

function port(): number {
  return (server.address() as AddressInfo).port;
}

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly error: string;
}

async function run(script: string, input?: Buffer, more: object = {}): Promise<Outcome> {
  const [stdin, output, error] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const said = [text(output), text(error)] as const;
  const request = {
    // A shell that reads no start-up file, also not with a socket for its input.
    argv: ['sh', '-c', script],
    directory: '/tmp',
    environment: { PATH: '/usr/bin:/bin', GREETING: 'good morning' },
    ...more,
  };
  const code = await runInGuest('127.0.0.1', port(), request, { input: stdin, output, error });
  output.end();
  error.end();
  return { code, output: await said[0], error: await said[1] };
}

describe('the command channel', () => {
  it('keeps status and streams apart', async () => {
    const outcome = await run('echo "$GREETING in $PWD"; echo trouble >&2; exit 7');
    expect(outcome).toEqual({ code: 7, output: 'good morning in /tmp\n', error: 'trouble\n' });
  });

  it('tells a signal as a shell does', async () => {
    expect((await run('kill -TERM $$')).code).toBe(143);
  });

  it('carries a lot in both directions at once', async () => {
    const { code, output } = await run('cat', Buffer.alloc(3_000_000, 'abcdefgh'));
    expect(code).toBe(0);
    expect(output.length).toBe(3_000_000);
    expect(output.endsWith('abcdefgh')).toBe(true);
  });

  it('runs many commands side by side', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const outcomes = await Promise.all(numbers.map((number) => run(`echo ${number}; exit ${number}`)));
    expect(outcomes.map(({ code }) => code)).toEqual(numbers);
  });

  it('does not wait for what a command left running', async () => {
    expect((await run('sleep 3 & echo done')).output).toBe('done\n');
  });

  it('says why a command cannot be started', async () => {
    await expect(run('', undefined, { argv: ['/no/such/program'] })).rejects.toThrow(
      /cannot run \/no\/such\/program in the guest: .*ENOENT/,
    );
  });

  it('gives a command a terminal where it is asked for one', async () => {
    const { code, output } = await run('', undefined, {
      argv: ['bash', '-c', "test -t 1 && stty size; echo 'it'\"'\"'s'; exit 3"],
      terminal: { rows: 33, columns: 77 },
    });
    expect(output).toContain('33 77');
    expect(output).toContain("it's");
    expect(code).toBe(3);
  });

  it('ends a command whose caller is gone', async () => {
    const socket = connect(port(), '127.0.0.1');
    const request = {
      argv: ['sh', '-c', 'echo $$; exec sleep 1000'],
      directory: '/',
      environment: { PATH: '/bin' },
    };
    socket.write(encodeFrame(FRAME.start, JSON.stringify(request)));
    const pid = await new Promise<number>((resolve) => {
      socket.once('data', (piece: Buffer) => resolve(Number(piece.subarray(5).toString())));
    });
    socket.destroy();
    const elapsedMs = await untilTrue(`process ${pid} to end`, async () => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    });
    expect(elapsedMs).toBeLessThan(5000);
  });
});
