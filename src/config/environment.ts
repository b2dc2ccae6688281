/** What the process environment may say: the service manager's variables of sd_notify(3) and sd_watchdog_enabled(3). */
export interface ServiceEnvironment {
  /** Path or abstract name (`@...`) of the notification socket; absent: not started by systemd. */
  readonly notifySocket: string | undefined;
  /** Milliseconds between two watchdog messages at most; absent: no watchdog for this process. */
  readonly watchdogMs: number | undefined;
}

/** Reads the variables; ones that are malformed or meant for another process count as absent. */
export function serviceEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): ServiceEnvironment {
  const notifySocket = variables.NOTIFY_SOCKET;
  const usable = notifySocket !== undefined && /^[/@]./.test(notifySocket);
  const microseconds = Number(variables.WATCHDOG_USEC);
  const watchdogPid = variables.WATCHDOG_PID;
  const forUs = watchdogPid === undefined || Number(watchdogPid) === pid;
  return {
    notifySocket: usable ? notifySocket : undefined,
    watchdogMs: forUs && Number.isFinite(microseconds) && microseconds > 0 ? microseconds / 1000 : undefined,
  };
}
