/**
 * `ovn-bgp-agent plan`: what would change on this node, without changing it. Exit code 0: nothing to do; 2: changes;
 * 3: nothing can be done now, but something waits or is blocked; 1: it could not be found out; 64: wrong usage or configuration. With database files: what the agent would want on a
 * node, from those files alone; 0: it could be computed.
 */
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { type DryRun, dryRun } from '../agent/dry-run.ts';
import { mappingWarnings } from '../agent/node-facts.ts';
import { type OfflinePlan, offlinePlan } from '../agent/offline-plan.ts';
import { OfflineInputError } from '../agent/ovn-files.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { addConfigOptions, loadFromOptions } from './config-options.ts';
import { openEdges } from './edges.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { offlineJson, offlineText } from './offline-format.ts';
import { addOfflineOptions, isOffline, type OfflineOptions, offlineInput } from './offline-options.ts';
import { planJson, planText } from './plan-format.ts';
import { planExitCode } from './plan-summary.ts';
import { parseSeconds } from './seconds.ts';

interface PlanOptions extends OfflineOptions {
  readonly output: 'text' | 'json';
  readonly timeout: number;
  readonly verbose: boolean;
}

export function registerPlanCommand(program: Command, io: CommandIo): void {
  const command = program
    .command('plan')
    .description(
      'show what would change on this node, and why, without touching it; or, from files, what a node would hold',
    )
    .addOption(new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--timeout <seconds>', 'how long to wait for the databases', parseSeconds, 30)
    .option('--verbose', 'text: also list what is exposed and what is not, with the reason', false);
  addOfflineOptions(command);
  addConfigOptions(command).action(async () => {
    const loaded = await loadFromOptions(command, io, { refuseUnsupported: true });
    if (loaded === undefined) return;
    for (const warning of loaded.warnings) io.stderr(`warning: ${warning}\n`);
    const options: PlanOptions = command.opts();
    if (isOffline(options)) await planOffline(loaded.config, options, io);
    else await planLive(loaded.config, options, io);
  });
}

const LOCAL_OVN_WAIT_MS = 5000;

async function planLive(config: AgentConfig, options: PlanOptions, io: CommandIo): Promise<void> {
  const edge = openEdges(config, silentLogger);
  try {
    // Down: what is wanted of it is shown as blocked.
    if (config.exposingMethod === 'ovn') await edge.whenLocalOvnIsKnown(LOCAL_OVN_WAIT_MS);
    const result: DryRun = await dryRun(
      {
        config,
        edge,
        log: silentLogger,
        osHostname: hostname(),
        clock: systemClock,
        tell: ({ database, text }) => io.stderr(`waiting for ${database}: ${text}\n`),
      },
      AbortSignal.timeout(options.timeout * 1000),
    );
    const snapshot = edge.ovs.snapshot();
    for (const warning of snapshot === undefined ? [] : mappingWarnings(snapshot, config))
      io.stderr(`warning: ${warning}\n`);
    io.stdout(options.output === 'json' ? planJson(result) : planText(result, options.verbose));
    io.setExitCode(planExitCode(result));
  } finally {
    await edge.close();
  }
}

async function planOffline(config: AgentConfig, options: PlanOptions, io: CommandIo): Promise<void> {
  let plan: OfflinePlan;
  try {
    plan = offlinePlan(await offlineInput(config, options));
  } catch (error) {
    if (!(error instanceof OfflineInputError)) throw error;
    io.stderr(`error: ${error.message}\n`);
    io.setExitCode(EXIT.usage);
    return;
  }
  for (const warning of plan.warnings) io.stderr(`warning: ${warning}\n`);
  io.stdout(options.output === 'json' ? offlineJson(plan) : offlineText(plan, options.verbose));
  io.setExitCode(EXIT.ok);
}
