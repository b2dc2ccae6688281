/**
 * Tenant networks behind a router, host by host and as subnets, for both drivers: routed to the gateway from outside, and
 * gone without a trace.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { TENANT_NETWORK } from '../../lab/content.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import {
  awaitNoRoute,
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

/** Its machines are known outside by their own addresses. */
const OPEN_ROUTER = { ...ROUTER, sourceNat: false };

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each([
  ['nb', 'host'],
  ['nb', 'subnet'],
  ['sb', 'host'],
  ['sb', 'subnet'],
] as const)('tenant networks, driver %s, by %s', (driver, method) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let vm: VirtualMachine;
  let announced: readonly string[];

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver, {
      expose_tenant_networks: 'true',
      advertisement_method_tenant_networks: method,
    }));
    await cloud.routers.addRouter(OPEN_ROUTER);
    vm = await bootVm(cloud, portSpec(`tenant-${driver}-${method}`, TENANT_NETWORK, 'compute1', 40));
    announced =
      method === 'host'
        ? vm.addresses
        : TENANT_NETWORK.subnets.map(({ prefix, length }) => `${prefix}/${length}`);
  });

  it('announces them on the gateway, and carries pings both ways', async () => {
    for (const address of announced) await awaitRoute(cloud.lab, address, 'gw1');
    for (const address of vm.addresses) {
      await pingFromOutside(cloud, address);
      await pingUntil(vm.host, OUTSIDE[address.includes(':') ? 6 : 4], { timeoutMs: PING_TIMEOUT_MS });
    }
    expect(await traces(cloud.lab, 'compute1', vm.addresses)).toEqual([]);
  });

  it('withdraws them and leaves nothing behind', async () => {
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    if (method === 'host') for (const address of announced) await awaitNoRoute(cloud.lab, address);
    await cloud.routers.deleteRouter(OPEN_ROUTER);
    for (const address of announced) await awaitNoRoute(cloud.lab, address);
    await awaitStates(cloud.lab, empty);
    await stopAgents(agents);
  });
});
