/**
 * The control socket of ovs-vswitchd, which ovs-appctl(8) speaks to: one JSON-RPC request (RFC 7047 4, without the
 * database methods), one answer, no process.
 *
 * In: a method and its arguments. Out: the text that ovs-appctl would print. Failures are `OvsError`s: `unreachable` when
 * nobody answers, `rejected` with the daemon's own text when it refuses, `timeout`, `protocol`.
 */
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { OvsError } from './errors.ts';

const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface UnixctlOptions {
  /** Where vswitchd keeps its sockets, `/run/openvswitch` as a rule. */
  readonly runDir: string;
  readonly timeoutMs?: number;
}

export class Unixctl {
  readonly #options: UnixctlOptions;

  constructor(options: UnixctlOptions) {
    this.#options = options;
  }

  async call(method: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    const path = await this.#socketPath();
    return await exchange(path, method, args, this.#options.timeoutMs ?? TIMEOUT_MS, signal);
  }

  /** `ovs-vswitchd.<pid>.ctl` of the daemon that runs (ovs-vswitchd(8)), or whatever name it was told to use. */
  async #socketPath(): Promise<string> {
    const { runDir } = this.#options;
    try {
      const pid = (await readFile(join(runDir, 'ovs-vswitchd.pid'), 'utf8')).trim();
      if (/^[0-9]+$/.test(pid)) return join(runDir, `ovs-vswitchd.${pid}.ctl`);
    } catch {
      // Started without a pid file: found by name.
    }
    const names = await readdir(runDir).catch(() => [] as string[]);
    const found = names.filter((name) => /^(?:ovs-)?vswitchd(?:\.[0-9]+)?\.ctl$/.test(name)).sort();
    if (found.length === 1 && found[0] !== undefined) return join(runDir, found[0]);
    const what = found.length === 0 ? 'no control socket' : `several control sockets (${found.join(', ')})`;
    throw new OvsError('unreachable', undefined, `${what} of ovs-vswitchd in ${runDir}; see whether it runs`);
  }
}

function exchange(
  path: string,
  method: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let received = '';
    const finish = (error: unknown, answer = ''): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      socket.destroy();
      if (error === undefined) resolve(answer);
      else reject(error);
    };
    const failed = (code: OvsError['code'], why: string, cause?: unknown): void =>
      finish(new OvsError(code, undefined, `ovs-vswitchd, ${method} over ${path}: ${why}`, cause));
    const aborted = (): void => finish(signal?.reason);
    const timer = setTimeout(() => failed('timeout', `no answer within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener('abort', aborted, { once: true });
    socket.setEncoding('utf8');
    socket.on('error', (error) => failed('unreachable', error.message, error));
    socket.on('end', () => failed('unreachable', 'it closed the connection'));
    socket.on('data', (text: string) => {
      received += text;
      if (received.length > MAX_ANSWER_BYTES) return failed('protocol', 'the answer has no end');
      // The answer is one JSON object without a frame: it is complete when it parses.
      if (!received.trimEnd().endsWith('}')) return;
      const reply = parse(received);
      if (reply === undefined) return;
      if (typeof reply.error === 'string') failed('rejected', reply.error.trim());
      else if (typeof reply.result === 'string') finish(undefined, reply.result);
      else failed('protocol', 'an answer without a result');
    });
    socket.on('connect', () => socket.write(JSON.stringify({ id: 0, method, params: args })));
  });
}

function parse(text: string): { readonly result?: unknown; readonly error?: unknown } | undefined {
  try {
    const reply: unknown = JSON.parse(text);
    return typeof reply === 'object' && reply !== null ? reply : undefined;
  } catch {
    return undefined;
  }
}
