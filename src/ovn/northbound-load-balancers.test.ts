import { describe, expect, it } from 'vitest';
import type { Transaction } from './memory-database.ts';
import type { NorthboundDatabase } from './northbound-schema.ts';
import { ids, type RouterCloud, routerCloud } from './testing-routers.ts';

const OCTAVIA = {
  'neutron:vip': '10.0.0.50',
  'neutron:vip_fip': '172.24.4.150',
  'neutron:vip_port_id': 'vip-port',
  lr_ref: 'neutron-r-one',
};

function withLoadBalancer(
  name: string,
  externalIds: Readonly<Record<string, string>>,
  more: (tx: Transaction<NorthboundDatabase>) => void = () => undefined,
): RouterCloud {
  const cloud = routerCloud();
  cloud.change((tx) => {
    const vips = ids({ '10.0.0.50:80': '10.0.0.8:80', '[2001:db8:1::50]:80': '[2001:db8:1::8]:80' });
    tx.insert('Load_Balancer', { name, vips, external_ids: ids(externalIds) }, 'lb');
    const external = ids({ 'neutron:network_name': 'neutron-tenant' });
    const addresses = ['fa:16:3e:00:00:50 10.0.0.50'];
    tx.insert('Logical_Switch_Port', { name: 'vip-port', addresses, external_ids: external }, 'vip-port');
    more(tx);
  });
  return cloud;
}

describe('a load balancer of Octavia', () => {
  it('is read with its VIP, its port and its router', () => {
    expect(withLoadBalancer('web', OCTAVIA).get('load-balancer', 'lb')).toMatchObject({
      flavor: 'octavia',
      vipTexts: ['10.0.0.50:80', '[2001:db8:1::50]:80'],
      vipText: '10.0.0.50',
      vipFipText: '172.24.4.150',
      vipFipMacText: undefined,
      vipPort: {
        row: { uuid: 'vip-port' },
        addressTexts: ['fa:16:3e:00:00:50 10.0.0.50'],
        networkName: 'neutron-tenant',
        subnets: [{ key: 'subnet:attachment' }],
      },
      routerName: 'r-one',
      routers: [{ name: 'r-one', gateways: [{ name: 'lrp-gw' }] }],
      subnets: [{ key: 'subnet:attachment' }],
    });
  });

  it('finds its router by a name without prefix', () => {
    const { get } = withLoadBalancer('web', { ...OCTAVIA, lr_ref: 'r-one' });
    expect(get('load-balancer', 'lb').routers).toHaveLength(1);
  });

  it.each([
    ['the row of its floating IP', { external_ip: '172.24.4.150' }],
    ['the row of its port', { external_ip: '172.24.4.151', logical_port: 'vip-port' }],
  ])('has the MAC of %s', (_, columns) => {
    const { change, get } = withLoadBalancer('web', OCTAVIA);
    const row = { type: 'dnat_and_snat', external_mac: 'fa:16:3e:00:00:f1', ...columns };
    expect(change((tx) => tx.insert('NAT', row, 'vip-fip'))).toEqual(['load-balancer:lb', 'nat:vip-fip']);
    expect(get('load-balancer', 'lb').vipFipMacText).toBe('fa:16:3e:00:00:f1');
    expect(change((tx) => tx.update('NAT', 'vip-fip', { external_mac: '' }))).toEqual([
      'load-balancer:lb',
      'nat:vip-fip',
    ]);
    expect(get('load-balancer', 'lb').vipFipMacText).toBeUndefined();
  });

  it('follows its gateway and its port, and goes with its row', () => {
    const { change, topology } = withLoadBalancer('web', OCTAVIA);
    const failover = ids({ 'hosting-chassis': 'C2' });
    expect(change((tx) => tx.update('Logical_Router_Port', 'gw', { status: failover }))).toContain(
      'load-balancer:lb',
    );
    expect(change((tx) => tx.delete('Logical_Switch_Port', 'vip-port'))).toContain('load-balancer:lb');
    expect(change((tx) => tx.delete('Load_Balancer', 'lb'))).toEqual(['load-balancer:lb']);
    expect(topology.resolve('load-balancer:lb')).toBeUndefined();
    expect(change((tx) => tx.update('Logical_Router_Port', 'gw', { status: ids({}) }))).not.toContain(
      'load-balancer:lb',
    );
  });
});

it.each(['r-one', 'neutron-r-one'])('a port forwarding has the router that it calls %s', (name) => {
  const { get } = withLoadBalancer('pf-floatingip-1-tcp', { 'neutron:router_name': name });
  expect(get('load-balancer', 'lb')).toMatchObject({
    flavor: 'port-forwarding',
    vipPort: undefined,
    vipText: undefined,
    routerName: 'r-one',
    routers: [{ name: 'r-one' }],
  });
});

describe('a plain load balancer', () => {
  it('has the routers that list it or its group', () => {
    const { change, get } = withLoadBalancer('plain', {}, (tx) => {
      tx.update('Logical_Router', 'router', { load_balancer: ['lb'] });
      tx.insert('Load_Balancer_Group', { name: 'group', load_balancer: ['lb'] }, 'group');
      tx.insert('Logical_Router', { name: 'another', load_balancer_group: ['group'] }, 'router two');
    });
    const routers = () => get('load-balancer', 'lb').routers.map(({ name }) => name);
    expect(routers()).toEqual(['another', 'r-one']);
    expect(get('load-balancer', 'lb').flavor).toBe('plain');
    expect(change((tx) => tx.update('Load_Balancer_Group', 'group', { load_balancer: [] }))).toEqual([
      'load-balancer:lb',
    ]);
    expect(routers()).toEqual(['r-one']);
    change((tx) => tx.update('Logical_Router', 'router', { load_balancer: [] }));
    expect(routers()).toEqual([]);
  });

  it('is what any is where Neutron does not count', () => {
    const cloud = routerCloud({ cms: 'ovn' });
    cloud.change((tx) => {
      tx.insert('Load_Balancer', { name: 'pf-floatingip-1', external_ids: ids(OCTAVIA) }, 'lb');
    });
    expect(cloud.get('load-balancer', 'lb')).toMatchObject({
      flavor: 'plain',
      vipText: undefined,
      routers: [],
    });
  });
});

describe('health checks', () => {
  function cloud(health: boolean) {
    const made = routerCloud({ health });
    made.change((tx) => {
      tx.insert('Load_Balancer_Health_Check', { vip: '172.24.4.60:80' }, 'check');
      tx.insert(
        'Load_Balancer',
        {
          name: 'lb',
          vips: new Map([['172.24.4.60:80', '10.0.0.8:8080']]),
          health_check: ['check'],
          ip_port_mappings: new Map([['10.0.0.8', 'vm:10.0.0.2']]),
        },
        'lb',
      );
    });
    const monitor = (status: string, logical_port = 'vm') =>
      made.changeBindings((tx) =>
        tx.insert(
          'Service_Monitor',
          { ip: '10.0.0.8', port: 8080, protocol: 'tcp', logical_port, status },
          logical_port,
        ),
      );
    return { ...made, monitor, offline: () => made.get('load-balancer', 'lb').offlineVipTexts };
  }

  it('tell the VIPs of which no member is online, where they count', () => {
    const { monitor, offline, changeBindings } = cloud(true);
    expect(offline()).toEqual([]);
    expect(monitor('offline')).toEqual(['load-balancer:lb']);
    expect(offline()).toEqual(['172.24.4.60:80']);
    expect(changeBindings((tx) => tx.update('Service_Monitor', 'vm', { status: 'online' }))).toEqual([
      'load-balancer:lb',
    ]);
    expect(offline()).toEqual([]);
  });

  it("are not those of another port's member, and of keys that have one", () => {
    const { change, monitor, offline } = cloud(true);
    monitor('offline', 'other');
    expect(offline()).toEqual([]);
    monitor('offline');
    change((tx) => tx.update('Load_Balancer_Health_Check', 'check', { vip: '172.24.4.61:80' }));
    expect(offline()).toEqual([]);
  });

  it('tell nothing where they do not count', () => {
    const { monitor, offline } = cloud(false);
    monitor('offline');
    expect(offline()).toEqual([]);
  });
});

it('further VIPs of a load balancer of Octavia have ports and floating IPs of their own', () => {
  const { change, get } = routerCloud();
  change((tx) => {
    tx.insert(
      'Logical_Switch_Port',
      { name: 'vip-6', external_ids: ids({ 'neutron:network_name': 'neutron-tenant' }) },
      'vip-6',
    );
    tx.insert(
      'Load_Balancer',
      {
        name: 'lb',
        external_ids: ids({
          'neutron:vip': '10.0.0.50',
          'neutron:vip_port_id': 'vm',
          'neutron:additional_vips': '2001:db8:1::50,10.0.0.51,',
          'neutron:additional_vip_port_ids': 'vip-6,gone',
          'neutron:additional_vip_fips': ',172.24.4.100',
          lr_ref: 'r-one',
        }),
      },
      'lb',
    );
  });
  expect(get('load-balancer', 'lb')).toMatchObject({
    vipText: '10.0.0.50',
    vipPort: { row: { uuid: 'vm' } },
    additionalVips: [
      { vipText: '2001:db8:1::50', vipFipText: undefined, vipPort: { row: { uuid: 'vip-6' } } },
      {
        vipText: '10.0.0.51',
        vipFipText: '172.24.4.100',
        vipFipMacText: 'fa:16:3e:00:00:f0',
        vipPort: undefined,
      },
    ],
  });
});
