/**
 * Takes the turns of a comparison of the two agents, in a guest; each turn is added to a file as soon as it is over.
 *
 *   node compare-agents.js FILE PLANS
 *
 * `PLANS` is JSON. The first turn of each agent fills the caches of the guest's file system and does not count. A turn
 * that fails is reported on standard error and does not stop the others; then the exit status is 1.
 */
import { appendFile } from 'node:fs/promises';
import { AGENT_NAMES } from '../comparison/agents.ts';
import { type TurnPlan, takeTurn } from '../comparison/turn.ts';
import { describeMachine } from '../support/machine.ts';
import { progress } from '../support/progress.ts';

const [file = '', text = '[]'] = process.argv.slice(2);
const plans = JSON.parse(text) as readonly TurnPlan[];

async function attempt(plan: TurnPlan, counts: boolean): Promise<void> {
  const what = `${plan.agent}, ${plan.driver}, ${plan.addresses} addresses`;
  progress(`python: ${counts ? '' : 'warm up: '}${what}`);
  try {
    const turn = await takeTurn(plan);
    if (counts) await appendFile(file, `${JSON.stringify(turn)}\n`);
  } catch (error) {
    process.exitCode = 1;
    progress(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

await appendFile(file, `${JSON.stringify({ guest: await describeMachine() })}\n`);
const [first] = plans;
if (first !== undefined) {
  for (const agent of AGENT_NAMES)
    await attempt({ ...first, agent, addresses: 0, changes: 0, idleMs: undefined }, false);
}
for (const plan of plans) await attempt(plan, true);
