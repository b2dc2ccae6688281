/**
 * ovs-ofctl(8), run once for every read or change of a bridge's flows.
 *
 * In: a bridge name, flows. Out: flows, or nothing. Failures are `OvsError`s that name the bridge and carry ovs-ofctl's own
 * text. Programs are started with an argument list, never through a shell; a bridge is addressed by its management
 * socket, so that its name cannot be taken for an option or another kind of connection.
 *
 * All OpenFlow versions are offered, so that a bridge that speaks only some of them (`protocols=OpenFlow13`) works too.
 * ovs-ofctl sends bundles with OpenFlow 1.3 and later; for a bridge that has only earlier ones changes go one by one.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '../base/logger.ts';
import { OvsError } from './errors.ts';
import { formatBundle, isInPlace, parseFlowDump } from './flows.ts';
import { AGENT_COOKIE, type Flow, type FlowChange } from './types.ts';

export const OPENFLOW_VERSIONS = 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15';
const NO_BUNDLES = /usable flow formats|version negotiation failed/;
const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface OfctlOptions {
  /** Where vswitchd keeps its sockets, `/run/openvswitch` as a rule. */
  readonly runDir: string;
  /** The program, by path or name. */
  readonly path: string;
  readonly logger: Logger;
  readonly timeoutMs?: number;
}

export class Ofctl {
  readonly #options: OfctlOptions;

  constructor(options: OfctlOptions) {
    this.#options = options;
  }

  /** Management socket of a bridge (ovs-vswitchd(8)); exists while vswitchd has the bridge. */
  socketPath(bridge: string): string {
    if (!/^[^/\s\0]{1,100}$/.test(bridge) || /^\.+$/.test(bridge)) {
      throw new OvsError('invalid', bridge, `not a bridge name: ${JSON.stringify(bridge)}`);
    }
    return join(this.#options.runDir, `${bridge}.mgmt`);
  }

  /** Flows of table 0 with the agent's cookie. */
  async flows(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    const flows = await this.#dump(bridge, `cookie=${AGENT_COOKIE}/-1,table=0`, signal);
    return flows.filter(({ cookie }) => cookie === AGENT_COOKIE);
  }

  /** Flows of table 0 with the agent's cookie, or at one of its priorities. */
  async flowPlaces(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    return (await this.#dump(bridge, 'table=0', signal)).filter(isInPlace);
  }

  async #dump(bridge: string, selection: string, signal?: AbortSignal): Promise<readonly Flow[]> {
    if (!existsSync(this.socketPath(bridge))) return [];
    try {
      const text = await this.#run(
        bridge,
        ['--no-stats', '--no-names', 'dump-flows', this.#target(bridge), selection],
        '',
        signal,
      );
      return parseFlowDump(text);
    } catch (error) {
      if (error instanceof OvsError && error.code === 'no-bridge') return [];
      throw error;
    }
  }

  async apply(bridge: string, changes: readonly FlowChange[], signal?: AbortSignal): Promise<void> {
    if (changes.length === 0) return;
    const text = formatBundle(changes);
    const command = ['add-flows', this.#target(bridge), '-'];
    try {
      await this.#run(bridge, ['--bundle', ...command], text, signal);
    } catch (error) {
      if (!(error instanceof OvsError && error.code === 'rejected' && NO_BUNDLES.test(error.message)))
        throw error;
      this.#options.logger.debug({ bridge }, 'the bridge has no bundles; changing its flows one by one');
      await this.#run(bridge, command, text, signal);
    }
  }

  #target(bridge: string): string {
    return `unix:${this.socketPath(bridge)}`;
  }

  #run(
    bridge: string,
    args: readonly string[],
    input: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { path, timeoutMs = TIMEOUT_MS } = this.#options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw signal.reason;
      const child = execFile(
        path,
        ['-O', OPENFLOW_VERSIONS, ...args],
        {
          encoding: 'utf8',
          maxBuffer: MAX_OUTPUT_BYTES,
          timeout: timeoutMs,
          killSignal: 'SIGKILL',
          ...(signal === undefined ? {} : { signal }),
        },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else if (signal?.aborted === true) reject(signal.reason);
          else reject(failure(bridge, args, error, stderr.trim(), timeoutMs));
        },
      );
      // A program that ends before it has read its input breaks the pipe; its exit tells why.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  }
}

function failure(
  bridge: string,
  args: readonly string[],
  error: Error & { readonly code?: unknown; readonly killed?: boolean },
  stderr: string,
  timeoutMs: number,
): OvsError {
  const command = args.find((arg) => !arg.startsWith('-')) ?? '';
  const attempt = `ovs-ofctl ${command} on bridge ${bridge}`;
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    return new OvsError('unreachable', bridge, `cannot run ovs-ofctl: ${error.message}`, error);
  }
  if (error.killed === true) {
    return new OvsError('timeout', bridge, `${attempt} did not finish within ${timeoutMs} ms`, error);
  }
  const text = stderr === '' ? error.message : stderr;
  if (/\(No such file or directory\)|is not a bridge/.test(text)) {
    return new OvsError('no-bridge', bridge, `${attempt}: vswitchd has no such bridge: ${text}`, error);
  }
  if (/Connection refused/.test(text)) {
    return new OvsError('unreachable', bridge, `${attempt}: vswitchd does not answer: ${text}`, error);
  }
  return new OvsError('rejected', bridge, `${attempt} failed: ${text}`, error);
}
