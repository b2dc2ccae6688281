/**
 * Floating IPs from NAT row to the spine's routing table and through the data plane, for both drivers: distributed ones
 * where their port runs, centralised ones on the gateway; moved to another port, and gone without a trace.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { TENANT_NETWORK } from '../../lab/content.ts';
import type { ChassisName } from '../../lab/layout.ts';
import type { FloatingIpSpec } from '../../lab/router-rows.ts';
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

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('floating IPs, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let first: VirtualMachine;
  let second: VirtualMachine;
  const floating = (address: string, vm: VirtualMachine, mac?: string): FloatingIpSpec => ({
    id: '55555555-0000-4000-8000-000000000001',
    address,
    logicalAddress: vm.addresses.find((own) => own.includes(':') === address.includes(':')) ?? '',
    portId: vm.port.id,
    ...(mac === undefined ? {} : { mac }),
  });

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver));
    await cloud.routers.addRouter(ROUTER);
    first = await bootVm(cloud, portSpec(`fip1-${driver}`, TENANT_NETWORK, 'compute1', 20));
    second = await bootVm(cloud, portSpec(`fip2-${driver}`, TENANT_NETWORK, 'compute2', 21));
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it('announces a distributed one where its port runs, and follows it to another port', async () => {
    await cloud.routers.setDistributed(true);
    const fip = floating('172.24.4.120', first, 'fa:16:3e:00:e0:01');
    await cloud.routers.addFloatingIp(ROUTER, fip);
    await awaitRoute(cloud.lab, fip.address, 'compute1');
    await pingFromOutside(cloud, fip.address);
    await pingUntil(first.host, OUTSIDE[4], { timeoutMs: PING_TIMEOUT_MS });

    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    const other = floating(fip.address, second, fip.mac);
    await cloud.routers.addFloatingIp(ROUTER, other);
    await awaitRoute(cloud.lab, fip.address, 'compute2');
    await pingFromOutside(cloud, fip.address);
    expect(await traces(cloud.lab, 'compute1', [fip.address])).toEqual([]);

    await cloud.routers.deleteFloatingIp(ROUTER, other);
    await awaitNoRoute(cloud.lab, fip.address);
    for (const node of ['compute1', 'compute2'] as const)
      expect(await traces(cloud.lab, node, [fip.address])).toEqual([]);
  });

  it('follows the port of a distributed one to another node', async () => {
    const fip = floating('172.24.4.121', first, 'fa:16:3e:00:e0:02');
    await cloud.routers.addFloatingIp(ROUTER, fip);
    await awaitRoute(cloud.lab, fip.address, 'compute1');
    await first.move(cloud.content, 'compute2');
    await awaitRoute(cloud.lab, fip.address, 'compute2');
    await pingFromOutside(cloud, fip.address);
    expect(await traces(cloud.lab, 'compute1', [fip.address])).toEqual([]);
    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    await awaitNoRoute(cloud.lab, fip.address);
    await first.move(cloud.content, 'compute1');
    await cloud.content.awaitPortUp(first.port.id, 'compute1');
  });

  it('announces a centralised one on the gateway', async () => {
    await cloud.routers.setDistributed(false);
    const fip = floating('172.24.4.122', first);
    await cloud.routers.addFloatingIp(ROUTER, fip);
    await awaitRoute(cloud.lab, fip.address, 'gw1');
    await pingFromOutside(cloud, fip.address);
    expect(await traces(cloud.lab, 'compute1', [fip.address])).toEqual([]);
    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    await awaitNoRoute(cloud.lab, fip.address);
    await cloud.routers.setDistributed(true);
  });

  // The Southbound database shows IPv4 translations alone (nat_addresses of ovn-sb(5)).
  it.runIf(driver === 'nb')('announces one of IPv6', async () => {
    const fip = floating('2001:db8:4::123', first, 'fa:16:3e:00:e0:03');
    await cloud.routers.addFloatingIp(ROUTER, fip);
    await awaitRoute(cloud.lab, fip.address, 'compute1');
    await pingFromOutside(cloud, fip.address);
    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    await awaitNoRoute(cloud.lab, fip.address);
    expect(await traces(cloud.lab, 'compute1', [fip.address])).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    for (const vm of [first, second]) {
      await cloud.content.deletePort(vm.port);
      await vm.destroy();
    }
    await cloud.routers.deleteRouter(ROUTER);
    await awaitStates(cloud.lab, empty);
  });
});
