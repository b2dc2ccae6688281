/**
 * `ovn-bgp-agent run`: the daemon. SIGTERM and SIGINT leave everything standing; SIGHUP reopens the log file. Exit code 75:
 * another agent works in this network namespace, and nothing was touched.
 */
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { runAgent } from '../agent/agent.ts';
import { systemClock } from '../base/clock.ts';
import { serviceEnvironment } from '../config/environment.ts';
import { createSdNotifier } from '../netlink/index.ts';
import { addConfigOptions, loadFromOptions } from './config-options.ts';
import { openEdges } from './edges.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { lockForCommand } from './lock-for-command.ts';
import { openRunLogger } from './run-logger.ts';
import { VERSION } from './version.ts';

export function registerRunCommand(program: Command, io: CommandIo): void {
  const command = program
    .command('run')
    .description('run the agent until it is told to stop; what it did to the node stays');
  addConfigOptions(command).action(async () => {
    const loaded = await loadFromOptions(command, io, { refuseUnsupported: true });
    if (loaded === undefined) return;
    const { config, warnings } = loaded;
    const lock = await lockForCommand(io);
    if (lock === undefined) return;
    const runLogger = openRunLogger(config);
    const { log } = runLogger;
    for (const warning of [...warnings, ...lock.warnings]) {
      log.warn({}, warning);
      // The file may not be the one that somebody looks at: its name is a setting like the others.
      if (config.logFile !== undefined) io.stderr(`warning: ${warning}\n`);
    }
    log.info(
      { version: VERSION, node: process.version, driver: config.driver, via: config.advertiseVia },
      'starting',
    );

    const stop = new AbortController();
    const onStop = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'stopping; everything that was advertised stays');
      stop.abort();
    };
    process.once('SIGTERM', onStop).once('SIGINT', onStop);
    process.on('SIGHUP', () => runLogger.reopen());

    const service = serviceEnvironment();
    const notifier = service.notifySocket === undefined ? undefined : createSdNotifier(service.notifySocket);
    const edge = openEdges(config, log);
    try {
      await runAgent(
        {
          config,
          edge,
          clock: systemClock,
          log,
          osHostname: hostname(),
          onReady: (status) => notifier?.ready(status),
          onStatus: (status) => notifier?.status(status),
          ...(notifier === undefined || service.watchdogMs === undefined
            ? {}
            : { watchdog: { intervalMs: service.watchdogMs / 2, alive: () => notifier.watchdog() } }),
        },
        stop.signal,
      );
      notifier?.stopping();
      log.info({}, 'stopped');
    } catch (error) {
      if (!stop.signal.aborted) {
        log.error({ err: error }, 'ended by an error; what stands is kept');
        io.setExitCode(EXIT.failed);
      }
    } finally {
      await edge.close();
      await lock.release();
    }
  });
}
