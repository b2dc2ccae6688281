/**
 * A cloud without Neutron: rows as an operator writes them with `ovn-nbctl`, not one `neutron:` key among them. Ports,
 * a gateway, NAT of both kinds, a load balancer and an internal network, for both drivers; where things are is the
 * Southbound database's word.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import type { ChassisName } from '../../lab/layout.ts';
import { chassisNamed } from '../../lab/layout.ts';
import type { Network, PortSpec } from '../../lab/neutron-rows.ts';
import { bootVirtualMachine, pingUntil, type VirtualMachine } from '../../lab/vm.ts';
import {
  awaitNoRoute,
  awaitRoute,
  describeNodes,
  PING_TIMEOUT_MS,
  pingBothWays,
  stopAgents,
} from './fixture.ts';
import {
  awaitAnswer,
  awaitStates,
  type NodeStates,
  OUTSIDE,
  pingFromOutside,
  type RoutedCloud,
  serve,
  sharedCloud,
  startOnEmptyCloud,
} from './shared-cloud.ts';

const PUBLIC: Network = {
  id: 'public',
  name: 'public',
  subnets: [
    { id: '', prefix: '172.24.4.0', length: 24, gateway: '172.24.4.1' },
    { id: '', prefix: '2001:db8:4::', length: 64, gateway: '2001:db8:4::' },
  ],
};
const INTERNAL: Network = {
  id: 'internal',
  name: 'internal',
  subnets: [{ id: '', prefix: '192.168.50.0', length: 24, gateway: '192.168.50.1' }],
};
const WEB = plainPort(
  'plain-web',
  'fa:16:3e:aa:00:01',
  PUBLIC,
  ['172.24.4.91', '2001:db8:4::91'],
  'compute1',
);
const APP = plainPort('plain-app', 'fa:16:3e:aa:00:02', INTERNAL, ['192.168.50.10'], 'compute2');

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
  // The networks of the other scenarios are Neutron's.
  await cloud.content.transact([{ op: 'delete', table: 'Logical_Switch', where: [] }]);
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('plain OVN, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let web: VirtualMachine;
  let app: VirtualMachine;

  beforeAll(async () => {
    await nbctl([
      'ls-add public',
      'lsp-add public public-localnet',
      'lsp-set-type public-localnet localnet',
      'lsp-set-addresses public-localnet unknown',
      'lsp-set-options public-localnet network_name=physnet1',
      'ls-add internal',
    ]);
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver));
    await nbctl([
      'lr-add edge',
      'lrp-add edge edge-public fa:16:3e:aa:00:f0 172.24.4.90/24 2001:db8:4::90/64',
      `lrp-set-gateway-chassis edge-public ${chassisNamed('gw1').systemId} 20`,
      `lrp-set-gateway-chassis edge-public ${chassisNamed('compute2').systemId} 10`,
      'lrp-add edge edge-internal fa:16:3e:aa:00:f1 192.168.50.1/24',
      'lsp-add public public-edge',
      'lsp-set-type public-edge router',
      'lsp-set-addresses public-edge router',
      'lsp-set-options public-edge router-port=edge-public nat-addresses=router',
      'lsp-add internal internal-edge',
      'lsp-set-type internal-edge router',
      'lsp-set-addresses internal-edge router',
      'lsp-set-options internal-edge router-port=edge-internal',
      'lr-route-add edge 0.0.0.0/0 172.24.4.1',
      'lr-route-add edge ::/0 2001:db8:4::',
      ...[WEB, APP].flatMap((port) => [
        `lsp-add ${port.network.name} ${port.id}`,
        `lsp-set-addresses ${port.id} "${port.mac} ${port.addresses.join(' ')}"`,
      ]),
    ]);
    web = await bootVirtualMachine(cloud.lab, WEB.name, WEB);
    app = await bootVirtualMachine(cloud.lab, APP.name, APP);
    for (const port of [WEB, APP]) await cloud.content.awaitPortUp(port.id, port.host);
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it('has no key of Neutron', async () => {
    const { stdout } = await cloud.lab
      .node('central')
      .exec(['ovsdb-client', 'dump', 'unix:/run/ovn/ovnnb_db.sock', 'OVN_Northbound']);
    const rows = stdout.split('\n').filter((line) => !line.includes('neutron:fip-distributed'));
    expect(rows.filter((line) => line.includes('neutron'))).toEqual([]);
  });

  it('announces a port where it is bound', async () => {
    for (const address of WEB.addresses) await awaitRoute(cloud.lab, address, 'compute1');
    await pingBothWays(cloud, web);
  });

  it('announces a gateway where it is active, and follows it', async () => {
    for (const address of ['172.24.4.90', '2001:db8:4::90']) {
      await awaitRoute(cloud.lab, address, 'gw1');
      await pingFromOutside(cloud, address);
    }
    await nbctl([`lrp-set-gateway-chassis edge-public ${chassisNamed('compute2').systemId} 30`]);
    for (const address of ['172.24.4.90', '2001:db8:4::90']) {
      await awaitRoute(cloud.lab, address, 'compute2');
      await pingFromOutside(cloud, address);
    }
    await nbctl([`lrp-set-gateway-chassis edge-public ${chassisNamed('compute2').systemId} 10`]);
    await awaitRoute(cloud.lab, '172.24.4.90', 'gw1');
  });

  it('announces a translated address: on the gateway, or where its port is', async () => {
    const [own = ''] = APP.addresses;
    await nbctl([`lr-nat-add edge dnat_and_snat 172.24.4.92 ${own}`]);
    await awaitRoute(cloud.lab, '172.24.4.92', 'gw1');
    await pingFromOutside(cloud, '172.24.4.92');
    await nbctl([
      'lr-nat-del edge dnat_and_snat 172.24.4.92',
      `lr-nat-add edge dnat_and_snat 172.24.4.93 ${own} ${APP.id} fa:16:3e:aa:00:e1`,
    ]);
    await awaitNoRoute(cloud.lab, '172.24.4.92');
    await awaitRoute(cloud.lab, '172.24.4.93', 'compute2');
    await pingFromOutside(cloud, '172.24.4.93');
    await pingUntil(app.host, OUTSIDE[4], { timeoutMs: PING_TIMEOUT_MS });
    await nbctl(['lr-nat-del edge dnat_and_snat 172.24.4.93']);
    await awaitNoRoute(cloud.lab, '172.24.4.93');
  });

  it('announces what a load balancer of a router listens on', async () => {
    await serve(app.host, 8080, 'plain backend');
    await nbctl([`lb-add front 172.24.4.94:80 ${APP.addresses[0]}:8080 tcp`, 'lr-lb-add edge front']);
    await awaitRoute(cloud.lab, '172.24.4.94', 'gw1');
    await awaitAnswer(cloud.lab, '172.24.4.94', 80, 'plain backend');
    await nbctl(['lb-del front']);
    await awaitNoRoute(cloud.lab, '172.24.4.94');
  });

  it('leaves nothing behind', async () => {
    await nbctl([
      'lsp-del plain-web',
      'lsp-del plain-app',
      'lsp-del public-edge',
      'lsp-del internal-edge',
      'lr-del edge',
    ]);
    for (const vm of [web, app]) await vm.destroy();
    await awaitStates(cloud.lab, empty);
    await nbctl(['ls-del public', 'ls-del internal']);
  });
});

/** Runs commands as one transaction. */
async function nbctl(commands: readonly string[]): Promise<void> {
  await cloud.lab.node('central').script(`ovn-nbctl ${commands.join(' -- ')}`);
}

function plainPort(
  id: string,
  mac: string,
  network: Network,
  addresses: readonly string[],
  host: ChassisName,
): PortSpec {
  return { id, name: id, network, mac, addresses, host, deviceId: id };
}
