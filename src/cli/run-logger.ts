/** The daemon's log: one JSON object a line, to standard error or the configured file. */
import { pino } from 'pino';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';

export interface RunLogger {
  readonly log: Logger;
  /** Writes out what is buffered and opens the file again; for log rotation. */
  reopen(): void;
}

export function openRunLogger(config: Pick<AgentConfig, 'logLevel' | 'logFile'>): RunLogger {
  const destination = pino.destination({ dest: config.logFile ?? 2, sync: true, mkdir: false });
  // A full disk must not stop the node's networking: the line is lost, the agent goes on.
  destination.on('error', () => undefined);
  const log = pino(
    {
      level: config.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { log, reopen: () => (config.logFile === undefined ? undefined : destination.reopen()) };
}
