/** Prints a dry run for people and for programs. Pure: the same plan prints the same text. */
import { type AnnouncementState, countByState } from '../agent/announcements.ts';
import type { DryRun } from '../agent/dry-run.ts';
import { changeCount } from '../agent/plan-tools.ts';
import { reasonText } from '../exposures/reasons.ts';
import { subjectOf } from '../exposures/subject.ts';
import { describe } from '../node/describe.ts';
import type { Change } from '../node/objects.ts';
import { summaryLine } from './plan-summary.ts';

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
  const { hostname } = run.identity;
  lines.push(summaryLine(changeCount(run.plan), run.announcements, run.pending, hostname));
  lines.push(...adoptedLines(run.adopted));
  return `${lines.join('\n')}\n`;
}

/** What bears no mark and counts as the agent's: an operator who knows better wants to see it. */
function adoptedLines(adopted: DryRun['adopted']): string[] {
  if (adopted === undefined) return [];
  const what = [
    ...[...adopted.tables].map((table) => `routing table ${table}`),
    ...[...adopted.devices].map((device) => `device ${device}`),
    ...(adopted.vrf ? ['the VRF and its dummy'] : []),
  ];
  if (what.length === 0) return [];
  return [`Adopted from the Python agent, wherever it left no marks: ${what.join(', ')}.`];
}

function changeText(change: Change): string {
  if (change.op === 'remove') return `${describe(change.observed.object)}    # no longer wanted`;
  const before = change.op === 'change' ? `    (now: ${describe(change.observed.object)})` : '';
  return `${describe(change.desired.object)}${before}    # ${change.desired.because}`;
}

/** What is exposed and what is not, each with its reason. */
export function verboseLines({
  exposures,
  announcements,
  denials,
}: Pick<DryRun, 'exposures' | 'announcements' | 'denials'>): string[] {
  const lines = ['# exposed'];
  for (const exposure of exposures) {
    const because = exposure.because.map((reason) => reasonText(reason)).join('; ');
    const state = STATE_WORDS[announcements.get(exposure.prefix) ?? 'waiting'];
    lines.push(`  ${subjectOf(exposure)} on ${exposure.network.name}${state}: ${because}`);
    if (exposure.warning !== undefined) lines.push(`    warning: ${exposure.warning}`);
  }
  lines.push('# not exposed');
  for (const { row, addresses, message, code } of denials) {
    const about = addresses.length === 0 ? '' : ` (${addresses.join(', ')})`;
    lines.push(`  ${row.name ?? row.uuid}${about}: ${message} [${code}]`);
  }
  return lines;
}

const STATE_WORDS: Readonly<Record<AnnouncementState, string>> = {
  announced: '',
  changes: ', with these changes',
  waiting: ', waits and is not announced',
  blocked: ', blocked and not announced',
  routed: ', routed for the addresses inside it',
};

/** Exposures as `plan --output json` prints them. */
export function exposuresJson({
  exposures,
  announcements,
}: Pick<DryRun, 'exposures' | 'announcements'>): readonly unknown[] {
  return exposures.map((exposure) => ({ ...exposure, state: announcements.get(exposure.prefix) }));
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
      summary: countByState(run.announcements.values()),
      exposures: exposuresJson(run),
      denials: run.denials,
      ...(run.adopted === undefined
        ? {}
        : {
            adopted: {
              tables: [...run.adopted.tables],
              devices: [...run.adopted.devices],
              vrf: run.adopted.vrf,
            },
          }),
    },
    undefined,
    2,
  )}\n`;
}
