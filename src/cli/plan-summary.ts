/** What a plan comes to, in one line and in numbers. Pure. */
import { type AnnouncementState, type Announcements, countByState } from '../agent/announcements.ts';
import type { DryRun } from '../agent/dry-run.ts';
import { changeCount } from '../agent/plan-tools.ts';
import { EXIT } from './exit-codes.ts';

/** Nothing more is to be done on the node, and everything that is wanted is announced. */
export function isComplete(announcements: Announcements, pending: DryRun['pending']): boolean {
  const { waiting, blocked } = countByState(announcements.values());
  return waiting + blocked + pending.length === 0;
}

/** What a live plan ends with. */
export function planExitCode({
  plan,
  announcements,
  pending,
}: Pick<DryRun, 'plan' | 'announcements' | 'pending'>): number {
  if (changeCount(plan) > 0) return EXIT.changes;
  return plan.blocked.length === 0 && isComplete(announcements, pending) ? EXIT.ok : EXIT.incomplete;
}

/** The last line of a live plan. */
export function summaryLine(
  changes: number,
  announcements: Announcements,
  pending: DryRun['pending'],
  hostname: string,
): string {
  if (changes === 0 && isComplete(announcements, pending)) {
    return `Nothing to do: ${announcedText(announcements, hostname)}`;
  }
  const what =
    changes === 0 ? 'Nothing can be done now' : `${changes} ${changes === 1 ? 'change' : 'changes'}`;
  return `${what}: ${announcedText(announcements, hostname)}`;
}

const WORDS: readonly (readonly [AnnouncementState, (count: number) => string])[] = [
  ['changes', (count) => `${count} will be by these changes`],
  ['waiting', (count) => `${count} ${count === 1 ? 'waits' : 'wait'}`],
  ['blocked', (count) => `${count} ${count === 1 ? 'is' : 'are'} blocked`],
];

/** `2 of 3 addresses are announced on cmp-1, 1 waits.`; prefixes that are only routed do not count. */
export function announcedText(announcements: Announcements, hostname: string): string {
  const counts = countByState(announcements.values());
  const total = announcements.size - counts.routed;
  const others = WORDS.flatMap(([state, words]) => (counts[state] > 0 ? [words(counts[state])] : []));
  const announced =
    counts.announced === total
      ? `${total} ${total === 1 ? 'address is' : 'addresses are'} announced on ${hostname}`
      : `${counts.announced} of ${total} addresses ${counts.announced === 1 ? 'is' : 'are'} announced on ${hostname}`;
  return `${[announced, ...others].join(', ')}.`;
}
