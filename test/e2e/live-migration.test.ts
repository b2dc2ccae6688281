/**
 * Live migration: the port is requested on both nodes, then runs on the target, then the source lets go. The target
 * announces the port's addresses before the source withdraws them, and both deliver. Its floating IP is translated, and
 * announced, by the source until the port is the target's alone. No ping is lost until the machine itself moves.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK, TENANT_NETWORK } from '../../lab/content.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { PingWatch } from '../../lab/ping-watch.ts';
import type { VirtualMachine } from '../../lab/vm.ts';
import {
  awaitNoRoute,
  awaitRoute,
  awaitSettled,
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
  pingFromNode,
  pingFromOutside,
  ROUTER,
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
    for (const node of ['compute1', 'compute2'] as const) await pingFromNode(cloud, node, address);

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

  it('leaves the floating IP where OVN translates it, then takes it along', async () => {
    const { lab, content, routers } = cloud;
    await routers.addRouter(ROUTER);
    await routers.setDistributed(true);
    const tenant = await bootVm(cloud, portSpec(`moving-fip-${driver}`, TENANT_NETWORK, 'compute1', 71));
    const fip = {
      id: '55555555-0000-4000-8000-000000000070',
      address: '172.24.4.170',
      logicalAddress: tenant.addresses.find((own) => !own.includes(':')) ?? '',
      portId: tenant.port.id,
      mac: 'fa:16:3e:00:e0:70',
    };
    await routers.addFloatingIp(ROUTER, fip);
    await awaitRoute(lab, fip.address, 'compute1');
    await pingFromOutside(cloud, fip.address);

    const before = await PingWatch.start(lab.node('ext'), fip.address);
    await content.beginMigration(tenant.port.id, 'compute1', 'compute2');
    await tenant.prepareMove('compute2');
    await content.awaitAdditionalBinding(tenant.port.id, 'compute2');
    for (const agent of agents.values()) await awaitSettled(agent);
    await before.awaitAnswers(3);
    const made = await before.stop();
    await awaitRoute(lab, fip.address, 'compute1');

    const during = await PingWatch.start(lab.node('ext'), fip.address);
    await tenant.continueAt('compute2');
    await content.migratePort(tenant.port.id, 'compute2');
    await tenant.leave('compute1');
    await awaitRoute(lab, fip.address, 'compute2');
    await content.awaitPortUp(tenant.port.id, 'compute2');
    await during.awaitAnswers(3);
    const moved = await during.stop();
    console.log(
      `live migration of a floating IP, driver ${driver}: ${made.lost} pings lost while both nodes have the port, ${moved.lost} (${Math.round(moved.outageMs)} ms) while the machine moves`,
    );
    expect(made.lost).toBe(0);
    expect(await traces(lab, 'compute1', [fip.address])).toEqual([]);

    await routers.deleteFloatingIp(ROUTER, fip);
    await awaitNoRoute(lab, fip.address);
    await content.deletePort(tenant.port);
    await tenant.destroy();
    await routers.deleteRouter(ROUTER);
  });

  it('leaves nothing behind', async () => {
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    await awaitStates(cloud.lab, empty);
  });
});
