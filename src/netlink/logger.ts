/** What the library needs of a logger: structured fields first, then one sentence. Pino's loggers fit. */
export interface NetlinkLogger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export const noLogger: NetlinkLogger = { debug: () => undefined, warn: () => undefined };
