/**
 * `ovn-bgp-agent cleanup`: removes everything that the agent ever made on this node, for every exposing method, and nothing
 * else. Exit code 0: nothing (left) of it; 2 with `--dry-run`: there is something to remove; 1: something could not be
 * looked at or removed; 64: wrong usage or configuration; 75: an agent runs here, and nothing was touched.
 */
import type { Command } from 'commander';
import { type Cleanup, planCleanup } from '../agent/cleanup.ts';
import { changeCount } from '../agent/plan-tools.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { describe } from '../node/describe.ts';
import type { Change, ChangeOutcome } from '../node/objects.ts';
import { addConfigOptions, loadFromOptions } from './config-options.ts';
import { openEdges } from './edges.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { lockForCommand } from './lock-for-command.ts';
import { parseSeconds } from './seconds.ts';

const DATABASE_WAIT_MS = 5000;

export function registerCleanupCommand(program: Command, io: CommandIo): void {
  const command = program
    .command('cleanup')
    .description(
      'remove everything the agent made on this node, for every exposing method; stop the agent first',
    )
    .option('--dry-run', 'only list it', false)
    .option('--timeout <seconds>', 'when to give up', parseSeconds, 60);
  addConfigOptions(command).action(async () => {
    const loaded = await loadFromOptions(command, io, { refuseUnsupported: false });
    if (loaded === undefined) return;
    const { dryRun, timeout }: { readonly dryRun: boolean; readonly timeout: number } = command.opts();
    // To look does no harm beside a running agent; what is taken away it would only put back.
    const lock = dryRun ? undefined : await lockForCommand(io);
    if (!dryRun && lock === undefined) return;
    const edge = openEdges(loaded.config, silentLogger);
    const signal = AbortSignal.timeout(timeout * 1000);
    try {
      await edge.whenLocalOvnIsKnown(DATABASE_WAIT_MS);
      const cleanup = await planCleanup(
        {
          config: loaded.config,
          edge,
          log: silentLogger,
          clock: systemClock,
          tell: ({ database, text }) => io.stderr(`waiting for ${database}: ${text}\n`),
        },
        signal,
      );
      try {
        await report(cleanup, dryRun, io, signal);
      } finally {
        cleanup.close();
      }
    } finally {
      await edge.close();
      await lock?.release();
    }
  });
}

async function report(cleanup: Cleanup, dryRun: boolean, io: CommandIo, signal: AbortSignal): Promise<void> {
  const { plan, problems } = cleanup;
  for (const { kind, message } of problems) io.stderr(`cannot look at ${kind}: ${message}\n`);
  if (dryRun) {
    for (const { changes } of plan.stages) for (const change of changes) io.stdout(`${line(change)}\n`);
    io.setExitCode(problems.length > 0 ? EXIT.failed : changeCount(plan) === 0 ? EXIT.ok : EXIT.changes);
    return;
  }
  const outcomes = await cleanup.apply(signal);
  for (const outcome of outcomes) io.stdout(`${outcomeLine(outcome)}\n`);
  const failed = outcomes.some(({ problem }) => problem !== undefined);
  io.setExitCode(failed || problems.length > 0 ? EXIT.failed : EXIT.ok);
}

function line(change: Change): string {
  return change.op === 'remove'
    ? `- ${describe(change.observed.object)}`
    : `~ ${describe(change.desired.object)}`;
}

function outcomeLine({ change, problem }: ChangeOutcome): string {
  return problem === undefined ? line(change) : `! ${line(change).slice(2)}: ${problem.message}`;
}
