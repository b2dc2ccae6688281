/** Prints an offline plan for people and for programs. Pure: the same plan prints the same text. */

import { countByState } from '../agent/announcements.ts';
import type { OfflinePlan } from '../agent/offline-plan.ts';
import { exposuresJson, verboseLines } from './plan-format.ts';
import { LISTS, objectLists } from './plan-lists.ts';

export function offlineText(plan: OfflinePlan, verbose: boolean): string {
  const lists = objectLists(plan.desired);
  const lines: string[] = [];
  for (const name of LISTS) {
    if (lists[name].length === 0) continue;
    lines.push(`# ${name}`);
    for (const { text, because } of lists[name]) lines.push(`  ${text}    # ${because}`);
  }
  for (const { subject, reason } of plan.pending) lines.push(`? ${subject} waits: ${reason}`);
  for (const { subject, assumed, reason } of plan.assumptions) {
    lines.push(`= assumed, ${subject}: ${assumed} (${reason})`);
  }
  if (verbose) {
    lines.push(...verboseLines(plan), '# read');
    for (const { file, format, schemaVersion, date, lacks } of plan.sources) {
      lines.push(
        `  ${file}: ${format}, schema ${schemaVersion ?? 'unknown'}, last change ${date ?? 'unknown'}`,
      );
      for (const detail of lacks) lines.push(`    ${detail}`);
    }
  }
  const { hostname, systemId } = plan.identity;
  const { announced, waiting } = countByState(plan.announcements.values());
  const more = waiting === 0 ? '' : `; ${waiting} ${waiting === 1 ? 'waits' : 'wait'}`;
  const addresses = `${announced} ${announced === 1 ? 'address' : 'addresses'}`;
  lines.push(`${plan.desired.length} objects for ${addresses} on ${hostname} (chassis ${systemId})${more}.`);
  return `${lines.join('\n')}\n`;
}

export function offlineJson(plan: OfflinePlan): string {
  const { identity: node, sources, assumptions, warnings, denials, pending } = plan;
  return `${JSON.stringify(
    {
      mode: 'offline',
      node,
      sources,
      assumptions,
      warnings,
      ...objectLists(plan.desired),
      summary: countByState(plan.announcements.values()),
      exposures: exposuresJson(plan),
      denials,
      pending,
    },
    undefined,
    2,
  )}\n`;
}
