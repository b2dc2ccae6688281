/**
 * The guest's end of the command channel: a TCP server that runs one command for each connection.
 *
 * A command has its own process group. A connection that breaks off hangs up on it, and kills what does not go. Output is
 * read no faster than the other side takes it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import {
  type ExitReport,
  encodeFrame,
  FRAME,
  FrameReader,
  type FrameType,
  type StartRequest,
} from './frames.ts';

/** How long output is waited for that a left-behind process keeps open after the command's own end. */
const LINGER_MS = 500;
const HANG_UP_MS = 5000;

/** Starts to listen; the promise settles when connections are taken. */
export function serveCommands(address: string, port: number): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    new Session(socket).begin();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve(server));
  });
}

class Session {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  #child: ChildProcess | undefined;
  #reported = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  begin(): void {
    this.#socket.on('data', (piece: Buffer) => {
      try {
        for (const { type, body } of this.#reader.push(piece)) this.#receive(type, body);
      } catch (error) {
        this.#report({ code: 126, problem: error instanceof Error ? error.message : String(error) });
      }
    });
    // A client that is gone has no use for the command either.
    this.#socket.on('error', () => undefined);
    this.#socket.on('end', () => this.#hangUp());
    this.#socket.on('close', () => this.#hangUp());
  }

  #receive(type: number, body: Buffer): void {
    if (type === FRAME.start) this.#start(JSON.parse(body.toString()) as StartRequest);
    else if (type === FRAME.input && body.length > 0) this.#input(body);
    else if (type === FRAME.input) this.#child?.stdin?.end();
    else if (type === FRAME.signal) this.#signal(body.toString());
  }

  #start(request: StartRequest): void {
    const [file, ...args] = request.terminal === undefined ? request.argv : onTerminal(request);
    if (file === undefined || this.#child !== undefined)
      throw new TypeError('a start request without a command');
    const child = spawn(file, args, {
      cwd: request.directory,
      env: request.environment,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    const streams = Promise.all([
      this.#forward(child.stdout, FRAME.output),
      this.#forward(child.stderr, FRAME.error),
    ]);
    // A command may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => this.#report({ code: 127, problem: error.message }));
    child.once('exit', (code, signal) => {
      const report = { code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
      const late = setTimeout(() => this.#report(report), LINGER_MS);
      void (async () => {
        await streams;
        clearTimeout(late);
        this.#report(report);
      })();
    });
  }

  #forward(stream: Readable | null, type: FrameType): Promise<void> {
    if (stream === null) return Promise.resolve();
    stream.on('data', (piece: Buffer) => {
      if (this.#reported || this.#socket.write(encodeFrame(type, piece))) return;
      stream.pause();
      this.#socket.once('drain', () => stream.resume());
    });
    return new Promise((resolve) => stream.once('close', resolve));
  }

  #input(body: Buffer): void {
    const stdin = this.#child?.stdin;
    if (stdin === undefined || stdin === null || stdin.destroyed || stdin.write(body)) return;
    this.#socket.pause();
    const resume = (): void => {
      this.#socket.resume();
    };
    stdin.once('drain', resume).once('close', resume);
  }

  #signal(name: string): void {
    const pid = this.#child?.pid;
    if (pid === undefined || !Object.hasOwn(constants.signals, name)) return;
    try {
      process.kill(-pid, name);
    } catch {
      // The whole group has ended already.
    }
  }

  #hangUp(): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#socket.destroy();
    this.#signal('SIGHUP');
    this.#signal('SIGTERM');
    setTimeout(() => this.#signal('SIGKILL'), HANG_UP_MS).unref();
  }

  #report(report: ExitReport): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#socket.end(encodeFrame(FRAME.exit, JSON.stringify(report)));
  }
}

/** `script` makes the terminal; it ends with the command's status. */
function onTerminal({ argv, terminal }: StartRequest): readonly string[] {
  const size = terminal === undefined ? '' : `stty rows ${terminal.rows} columns ${terminal.columns}; `;
  const command = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return ['script', '--quiet', '--return', '--flush', '--command', `${size}exec ${command}`, '/dev/null'];
}
