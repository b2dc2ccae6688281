import { describe, expect, it } from 'vitest';
import { createSouthboundTopology } from './southbound.ts';
import {
  addRouter,
  addRouterPort,
  candidateOf,
  mapOf,
  resolveAll,
  type SouthboundTestRouterPort,
} from './southbound-testing.ts';
import { southboundCloud, testPort, testPortKey } from './testing.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const GATEWAY: SouthboundTestRouterPort = {
  router: 'r',
  name: 'up',
  addresses: 'fa:16:3e:aa:aa:aa 172.24.4.221/24 2001:db8::221/64',
  network: 'pub',
  gatewayOn: 'C1',
};
const INSIDE: SouthboundTestRouterPort = {
  router: 'r',
  name: 'down',
  addresses: 'fa:16:3e:bb:bb:bb 192.168.1.1/26 2001:db8:1::1/64',
  network: 'tenant',
};

/** A provider and a tenant network with one port each, two chassis, and a router without ports. */
function cloudWithRouter() {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addChassis('C2');
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'tenant' });
  cloud.addNetwork({ name: 'other' });
  cloud.addPort({ name: 'vm-pub', network: 'pub', chassis: 'C1' });
  cloud.addPort({ name: 'vm', network: 'tenant', chassis: 'C2' });
  cloud.addPort({ name: 'bystander', network: 'other', chassis: 'C2' });
  addRouter(cloud, 'r');
  const topology = createSouthboundTopology(cloud.db.views, IDENTITY);
  resolveAll(topology);
  /** Changes that the test is not about. */
  const tell = (...changes: readonly ReturnType<typeof addRouter>[]) => {
    for (const change of changes) topology.affected(change);
  };
  const gateway = (name: string) => candidateOf(topology, 'gateway', `port ${name}`);
  const subnet = (name: string) => candidateOf(topology, 'subnet', `port ${name}`);
  return { cloud, db: cloud.db, topology, tell, gateway, subnet };
}

describe('gateway ports', () => {
  it('are where their redirect port is bound, with the network at the other end', () => {
    const { cloud, topology, tell, gateway } = cloudWithRouter();
    tell(addRouterPort(cloud, GATEWAY));
    expect(gateway('cr-up')).toMatchObject({
      kind: 'gateway',
      key: 'gateway:port cr-up',
      row: { database: 'southbound', table: 'Port_Binding', uuid: 'port cr-up', name: 'cr-up' },
      name: 'cr-up',
      macText: 'fa:16:3e:aa:aa:aa',
      addressTexts: ['172.24.4.221/24', '2001:db8::221/64'],
      networkName: 'pub',
      network: { name: 'pub', localnets: [{ name: 'provnet-1' }] },
      residence: { kind: 'here' },
      marks: {},
    });
    expect(resolveAll(topology).filter((key) => /^(gateway|subnet|nat):/.test(key))).toEqual([
      'gateway:port cr-up',
    ]);
  });

  it.each([
    ['on another node', { gatewayOn: 'C2' }, {}, { kind: 'elsewhere', node: 'C2' }],
    ['nowhere', { gatewayOn: '' }, {}, { kind: 'nowhere' }],
    ['here but not up', {}, { up: false }, { kind: 'down' }],
    ['here, up not known to that release', {}, { up: undefined }, { kind: 'here' }],
    ['here, never migrating', {}, { additional_chassis: ['chassis C2'] }, { kind: 'here' }],
  ])('are %s', (_, port, values, expected) => {
    const { cloud, tell, db, gateway } = cloudWithRouter();
    tell(addRouterPort(cloud, { ...GATEWAY, ...port }));
    tell(db.update('Port_Binding', 'port cr-up', values));
    expect(gateway('cr-up')?.residence).toEqual(expected);
  });

  it('are found from either end that names the other', () => {
    const { cloud, db, topology, tell, gateway } = cloudWithRouter();
    tell(addRouterPort(cloud, GATEWAY));
    const without = (side: string, options: Readonly<Record<string, string>>) =>
      topology.affected(db.update('Port_Binding', side, { options: mapOf(options) }));
    without('port up', { 'chassis-redirect-port': 'cr-up' });
    expect(gateway('cr-up')?.networkName).toBe('pub');
    without('port to-up', {});
    expect(gateway('cr-up')).toMatchObject({ networkName: undefined, network: undefined });
  });

  it('take the marks of the redirect port, else those of the router port, else those of the switch', () => {
    const { cloud, db, topology, tell, gateway } = cloudWithRouter();
    const tag = (text: string) => mapOf({ 'ovn-bgp-agent:tag': text });
    tell(addRouterPort(cloud, { ...GATEWAY, switchIds: { 'ovn-bgp-agent:tag': 'switch' } }));
    expect(gateway('cr-up')?.marks.tag).toMatchObject({ text: 'switch', row: { uuid: 'port to-up' } });
    topology.affected(db.update('Port_Binding', 'port up', { external_ids: tag('router') }));
    expect(gateway('cr-up')?.marks.tag?.text).toBe('router');
    topology.affected(db.update('Port_Binding', 'port cr-up', { external_ids: tag('own') }));
    expect(gateway('cr-up')?.marks.tag?.text).toBe('own');
  });

  it('of a pinned router are those on a physical network, its other ports attach subnets', () => {
    const { cloud, topology, tell, gateway, subnet } = cloudWithRouter();
    const { gatewayOn: _, ...pinned } = GATEWAY;
    tell(addRouterPort(cloud, { ...pinned, pinnedTo: 'C1' }));
    tell(addRouterPort(cloud, { ...INSIDE, pinnedTo: 'C1' }));
    expect(gateway('up')).toMatchObject({ residence: { kind: 'here' }, networkName: 'pub' });
    expect(subnet('up')).toBeUndefined();
    expect(gateway('down')).toBeUndefined();
    expect(subnet('down')).toMatchObject({ networkName: 'tenant', router: { gateways: [{ name: 'up' }] } });
    resolveAll(topology);
    const change = cloud.addPort({ name: 'provnet-2', network: 'tenant', type: 'localnet' });
    expect(topology.affected(change)).toEqual(
      new Set(['gateway:port down', 'subnet:port down', testPortKey('vm')]),
    );
    expect([gateway('down')?.networkName, subnet('down')]).toEqual(['tenant', undefined]);
  });

  it('are none on a switch, although OVN redirects ports of switches, too', () => {
    const { cloud, tell, db, gateway } = cloudWithRouter();
    tell(addRouterPort(cloud, GATEWAY));
    const ids = mapOf({ name: 'tenant', 'logical-switch': 's' });
    tell(db.update('Datapath_Binding', 'switch tenant', { external_ids: ids }));
    tell(db.update('Port_Binding', 'port cr-up', { datapath: 'switch tenant' }));
    expect(gateway('cr-up')).toBeUndefined();
  });
});

describe('subnets', () => {
  it('are all addresses of router ports, with the router and its gateways', () => {
    const { cloud, topology, tell, subnet, gateway } = cloudWithRouter();
    tell(addRouterPort(cloud, GATEWAY));
    tell(addRouterPort(cloud, { ...INSIDE, switchIds: { 'neutron:subnet_pool_addr_scope4': 'scope-a' } }));
    const found = subnet('down');
    expect(found).toMatchObject({
      kind: 'subnet',
      row: { table: 'Port_Binding', name: 'down' },
      networkName: 'tenant',
      network: { name: 'tenant', localnets: [] },
      addressTexts: ['192.168.1.1/26', '2001:db8:1::1/64'],
      up: true,
      scopes: { scope4: 'scope-a' },
      routerName: 'r',
      router: { row: { table: 'Datapath_Binding', uuid: 'router r' }, name: 'r' },
      sourceNats: [],
    });
    const [through] = found?.router?.gateways ?? [];
    expect(gateway('cr-up')).toEqual({
      ...through,
      natUntold: { ...through?.row, uuid: 'port to-up', name: 'to-up' },
    });
    expect(testPort(topology, 'vm')?.subnets).toEqual([found]);
    expect(testPort(topology, 'vm-pub')?.subnets).toEqual([]);
  });

  it('name their router by its id, with or without the prefix of some releases', () => {
    const { cloud, db, topology, tell, subnet } = cloudWithRouter();
    tell(addRouterPort(cloud, { ...INSIDE, ids: { 'neutron:router_name': 'neutron-4444' } }));
    const renamed = mapOf({ name: 'neutron-4444', 'logical-router': 'nb r' });
    topology.affected(db.update('Datapath_Binding', 'router r', { external_ids: renamed }));
    expect(subnet('down')).toMatchObject({ routerName: '4444', router: { name: '4444' } });
  });

  it.each([
    ['the row says so', mapOf({ peer: 'to-up', 'chassis-redirect-port': 'cr-up' })],
    ['only the redirect port says so', mapOf({ peer: 'to-up' })],
  ])('are none behind a gateway port: %s', (_, options) => {
    const { cloud, db, topology, tell, subnet } = cloudWithRouter();
    tell(addRouterPort(cloud, GATEWAY));
    tell(db.update('Port_Binding', 'port up', { options }));
    expect(subnet('up')).toBeUndefined();
    expect(testPort(topology, 'vm-pub')?.subnets).toEqual([]);
  });

  it('are none between two routers, nor on the side of the switch', () => {
    const { cloud, tell, db, subnet } = cloudWithRouter();
    tell(addRouter(cloud, 's'));
    const link = '02:00:00:00:00:01 10.0.0.1/30';
    tell(addRouterPort(cloud, { router: 'r', name: 'r-s', addresses: link }));
    tell(addRouterPort(cloud, { router: 's', name: 's-r', addresses: link }));
    tell(db.update('Port_Binding', 'port r-s', { options: mapOf({ peer: 's-r' }) }));
    tell(addRouterPort(cloud, INSIDE));
    expect([subnet('r-s'), subnet('s-r'), subnet('to-down')]).toEqual([undefined, undefined, undefined]);
    expect(subnet('down')).toBeDefined();
  });

  it('of a network that is attached to several routers are all of them', () => {
    const { cloud, tell, topology } = cloudWithRouter();
    tell(addRouter(cloud, 's'));
    tell(addRouterPort(cloud, INSIDE));
    tell(addRouterPort(cloud, { ...INSIDE, router: 's', name: 'also' }));
    expect(testPort(topology, 'vm')?.subnets.map(({ name }) => name)).toEqual(['also', 'down']);
  });

  it('know their router also where neither datapath tells what it is', () => {
    const { cloud, tell, db, subnet } = cloudWithRouter();
    tell(addRouterPort(cloud, INSIDE));
    tell(db.update('Datapath_Binding', 'router r', { external_ids: mapOf({ name: 'r' }) }));
    expect(subnet('down')).toMatchObject({ networkName: 'tenant', routerName: 'r' });
    tell(db.update('Datapath_Binding', 'router r', { type: 'logical-switch' }));
    expect(subnet('down')).toBeUndefined();
  });
});

describe('what a change around a router affects', () => {
  function cloudInUse() {
    const made = cloudWithRouter();
    addRouterPort(made.cloud, GATEWAY);
    addRouterPort(made.cloud, INSIDE);
    made.topology.affected({ cause: 'snapshot', changes: {} });
    resolveAll(made.topology);
    return made;
  }
  const BEHIND = ['subnet:port down', testPortKey('vm')];

  it('is everything behind a gateway that fails over, and nothing else', () => {
    const { db, topology, gateway, subnet } = cloudInUse();
    const moved = db.update('Port_Binding', 'port cr-up', { chassis: 'chassis C2' });
    expect(topology.affected(moved)).toEqual(new Set(['gateway:port cr-up', ...BEHIND]));
    const elsewhere = { kind: 'elsewhere', node: 'C2' };
    expect(gateway('cr-up')?.residence).toEqual(elsewhere);
    expect(subnet('down')?.router?.gateways[0]?.residence).toEqual(elsewhere);
  });

  it('is the ports of a network that is attached or detached', () => {
    const { cloud, db, topology } = cloudInUse();
    const attached = addRouterPort(cloud, {
      ...INSIDE,
      name: 'second',
      network: 'other',
      addresses: '02:00:00:00:00:02 10.9.0.1/24',
    });
    expect(topology.affected(attached)).toEqual(new Set(['subnet:port second', testPortKey('bystander')]));
    expect(testPort(topology, 'bystander')?.subnets).toHaveLength(1);
    resolveAll(topology);
    const detached = db.transact((tx) => {
      tx.delete('Port_Binding', 'port second');
      tx.delete('Port_Binding', 'port to-second');
    });
    expect(topology.affected(detached)).toEqual(new Set(['subnet:port second', testPortKey('bystander')]));
    expect(testPort(topology, 'bystander')?.subnets).toEqual([]);
  });

  it('is the gateway and what is behind it when the router goes', () => {
    const { db, topology } = cloudInUse();
    const gone = db.transact((tx) => {
      for (const name of ['cr-up', 'up', 'to-up', 'down', 'to-down'])
        tx.delete('Port_Binding', `port ${name}`);
      tx.delete('Datapath_Binding', 'router r');
    });
    const affected = topology.affected(gone);
    for (const key of ['gateway:port cr-up', ...BEHIND]) expect(affected).toContain(key);
    expect(affected).not.toContain(testPortKey('vm-pub'));
    expect(resolveAll(topology)).toEqual(['bystander', 'vm', 'vm-pub'].map(testPortKey));
  });

  it('is no port when a workload comes to the same network', () => {
    const { cloud, topology } = cloudInUse();
    expect(topology.affected(cloud.addPort({ name: 'new', network: 'tenant' }))).toEqual(
      new Set([testPortKey('new')]),
    );
  });
});
