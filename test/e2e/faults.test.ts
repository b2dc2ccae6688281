/**
 * Fault drills: something on a node, in FRR or in the databases breaks or changes under the running agent. Each measures
 * how long the repair and the outage took, and ends with the same questions about the state (see faults/stage.ts).
 *
 * Names that end in [quick] are the quick set: `vitest run --project faults -t '\[quick\]'`. With
 * UPDATE_DOCS=1 a complete run writes its measurements to docs/reliability.md: one section for machines, one for guests.
 * The long drills take their measure from the environment (see faults/measure.ts).
 */
import { afterAll, afterEach, beforeAll, describe, type RunnerTask, type RunnerTestFile } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { LocalMachine } from '../../lab/local-machine.ts';
import { clusterDrills } from './faults/cluster-drills.ts';
import { databaseDrills, guardDrills } from './faults/database-drills.ts';
import { frrDrills } from './faults/frr-drills.ts';
import { hangDrills } from './faults/hang-drills.ts';
import { machineDrills } from './faults/machine-drills.ts';
import { nodeDrills } from './faults/node-drills.ts';
import { resultTable, writeResults } from './faults/report.ts';
import { type Ground, Stage } from './faults/stage.ts';
import { statementDrills } from './faults/statement-drills.ts';
import { stormDrills } from './faults/storm-drills.ts';
import { describeNodes } from './fixture.ts';
import { isGuest } from './machine-speed.ts';

const LAB = 'faults';

const { vrf, dummy } = await new LocalMachine().capabilities();
const ground: Ground = { via: vrf && dummy ? 'vrf' : 'main', guest: await isGuest() };

let stage: Stage | undefined;
let file: RunnerTestFile | undefined;

function theStage(): Stage {
  if (stage === undefined) throw new TypeError('the stage is not up');
  return stage;
}

beforeAll(async () => {
  stage = await Stage.up(LAB);
});

afterAll(async () => {
  const results = stage?.results ?? [];
  const versions = await stage?.versions();
  await stage?.down();
  await Lab.down(LAB);
  // A partial run would take the other drills off the page.
  const complete = file !== undefined && allPassed(file);
  if (process.env.UPDATE_DOCS === '1' && complete) await writeResults(results, ground, versions ?? '');
  else console.info(`${versions}\n\n${resultTable(results)}`);
});

afterEach(async (context) => {
  file = context.task.file;
  if (context.task.result?.state === 'pass') return;
  if (stage !== undefined) console.error(await describeNodes(stage.lab));
});

describe('the node', () => {
  nodeDrills(theStage, ground);
});
describe('FRR', () => {
  frrDrills(theStage, ground);
});
describe('the Northbound database', () => {
  databaseDrills(theStage, 'nb');
});
describe('an empty database', () => {
  guardDrills(theStage);
});
describe('daemons that hang', () => {
  hangDrills(theStage, ground);
});
describe('what the local database says of the node', () => {
  statementDrills(theStage);
});
describe('the agent', () => {
  stormDrills(theStage, ground);
});
describe('the machine', () => {
  machineDrills(theStage, ground);
});
describe('a clustered database', () => {
  clusterDrills(theStage);
});
describe('the Southbound database', () => {
  beforeAll(async () => {
    await theStage().switchDriver('sb');
  });
  afterAll(async () => {
    await theStage().switchDriver('nb');
  });
  databaseDrills(theStage, 'sb');
});

function allPassed({ tasks }: { readonly tasks: readonly RunnerTask[] }): boolean {
  return tasks.every((task) => (task.type === 'suite' ? allPassed(task) : task.result?.state === 'pass'));
}
