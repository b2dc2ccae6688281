import { describe, expect, it } from 'vitest';
import { ids, routerCloud } from './testing-routers.ts';

describe('a gateway port', () => {
  it('is read with its network and its place', () => {
    expect(routerCloud().get('gateway', 'gw')).toMatchObject({
      key: 'gateway:gw',
      name: 'lrp-gw',
      macText: 'fa:16:3e:00:00:a0',
      addressTexts: ['172.24.4.2/24', '2001:db8::2/64'],
      networkName: 'neutron-pub',
      network: { name: 'neutron-pub', localnets: [{ name: 'provnet', tag: 100 }] },
      residence: { kind: 'here' },
      marks: {},
    });
  });

  it('that moves affects what depends on the router, and nothing else', () => {
    const { change, get } = routerCloud();
    const affected = change((tx) =>
      tx.update('Logical_Router_Port', 'gw', { status: ids({ 'hosting-chassis': 'C2' }) }),
    );
    expect(affected).toEqual(['gateway:gw', 'nat:fip', 'nat:snat', 'port:vm', 'subnet:attachment']);
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'elsewhere', node: 'C2' });
    expect(get('nat', 'fip').gateways[0]?.residence).toEqual({ kind: 'elsewhere', node: 'C2' });
    expect(get('port', 'vm').subnets[0]?.router?.gateways[0]?.residence.kind).toBe('elsewhere');
  });

  it.each([
    ['a gateway chassis', { gateway_chassis: ['gc'] }],
    ['an HA chassis group', { ha_chassis_group: 'group' }],
  ])('is told by %s', (_, columns) => {
    const { change, topology } = routerCloud();
    const bare = { gateway_chassis: [], ha_chassis_group: undefined, status: ids({}) };
    expect(change((tx) => tx.update('Logical_Router_Port', 'gw', bare))).toContain('gateway:gw');
    expect(topology.resolve('gateway:gw')).toBeUndefined();
    expect([...topology.candidates()]).not.toContain('gateway:gw');
    expect(change((tx) => tx.update('Logical_Router_Port', 'gw', columns))).toContain('gateway:gw');
    expect(topology.resolve('gateway:gw')).toBeDefined();
  });

  it('is none with a hosting chassis alone, which stays behind when it ceases to be one', () => {
    const { change, topology } = routerCloud();
    change((tx) => tx.update('Logical_Router_Port', 'gw', { gateway_chassis: [] }));
    expect(topology.resolve('gateway:gw')).toBeUndefined();
  });

  it.each([
    ['router', 'Logical_Router', 'router'],
    ['own row', 'Logical_Router_Port', 'gw'],
    ["switch's port at its other end", 'Logical_Switch_Port', 'pub-router'],
  ] as const)('is switched off by its %s, and whatever depends on it is told', (_, table, uuid) => {
    const { change, get } = routerCloud();
    const off = change((tx) => tx.update(table, uuid, { enabled: false }));
    expect(off).toEqual(expect.arrayContaining(['gateway:gw', 'nat:fip', 'nat:snat', 'subnet:attachment']));
    expect(get('gateway', 'gw').disabled).toMatchObject({ table, uuid });
    expect(get('nat', 'fip').gateways[0]?.disabled?.uuid).toBe(uuid);
    expect(change((tx) => tx.update(table, uuid, { enabled: true }))).toEqual(off);
    expect(get('gateway', 'gw').disabled).toBeUndefined();
  });

  it('of a router that is bound to one chassis is there, whatever its own row says', () => {
    const { change, get } = routerCloud();
    change((tx) => tx.update('Logical_Router', 'router', { options: ids({ chassis: 'C9' }) }));
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'elsewhere', node: 'C9' });
    change((tx) => tx.update('Logical_Router', 'router', { options: ids({ chassis: '' }) }));
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'nowhere' });
  });

  it('of a router that is bound to one chassis is where that is, on the side of the localnet port', () => {
    const { change, get, topology } = routerCloud();
    change((tx) => tx.update('Logical_Router_Port', 'gw', { gateway_chassis: [], status: ids({}) }));
    const bound = change((tx) => tx.update('Logical_Router', 'router', { options: ids({ chassis: 'C1' }) }));
    expect(bound).toContain('gateway:gw');
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'here' });
    expect(topology.resolve('gateway:in')).toBeUndefined();
    expect(get('subnet', 'attachment').router?.gateways).toHaveLength(1);
  });

  it('is where its chassisredirect binding is, where its own row does not tell', () => {
    const { change, changeBindings, get } = routerCloud();
    change((tx) => tx.update('Logical_Router_Port', 'gw', { status: ids({}) }));
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'nowhere' });
    const bound = changeBindings((tx) =>
      tx.insert('Port_Binding', { logical_port: 'cr-lrp-gw', type: 'chassisredirect', chassis: 'c2' }, 'b'),
    );
    expect(bound).toContain('gateway:gw');
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'elsewhere', node: 'C2' });
    changeBindings((tx) => tx.update('Port_Binding', 'b', { chassis: 'c1', up: false }));
    expect(get('gateway', 'gw').residence).toEqual({ kind: 'here' });
  });

  it('that goes leaves the router without', () => {
    const { change, topology, get } = routerCloud();
    const gone = change((tx) => tx.delete('Logical_Router_Port', 'gw'));
    expect(gone).toContain('gateway:gw');
    expect(topology.resolve('gateway:gw')).toBeUndefined();
    expect(get('subnet', 'attachment').router?.gateways).toEqual([]);
    expect(get('nat', 'fip').gateways).toEqual([]);
  });

  it('without a name of its network is on the switch that has its other end', () => {
    const { change, get } = routerCloud();
    change((tx) => tx.update('Logical_Router_Port', 'gw', { external_ids: ids({}) }));
    expect(get('gateway', 'gw')).toMatchObject({
      networkName: 'neutron-pub',
      network: { name: 'neutron-pub' },
    });
  });
});

describe('a subnet', () => {
  it('is read with its router, its gateways and its source translations', () => {
    expect(routerCloud().get('subnet', 'attachment')).toMatchObject({
      key: 'subnet:attachment',
      networkName: 'neutron-tenant',
      network: { name: 'neutron-tenant', localnets: [] },
      addressTexts: ['10.0.0.1/24', '2001:db8:1::1/64'],
      up: true,
      scopes: { scope4: 'scope-4' },
      routerName: 'r-one',
      router: { name: 'r-one', gateways: [{ name: 'lrp-gw' }] },
      sourceNats: [{ row: { uuid: 'snat' }, logicalIpText: '10.0.0.0/24' }],
    });
  });

  it.each(['r-one', 'neutron-r-one'])('finds its router by %s, whatever the router is called', (deviceId) => {
    const { change, get, db } = routerCloud();
    const external = new Map(db.views.Logical_Switch_Port.get('attachment')?.external_ids);
    for (const name of ['r-one', 'neutron-r-one']) {
      change((tx) => {
        tx.update('Logical_Router', 'router', { name, ports: ['gw'] });
        tx.update('Logical_Switch_Port', 'attachment', {
          external_ids: external.set('neutron:device_id', deviceId),
        });
      });
      expect(get('subnet', 'attachment')).toMatchObject({ routerName: 'r-one', router: { name: 'r-one' } });
    }
  });

  it.each(['network:router_gateway', 'network:router_ha_interface', ''])(
    'is none for device owner "%s"',
    (owner) => {
      const { change, topology, db } = routerCloud();
      const external = new Map(db.views.Logical_Switch_Port.get('attachment')?.external_ids);
      const affected = change((tx) =>
        tx.update('Logical_Switch_Port', 'attachment', {
          external_ids: external.set('neutron:device_owner', owner),
        }),
      );
      expect(affected).toEqual(['port:vm', 'subnet:attachment']);
      expect(topology.resolve('subnet:attachment')).toBeUndefined();
    },
  );

  it('is every one of the network of a port', () => {
    const { change, get } = routerCloud();
    expect(get('port', 'vm').subnets.map(({ name }) => name)).toEqual(['attachment']);
    const added = change((tx) => {
      tx.insert('Logical_Router_Port', { name: 'lrp-two', networks: ['10.0.0.2/24'] }, 'two');
      tx.insert('Logical_Router', { name: 'r-two', ports: ['two'] }, 'router two');
      tx.insert(
        'Logical_Switch_Port',
        { name: 'a-second', type: 'router', options: ids({ 'router-port': 'lrp-two' }) },
        'second',
      );
      tx.update('Logical_Switch', 'tenant', { ports: ['attachment', 'second', 'vm'] });
    });
    expect(added).toEqual(['port:vm', 'subnet:second']);
    expect(get('port', 'vm').subnets.map(({ name }) => name)).toEqual(['a-second', 'attachment']);
    expect(get('subnet', 'second')).toMatchObject({
      addressTexts: ['10.0.0.2/24'],
      routerName: 'r-two',
      up: false,
    });
    const removed = change((tx) => {
      tx.delete('Logical_Switch_Port', 'attachment');
      tx.update('Logical_Switch', 'tenant', { ports: ['second', 'vm'] });
    });
    expect(removed).toEqual(['port:vm', 'subnet:attachment']);
    expect(get('port', 'vm').subnets.map(({ name }) => name)).toEqual(['a-second']);
  });

  it.each([
    ['router', 'Logical_Router', 'router'],
    ["router's port", 'Logical_Router_Port', 'in'],
    ['own row', 'Logical_Switch_Port', 'attachment'],
  ] as const)('is switched off by its %s', (_, table, uuid) => {
    const { change, get } = routerCloud();
    const off = change((tx) => tx.update(table, uuid, { enabled: false }));
    expect(off).toEqual(expect.arrayContaining(['port:vm', 'subnet:attachment']));
    expect(get('subnet', 'attachment').disabled).toMatchObject({ table, uuid });
    expect(get('port', 'vm').subnets[0]?.disabled?.uuid).toBe(uuid);
  });

  it('notices source translations, not other translations', () => {
    const { change, get } = routerCloud();
    const other = change((tx) => {
      tx.insert('NAT', { type: 'dnat_and_snat', external_ip: '172.24.4.101' }, 'another');
      tx.update('Logical_Router', 'router', { nat: ['another', 'fip', 'snat'] });
    });
    expect(other).toEqual(['nat:another']);
    expect(change((tx) => tx.update('NAT', 'snat', { logical_ip: '10.9.0.0/24' }))).toEqual([
      'nat:snat',
      'port:vm',
      'subnet:attachment',
    ]);
    expect(get('subnet', 'attachment').sourceNats[0]?.logicalIpText).toBe('10.9.0.0/24');
    change((tx) => tx.update('Logical_Router', 'router', { nat: ['another', 'fip'] }));
    expect(get('subnet', 'attachment').sourceNats).toEqual([]);
  });
});

describe("an operator's mark", () => {
  const mark = (expose: string) => ids({ 'ovn-bgp-agent:expose': expose });

  it('counts from the nearest row', () => {
    const { change, get } = routerCloud();
    const of = () => get('port', 'vm').marks.expose?.text;
    expect(change((tx) => tx.update('Logical_Router', 'router', { external_ids: mark('router') }))).toEqual([
      'gateway:gw',
      'nat:fip',
      'nat:snat',
      'port:vm',
      'subnet:attachment',
    ]);
    expect([of(), get('nat', 'fip').marks.expose?.text, get('gateway', 'gw').marks.expose?.text]).toEqual([
      'router',
      'router',
      'router',
    ]);
    change((tx) => tx.update('Logical_Switch', 'tenant', { external_ids: mark('switch') }));
    expect([of(), get('subnet', 'attachment').marks.expose?.text]).toEqual(['switch', 'switch']);
    change((tx) => tx.update('Logical_Switch', 'pub', { external_ids: mark('outside') }));
    expect([get('nat', 'fip').marks.expose?.text, get('gateway', 'gw').marks.expose?.text]).toEqual([
      'outside',
      'outside',
    ]);
    change((tx) => tx.update('NAT', 'fip', { external_ids: mark('own') }));
    expect(get('nat', 'fip').marks.expose).toEqual({
      text: 'own',
      row: { database: 'northbound', table: 'NAT', uuid: 'fip', name: '172.24.4.100' },
    });
  });

  it('of each kind comes from where it stands', () => {
    const { change, get } = routerCloud();
    change((tx) => {
      tx.update('Logical_Switch', 'tenant', { external_ids: mark('false') });
      tx.update('Logical_Router', 'router', { external_ids: ids({ 'ovn-bgp-agent:tag': 'gold' }) });
    });
    expect(get('port', 'vm').marks).toMatchObject({ expose: { text: 'false' }, tag: { text: 'gold' } });
  });
});

it('a revision of a switch or router affects nothing', () => {
  const { change } = routerCloud();
  const revision = ids({ 'neutron:revision_number': '7' });
  expect(change((tx) => tx.update('Logical_Switch', 'tenant', { external_ids: revision }))).toEqual([]);
  expect(change((tx) => tx.update('Logical_Switch', 'pub', { external_ids: revision }))).toEqual([]);
  expect(change((tx) => tx.update('Logical_Router', 'router', { external_ids: revision }))).toEqual([]);
});
