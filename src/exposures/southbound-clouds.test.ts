/** Southbound rows of small clouds, as whole tables of what node C1 exposes: with Neutron and without. */
import { describe, expect, it } from 'vitest';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { addRouter, addRouterPort, addVipPort, mapOf, resolveAll } from '../ovn/southbound-testing.ts';
import { type SouthboundCloud, southboundCloud } from '../ovn/testing.ts';
import { evaluate } from './evaluate.ts';
import { exposureLines, testPolicy, testTenant } from './testing.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const INSIDE = '192.168.1.0/26';
const POLICY = testPolicy({
  bridgeMappings: parseBridgeMappings('physnet1:br-ex').mappings,
  tenant: testTenant({ exposeNetworks: true }),
});

/** Two nodes, a provider network `pub`, a tenant network `ten`, a router `r` with `gw` outside and `if` inside. */
function cloudOf(natAddresses: readonly string[], gatewayOn = 'C1'): SouthboundCloud {
  const cloud = southboundCloud();
  for (const name of ['C1', 'C2']) cloud.addChassis(name);
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'ten' });
  addRouter(cloud, 'r');
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-gw',
    addresses: 'fa:16:3e:aa:aa:aa 172.24.4.221/24 2001:db8::221/64',
    network: 'pub',
    switchPort: 'gw',
    gatewayOn,
    natAddresses,
  });
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-if',
    addresses: 'fa:16:3e:bb:bb:bb 192.168.1.1/26',
    network: 'ten',
    switchPort: 'if',
  });
  return cloud;
}

function exposedBy({ db }: SouthboundCloud) {
  const topology = createSouthboundTopology(db.views, IDENTITY);
  resolveAll(topology);
  return { topology, lines: () => exposureLines(evaluate(topology, POLICY)) };
}

describe('a cloud of Neutron', () => {
  function example() {
    const cloud = cloudOf([
      'fa:16:3e:ff:ff:31 172.24.4.131 is_chassis_resident("vm-t1")',
      'fa:16:3e:aa:aa:aa 172.24.4.140 172.24.4.221 is_chassis_resident("cr-lrp-gw")',
    ]);
    const bound = { chassis: 'C1', up: true };
    cloud.addPort({
      ...bound,
      name: 'vm-flat',
      network: 'pub',
      addresses: 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10',
      cidrs: '172.24.4.10/24 2001:db8::10/64',
    });
    cloud.addPort({
      ...bound,
      name: 'vm-virt',
      network: 'pub',
      type: 'virtual',
      addresses: 'fa:16:3e:00:00:77 172.24.4.77 2001:db8::77',
      cidrs: '172.24.4.77/24 2001:db8::77/64',
    });
    const tenant = (name: string, chassis: string, addresses: string, cidrs: string) =>
      cloud.addPort({ name, network: 'ten', addresses, cidrs, chassis, up: true });
    tenant('vm-t1', 'C1', 'fa:16:3e:00:00:31 192.168.1.31', '192.168.1.31/26');
    tenant('vm-t2', 'C2', 'fa:16:3e:00:00:32 192.168.1.32', '192.168.1.32/26');
    tenant('vm-t3', 'C2', 'unknown', '192.168.1.33/26');
    addVipPort(cloud, { name: 'vip-t', network: 'ten', cidrs: '192.168.1.50/26', loadBalancer: 'lb1' });
    addVipPort(cloud, { name: 'vip-p', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'lb2' });
    const vips = mapOf({ '172.24.4.60:80': '192.168.1.31:80' });
    cloud.db.insert('Load_Balancer', { name: 'lb2', vips, datapaths: ['switch pub', 'switch ten'] }, 'lb2');
    return { cloud, ...exposedBy(cloud) };
  }
  const RESIDENT = [
    '172.24.4.10 provider-port br-ex',
    '172.24.4.77 virtual-port br-ex',
    '172.24.4.131 floating-ip br-ex',
    '2001:db8::10 provider-port br-ex',
    '2001:db8::77 virtual-port br-ex ndp 2001:db8::',
  ];

  it('is exposed whole where its gateway is', () => {
    const { lines } = example();
    const hosts = ['31', '32', '33'].map((end) => `192.168.1.${end} tenant-host br-ex inside ${INSIDE}`);
    expect(lines()).toEqual([
      '172.24.4.10 provider-port br-ex',
      '172.24.4.60 vip br-ex',
      '172.24.4.77 virtual-port br-ex',
      '172.24.4.131 floating-ip br-ex',
      '172.24.4.140 central-floating-ip br-ex',
      '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa',
      `${INSIDE} tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa (wired only)`,
      ...hosts,
      `192.168.1.50 tenant-vip br-ex inside ${INSIDE}`,
      '2001:db8::10 provider-port br-ex',
      '2001:db8::77 virtual-port br-ex ndp 2001:db8::',
      '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8::',
    ]);
  });

  it('announces subnets instead of hosts where the option says so, as the Northbound driver does', () => {
    const { topology } = example();
    const tenant = testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' });
    const { exposures } = evaluate(topology, { ...POLICY, tenant });
    const inside = exposures.filter(({ prefix }) => prefix.startsWith('192.168.1.'));
    expect(inside.map(({ prefix, announce }) => [prefix, announce])).toEqual([[INSIDE, true]]);
  });

  it('keeps what lives here when the gateway goes', () => {
    const { cloud, topology, lines } = example();
    topology.affected(cloud.db.update('Port_Binding', 'port cr-lrp-gw', { chassis: 'chassis C2' }));
    expect(lines()).toEqual(RESIDENT);
  });
});

it.each([
  ['not where the options say nothing of tenants', testTenant(), []],
  ['not past address_scopes', testTenant({ exposeNetworks: true, addressScopes: ['other'] }), []],
  [
    'with its subnet, where they say so',
    testTenant({ exposeNetworks: true }),
    [
      `${INSIDE} tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa (wired only)`,
      `192.168.1.50 tenant-vip br-ex inside ${INSIDE}`,
    ],
  ],
] as const)('the private VIP of a load balancer is announced %s', (_, tenant, tenants) => {
  const cloud = cloudOf(['fa:16:3e:aa:aa:aa 192.168.1.50 172.24.4.221 is_chassis_resident("cr-lrp-gw")']);
  addVipPort(cloud, { name: 'vip-t', network: 'ten', cidrs: '192.168.1.50/26', loadBalancer: 'lb1' });
  const { db } = cloud;
  const { exposures } = evaluate(createSouthboundTopology(db.views, IDENTITY), { ...POLICY, tenant });
  const inside = exposures.filter(({ prefix }) => prefix.startsWith('192.168.'));
  expect(exposureLines({ exposures: inside })).toEqual(tenants);
  expect(exposures.map(({ address }) => address)).toContain('172.24.4.221');
});

describe('a cloud without Neutron', () => {
  it('is exposed by what OVN itself says', () => {
    const cloud = cloudOf([]);
    cloud.addPort({
      name: 'vm',
      network: 'ten',
      addresses: 'fa:16:3e:00:00:31 192.168.1.31',
      chassis: 'C2',
      up: true,
    });
    // A second router, pinned to this node, with its own floating IP.
    cloud.addNetwork({ name: 'inner' });
    addRouter(cloud, 'pinned');
    addRouterPort(cloud, {
      router: 'pinned',
      name: 'out',
      addresses: 'fa:16:3e:cc:cc:cc 172.24.4.231/24',
      network: 'pub',
      pinnedTo: 'C1',
      natAddresses: ['fa:16:3e:cc:cc:cc 172.24.4.232'],
    });
    addRouterPort(cloud, {
      router: 'pinned',
      name: 'in',
      addresses: 'fa:16:3e:cc:cc:cd 10.5.0.1/24',
      network: 'inner',
      pinnedTo: 'C1',
    });
    const vips = mapOf({ '172.24.4.61:80': '192.168.1.31:80' });
    cloud.db.insert('Load_Balancer', { name: 'web', vips, datapath_group: 'group' }, 'lb');
    cloud.db.insert('Logical_DP_Group', { datapaths: ['switch ten'] }, 'group');
    expect(exposedBy(cloud).lines()).toEqual([
      '10.5.0.0/24 tenant-subnet br-ex via 172.24.4.231 fa:16:3e:cc:cc:cc (wired only)',
      '172.24.4.61 vip br-ex',
      '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa',
      '172.24.4.231 gateway br-ex fa:16:3e:cc:cc:cc',
      '172.24.4.232 central-floating-ip br-ex',
      `${INSIDE} tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa (wired only)`,
      `192.168.1.31 tenant-host br-ex inside ${INSIDE}`,
      '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8::',
    ]);
  });
});
