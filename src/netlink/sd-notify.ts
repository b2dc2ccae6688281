/**
 * Tells the service manager how the process is (sd_notify(3)): one datagram a message.
 *
 * In: the path of the notification socket ($NOTIFY_SOCKET; a leading `@` means the abstract name space) and, for
 * `reloading`, the monotonic clock. Out: messages. Without a path every call does nothing, so that callers need not
 * know whether they run under systemd. Sending never throws: the result says whether the message went out, because a
 * daemon must not die of a service manager that is away.
 */
import { errnoName } from './errors.ts';
import { type NetlinkLogger, noLogger } from './logger.ts';
import { loadAddon } from './native.ts';

export interface SdNotifier {
  /** Start-up is complete; also ends a reload. */
  ready(status?: string): boolean;
  /** One line for `systemctl status`. */
  status(text: string): boolean;
  /** Alive; due every half WatchdogSec. */
  watchdog(): boolean;
  reloading(status?: string): boolean;
  stopping(status?: string): boolean;
}

export interface SdNotifierOptions {
  readonly logger?: NetlinkLogger;
  readonly addonPath?: string;
  /** Sends one message and returns 0 or a negated errno; tests give their own. */
  readonly send?: (path: string, message: string) => number;
}

/** Throws NetlinkAddonError when there is a path but no addon. */
export function createSdNotifier(
  socketPath: string | undefined,
  options: SdNotifierOptions = {},
): SdNotifier {
  const logger = options.logger ?? noLogger;
  const path = socketPath === '' ? undefined : socketPath;
  const send = path === undefined ? undefined : (options.send ?? addonSend(options.addonPath));

  const notify = (assignments: readonly string[]): boolean => {
    if (path === undefined || send === undefined) return false;
    const result = send(path, assignments.join('\n'));
    if (result >= 0) return true;
    logger.warn({ socket: path, code: errnoName(-result) }, 'the service manager could not be notified');
    return false;
  };

  return {
    ready: (status) => notify(['READY=1', ...statusLine(status)]),
    status: (text) => notify(statusLine(text)),
    watchdog: () => notify(['WATCHDOG=1']),
    // Type=notify-reload wants to know when the reload began, on the scale of CLOCK_MONOTONIC.
    reloading: (status) =>
      notify(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, ...statusLine(status)]),
    stopping: (status) => notify(['STOPPING=1', ...statusLine(status)]),
  };
}

function addonSend(addonPath: string | undefined): (path: string, message: string) => number {
  const addon = loadAddon(addonPath);
  return (path, message) => addon.sdNotify(path, message);
}

/** A line end in the text would start another assignment. */
function statusLine(text: string | undefined): string[] {
  return text === undefined ? [] : [`STATUS=${text.replace(/[\r\n\0]+/g, ' ')}`];
}
