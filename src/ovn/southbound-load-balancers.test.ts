import { describe, expect, it } from 'vitest';
import { createSouthboundTopology } from './southbound.ts';
import {
  addRouter,
  addRouterPort,
  addVipPort,
  candidateOf,
  mapOf,
  resolveAll,
} from './southbound-testing.ts';
import { southboundCloud, testPort } from './testing.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const VIPS = mapOf({ '172.24.4.60:80': '192.168.1.31:80', '[2001:db8::60]:80': '[2001:db8:1::31]:80' });

function cloudWithRouters() {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'tenant' });
  cloud.addNetwork({ name: 'lonely' });
  for (const name of ['r', 's']) {
    addRouter(cloud, name);
    const mac = 'fa:16:3e:aa:aa:aa';
    addRouterPort(cloud, {
      router: name,
      name: `${name}-up`,
      addresses: `${mac} 172.24.4.221/24`,
      network: 'pub',
      gatewayOn: 'C1',
    });
  }
  addRouterPort(cloud, {
    router: 'r',
    name: 'down',
    addresses: 'fa:16:3e:bb:bb:bb 192.168.1.1/26',
    network: 'tenant',
  });
  const { db } = cloud;
  db.insert('Logical_DP_Group', { datapaths: ['switch tenant', 'switch pub'] }, 'group switches');
  db.insert('Logical_DP_Group', { datapaths: ['router s'] }, 'group routers');
  const topology = createSouthboundTopology(db.views, IDENTITY);
  resolveAll(topology);
  const loadBalancer = (uuid: string) => candidateOf(topology, 'load-balancer', uuid);
  const routersOf = (uuid: string) => loadBalancer(uuid)?.routers.map(({ name }) => name);
  return { cloud, db, topology, loadBalancer, routersOf };
}

describe('load balancers', () => {
  it('are of Octavia when a port reserves their VIP', () => {
    const { cloud, db, loadBalancer } = cloudWithRouters();
    db.insert('Load_Balancer', { name: 'one', vips: VIPS, datapath_group: 'group switches' }, 'lb');
    addVipPort(cloud, { name: 'vip', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'one' });
    expect(loadBalancer('lb')).toMatchObject({
      kind: 'load-balancer',
      key: 'load-balancer:lb',
      row: { database: 'southbound', table: 'Load_Balancer', uuid: 'lb', name: 'one' },
      name: 'one',
      flavor: 'octavia',
      vipTexts: ['172.24.4.60:80', '[2001:db8::60]:80'],
      vipText: '172.24.4.60',
      vipPort: {
        row: { table: 'Port_Binding', name: 'vip' },
        addressTexts: ['172.24.4.60'],
        networkName: 'pub',
        network: { name: 'pub' },
        subnets: [],
      },
      routerName: 'r',
      routers: [{ name: 'r', gateways: [{ name: 'cr-r-up' }] }],
      subnets: [{ name: 'down' }],
      marks: {},
    });
  });

  it('have no address before anything listens, and tell behind which there is nothing', () => {
    const { cloud, db, loadBalancer } = cloudWithRouters();
    db.insert('Load_Balancer', { name: 'one' }, 'lb');
    addVipPort(cloud, { name: 'vip', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'one' });
    expect(loadBalancer('lb')).toMatchObject({ vipText: '172.24.4.60', vipTexts: [], emptyVipTexts: [] });
    const vips = new Map([
      ['172.24.4.60:80', ''],
      ['172.24.4.60:443', '192.168.1.5:443'],
    ]);
    db.update('Load_Balancer', 'lb', { vips });
    expect(loadBalancer('lb')?.emptyVipTexts).toEqual(['172.24.4.60:80']);
  });

  it.each([
    ['one', 'plain'],
    ['pf-floatingip-1-tcp', 'port-forwarding'],
  ])('%s without such a port is %s', (name, flavor) => {
    const { db, loadBalancer } = cloudWithRouters();
    db.insert('Load_Balancer', { name, vips: VIPS }, 'lb');
    expect(loadBalancer('lb')).toMatchObject({ flavor, vipText: undefined, vipPort: undefined });
    expect(loadBalancer('lb')?.vipTexts).toEqual([...VIPS.keys()]);
  });

  it.each([
    ['its datapaths', { datapaths: ['switch tenant'] }, ['r']],
    ['its datapath group', { datapath_group: 'group switches' }, ['r']],
    ['no router where it has a group of switches alone', { ls_datapath_group: 'group switches' }, []],
    [
      'its group of routers',
      { ls_datapath_group: 'group switches', lr_datapath_group: 'group routers' },
      ['s'],
    ],
    ['an older group, routers in it', { datapath_group: 'group routers' }, ['s']],
    ['no datapath', {}, []],
    ['a network without router', { datapaths: ['switch lonely'] }, []],
    ['references that lead nowhere', { datapaths: ['gone'], lr_datapath_group: 'gone' }, []],
  ])('are served by the routers of %s', (_, values, expected) => {
    const { db, loadBalancer, routersOf } = cloudWithRouters();
    db.insert('Load_Balancer', { name: 'one', ...values }, 'lb');
    expect(routersOf('lb')).toEqual(expected);
    expect(loadBalancer('lb')?.routerName).toBe(expected[0]);
  });

  it.each([
    ['bound', { chassis: 'chassis C1' }],
    ['up', { up: true }],
    ['with a MAC address', { mac: ['fa:16:3e:00:00:01 172.24.4.60'] }],
    ['virtual', { type: 'virtual' }],
    [
      'of another name',
      { external_ids: mapOf({ 'neutron:cidrs': '172.24.4.60/24', 'neutron:port_name': 'one' }) },
    ],
  ])('have no VIP in a port that is %s', (_, values) => {
    const { cloud, db, topology, loadBalancer } = cloudWithRouters();
    db.insert('Load_Balancer', { name: 'one', vips: VIPS }, 'lb');
    addVipPort(cloud, { name: 'vip', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'one' });
    expect(loadBalancer('lb')?.vipText).toBe('172.24.4.60');
    expect(topology.affected(db.update('Port_Binding', 'port vip', values))).toContain('load-balancer:lb');
    expect(loadBalancer('lb')?.vipPort).toBeUndefined();
  });

  it('take the marks of their own row, else those of the VIP port', () => {
    const { cloud, db, topology, loadBalancer } = cloudWithRouters();
    db.insert('Load_Balancer', { name: 'one' }, 'lb');
    addVipPort(cloud, { name: 'vip', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'one' });
    const ids = { 'neutron:cidrs': '172.24.4.60/24', 'neutron:port_name': 'ovn-lb-vip-one' };
    const marked = mapOf({ ...ids, 'ovn-bgp-agent:tag': 'port' });
    topology.affected(db.update('Port_Binding', 'port vip', { external_ids: marked }));
    expect(loadBalancer('lb')?.marks.tag?.text).toBe('port');
    const own = { external_ids: mapOf({ 'ovn-bgp-agent:tag': 'own' }) };
    topology.affected(db.update('Load_Balancer', 'lb', own));
    expect(loadBalancer('lb')?.marks.tag?.text).toBe('own');
  });
});

describe('VIP ports without a load balancer', () => {
  it('stand for one, on their own network', () => {
    const { cloud, topology, loadBalancer } = cloudWithRouters();
    addVipPort(cloud, { name: 'vip', network: 'tenant', cidrs: '192.168.1.50/26 2001:db8:1::50/64' });
    expect(loadBalancer('port vip')).toMatchObject({
      key: 'load-balancer:port vip',
      row: { table: 'Port_Binding', name: 'vip' },
      name: 'vip',
      flavor: 'octavia',
      vipTexts: ['192.168.1.50'],
      vipText: '192.168.1.50',
      vipPort: { addressTexts: ['192.168.1.50', '2001:db8:1::50'], subnets: [{ name: 'down' }] },
      routers: [{ name: 'r' }],
    });
    expect(testPort(topology, 'vip')?.active).toBe(false);
  });

  it('do so no longer when one of the name that they bear comes', () => {
    const { cloud, db, topology, loadBalancer } = cloudWithRouters();
    addVipPort(cloud, { name: 'vip', network: 'tenant', cidrs: '192.168.1.50/26', loadBalancer: 'one' });
    resolveAll(topology);
    expect(loadBalancer('port vip')?.name).toBe('one');
    const came = db.insert('Load_Balancer', { name: 'one', datapaths: ['switch tenant'] }, 'lb');
    expect(topology.affected(came)).toEqual(new Set(['load-balancer:lb', 'load-balancer:port vip']));
    expect(loadBalancer('port vip')).toBeUndefined();
    expect(loadBalancer('lb')?.vipPort?.row.name).toBe('vip');
  });
});

describe('what a change around load balancers affects', () => {
  function cloudInUse() {
    const made = cloudWithRouters();
    const { db } = made;
    db.insert('Load_Balancer', { name: 'one', vips: VIPS, datapath_group: 'group switches' }, 'lb');
    db.insert('Load_Balancer', { name: 'two', vips: VIPS, lr_datapath_group: 'group routers' }, 'lb2');
    made.topology.affected({ cause: 'snapshot', changes: {} });
    resolveAll(made.topology);
    return made;
  }

  it('is those with the changed row, group or router', () => {
    const { db, topology, routersOf } = cloudInUse();
    const only = (...names: string[]) => new Set(names.map((name) => `load-balancer:${name}`));
    expect(topology.affected(db.update('Load_Balancer', 'lb', { vips: new Map() }))).toEqual(only('lb'));
    const regrouped = db.update('Logical_DP_Group', 'group routers', { datapaths: ['router r'] });
    expect(topology.affected(regrouped)).toEqual(only('lb2'));
    expect(routersOf('lb2')).toEqual(['r']);
    expect(topology.affected(db.delete('Load_Balancer', 'lb2'))).toEqual(only('lb2'));
    const failover = topology.affected(db.update('Port_Binding', 'port cr-r-up', { chassis: undefined }));
    expect(failover).toContain('load-balancer:lb');
    const other = topology.affected(db.update('Port_Binding', 'port cr-s-up', { chassis: undefined }));
    expect(other).not.toContain('load-balancer:lb');
  });
});

it.each([true, false])('health checks tell the VIPs of which no member is online: %s', (health) => {
  const { db } = southboundCloud();
  const topology = createSouthboundTopology(db.views, IDENTITY, { health });
  const offline = () => candidateOf(topology, 'load-balancer', 'lb')?.offlineVipTexts;
  const vips = new Map([['172.24.4.60:80', '192.168.1.5:8080']]);
  topology.affected(db.insert('Load_Balancer', { name: 'lb', vips }, 'lb'));
  expect(offline()).toEqual([]);
  const row = { ip: '192.168.1.5', port: 8080, protocol: 'tcp', logical_port: 'vm', status: 'offline' };
  const affected = topology.affected(db.insert('Service_Monitor', row, 'monitor'));
  expect(affected).toEqual(new Set(health ? ['load-balancer:lb'] : []));
  expect(offline()).toEqual(health ? ['172.24.4.60:80'] : []);
});

it('further VIPs of a load balancer are told by their ports', () => {
  const cloud = southboundCloud();
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'tenant' });
  const topology = createSouthboundTopology(cloud.db.views, IDENTITY);
  cloud.db.insert('Load_Balancer', { name: 'one' }, 'lb');
  // Named so that the further ones would come first by name.
  const ports = [
    { name: 'z-vip', network: 'pub', cidrs: '172.24.4.60/24', loadBalancer: 'one' },
    { name: 'a-vip', network: 'tenant', cidrs: '2001:db8::60/64', loadBalancer: 'additional-1-one' },
  ];
  for (const port of ports) addVipPort(cloud, port);
  topology.affected({ cause: 'snapshot', changes: {} });
  expect(candidateOf(topology, 'load-balancer', 'lb')).toMatchObject({
    vipText: '172.24.4.60',
    vipPort: { network: { name: 'pub' } },
    additionalVips: [{ vipText: '2001:db8::60', vipPort: { network: { name: 'tenant' } } }],
  });
  // They are nobody's else.
  for (const { name } of ports) expect(topology.resolve(`load-balancer:port ${name}`)).toBeUndefined();
});
