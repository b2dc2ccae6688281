/** What may differ on a captured node: the listed differences, and those between the drivers where the other one reads. */

import { describe } from '../../../src/node/describe.ts';
import type { NodePlan } from '../../../src/node/objects.ts';
import { CAPTURED_DRIVER, type Driver, type NodeName, type Scenario } from './captures.ts';
import { ADOPTION_DIFFERENCES, DRIVER_DIFFERENCES, STATE_DIFFERENCES } from './differences.ts';

export interface ExpectedDifference {
  /** Sorted lines of the capture that this agent does not want. */
  readonly captured: readonly string[];
  /** Sorted lines that this agent wants and the capture has not. */
  readonly computed: readonly string[];
}

/** `driver` reads the database that goes with it; the capture is of what the Python agent's own driver made. */
export function expectedDifference(scenario: Scenario, node: NodeName, driver: Driver): ExpectedDifference {
  const between =
    driver === CAPTURED_DRIVER[scenario] ? [] : DRIVER_DIFFERENCES.flatMap((item) => item.northbound[node]);
  const added = driver === 'nb_ovn_bgp_driver';
  return {
    captured: [...STATE_DIFFERENCES.flatMap(({ captured }) => captured), ...(added ? [] : between)].sort(),
    computed: [...STATE_DIFFERENCES.flatMap(({ computed }) => computed), ...(added ? between : [])].sort(),
  };
}

/** Changes when this agent starts on the node. Sorted lines: `+` added, `-` removed, `~` changed. */
export function adoptionChanges(scenario: Scenario, node: NodeName, driver: Driver): string[] {
  const { captured, computed } = expectedDifference(scenario, node, driver);
  return [
    ...captured.map((line) => `- ${line}`),
    ...computed.map((line) => `+ ${line}`),
    ...ADOPTION_DIFFERENCES.flatMap(({ changed }) => changed.map((line) => `~ ${line}`)),
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
