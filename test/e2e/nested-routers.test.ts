/**
 * Routers behind routers, as plain OVN has them: only the outer one has a gateway port. What the outer router translates
 * to a VM behind the inner one is announced and delivered; the inner router's own network is not announced, with a reason,
 * because nothing says that the outer router leads there.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK } from '../../lab/content.ts';
import { type ChassisName, chassisNamed } from '../../lab/layout.ts';
import type { Network, PortSpec } from '../../lab/neutron-rows.ts';
import { bootVirtualMachine, pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import { awaitNoRoute, awaitRoute, describeNodes, PING_TIMEOUT_MS, stopAgents } from './fixture.ts';
import {
  awaitStates,
  type NodeStates,
  OUTSIDE,
  pingFromOutside,
  type RoutedCloud,
  sharedCloud,
  startOnEmptyCloud,
} from './shared-cloud.ts';

const PUBLIC_SWITCH = `neutron-${FLAT_NETWORK.id}`;
const INNER: Network = {
  id: 'inner-net',
  name: 'inner-net',
  subnets: [{ id: '', prefix: '192.168.100.128', length: 25, gateway: '192.168.100.129' }],
};
const VM: PortSpec = {
  id: 'behind-two-routers',
  name: 'behind-two-routers',
  network: INNER,
  mac: 'fa:16:3e:bb:00:01',
  addresses: ['192.168.100.140'],
  host: 'compute1',
  deviceId: 'behind-two-routers',
};
const FLOATING = '172.24.4.181';

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('nested routers, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let vm: VirtualMachine;

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver, { expose_tenant_networks: 'true' }));
    await nbctl([
      'ls-add join',
      'ls-add inner-net',
      'lr-add outer',
      'lrp-add outer outer-public fa:16:3e:bb:00:f0 172.24.4.180/24',
      `lrp-set-gateway-chassis outer-public ${chassisNamed('gw1').systemId} 20`,
      'lrp-add outer outer-join fa:16:3e:bb:00:f1 100.64.0.1/24',
      'lr-add inner',
      'lrp-add inner inner-join fa:16:3e:bb:00:f2 100.64.0.2/24',
      'lrp-add inner inner-own fa:16:3e:bb:00:f3 192.168.100.129/25',
      ...[
        [PUBLIC_SWITCH, 'outer-public'],
        ['join', 'outer-join'],
        ['join', 'inner-join'],
        ['inner-net', 'inner-own'],
      ].flatMap(([logicalSwitch, port]) => [
        `lsp-add ${logicalSwitch} to-${port}`,
        `lsp-set-type to-${port} router`,
        `lsp-set-addresses to-${port} router`,
        `lsp-set-options to-${port} router-port=${port}${port === 'outer-public' ? ' nat-addresses=router' : ''}`,
      ]),
      'lr-route-add outer 0.0.0.0/0 172.24.4.1',
      'lr-route-add outer 192.168.100.128/25 100.64.0.2',
      'lr-route-add inner 0.0.0.0/0 100.64.0.1',
      `lr-nat-add outer dnat_and_snat ${FLOATING} ${VM.addresses[0]}`,
      `lsp-add inner-net ${VM.id}`,
      `lsp-set-addresses ${VM.id} "${VM.mac} ${VM.addresses.join(' ')}"`,
    ]);
    vm = await bootVirtualMachine(cloud.lab, VM.name, VM);
    await cloud.content.awaitPortUp(VM.id, VM.host);
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it('announces the floating IP of a VM behind the inner router, and delivers', async () => {
    await awaitRoute(cloud.lab, FLOATING, 'gw1');
    await pingFromOutside(cloud, FLOATING);
    await pingUntil(vm.host, OUTSIDE[4], { timeoutMs: PING_TIMEOUT_MS });
  });

  it('keeps the network of the inner router in, and says why', async () => {
    await awaitNoRoute(cloud.lab, VM.addresses[0] ?? '');
    const gateway = agents.get('gw1');
    const plan = await gateway?.command(['plan', '--output', 'json'], { check: false });
    const { denials } = JSON.parse(plan?.stdout ?? '{}') as {
      readonly denials: readonly { readonly code: string; readonly row: { readonly name: string } }[];
    };
    const reasons = denials.filter(({ row }) => row.name === 'to-inner-own' || row.name === 'inner-own');
    expect(reasons.map(({ code }) => code)).toEqual(['no-gateway']);
  });

  it('leaves nothing behind', async () => {
    await nbctl([
      'lr-del outer',
      'lr-del inner',
      'lsp-del to-outer-public',
      'ls-del join',
      'ls-del inner-net',
    ]);
    await vm.destroy();
    await awaitStates(cloud.lab, empty);
  });
});

/** Runs commands as one transaction. */
async function nbctl(commands: readonly string[]): Promise<void> {
  await cloud.lab.node('central').script(`ovn-nbctl ${commands.join(' -- ')}`);
}
