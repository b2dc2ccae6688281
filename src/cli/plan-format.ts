/** Prints a dry run for people and for programs. Pure: the same plan prints the same text. */
import type { DryRun } from '../agent/dry-run.ts';
import { changeCount } from '../agent/plan-tools.ts';
import { reasonText } from '../exposures/reasons.ts';
import { describe } from '../node/describe.ts';
import type { Change } from '../node/objects.ts';

const SIGN = { add: '+', change: '~', remove: '-' } as const;

export function planText(run: DryRun, verbose: boolean): string {
  const lines: string[] = [];
  for (const stage of run.plan.stages) {
    lines.push(`# ${stage.name}`);
    for (const change of stage.changes) lines.push(`${SIGN[change.op]} ${changeText(change)}`);
  }
  for (const { desired, reason } of run.plan.blocked) lines.push(`! ${describe(desired.object)}: ${reason}`);
  for (const { subject, reason } of run.pending) lines.push(`? ${subject} waits: ${reason}`);
  if (verbose) lines.push(...verboseLines(run));
  const changes = changeCount(run.plan);
  lines.push(
    changes === 0
      ? `Nothing to do: ${run.exposures.length} addresses are exposed on ${run.identity.hostname} as they should be.`
      : `${changes} changes for ${run.exposures.length} addresses on ${run.identity.hostname}.`,
  );
  return `${lines.join('\n')}\n`;
}

function changeText(change: Change): string {
  if (change.op === 'remove') return `${describe(change.observed.object)}    # no longer wanted`;
  const before = change.op === 'change' ? `    (now: ${describe(change.observed.object)})` : '';
  return `${describe(change.desired.object)}${before}    # ${change.desired.because}`;
}

/** What is exposed and what is not, each with its reason. */
export function verboseLines({ exposures, denials }: Pick<DryRun, 'exposures' | 'denials'>): string[] {
  const lines = ['# exposed'];
  for (const exposure of exposures) {
    const because = exposure.because.map((reason) => reasonText(reason)).join('; ');
    lines.push(`  ${exposure.address} on ${exposure.network.name}: ${because}`);
    if (exposure.warning !== undefined) lines.push(`    warning: ${exposure.warning}`);
  }
  lines.push('# not exposed');
  for (const denial of denials) {
    lines.push(`  ${denial.row.name ?? denial.row.uuid}: ${denial.message} [${denial.code}]`);
  }
  return lines;
}

export function planJson(run: DryRun): string {
  const changes = run.plan.stages.flatMap((stage) =>
    stage.changes.map((change) => ({
      op: change.op,
      stage: stage.name,
      text: describe(change.op === 'remove' ? change.observed.object : change.desired.object),
      because: change.op === 'remove' ? 'no longer wanted' : change.desired.because,
      object: change.op === 'remove' ? change.observed.object : change.desired.object,
      ...(change.op === 'change' ? { now: change.observed.object } : {}),
    })),
  );
  const blocked = run.plan.blocked.map(({ desired, reason }) => ({ object: desired.object, reason }));
  return `${JSON.stringify(
    {
      mode: 'live',
      node: run.identity,
      changes,
      blocked,
      pending: run.pending,
      exposures: run.exposures,
      denials: run.denials,
    },
    undefined,
    2,
  )}\n`;
}
