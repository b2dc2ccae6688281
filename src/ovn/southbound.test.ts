import { describe, expect, it } from 'vitest';
import { createSouthboundTopology } from './southbound.ts';
import { southboundCloud, testPort, testPortKey } from './testing.ts';
import { candidateKind } from './topology.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const PUB = { name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1', vlan: 100 };
const VM = {
  name: 'vm',
  network: 'pub',
  addresses: 'fa:16:3e:00:00:10 172.24.4.10',
  chassis: 'C1',
  up: true,
};

function cloudWithVm() {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addChassis('C2');
  cloud.addNetwork(PUB);
  cloud.addPort(VM);
  cloud.addPort({ ...VM, name: 'remote', chassis: 'C2' });
  cloud.addNetwork({ name: 'other', localnet: 'provnet-9', physicalNetwork: 'physnet1' });
  cloud.addPort({ ...VM, name: 'bystander', network: 'other' });
  for (const type of ['patch', 'chassisredirect']) cloud.addPort({ name: `a ${type}`, network: 'pub', type });
  const topology = createSouthboundTopology(cloud.db.views, IDENTITY);
  // What was asked for once is what a change can alter.
  for (const key of topology.candidates()) topology.resolve(key);
  const networkOf = (name: string) => testPort(topology, name)?.network;
  return { cloud, db: cloud.db, topology, networkOf };
}

const bothOnPub = new Set([testPortKey('vm'), testPortKey('remote')]);

describe('ports', () => {
  it('are read with their network and their place', () => {
    const { topology } = cloudWithVm();
    expect(testPort(topology, 'vm')).toEqual({
      kind: 'port',
      key: 'port:port vm',
      row: { database: 'southbound', table: 'Port_Binding', uuid: 'port vm', name: 'vm' },
      name: 'vm',
      type: '',
      addressTexts: ['fa:16:3e:00:00:10 172.24.4.10'],
      active: true,
      scopes: {},
      subnets: [],
      marks: {},
      cidrs: [],
      networkName: 'pub',
      network: {
        row: { database: 'southbound', table: 'Datapath_Binding', uuid: 'switch pub', name: 'pub' },
        name: 'pub',
        localnets: [
          {
            row: { database: 'southbound', table: 'Port_Binding', uuid: 'port provnet-1', name: 'provnet-1' },
            name: 'provnet-1',
            physicalNetwork: 'physnet1',
            tag: 100,
          },
        ],
        gateways6: [],
      },
      residence: { kind: 'here' },
      neighbor: false,
      proxyNdp: false,
    });
  });

  it('are candidates, the plumbing is not', () => {
    const { topology } = cloudWithVm();
    const ports = [...topology.candidates()].filter((key) => candidateKind(key) === 'port');
    expect(ports.sort()).toEqual(['bystander', 'remote', 'vm'].map(testPortKey));
    for (const name of ['a patch', 'a chassisredirect', 'provnet-1', 'nobody']) {
      expect(testPort(topology, name)).toBeUndefined();
    }
    expect([...topology.localnets()].map(({ name }) => name).sort()).toEqual(['provnet-1', 'provnet-9']);
  });

  it('leave the list of localnet ports as it is, which only those change', () => {
    const { cloud, topology } = cloudWithVm();
    const before = topology.localnets();
    topology.affected(
      cloud.addNetwork({ name: 'neutron-8', localnet: 'provnet-8', physicalNetwork: 'physnet1', vlan: 8 }),
    );
    expect(topology.localnets()).not.toBe(before);
    expect(topology.localnets()).toHaveLength(3);
  });

  it('proxy their network only when they are virtual', () => {
    const { cloud, topology } = cloudWithVm();
    cloud.addPort({ ...VM, name: 'vip', type: 'virtual', cidrs: ' 172.24.4.77/24  2001:db8::77/64 ' });
    expect(testPort(topology, 'vip')).toMatchObject({
      proxyNdp: true,
      cidrs: ['172.24.4.77/24', '2001:db8::77/64'],
    });
  });

  it('carry traffic wherever they are bound, virtual ones in any case', () => {
    const { cloud, topology } = cloudWithVm();
    cloud.addPort({ name: 'unbound', network: 'pub' });
    cloud.addPort({ name: 'virtual', network: 'pub', type: 'virtual' });
    const active = ['vm', 'remote', 'unbound', 'virtual'].map((name) => testPort(topology, name)?.active);
    expect(active).toEqual([true, true, false, true]);
  });

  it('hand on what the row says of address scopes and marks', () => {
    const { db, topology } = cloudWithVm();
    const ids = {
      'neutron:subnet_pool_addr_scope4': 'scope-a',
      'neutron:subnet_pool_addr_scope6': '',
      'ovn-bgp-agent:expose': 'false',
      'ovn-bgp-agent:tag': 'gold',
    };
    db.update('Port_Binding', 'port vm', { external_ids: new Map(Object.entries(ids)) });
    const row = testPort(topology, 'vm')?.row;
    expect(testPort(topology, 'vm')).toMatchObject({
      scopes: { scope4: 'scope-a' },
      marks: { expose: { text: 'false', row }, tag: { text: 'gold', row } },
    });
    expect(testPort(topology, 'vm')?.scopes).not.toHaveProperty('scope6');
  });

  it('of an unknown chassis or datapath are somewhere else or nowhere', () => {
    const { db, topology } = cloudWithVm();
    db.update('Port_Binding', 'port vm', { chassis: 'chassis C9', datapath: 'gone' });
    expect(testPort(topology, 'vm')).toMatchObject({
      residence: { kind: 'elsewhere', node: 'chassis C9' },
      network: undefined,
    });
  });
});

describe('what a change affects', () => {
  it('is the port itself', () => {
    const { cloud, db, topology } = cloudWithVm();
    const only = (name: string) => new Set([testPortKey(name)]);
    expect(topology.affected(db.update('Port_Binding', 'port vm', { up: false }))).toEqual(only('vm'));
    expect(topology.affected(cloud.addPort({ ...VM, name: 'new' }))).toEqual(only('new'));
    expect(topology.affected(db.delete('Port_Binding', 'port vm'))).toEqual(only('vm'));
    expect(topology.affected(db.update('Port_Binding', 'port a patch', { up: true }))).toEqual(new Set());
  });

  it('is everything after a snapshot', () => {
    expect(cloudWithVm().topology.affected({ cause: 'snapshot', changes: {} })).toBe('all');
  });

  it('is every port of the network when its localnet changes, comes or goes', () => {
    const { cloud, db, topology, networkOf } = cloudWithVm();
    expect(topology.affected(db.update('Port_Binding', 'port provnet-1', { tag: 200 }))).toEqual(bothOnPub);
    expect(topology.affected(db.update('Port_Binding', 'port provnet-1', { up: true }))).toEqual(new Set());
    expect(topology.affected(db.delete('Port_Binding', 'port provnet-1'))).toEqual(bothOnPub);
    expect(networkOf('vm')?.localnets).toEqual([]);
    expect(topology.affected(cloud.addPort({ name: 'provnet-7', network: 'pub', type: 'localnet' }))).toEqual(
      bothOnPub,
    );
    expect(networkOf('vm')?.localnets).toHaveLength(1);
  });

  it('is every port of a datapath that changes its name', () => {
    const { db, topology } = cloudWithVm();
    const change = db.update('Datapath_Binding', 'switch pub', { external_ids: new Map([['name', 'new']]) });
    expect(topology.affected(change)).toEqual(bothOnPub);
    expect(topology.affected(db.update('Datapath_Binding', 'switch pub', {}))).toEqual(new Set());
  });

  it('is every port of a chassis that changes its name', () => {
    const { db, topology } = cloudWithVm();
    topology.affected(db.update('Port_Binding', 'port vm', { additional_chassis: ['chassis C2'] }));
    expect(testPort(topology, 'vm')?.residence).toEqual({ kind: 'migrating', up: true, main: true });
    expect(testPort(topology, 'vm')?.neighbor).toBe(true);
    expect(topology.affected(db.update('Chassis', 'chassis C2', { name: 'C3' }))).toEqual(bothOnPub);
    expect(topology.affected(db.update('Chassis', 'chassis C2', {}))).toEqual(new Set());
    expect(topology.affected(db.delete('Chassis', 'chassis C2'))).toEqual(bothOnPub);
  });
});
