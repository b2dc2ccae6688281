/** Prints the state of the node's own OVN for people. Pure: the same state prints the same text. */
import type { LocalOvnSettings, LocalOvnStatus, ProcessStatus } from '../local-ovn/types.ts';

export function localOvnText(status: LocalOvnStatus, settings: Pick<LocalOvnSettings, 'chassis'>): string {
  const width = Math.max(...status.processes.map(({ title }) => title.length));
  const lines = status.processes.map((process) => `${process.title.padEnd(width)}  ${processText(process)}`);
  const keys = Object.entries(status.keys).map(([key, value]) => `  ${key}-${settings.chassis}=${value}`);
  if (keys.length > 0) lines.push('keys in external_ids:', ...keys);
  for (const line of status.missing) lines.push(`missing: ${line}`);
  for (const line of status.problems) lines.push(`problem: ${line}`);
  lines.push(verdict(status));
  return `${lines.join('\n')}\n`;
}

function processText({ state, pid, owner, unit, version, says }: ProcessStatus): string {
  if (state === 'absent') return 'absent';
  const whose = owner === 'operator' ? `the operator's${unit === undefined ? '' : `, ${unit}`}` : undefined;
  const details = [pid === undefined ? undefined : `pid ${pid}`, whose, version, says].filter(
    (detail) => detail !== undefined,
  );
  return `${state}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}

function verdict({ problems, missing }: LocalOvnStatus): string {
  if (problems.length > 0) return 'Something is in the way; see the problems above.';
  if (missing.length > 0)
    return 'Not complete: "ovn-bgp-agent local-ovn up" starts and sets what is missing.';
  return 'All is as it should be.';
}
