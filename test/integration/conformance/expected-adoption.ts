/** What may change when this agent starts on a captured node: listed differences, and addresses not exposed yet. */
import { describe } from '../../../src/node/describe.ts';
import type { NodePlan } from '../../../src/node/objects.ts';
import type { NodeName, Scenario } from './captures.ts';
import { ADOPTION_DIFFERENCES, STATE_DIFFERENCES } from './differences.ts';
import { advertisedLines, notYetExposed, wireLines } from './not-yet-exposed.ts';

/** Sorted lines: `+` added, `-` removed, `~` changed. */
export function adoptionChanges(scenario: Scenario, node: NodeName): string[] {
  const later = notYetExposed(scenario, node);
  return [
    ...STATE_DIFFERENCES.flatMap(({ captured, computed }) => [
      ...captured.map((line) => `- ${line}`),
      ...computed.map((line) => `+ ${line}`),
    ]),
    ...ADOPTION_DIFFERENCES.flatMap(({ changed }) => changed.map((line) => `~ ${line}`)),
    ...later.flatMap((entry) => [...advertisedLines(entry), ...wireLines(entry)].map((line) => `- ${line}`)),
  ].sort();
}

const SIGN = { add: '+', change: '~', remove: '-' } as const;

export function changeLines(plan: NodePlan): string[] {
  return plan.stages
    .flatMap(({ changes }) =>
      changes.map((change) => {
        const { object } = change.op === 'remove' ? change.observed : change.desired;
        return `${SIGN[change.op]} ${describe(object)}`;
      }),
    )
    .sort();
}
