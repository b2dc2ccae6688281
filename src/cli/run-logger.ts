/** The daemon's log: one JSON object a line, to standard error or the configured file. */
import { pino } from 'pino';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { LogFile } from './log-file.ts';

const STANDARD_ERROR = 2;

export interface RunLogger {
  readonly log: Logger;
  /** Opens the file again; for log rotation. */
  reopen(): void;
}

export function openRunLogger(config: Pick<AgentConfig, 'logLevel' | 'logFile'>): RunLogger {
  const destination = new LogFile(config.logFile ?? STANDARD_ERROR);
  const log = pino(
    {
      level: config.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const reopen = (): void => {
    try {
      destination.reopen();
    } catch (error) {
      log.error(
        { err: error, file: config.logFile },
        'the log file cannot be opened again; the old one goes on',
      );
    }
  };
  return { log, reopen };
}
