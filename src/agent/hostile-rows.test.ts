/** Databases full of nonsense through the whole loop: every row is denied for itself, and the pass completes. */
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../base/address.ts';
import { testTenant } from '../exposures/testing.ts';
import type { DenialCode } from '../exposures/types.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { addRouter, addRouterPort, mapOf } from '../ovn/southbound-testing.ts';
import { northboundCloud, southboundCloud } from '../ovn/testing.ts';
import type { Topology } from '../ovn/topology.ts';
import { bareNode, TestAgent } from './testing.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const SOUND = ['172.24.4.10/32', '2001:db8::10/128'];
const ADDRESSES = 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10';
const PUB = { name: 'neutron-pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' };

const huge = (): ReadonlyMap<string, string> =>
  new Map(Array.from({ length: 10_000 }, (_, n) => [`key-${n}`, 'x'.repeat(n % 100)]));
const vips = (): ReadonlyMap<string, string> =>
  new Map(Array.from({ length: 5_000 }, (_, n) => [`172.25.${n >> 8}.${n & 255}:80`, '10.0.0.8:80']));

function northbound(): Topology {
  const cloud = northboundCloud();
  cloud.addNetwork(PUB);
  cloud.addNetwork({ name: 'tenant' });
  cloud.addPort({ name: 'vm', network: PUB.name, addresses: ADDRESSES, requestedChassis: 'cmp-1' });
  // The same addresses by another port, and by one with a map that no sane cloud has.
  for (const name of ['vm-twin', 'vm-triplet'])
    cloud.addPort({
      name,
      network: PUB.name,
      addresses: ADDRESSES.replace(':10 ', ':99 '),
      requestedChassis: 'cmp-1',
    });
  const junk = 'fa:16:3e:00:00:11 172.24.4.300';
  cloud.addPort({ name: 'vm-junk', network: PUB.name, addresses: junk, requestedChassis: 'cmp-1' });
  const { db } = cloud;
  const external = new Map([...huge(), ['neutron:network_name', PUB.name]]);
  db.update('Logical_Switch_Port', 'port vm-triplet', { external_ids: external });
  db.transact((tx) => {
    tx.insert('NB_Global', { external_ids: huge() }, 'global');
    tx.insert('NAT', { type: 'dnat_and_snat', external_ip: '172.24.4.131' }, 'nobodys');
    tx.insert('NAT', { type: 'dnat_and_snat', external_ip: '::ffff:1.2.3.4', logical_port: 'vm' }, 'mapped');
    // A gateway whose router lists every reference that leads back to itself.
    tx.insert(
      'Logical_Router_Port',
      {
        name: 'lrp-gw',
        mac: 'fa:16:3e:aa:aa:aa',
        networks: ['172.24.4.221/24'],
        gateway_chassis: ['lrp-gw', 'router'],
        status: mapOf({ 'hosting-chassis': 'C1' }),
        external_ids: new Map([
          ...huge(),
          ['neutron:network_name', PUB.name],
          ['neutron:router_name', 'router'],
        ]),
      },
      'gw',
    );
    tx.insert(
      'Logical_Router',
      {
        name: 'neutron-router',
        ports: ['gw', 'gw', 'router', 'gone'],
        nat: ['router', 'mapped'],
        load_balancer: ['router', 'many'],
        load_balancer_group: ['group'],
        static_routes: ['router'],
        options: huge(),
        external_ids: huge(),
      },
      'router',
    );
    tx.insert('Load_Balancer_Group', { name: 'group', load_balancer: ['group', 'many', 'many'] }, 'group');
    tx.insert(
      'Load_Balancer',
      { name: 'pf-floatingip-1-tcp', vips: vips(), external_ids: mapOf({ 'neutron:router_name': 'router' }) },
      'many',
    );
    tx.insert(
      'Logical_Switch_Port',
      {
        name: 'lrp-gw',
        type: 'router',
        up: true,
        options: mapOf({ 'router-port': 'lrp-gw' }),
        external_ids: mapOf({
          'neutron:network_name': 'tenant',
          'neutron:device_owner': 'network:router_interface',
          'neutron:device_id': 'router',
          'neutron:cidrs': '0.0.0.0/0 172.24.4.221/24 junk',
        }),
      },
      'circle',
    );
    tx.insert('Logical_Switch', { name: 'circle', ports: ['circle', 'switch circle'] }, 'switch circle');
  });
  return createNorthboundTopology(db.views, IDENTITY);
}

function southbound(): Topology {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addNetwork(PUB);
  cloud.addNetwork({ name: 'tenant' });
  for (const name of ['vm', 'vm-twin', 'vm-triplet'])
    cloud.addPort({ name, network: PUB.name, addresses: ADDRESSES, chassis: 'C1', up: true });
  const { db } = cloud;
  db.update('Port_Binding', 'port vm-triplet', { external_ids: huge(), options: huge() });
  addRouter(cloud, 'r');
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-gw',
    addresses: 'fa:16:3e:aa:aa:aa 172.24.4.221/24',
    network: PUB.name,
    gatewayOn: 'C1',
    natAddresses: [
      'fa:16:3e:ff:ff:31 127.0.0.1 junk is_chassis_resident("cr-lrp-gw")',
      'fa:16:3e:ff:ff:31 172.24.4.10 is_chassis_resident("cr-lrp-gw")',
      'x'.repeat(10_000),
    ],
  });
  addRouterPort(cloud, {
    router: 'r',
    name: 'lrp-if',
    addresses: 'fa:16:3e:bb:bb:bb 0.0.0.0/0',
    network: 'tenant',
  });
  db.transact((tx) => {
    // Two patch ports that are each other's and their own other end.
    for (const [name, peer] of [
      ['a', 'b'],
      ['b', 'a'],
      ['c', 'c'],
    ] as const) {
      const options = mapOf({ peer, 'chassis-redirect-port': name, 'distributed-port': name });
      tx.insert(
        'Port_Binding',
        { logical_port: name, type: 'patch', datapath: 'switch tenant', mac: ['x'], options },
        `port ${name}`,
      );
    }
    tx.insert('Logical_DP_Group', { datapaths: ['group', 'switch tenant', 'router r'] }, 'group');
    tx.insert(
      'Load_Balancer',
      { name: 'many', vips: vips(), lr_datapath_group: 'group', datapaths: ['many', 'router r'] },
      'many',
    );
    tx.insert(
      'Port_Binding',
      { logical_port: 'nowhere', chassis: 'gone', datapath: 'gone', mac: ['x y'] },
      'gone',
    );
  });
  return createSouthboundTopology(db.views, IDENTITY);
}

describe.each<[string, () => Topology, readonly DenialCode[]]>([
  ['Northbound', northbound, ['bad-address', 'conflict', 'no-router', 'too-many', 'unannounceable']],
  ['Southbound', southbound, ['bad-address', 'conflict', 'too-many', 'unannounceable']],
])('hostile rows of the %s database', (_, topology, codes) => {
  it('are denied one by one, and what is sound is exposed', async () => {
    const edge = bareNode();
    const agent = new TestAgent(edge, topology(), { tenant: testTenant({ exposeNetworks: true }) });
    await agent.settle();
    const denials = [...agent.planner.denials()];
    await agent.stop();
    expect(
      agent.planner.exposures.has(certain(SOUND[0])) && agent.planner.exposures.has(certain(SOUND[1])),
    ).toBe(true);
    const routes = await edge.netlink.routes();
    const advertised = routes.flatMap(({ type, destination }) => (type === 'blackhole' ? [destination] : []));
    expect(advertised).toEqual(expect.arrayContaining(SOUND));
    const found = new Set(denials.map(({ code }) => code));
    expect(codes.filter((code) => !found.has(code))).toEqual([]);
    // Neither an exception nor a row that takes the table with it.
    expect(found).not.toContain('row-error');
    expect(advertised.length).toBeLessThan(1_100);
  });
});

function certain(text: string | undefined) {
  const prefix = parsePrefix(text ?? '');
  if (prefix === undefined) throw new TypeError(`bad test data: ${text}`);
  return prefix;
}
