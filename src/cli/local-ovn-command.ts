/**
 * `ovn-bgp-agent local-ovn up|down|status`: the node's own OVN, which `exposing_method = ovn` routes with.
 *
 * Exit codes: 0 all is as it should be; 2 (`status`) something is missing that `up` starts or sets; 1 something is in the
 * way, and what to do is printed; 64 wrong usage or configuration.
 */
import { type Command, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { serviceEnvironment } from '../config/environment.ts';
import type { AgentConfig } from '../config/types.ts';
import { awaitCaughtUp, bringUp } from '../local-ovn/bring-up.ts';
import { keepUp } from '../local-ovn/keep-up.ts';
import { localOvnSettings } from '../local-ovn/settings.ts';
import { type LocalOvnEdge, statusOf, survey } from '../local-ovn/survey.ts';
import { SystemHost } from '../local-ovn/system-host.ts';
import { takeDown } from '../local-ovn/take-down.ts';
import type { LocalOvnSettings, LocalOvnStatus } from '../local-ovn/types.ts';
import { createSdNotifier } from '../netlink/index.ts';
import { openSwitchDatabase } from '../openvswitch/switch-database.ts';
import { addConfigOptions, loadFromOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { localOvnText } from './local-ovn-format.ts';
import { openRunLogger } from './run-logger.ts';
import { withOneSwitchRemote } from './switch-socket.ts';

const CAUGHT_UP_MS = 30_000;

export function registerLocalOvnCommand(program: Command, io: CommandIo): void {
  const group = program
    .command('local-ovn')
    .description(
      "the node's own OVN for exposing_method = ovn: databases, ovn-northd, a second ovn-controller",
    );
  up(group, io);
  down(group, io);
  status(group, io);
}

function up(group: Command, io: CommandIo): void {
  const command = group
    .command('up')
    .description(
      'start what is missing of it, and set its keys; what runs already is kept, whoever started it',
    )
    .option('--foreground', 'stay, and start again whatever ends', false)
    .addOption(
      new Option(
        '--prepare-only',
        'directories, databases and keys; the processes are started by somebody else',
      )
        .default(false)
        .conflicts('foreground'),
    );
  addConfigOptions(command).action(async () => {
    const { foreground, prepareOnly } = command.opts<{ foreground: boolean; prepareOnly: boolean }>();
    await withEdge(command, io, foreground, async (settings, edge, signal) => {
      if (foreground) {
        await keepUp(settings, edge, readiness(), signal);
        return;
      }
      const result = await bringUp(settings, edge, { monitored: true, prepareOnly }, signal);
      for (const line of result.done) io.stdout(`${line}\n`);
      if (!reportTrouble(result.status, io)) return;
      if (prepareOnly) {
        io.stdout('everything is prepared for the processes to start\n');
        return;
      }
      const elapsedMs = await awaitCaughtUp(settings, edge, CAUGHT_UP_MS, signal);
      if (elapsedMs === undefined) {
        io.stderr(
          `error: the second ovn-controller did not follow the database within ${CAUGHT_UP_MS / 1000} s\n`,
        );
        io.setExitCode(EXIT.failed);
        return;
      }
      io.stdout(`the node's own OVN is up; a change reached the switch after ${Math.round(elapsedMs)} ms\n`);
    });
  });
}

function down(group: Command, io: CommandIo): void {
  const command = group
    .command('down')
    .description('stop what "up" started; traffic goes on with what stands')
    .option(
      '--purge',
      'also remove databases, keys, bridge and patch ports: traffic of this method ends',
      false,
    );
  addConfigOptions(command).action(async () => {
    await withEdge(command, io, false, async (settings, edge, signal) => {
      const { purge } = command.opts<{ purge: boolean }>();
      const result = await takeDown(settings, edge, { purge }, signal);
      for (const line of [...result.done, ...result.kept]) io.stdout(`${line}\n`);
      if (result.done.length + result.kept.length + result.problems.length === 0)
        io.stdout('nothing to do\n');
      for (const problem of result.problems) io.stderr(`error: ${problem}\n`);
      if (result.problems.length > 0) io.setExitCode(EXIT.failed);
    });
  });
}

function status(group: Command, io: CommandIo): void {
  const command = group
    .command('status')
    .description('what runs, whose it is, what is missing or in the way')
    .addOption(new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'));
  addConfigOptions(command).action(async () => {
    await withEdge(command, io, false, async (settings, edge) => {
      const found = statusOf(await survey(settings, edge));
      const json = command.opts<{ output: string }>().output === 'json';
      io.stdout(json ? `${JSON.stringify(found, undefined, 2)}\n` : localOvnText(found, settings));
      const code =
        found.problems.length > 0 ? EXIT.failed : found.missing.length > 0 ? EXIT.changes : EXIT.ok;
      io.setExitCode(code);
    });
  });
}

/** Says what is in the way or still missing; false when something is. */
function reportTrouble({ problems, missing }: LocalOvnStatus, io: CommandIo): boolean {
  for (const line of problems.length > 0 ? problems : missing) io.stderr(`error: ${line}\n`);
  if (problems.length === 0 && missing.length === 0) return true;
  io.setExitCode(EXIT.failed);
  return false;
}

/** Loads the configuration, opens the edges, runs, and closes them; an interruption ends it in an orderly way. */
async function withEdge(
  command: Command,
  io: CommandIo,
  logging: boolean,
  action: (settings: LocalOvnSettings, edge: LocalOvnEdge, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const loaded = await loadFromOptions(command, io, { refuseUnsupported: false });
  if (loaded === undefined) return;
  const config = withOneSwitchRemote(loaded.config);
  const log = logging ? runLog(config) : silentLogger;
  const stop = new AbortController();
  const onStop = (): void => stop.abort();
  process.once('SIGTERM', onStop).once('SIGINT', onStop);
  const database = openSwitchDatabase(config.ovsdbConnection, silentLogger);
  try {
    const edge = { host: new SystemHost(), database, clock: systemClock, log };
    await action(localOvnSettings(config), edge, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    io.setExitCode(logging ? EXIT.ok : EXIT.failed);
  } finally {
    process.off('SIGTERM', onStop).off('SIGINT', onStop);
    await database.close();
  }
}

/** To standard error always: the configured file is the agent's. */
function runLog(config: AgentConfig): Logger {
  return openRunLogger({ logLevel: config.logLevel, logFile: undefined }).log;
}

/** Tells systemd, where it asked for it, that the node's own OVN is up. */
function readiness(): () => void {
  const { notifySocket } = serviceEnvironment();
  const notifier = notifySocket === undefined ? undefined : createSdNotifier(notifySocket);
  return () => notifier?.ready();
}
