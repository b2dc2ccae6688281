/**
 * One connection to a daemon's vty socket: a queue of commands, one under way at a time.
 *
 * In: a socket path and commands. Out: replies in order, and the news that the daemon went away (its socket closes within
 * milliseconds of its death). A command whose signal aborts is given up: not sent if it still waits, else its late reply
 * is thrown away, so that one slow command does not cost the connection. When the connection ends, everything that waits
 * fails with `unreachable`; a closed socket is never reopened (see vty-link.ts).
 */
import { connect, type Socket } from 'node:net';
import { FrrError } from './errors.ts';
import { encodeCommand, ReplyParser, STATUS_OK, type VtyReply } from './vty-protocol.ts';

/** Room for the JSON of a large routing table, and an end to a daemon gone mad. */
const DEFAULT_REPLY_LIMIT_BYTES = 256 * 1024 * 1024;

interface Waiting {
  readonly command: string;
  readonly bytes: Buffer;
  /** Called once; `undefined` after that, or after the caller gave up. */
  settle: ((outcome: VtyReply | Error) => void) | undefined;
}

export class VtySocket {
  readonly path: string;
  readonly #socket: Socket;
  readonly #parser: ReplyParser;
  readonly #queue: Waiting[] = [];
  readonly #closeListeners = new Set<() => void>();
  #underWay: Waiting | undefined;
  #failure: FrrError | undefined;

  private constructor(path: string, socket: Socket, replyLimitBytes: number) {
    this.path = path;
    this.#socket = socket;
    this.#parser = new ReplyParser(replyLimitBytes);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', (error) => this.#end(unreachable(path, error)));
    socket.on('close', () => this.#end(unreachable(path)));
  }

  /** Connects and enters enable mode. */
  static async connect(
    path: string,
    signal?: AbortSignal,
    replyLimitBytes = DEFAULT_REPLY_LIMIT_BYTES,
  ): Promise<VtySocket> {
    signal?.throwIfAborted();
    const socket = await opened(path, signal);
    const vty = new VtySocket(path, socket, replyLimitBytes);
    try {
      const reply = await vty.execute('enable', signal);
      if (reply.status !== STATUS_OK) {
        throw new FrrError('protocol', `${path} refused "enable": ${reply.text.trim()}`, { ...reply });
      }
      return vty;
    } catch (error) {
      vty.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /** Sends one command when those before it are answered. */
  execute(command: string, signal?: AbortSignal): Promise<VtyReply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw signal.reason;
      if (this.#failure !== undefined) throw this.#failure;
      const waiting: Waiting = { command, bytes: encodeCommand(command), settle: undefined };
      const abort = (): void => {
        const position = this.#queue.indexOf(waiting);
        if (position >= 0) this.#queue.splice(position, 1);
        waiting.settle?.(toError(signal?.reason));
      };
      waiting.settle = (outcome) => {
        waiting.settle = undefined;
        signal?.removeEventListener('abort', abort);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(waiting);
      this.#next();
    });
  }

  /** Calls back once when the connection has ended, whoever ended it. */
  onClose(listener: () => void): void {
    if (this.closed) queueMicrotask(listener);
    else this.#closeListeners.add(listener);
  }

  close(): void {
    this.#end(new FrrError('unreachable', `the connection to ${this.path} was closed`, { path: this.path }));
  }

  #next(): void {
    if (this.#underWay !== undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    this.#underWay = waiting;
    this.#socket.write(waiting.bytes);
  }

  #received(chunk: Buffer): void {
    let replies: readonly VtyReply[];
    try {
      replies = this.#parser.push(chunk);
    } catch (error) {
      this.#end(error instanceof FrrError ? error : new FrrError('protocol', String(error)));
      return;
    }
    for (const reply of replies) {
      const answered = this.#underWay;
      if (answered === undefined) {
        this.#end(new FrrError('protocol', `${this.path} sent a reply that nobody asked for`, { ...reply }));
        return;
      }
      this.#underWay = undefined;
      answered.settle?.(reply);
      this.#next();
    }
  }

  #end(failure: FrrError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#socket.destroy();
    const waiting = [...(this.#underWay === undefined ? [] : [this.#underWay]), ...this.#queue.splice(0)];
    this.#underWay = undefined;
    for (const { command, settle } of waiting) {
      settle?.(
        new FrrError(
          failure.code,
          `${failure.message} (while waiting for "${command}")`,
          { command },
          failure,
        ),
      );
    }
    for (const listener of this.#closeListeners) listener();
    this.#closeListeners.clear();
  }
}

function opened(path: string, signal: AbortSignal | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const finish = (error: unknown): void => {
      socket.removeListener('connect', connected);
      socket.removeListener('error', failed);
      signal?.removeEventListener('abort', aborted);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const connected = (): void => finish(undefined);
    const failed = (error: Error): void => finish(unreachable(path, error));
    const aborted = (): void => finish(toError(signal?.reason));
    socket.once('connect', connected);
    socket.once('error', failed);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}

function unreachable(path: string, cause?: NodeJS.ErrnoException): FrrError {
  const code = cause?.code;
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? 'no FRR daemon listens there; is it running, and is this its run directory?'
      : code === 'EACCES'
        ? 'permission denied; the agent must run as root or belong to the group frrvty'
        : cause === undefined
          ? 'the daemon closed the connection'
          : cause.message;
  return new FrrError('unreachable', `cannot talk to FRR at ${path}: ${why}`, { path, errno: code }, cause);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
