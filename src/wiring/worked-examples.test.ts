/** The worked examples from rows to objects: what stands on a node beyond its base, from either database. */
import { describe, expect, it } from 'vitest';
import type { TenantConfig } from '../config/types.ts';
import { evaluate } from '../exposures/evaluate.ts';
import { mac, testTenant } from '../exposures/testing.ts';
import type { ExposurePolicy } from '../exposures/types.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { addVipPort, mapOf } from '../ovn/southbound-testing.ts';
import { southboundCloud, testPortKey } from '../ovn/testing.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';
import { lines, type TestNode, testInput, testPolicy, without } from './testing.ts';
import {
  type Example,
  type ExampleOptions,
  NODE_1,
  NODE_2,
  northboundExample,
  PUB,
  ROUTER,
  southboundExample,
  TEN,
} from './testing-examples.ts';
import { wire } from './wire.ts';

const HOSTS = testTenant({ exposeNetworks: true });
const PREFIXES = testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' });
const GATEWAY_MAC = 'fa:16:3e:aa:aa:aa';
const FIP_MAC = 'fa:16:3e:ff:ff:31';
const NETWORK = '192.168.1.0/26';

/** Lines beyond the base of the node. */
function added(
  topology: Topology,
  tenant: TenantConfig = testTenant(),
  policy: Partial<ExposurePolicy> = {},
  node: TestNode = {},
): string[] {
  const input = testInput({ ...node, config: { ...node.config, tenant } });
  const { exposures } = evaluate(topology, testPolicy(input, { tenant, ...policy }));
  const all = wire(exposures, input, topology.localnets());
  expect(all.pending).toEqual([]);
  return without(all, wire([], input, topology.localnets()));
}

/** An address that answers on the flat network: everything that it needs, and its advertisement. */
function host(address: string, lladdr?: string): string[] {
  const [family, length] = address.includes(':') ? [6, 128] : [4, 32];
  return [
    `addr bgp-nic ${address}/${length}`,
    `route -${family} ${address}/${length} dev br-ex table 200`,
    `rule to ${address}/${length} lookup 200`,
    ...(lladdr === undefined ? [] : [`neigh ${address} dev br-ex lladdr ${lladdr}`]),
  ];
}

/** A subnet behind the gateway. */
function subnet(prefix: string, via: string): string[] {
  const family = prefix.includes(':') ? 6 : 4;
  return [`rule to ${prefix} lookup 200`, `route -${family} ${prefix} via ${via} dev br-ex table 200`];
}

function sorted(...parts: readonly (string | readonly string[])[]): string[] {
  return parts.flat().sort();
}

const GATEWAY = sorted(
  host('172.24.4.221', GATEWAY_MAC),
  host('2001:db8::221', GATEWAY_MAC),
  'proxy 2001:db8:: dev br-ex',
);
const TENANT = subnet(NETWORK, '172.24.4.221');
const ADVERTISED = ['addr bgp-nic 192.168.1.31/32', 'addr bgp-nic 192.168.1.32/32'];

describe('example 3: a distributed floating IP', () => {
  const cloud = (externalMac: string | undefined) => {
    const example = northboundExample({ gatewayOn: 'C9' });
    example.addHost({
      name: 'vm-t1',
      network: TEN,
      addresses: 'fa:16:3e:00:00:31 192.168.1.31',
      node: NODE_1,
    });
    example.addNat('fip', {
      type: 'dnat_and_snat',
      external_ip: '172.24.4.131',
      external_mac: externalMac,
      logical_ip: '192.168.1.31',
      logical_port: 'vm-t1',
    });
    return example;
  };

  it('stands on the node of its VM alone, and goes with its row', () => {
    const example = cloud(FIP_MAC);
    expect(added(example.on(NODE_1))).toEqual(sorted(host('172.24.4.131', FIP_MAC)));
    expect(added(example.on(NODE_2))).toEqual([]);
    example.cloud.db.delete('NAT', 'fip');
    expect(added(example.on(NODE_1))).toEqual([]);
  });

  it('D-04: is what its row says, whatever its port says: other address, other port, MAC address that comes late', () => {
    const example = cloud(undefined);
    const { db } = example.cloud;
    const held = db.views.Logical_Switch_Port.get('port vm-t1')?.external_ids ?? new Map();
    const portIds = new Map([...held, ['neutron:port_fip', '172.24.4.199']]);
    db.update('Logical_Switch_Port', 'port vm-t1', { external_ids: portIds });
    example.addHost({
      name: 'vm-t2',
      network: TEN,
      addresses: 'fa:16:3e:00:00:32 192.168.1.32',
      node: NODE_2,
    });
    const both = (): string[][] => [NODE_1, NODE_2].map((node) => added(example.on(node)));
    expect(both()).toEqual([[], []]);
    db.update('NAT', 'fip', { external_mac: FIP_MAC });
    expect(both()).toEqual([sorted(host('172.24.4.131', FIP_MAC)), []]);
    db.update('NAT', 'fip', { external_ip: '172.24.4.132' });
    expect(both()).toEqual([sorted(host('172.24.4.132', FIP_MAC)), []]);
    db.update('NAT', 'fip', { logical_port: 'vm-t2', logical_ip: '192.168.1.32' });
    expect(both()).toEqual([[], sorted(host('172.24.4.132', FIP_MAC))]);
  });

  it('is nothing without its MAC address', () => {
    expect(added(cloud(undefined).on(NODE_1))).toEqual([]);
  });
});

it.each([
  ['gateway_port', 'router port gw'],
  ['no gateway_port', undefined],
])(
  'example 4: a centralised floating IP with %s follows the gateway on failover, with nothing left',
  (_, gatewayPort) => {
    const example = northboundExample({ distributed: false });
    example.addHost({
      name: 'vm-t1',
      network: TEN,
      addresses: 'fa:16:3e:00:00:31 192.168.1.31',
      node: NODE_2,
    });
    example.addNat('fip', {
      type: 'dnat_and_snat',
      external_ip: '172.24.4.131',
      logical_ip: '192.168.1.31',
      logical_port: 'vm-t1',
      gateway_port: gatewayPort,
    });
    const all = sorted(GATEWAY, host('172.24.4.131', GATEWAY_MAC));
    expect([added(example.on(NODE_1)), added(example.on(NODE_2))]).toEqual([all, []]);
    example.moveGateway('C2');
    expect([added(example.on(NODE_1)), added(example.on(NODE_2))]).toEqual([[], all]);
  },
);

describe.each<[string, (options?: ExampleOptions) => Example]>([
  ['Northbound', northboundExample],
  ['Southbound', southboundExample],
])('tenant networks in the %s database', (database, make) => {
  function tenants(options: ExampleOptions = {}): Example {
    const example = make(options);
    const vm = (name: string, end: number, node: NodeIdentity): void =>
      example.addHost({ name, network: TEN, addresses: `fa:16:3e:00:00:${end} 192.168.1.${end}`, node });
    vm('vm-t1', 31, NODE_1);
    vm('vm-t2', 32, { hostname: 'cmp-9', systemId: 'C2' });
    return example;
  }

  it('example 5: hosts stand on the node of the gateway, with one rule and route for all', () => {
    const example = tenants();
    expect(added(example.on(NODE_1), HOSTS)).toEqual(sorted(GATEWAY, TENANT, ADVERTISED));
    expect(added(example.on(NODE_2), HOSTS)).toEqual([]);
    expect(added(example.on(NODE_1))).toEqual(GATEWAY);
  });

  it('example 6: the prefix stands in the VRF, and leaves at once with interface or gateway', () => {
    const route = 'route -4 192.168.1.0/26 via 172.24.4.221 dev bgp-nic table 10';
    const example = tenants();
    expect(added(example.on(NODE_1), PREFIXES)).toEqual(sorted(GATEWAY, TENANT, route));
    example.moveGateway('C2');
    expect(added(example.on(NODE_1), PREFIXES)).toEqual([]);
    expect(added(example.on(NODE_2), PREFIXES)).toContain(route);
    example.detach();
    expect(added(example.on(NODE_2), PREFIXES)).toEqual(GATEWAY);
  });

  it("D-30: an IPv6 prefix stands in the VRF's table without a gateway", () => {
    const example = tenants({ interface: ['192.168.1.1/26', '2a02:26f0:10::1/64'] });
    expect(added(example.on(NODE_1), PREFIXES)).toEqual(
      sorted(
        GATEWAY,
        TENANT,
        subnet('2a02:26f0:10::/64', '2001:db8::221'),
        'route -4 192.168.1.0/26 via 172.24.4.221 dev bgp-nic table 10',
        'route -6 2a02:26f0:10::/64 dev bgp-nic table 10',
      ),
    );
  });

  it('D-25: FRR redistributes kernel routes while prefixes are announced, and no longer', () => {
    const redistributed = (tenant: TenantConfig): string[] => {
      const input = testInput({ config: { tenant } });
      const all = lines(wire([], input, tenants().on(NODE_1).localnets()).objects);
      return all.flatMap((line) => /redistribute (.*)$/.exec(line)?.[1] ?? []);
    };
    expect(redistributed(PREFIXES)).toEqual(['connected', 'kernel', 'connected', 'kernel']);
    expect(redistributed(HOSTS)).toEqual(['connected', 'connected']);
  });

  it('example 8: what has no address scope stays in', () => {
    const tenant = testTenant({ exposeNetworks: true, addressScopes: ['aaaa'] });
    expect(added(tenants().on(NODE_1), tenant)).toEqual(GATEWAY);
    expect(added(tenants({ scope4: 'aaaa' }).on(NODE_1), tenant)).toEqual(
      sorted(GATEWAY, TENANT, ADVERTISED),
    );
  });

  it('example 8: globally routable addresses alone', () => {
    const example = make({ interface: ['192.168.1.1/26', '2a02:26f0:10::1/64'] });
    const addresses = 'fa:16:3e:00:00:31 192.168.1.31 2a02:26f0:10::31';
    example.addHost({ name: 'vm-t1', network: TEN, addresses, node: NODE_2 });
    expect(added(example.on(NODE_1), testTenant({ exposeIpv6Gua: true }))).toEqual(
      sorted(GATEWAY, subnet('2a02:26f0:10::/64', '2001:db8::221'), 'addr bgp-nic 2a02:26f0:10::31/128'),
    );
  });

  it('example 15: a VLAN of the second bridge, whose routing table is the first free one', () => {
    const example = make();
    const network = { name: 'net-2', localnet: 'provnet-4', physicalNetwork: 'physnet2', vlan: 1001 };
    (example as Example & { cloud: { addNetwork(added: typeof network): unknown } }).cloud.addNetwork(
      network,
    );
    const addresses = 'fa:16:3e:00:00:09 10.77.0.9';
    example.addHost({ name: 'vm-4', network: network.name, addresses, node: NODE_1 });
    example.moveGateway('C2');
    const node: TestNode = {
      mappings: 'physnet1:br-ex,physnet2:br-data-plane',
      ofports: { 'provnet-1': 1, 'provnet-2': 2, 'provnet-4': 7 },
    };
    const neighbor = 'neigh 10.77.0.9 dev br-data-pl.1001 lladdr fa:16:3e:00:00:09';
    expect(added(example.on(NODE_1), testTenant(), {}, node)).toEqual(
      sorted(
        'addr bgp-nic 10.77.0.9/32',
        'rule to 10.77.0.9/32 lookup 1',
        'route -4 10.77.0.9/32 dev br-data-pl.1001 table 1',
        database === 'Northbound' ? [neighbor] : [],
      ),
    );
  });
});

it.each([ROUTER, ROUTER.slice('neutron-'.length)])(
  'D-02: tenant hosts and port forwardings are found where rows call the router %s',
  (routerName) => {
    const example = northboundExample({ routerName });
    example.addHost({
      name: 'vm-t1',
      network: TEN,
      addresses: 'fa:16:3e:00:00:31 192.168.1.31',
      node: NODE_2,
    });
    example.addLoadBalancer('pf-floatingip-1-tcp', ['172.24.4.170:2222'], {
      'neutron:router_name': routerName,
    });
    const hosts = ['addr bgp-nic 192.168.1.31/32', ...host('172.24.4.170')];
    expect(added(example.on(NODE_1), HOSTS)).toEqual(sorted(GATEWAY, TENANT, hosts));
  },
);

it('example 8: a subnet that the router translates stays in, hosts and all', () => {
  const example = northboundExample();
  example.addHost({ name: 'vm-t1', network: TEN, addresses: 'fa:16:3e:00:00:31 192.168.1.31', node: NODE_1 });
  example.addNat('snat', { type: 'snat', external_ip: '172.24.4.221', logical_ip: NETWORK });
  example.addNat('fip', {
    type: 'dnat_and_snat',
    external_ip: '172.24.4.131',
    external_mac: FIP_MAC,
    logical_ip: '192.168.1.31',
    logical_port: 'vm-t1',
  });
  const tenant = testTenant({ exposeNetworks: true, requireSnatDisabled: true });
  const kept = sorted(GATEWAY, host('172.24.4.131', FIP_MAC));
  expect(added(example.on(NODE_1), tenant)).toEqual(kept);
  expect(added(example.on(NODE_1), HOSTS)).toEqual(sorted(kept, TENANT, 'addr bgp-nic 192.168.1.31/32'));
});

it('a prefix stands without a gateway where the address of the gateway is kept in', () => {
  const example = northboundExample();
  example.cloud.db.update('Logical_Router_Port', 'router port gw', {
    external_ids: mapOf({ 'neutron:network_name': PUB, 'ovn-bgp-agent:expose': 'false' }),
  });
  const routes = added(example.on(NODE_1), PREFIXES).filter((line) => line.endsWith('table 10'));
  expect(routes).toEqual(['route -4 192.168.1.0/26 dev bgp-nic table 10']);
});

it('example 7: load balancers on both networks, a floating IP of one, a port forwarding', () => {
  const example = northboundExample();
  const vipPort = (name: string, network: string, address: string): void =>
    void example.cloud.addPort({ name, network, addresses: `fa:16:3e:00:00:50 ${address}`, up: false });
  vipPort('vip-t', TEN, '192.168.1.50');
  vipPort('vip-p', PUB, '172.24.4.60');
  example.addLoadBalancer('lb1', ['192.168.1.50:80', '172.24.4.150:80'], {
    lr_ref: ROUTER,
    'neutron:vip': '192.168.1.50',
    'neutron:vip_fip': '172.24.4.150',
    'neutron:vip_port_id': 'vip-t',
  });
  example.addLoadBalancer('lb2', ['172.24.4.60:80'], {
    lr_ref: ROUTER,
    'neutron:vip': '172.24.4.60',
    'neutron:vip_port_id': 'vip-p',
  });
  example.addLoadBalancer('pf-floatingip-1-tcp', ['172.24.4.170:2222'], { 'neutron:router_name': ROUTER });
  example.addNat('fip', {
    type: 'dnat_and_snat',
    external_ip: '172.24.4.150',
    external_mac: 'fa:16:3e:ff:ff:50',
    logical_ip: '192.168.1.50',
    logical_port: 'vip-t',
  });
  const all = sorted(
    GATEWAY,
    TENANT,
    'addr bgp-nic 192.168.1.50/32',
    host('172.24.4.150', 'fa:16:3e:ff:ff:50'),
    host('172.24.4.60'),
    host('172.24.4.170'),
  );
  expect(added(example.on(NODE_1), HOSTS)).toEqual(all);
  example.moveGateway('C2');
  expect([added(example.on(NODE_1), HOSTS), added(example.on(NODE_2), HOSTS)]).toEqual([[], all]);
  for (const name of ['lb1', 'lb2', 'pf-floatingip-1-tcp'])
    example.cloud.db.delete('Load_Balancer', `lb ${name}`);
  expect(added(example.on(NODE_2), HOSTS)).toEqual(sorted(GATEWAY, TENANT));
});

it('example 11: the Southbound database, and the failover of its gateway', () => {
  const example = southboundExample({
    natAddresses: [
      'fa:16:3e:ff:ff:31 172.24.4.131 is_chassis_resident("vm-t1")',
      'fa:16:3e:aa:aa:aa 172.24.4.140 172.24.4.221 is_chassis_resident("cr-lrp-gw")',
    ],
  });
  const { cloud } = example;
  const vm = (name: string, network: string, addresses: string, node: NodeIdentity): void =>
    example.addHost({ name, network, addresses, node });
  vm('vm-flat', PUB, 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10', NODE_1);
  cloud.addPort({
    name: 'vm-virt',
    network: PUB,
    type: 'virtual',
    addresses: 'fa:16:3e:00:00:77 172.24.4.77 2001:db8::77',
    cidrs: '172.24.4.77/24 2001:db8::77/64',
    chassis: 'C1',
    up: true,
  });
  vm('vm-t1', TEN, 'fa:16:3e:00:00:31 192.168.1.31', NODE_1);
  vm('vm-t2', TEN, 'fa:16:3e:00:00:32 192.168.1.32', NODE_2);
  cloud.addPort({
    name: 'vm-t3',
    network: TEN,
    addresses: 'unknown',
    cidrs: '192.168.1.33/26',
    chassis: 'C2',
    up: true,
  });
  addVipPort(cloud, { name: 'vip-t', network: TEN, cidrs: '192.168.1.50/26', loadBalancer: 'lb1' });
  addVipPort(cloud, { name: 'vip-p', network: PUB, cidrs: '172.24.4.60/24', loadBalancer: 'lb2' });
  const vips = mapOf({ '172.24.4.60:80': '192.168.1.31:80' });
  cloud.db.insert(
    'Load_Balancer',
    { name: 'lb2', vips, datapaths: [`switch ${PUB}`, `switch ${TEN}`] },
    'lb2',
  );

  const stays = sorted(
    ...['172.24.4.10', '172.24.4.77', '172.24.4.131', '2001:db8::10', '2001:db8::77'].map((ip) => host(ip)),
    'proxy 2001:db8:: dev br-ex',
  );
  const goes = [
    ...GATEWAY.filter((line) => !line.startsWith('proxy ')),
    ...TENANT,
    ...['172.24.4.60', '172.24.4.140'].flatMap((ip) => host(ip)),
    ...[31, 32, 33, 50].map((end) => `addr bgp-nic 192.168.1.${end}/32`),
  ];
  expect(added(example.on(NODE_1), HOSTS)).toEqual(sorted(stays, goes));
  example.moveGateway('C2');
  expect(added(example.on(NODE_1), HOSTS)).toEqual(stays);
  expect(added(example.on(NODE_2), HOSTS)).toEqual(sorted(goes, 'proxy 2001:db8:: dev br-ex'));
});

it('examples 1 and 2 of a cloud without a router are those of either database', () => {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addNetwork({ name: 'vl', localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 });
  cloud.addPort({
    name: 'vm-vlan',
    network: 'vl',
    addresses: 'fa:16:3e:00:00:20 172.30.0.20',
    chassis: 'C1',
    up: true,
  });
  const topology = createSouthboundTopology(cloud.db.views, NODE_1);
  const objects = [
    'addr bgp-nic 172.30.0.20/32',
    'route -4 172.30.0.20/32 dev br-ex.100 table 200',
    'rule to 172.30.0.20/32 lookup 200',
  ];
  expect(added(topology)).toEqual(objects);
  cloud.db.delete('Port_Binding', 'port vm-vlan');
  expect(added(createSouthboundTopology(cloud.db.views, NODE_1))).toEqual([]);
});

it('example 14: the floating IP of a port in a live migration goes its way', () => {
  const example = northboundExample({ gatewayOn: 'C9' });
  const { db } = example.cloud;
  example.addHost({ name: 'vm-t1', network: TEN, addresses: 'fa:16:3e:00:00:31 192.168.1.31', node: NODE_1 });
  example.addNat('fip', {
    type: 'dnat_and_snat',
    external_ip: '172.24.4.131',
    external_mac: FIP_MAC,
    logical_ip: '192.168.1.31',
    logical_port: 'vm-t1',
  });
  const step = (hosts: string, up: boolean, externalMac: string | undefined): void => {
    db.update('Logical_Switch_Port', 'port vm-t1', { options: mapOf({ 'requested-chassis': hosts }), up });
    db.update('NAT', 'fip', { external_mac: externalMac });
  };
  const remembered = { lastMacs: new Map([['nat:fip' as const, mac(FIP_MAC)]]) };
  const graced = { ...remembered, graced: new Set([testPortKey('vm-t1')]) };
  const both = (policy: Partial<ExposurePolicy> = {}): string[][] =>
    [NODE_1, NODE_2].map((node) => added(example.on(node), testTenant(), policy));
  const all = sorted(host('172.24.4.131', FIP_MAC));

  step('cmp-1,cmp-2', true, FIP_MAC);
  expect(both()).toEqual([all, []]);
  step('cmp-1,cmp-2', false, undefined);
  expect(both(remembered)).toEqual([all, []]);
  step('cmp-2', false, undefined);
  expect(both(graced)).toEqual([[], all]);
  expect(both(remembered)).toEqual([[], []]);
  step('cmp-2', true, FIP_MAC);
  expect(both()).toEqual([[], all]);
});
