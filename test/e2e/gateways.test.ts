/**
 * A router's gateway: its addresses where the gateway port is active, over to another node when that one is to have it,
 * with the outage as it is seen from outside, and gone without a trace.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { TENANT_NETWORK } from '../../lab/content.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { PingWatch } from '../../lab/ping-watch.ts';
import type { FloatingIpSpec } from '../../lab/router-rows.ts';
import { pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import {
  awaitRoute,
  bootVm,
  describeNodes,
  PING_TIMEOUT_MS,
  portSpec,
  stopAgents,
  traces,
} from './fixture.ts';
import {
  awaitStates,
  type NodeStates,
  OUTSIDE,
  pingFromOutside,
  ROUTER,
  type RoutedCloud,
  sharedCloud,
  startOnEmptyCloud,
} from './shared-cloud.ts';

const [GATEWAY4 = '', GATEWAY6 = ''] = ROUTER.gateway.addresses;

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('gateways, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let vm: VirtualMachine;
  let fip: FloatingIpSpec;
  let everything: readonly string[];

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver));
    await cloud.routers.addRouter(ROUTER);
    vm = await bootVm(cloud, portSpec(`behind-${driver}`, TENANT_NETWORK, 'compute1', 30));
    await cloud.routers.setDistributed(false);
    fip = {
      id: '55555555-0000-4000-8000-000000000002',
      address: '172.24.4.130',
      logicalAddress: '192.168.100.30',
      portId: vm.port.id,
    };
    await cloud.routers.addFloatingIp(ROUTER, fip);
    everything = [GATEWAY4, GATEWAY6, fip.address];
  });

  afterAll(async () => {
    await cloud.routers.setDistributed(true);
    await stopAgents(agents);
  });

  it('announces the addresses of a gateway port where it is active', async () => {
    for (const address of everything) {
      await awaitRoute(cloud.lab, address, 'gw1');
      await pingFromOutside(cloud, address);
    }
    await pingUntil(vm.host, OUTSIDE[4], { timeoutMs: PING_TIMEOUT_MS });
    expect(await traces(cloud.lab, 'compute2', everything)).toEqual([]);
  });

  it('follows a gateway to another node and back, with everything behind it', async () => {
    const order: readonly (readonly ['gw1' | 'compute2', 'gw1' | 'compute2'])[] = [
      ['compute2', 'gw1'],
      ['gw1', 'compute2'],
    ];
    for (const [to, from] of order) {
      const watch = await PingWatch.start(cloud.lab.node('ext'), fip.address);
      await cloud.routers.orderGateways(ROUTER, [to, from]);
      await cloud.routers.awaitGateway(ROUTER, to);
      for (const address of everything) await awaitRoute(cloud.lab, address, to);
      await watch.awaitAnswers(3);
      const { outageMs, lost } = await watch.stop();
      console.log(
        `gateway from ${from} to ${to}, driver ${driver}: no answer for ${Math.round(outageMs)} ms (${lost} pings)`,
      );
      for (const address of everything) await pingFromOutside(cloud, address);
      await pingUntil(vm.host, OUTSIDE[4], { timeoutMs: PING_TIMEOUT_MS });
      expect(await traces(cloud.lab, from, everything)).toEqual([]);
    }
  });

  it('leaves nothing behind', async () => {
    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    await cloud.routers.deleteRouter(ROUTER);
    await awaitStates(cloud.lab, empty);
  });
});
