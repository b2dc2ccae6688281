/**
 * One way each, and for some several, to take a required deviation or a promise out of the source.
 *
 * The tests that prove it are named in `test/integration/conformance/deviations.ts` and `promises.ts`; at least one of them
 * must fail, and each of them for at least one mutation.
 */
import { sortedBy } from '../../src/base/order.ts';
import { DEVIATIONS } from '../integration/conformance/deviations.ts';
import { DECISION_MUTATIONS } from './decision-mutations.ts';
import type { Mutation } from './mutation.ts';
import { NODE_MUTATIONS } from './node-mutations.ts';
import { PROMISE_MUTATIONS } from './promise-mutations.ts';
import { PROMISES } from './promises.ts';

/** Everything that is mutated, with its proofs. */
export const PROVEN = [...DEVIATIONS, ...PROMISES];

export const MUTATIONS: readonly Mutation[] = sortedBy(
  [...DECISION_MUTATIONS, ...NODE_MUTATIONS, ...PROMISE_MUTATIONS],
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
