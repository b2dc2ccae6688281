/**
 * One way each, and for some several, to take a required deviation out of the source.
 *
 * The tests that prove the deviation are named in `test/integration/conformance/deviations.ts`; at least one of them must
 * fail, and each of them for at least one mutation.
 */
import { sortedBy } from '../../src/base/order.ts';
import { DECISION_MUTATIONS } from './decision-mutations.ts';
import type { Mutation } from './mutation.ts';
import { NODE_MUTATIONS } from './node-mutations.ts';

export const MUTATIONS: readonly Mutation[] = sortedBy(
  [...DECISION_MUTATIONS, ...NODE_MUTATIONS],
  ({ id }) => id,
);

/** A test's title as a pattern: what is filled in for each of several cases may be anything. */
export function titlePattern(title: string): string {
  return title
    .split(/%\w|\$[\w.]+/)
    .map(escaped)
    .join('.*');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
