/**
 * Ports that no VM's device stands for: external ports, whose host is on the wire of the provider network (SR-IOV, bare
 * metal), served where their HA chassis is active; and subports of a trunk, whose VM tags its frames. By route and by
 * ping, for both drivers.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK, TENANT_NETWORK } from '../../lab/content.ts';
import { type ChassisName, chassisNamed } from '../../lab/layout.ts';
import type { ExternalPortSpec, PortSpec } from '../../lab/neutron-rows.ts';
import { pingUntil } from '../../lab/vm.ts';
import { TrunkVm, WireHost } from '../../lab/wire.ts';
import {
  awaitNoRoute,
  awaitRoute,
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

describe.each(['nb', 'sb'] as const)('driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver, { expose_external_ports: 'true' }));
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it('announces an external port where its HA chassis is active, and follows it', async () => {
    const port: ExternalPortSpec = {
      ...portSpec(`metal-${driver}`, FLAT_NETWORK, 'gw1', 70),
      host: 'sriov-host',
      vnicType: 'direct',
      chassis: [chassisNamed('gw1').systemId, chassisNamed('compute2').systemId],
    };
    const metal = await WireHost.connect(cloud.lab, port.name, port, ['gw1', 'compute2']);
    await cloud.content.addExternalPort(port);
    for (const [active, other] of [
      ['gw1', 'compute2'],
      ['compute2', 'gw1'],
    ] as const) {
      await cloud.content.orderExternal([chassisNamed(active).systemId, chassisNamed(other).systemId]);
      for (const address of port.addresses) {
        await awaitRoute(cloud.lab, address, active);
        await pingFromOutside(cloud, address);
      }
      for (const address of [OUTSIDE[4], OUTSIDE[6]])
        await pingUntil(metal.host, address, { timeoutMs: PING_TIMEOUT_MS });
      expect(await traces(cloud.lab, other, port.addresses)).toEqual([]);
    }
    await cloud.content.deleteExternalPort(port);
    for (const address of port.addresses) await awaitNoRoute(cloud.lab, address);
    await metal.remove();
    await awaitStates(cloud.lab, empty);
  });

  it('announces a subport of a trunk where its parent is', async () => {
    const parent = portSpec(`trunk-${driver}`, TENANT_NETWORK, 'compute1', 71);
    const subport: PortSpec = {
      ...portSpec(`subport-${driver}`, FLAT_NETWORK, 'compute1', 72),
      deviceOwner: 'trunk:subport',
      trunk: { parentId: parent.id, tag: 101 },
    };
    await cloud.content.addPort(parent);
    await cloud.content.addPort(subport);
    const vm = await TrunkVm.boot(cloud.lab, parent.name, parent, subport, 'compute1');
    await cloud.content.awaitPortUp(subport.id, 'compute1');
    for (const address of subport.addresses) {
      await awaitRoute(cloud.lab, address, 'compute1');
      await pingFromOutside(cloud, address);
    }
    for (const address of [OUTSIDE[4], OUTSIDE[6]])
      await pingUntil(vm.host, address, { timeoutMs: PING_TIMEOUT_MS });
    // The subport alone goes: the trunk stays plugged in.
    await cloud.content.deletePort(subport);
    for (const address of subport.addresses) await awaitNoRoute(cloud.lab, address);
    await cloud.content.deletePort(parent);
    await vm.destroy();
    await awaitStates(cloud.lab, empty);
  });
});
