/**
 * Notices that the flows of one bridge have changed, whoever changed them.
 *
 * In: a bridge. Out: a call whenever its flows may differ from what was read before. For this a child process
 * `ovs-ofctl monitor BRIDGE watch:` lives as long as the bridge is watched: it prints a line for every change, and its
 * end means that the bridge or vswitchd is gone. What it prints is not interpreted; the caller reads the flows again. The
 * agent's own changes are reported like all others. A child that ended is started again after 50 ms, then at growing
 * intervals up to a second; while vswitchd does not have the bridge nothing is started at all.
 *
 * setpriv(1), where it is installed, makes the kernel end the child should this process die without a farewell.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { OPENFLOW_VERSIONS } from './ofctl.ts';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
/**
 * Changes between the start of the child and its request to the switch (some 15 ms) are not reported, and it does not say
 * when it has made it; so the flows count as changed once more a little later.
 */
const SETTLE_MS = 250;
const SETPRIV = '/usr/bin/setpriv';

export interface FlowMonitorOptions {
  readonly bridge: string;
  /** The bridge's management socket. */
  readonly socketPath: string;
  readonly ofctlPath: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: () => void;
}

export class FlowMonitor {
  readonly #options: FlowMonitorOptions;
  #child: ChildProcess | undefined;
  #closed = false;
  readonly #retry = new Backoff({ minMs: FIRST_RETRY_MS, maxMs: LAST_RETRY_MS });
  #cancelTimer: (() => void) | undefined;

  constructor(options: FlowMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#closed || this.#child !== undefined) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (existsSync(this.#options.socketPath)) this.#spawn();
    else this.#later();
  }

  /** Process id of the child, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends the child and waits until it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const child = this.#child;
    if (child?.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    // It holds nothing that would need a tidy end.
    child.kill('SIGKILL');
    await gone;
  }

  #spawn(): void {
    const { bridge, socketPath, ofctlPath, clock, logger, onChange } = this.#options;
    const command = [
      ofctlPath,
      // Without a control socket of its own nothing is left behind when it is killed.
      '--unixctl=none',
      '-O',
      OPENFLOW_VERSIONS,
      'monitor',
      `unix:${socketPath}`,
      'watch:!initial,!actions',
    ];
    const [program = ofctlPath, ...args] = existsSync(SETPRIV)
      ? [SETPRIV, '--pdeathsig', 'KILL', ...command]
      : command;
    // Changes are printed on stderr; stdout would have the initial contents only.
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    let lastWords = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-500);
      if (!this.#closed) onChange();
    });
    const ended = (why: string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      if (this.#closed) return;
      logger.debug({ bridge, why, output: lastWords.trim().split('\n').at(-1) }, 'flow monitor ended');
      onChange();
      this.#later();
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`));
    this.#cancelTimer = clock.after(SETTLE_MS, () => {
      this.#cancelTimer = undefined;
      this.#retry.reset();
      onChange();
    });
    onChange();
  }

  #later(): void {
    this.#cancelTimer = this.#options.clock.after(this.#retry.next(), () => this.start());
  }
}
