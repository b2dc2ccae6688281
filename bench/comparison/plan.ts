/** Which turns a comparison takes, and in which order: the agents alternate on each number of addresses. Pure. */
import { AGENT_NAMES } from './agents.ts';
import type { Driver } from './fabric-node.ts';
import type { TurnPlan } from './turn.ts';

/** What the Python agent is measured with, too; it needs many minutes for the largest of them. */
export const COMPARED_SIZES = [0, 1, 100, 1_000] as const;
/** How the growth goes on; the Python agent's does not within hours. */
export const OWN_SIZES = [10_000] as const;
const ALL_SIZES: readonly number[] = [...COMPARED_SIZES, ...OWN_SIZES];
/** From here on a turn takes minutes, and is taken once. */
const LARGE = 1_000;
const CHANGES = 10;
/** No full comparison falls into a turn. */
const NEVER = 36_000;
const IDLE_MS = 60_000;
const CAP_MS = 900_000;
/** For the Python agent with a large number of addresses. */
const LARGE_CAP_MS = 2_300_000;

export interface ComparisonOptions {
  readonly rounds?: number | undefined;
  readonly sizes?: readonly number[] | undefined;
  readonly drivers?: readonly Driver[] | undefined;
}

export function plannedTurns(options: ComparisonOptions): readonly TurnPlan[] {
  const { rounds = 3, sizes = ALL_SIZES, drivers = ['nb', 'sb'] } = options;
  const plans: TurnPlan[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const addresses of sizes.toSorted((a, b) => a - b)) {
      const large = addresses >= LARGE;
      if (large && round > 1) continue;
      for (const driver of drivers) {
        for (const agent of AGENT_NAMES) {
          if (agent === 'python' && addresses > LARGE) continue;
          plans.push({
            driver,
            agent,
            addresses,
            reconcileInterval: NEVER,
            capMs: large ? LARGE_CAP_MS : CAP_MS,
            changes: addresses === 0 || addresses > LARGE ? 0 : CHANGES,
            idleMs: addresses === LARGE || (addresses === 100 && round === 1) ? IDLE_MS : undefined,
          });
        }
      }
    }
  }
  return plans;
}
