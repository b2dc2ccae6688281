/**
 * Live migration: the port is requested on both nodes, then runs on the target, then the source lets go. The target
 * announces before the source withdraws: no ping is lost until the machine itself moves.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK } from '../../lab/content.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { PingWatch } from '../../lab/ping-watch.ts';
import type { VirtualMachine } from '../../lab/vm.ts';
import {
  awaitRoute,
  bootVm,
  describeNodes,
  pingBothWays,
  portSpec,
  REPAIR_MS,
  stopAgents,
  traces,
} from './fixture.ts';
import { slowness } from './machine-speed.ts';
import {
  awaitStates,
  type NodeStates,
  type RoutedCloud,
  sharedCloud,
  startOnEmptyCloud,
} from './shared-cloud.ts';

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('live migration, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let vm: VirtualMachine;

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver));
    vm = await bootVm(cloud, portSpec(`moving-${driver}`, FLAT_NETWORK, 'compute1', 70));
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it('announces on both nodes, then on the target alone, without a gap', async () => {
    const { lab, content } = cloud;
    for (const address of vm.addresses) await awaitRoute(lab, address, 'compute1');
    await pingBothWays(cloud, vm);
    const [address = ''] = vm.addresses;

    const before = await PingWatch.start(lab.node('ext'), address);
    await content.beginMigration(vm.port.id, 'compute1', 'compute2');
    await vm.prepareMove('compute2');
    for (const own of vm.addresses) await awaitRoute(lab, own, ['compute1', 'compute2']);
    await before.awaitAnswers(3);
    const made = await before.stop();

    const during = await PingWatch.start(lab.node('ext'), address);
    await vm.continueAt('compute2');
    await pingBothWays(cloud, vm);
    await during.awaitAnswers(3);
    const moved = await during.stop();

    const after = await PingWatch.start(lab.node('ext'), address);
    await content.migratePort(vm.port.id, 'compute2');
    await vm.leave('compute1');
    for (const own of vm.addresses) await awaitRoute(lab, own, 'compute2');
    await content.awaitPortUp(vm.port.id, 'compute2');
    await after.awaitAnswers(3);
    const left = await after.stop();
    console.log(
      `live migration, driver ${driver}: ${made.lost} pings lost while both announce, ${moved.lost} (${Math.round(moved.outageMs)} ms) while the machine moves, ${left.lost} while the source withdraws`,
    );
    expect(made.lost).toBe(0);
    // OVN ends the old binding while the source withdraws: what was on its way there is lost, for no longer than that.
    expect(left.outageMs).toBeLessThan(REPAIR_MS * (await slowness()));
    await pingBothWays(cloud, vm);
    expect(await traces(lab, 'compute1', vm.addresses)).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    await awaitStates(cloud.lab, empty);
  });
});
