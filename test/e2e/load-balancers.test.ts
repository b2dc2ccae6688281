/**
 * Load balancers of Octavia's OVN provider and port forwardings of Neutron: the VIP, its floating IP and the forwarded
 * address at the spine, and a server behind them that answers TCP connections from outside.
 */
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import type { LabAgent } from '../../lab/agent-process.ts';
import { FLAT_NETWORK, TENANT_NETWORK } from '../../lab/content.ts';
import { type ChassisName, chassisNamed } from '../../lab/layout.ts';
import type { LoadBalancerSpec, PortForwardingSpec } from '../../lab/router-rows.ts';
import { type Seen, until } from '../../lab/until.ts';
import type { VirtualMachine } from '../../lab/vm.ts';
import { awaitNoRoute, awaitRoute, bootVm, describeNodes, portSpec, stopAgents } from './fixture.ts';
import {
  awaitAnswer,
  awaitStates,
  type NodeStates,
  ROUTER,
  type RoutedCloud,
  serve,
  sharedCloud,
  startOnEmptyCloud,
} from './shared-cloud.ts';

const SERVER_PORT = 8080;

let cloud: RoutedCloud;

beforeAll(async () => {
  cloud = await sharedCloud();
});

afterEach(async (context) => {
  if (context.task.result?.state === 'fail') console.error(await describeNodes(cloud.lab));
});

describe.each(['nb', 'sb'] as const)('load balancers, driver %s', (driver) => {
  let agents: ReadonlyMap<ChassisName, LabAgent>;
  let empty: NodeStates;
  let vm: VirtualMachine;

  beforeAll(async () => {
    ({ agents, empty } = await startOnEmptyCloud(cloud.lab, driver));
    await cloud.routers.addRouter(ROUTER);
    vm = await bootVm(cloud, portSpec(`backend-${driver}`, TENANT_NETWORK, 'compute1', 50));
    await serve(vm.host, SERVER_PORT, 'backend');
  });

  afterAll(async () => {
    await stopAgents(agents);
  });

  it.each([
    ['IPv4', '172.24.4.150', 0, 1],
    ['IPv6', '2001:db8:4::150', 1, 2],
  ] as const)('announces a VIP on the provider network, %s', async (_family, vip, member, number) => {
    const lb: LoadBalancerSpec = {
      id: `66666666-0000-4000-8000-00000000000${number}`,
      vip,
      vipPort: {
        id: `44444444-0000-4000-8000-00000000e00${number}`,
        mac: `fa:16:3e:00:e0:0${number}`,
        network: FLAT_NETWORK,
      },
      port: 80,
      members: [vm.addresses[member] ?? ''],
      memberPort: SERVER_PORT,
      memberNetwork: TENANT_NETWORK,
    };
    await cloud.routers.addLoadBalancer(ROUTER, lb);
    await awaitRoute(cloud.lab, vip, 'gw1');
    await awaitAnswer(cloud.lab, vip, lb.port, 'backend');
    await cloud.routers.deleteLoadBalancer(lb);
    await awaitNoRoute(cloud.lab, vip);
  });

  it('announces the floating IP of a VIP on a tenant network', async () => {
    const lb: LoadBalancerSpec = {
      id: '66666666-0000-4000-8000-000000000003',
      vip: '192.168.100.200',
      vipPort: {
        id: '44444444-0000-4000-8000-00000000e003',
        mac: 'fa:16:3e:00:e0:03',
        network: TENANT_NETWORK,
      },
      vipFip: '172.24.4.151',
      port: 80,
      members: [vm.addresses[0] ?? ''],
      memberPort: SERVER_PORT,
      memberNetwork: TENANT_NETWORK,
    };
    const fip = {
      id: '55555555-0000-4000-8000-000000000003',
      address: '172.24.4.151',
      logicalAddress: lb.vip,
    };
    await cloud.routers.addFloatingIp(ROUTER, fip);
    await cloud.routers.addLoadBalancer(ROUTER, lb);
    await awaitRoute(cloud.lab, fip.address, 'gw1');
    await awaitAnswer(cloud.lab, fip.address, lb.port, 'backend');
    await cloud.routers.deleteLoadBalancer(lb);
    await cloud.routers.deleteFloatingIp(ROUTER, fip);
    await awaitNoRoute(cloud.lab, fip.address);
  });

  // Southbound, OVN before 23.09 shows no load balancer that is on routers alone.
  it.runIf(driver === 'nb').each([
    ['IPv4', '172.24.4.152', 0],
    ['IPv6', '2001:db8:4::152', 1],
  ] as const)('announces the address of a port forwarding, %s', async (_family, address, member) => {
    const forwarding: PortForwardingSpec = {
      fipId: '55555555-0000-4000-8000-000000000004',
      address,
      port: 2222,
      member: vm.addresses[member] ?? '',
      memberPort: SERVER_PORT,
    };
    await cloud.routers.addPortForwarding(ROUTER, forwarding);
    await awaitRoute(cloud.lab, address, 'gw1');
    await awaitAnswer(cloud.lab, address, forwarding.port, 'backend');
    await cloud.routers.deletePortForwarding(forwarding);
    await awaitNoRoute(cloud.lab, address);
  });

  it('keeps a template in, and says so', async () => {
    const central = cloud.lab.node('central');
    const gateway = agents.get('gw1');
    const lb = `--template lb-add template ^VIP:80 ^BACKENDS tcp ipv4 -- lr-lb-add neutron-${ROUTER.id} template`;
    await central.script(`ovn-nbctl create Chassis_Template_Var chassis=${chassisNamed('gw1').systemId} \
  variables:VIP=172.24.4.153 variables:BACKENDS="${vm.addresses[0]}\\:${SERVER_PORT}"
ovn-nbctl ${lb} -- ls-lb-add neutron-${TENANT_NETWORK.id} template`);
    await until('a denial of the template', async (): Promise<Seen<true>> => {
      const { stdout = '' } = (await gateway?.command(['plan', '--verbose'], { check: false })) ?? {};
      return stdout.includes('"^VIP:80" of its vips is a template') ? { value: true } : { seen: stdout };
    });
    await awaitNoRoute(cloud.lab, '172.24.4.153');
    await central.script('ovn-nbctl lb-del template -- destroy Chassis_Template_Var .');
  });

  it('leaves nothing behind', async () => {
    await cloud.content.deletePort(vm.port);
    await vm.destroy();
    await cloud.routers.deleteRouter(ROUTER);
    await awaitStates(cloud.lab, empty);
  });
});
