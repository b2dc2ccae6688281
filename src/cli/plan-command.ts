/**
 * `ovn-bgp-agent plan`: what would change on this node, without changing it. Exit code 0: nothing to do; 2: changes;
 * 1: it could not be found out; 64: wrong usage or configuration.
 */
import { hostname } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DryRun, dryRun } from '../agent/dry-run.ts';
import { changeCount } from '../agent/plan-tools.ts';
import { silentLogger } from '../base/logger.ts';
import { addConfigOptions, loadFromOptions } from './config-options.ts';
import { openEdges } from './edges.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { planJson, planText } from './plan-format.ts';

interface PlanOptions {
  readonly output: 'text' | 'json';
  readonly timeout: number;
  readonly verbose: boolean;
}

export function registerPlanCommand(program: Command, io: CommandIo): void {
  const command = program
    .command('plan')
    .description('show what would change on this node, and why, without touching it')
    .addOption(new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .option('--timeout <seconds>', 'how long to wait for the databases', parseSeconds, 30)
    .option('--verbose', 'text: also list what is exposed and what is not, with the reason', false);
  addConfigOptions(command).action(async () => {
    const loaded = await loadFromOptions(command, io, { refuseUnsupported: true });
    if (loaded === undefined) return;
    for (const warning of loaded.warnings) io.stderr(`warning: ${warning}\n`);
    const options: PlanOptions = command.opts();
    const edge = openEdges(loaded.config, silentLogger);
    try {
      // Down: what is wanted of it is shown as blocked.
      if (loaded.config.exposingMethod === 'ovn') await edge.whenLocalOvnIsKnown(5000);
      const result: DryRun = await dryRun(
        { config: loaded.config, edge, log: silentLogger, osHostname: hostname() },
        AbortSignal.timeout(options.timeout * 1000),
      );
      io.stdout(options.output === 'json' ? planJson(result) : planText(result, options.verbose));
      io.setExitCode(changeCount(result.plan) === 0 ? EXIT.ok : EXIT.changes);
    } finally {
      await edge.close();
    }
  });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400))
    throw new InvalidArgumentError('Give a number of seconds above 0.');
  return seconds;
}
