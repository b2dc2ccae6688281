import { describe, expect, it } from 'vitest';
import { createNorthboundTopology } from './northbound.ts';
import { northboundCloud, testPort, testPortKey } from './testing.ts';
import type { Topology } from './topology.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const PUB = { name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1', vlan: 100 };
const VM = {
  name: 'vm',
  network: 'pub',
  addresses: 'fa:16:3e:00:00:10 172.24.4.10',
  requestedChassis: 'cmp-1',
};

function cloudWithVm() {
  const cloud = northboundCloud();
  cloud.addNetwork(PUB);
  cloud.addPort(VM);
  cloud.addPort({ ...VM, name: 'remote', requestedChassis: 'cmp-2' });
  cloud.addNetwork({ name: 'other', localnet: 'provnet-9', physicalNetwork: 'physnet1' });
  cloud.addPort({ ...VM, name: 'bystander', network: 'other' });
  const topology = createNorthboundTopology(cloud.db.views, IDENTITY);
  resolveAll(topology);
  const networkOf = (name: string) => testPort(topology, name)?.network;
  return { cloud, db: cloud.db, topology, networkOf };
}

/** Only what was resolved can be affected. */
function resolveAll(topology: Topology): void {
  for (const key of topology.candidates()) topology.resolve(key);
}

const bothOnPub = new Set([testPortKey('vm'), testPortKey('remote')]);
const bothAndGateway = new Set([...bothOnPub, 'gateway:lrp gw']);

/** A router with a gateway port on `pub` and the given IPv6 default route. */
function addRouter(
  db: ReturnType<typeof northboundCloud>['db'],
  nexthop: string,
  route: { output_port?: string } = {},
) {
  return db.transact((tx) => {
    tx.insert('Logical_Router_Static_Route', { ip_prefix: '::/0', nexthop, ...route }, 'route 6');
    tx.insert(
      'Logical_Router_Port',
      { name: 'lrp-gw', gateway_chassis: ['gc 1'], external_ids: new Map([['neutron:network_name', 'pub']]) },
      'lrp gw',
    );
    tx.insert('Logical_Router', { ports: ['lrp gw'], static_routes: ['route 6'] }, 'router');
  });
}

describe('ports', () => {
  it('are read with their network and their place', () => {
    const { topology } = cloudWithVm();
    expect(testPort(topology, 'vm')).toEqual({
      kind: 'port',
      key: 'port:port vm',
      row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: 'port vm', name: 'vm' },
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
        row: { database: 'northbound', table: 'Logical_Switch', uuid: 'switch pub', name: 'pub' },
        name: 'pub',
        localnets: [
          {
            row: {
              database: 'northbound',
              table: 'Logical_Switch_Port',
              uuid: 'port provnet-1',
              name: 'provnet-1',
            },
            name: 'provnet-1',
            physicalNetwork: 'physnet1',
            tag: 100,
          },
        ],
        gateways6: [],
      },
      residence: { kind: 'here' },
      neighbor: true,
      proxyNdp: true,
    });
  });

  it('are candidates, the plumbing is not', () => {
    const { topology } = cloudWithVm();
    expect([...topology.candidates()].sort()).toEqual(['bystander', 'remote', 'vm'].map(testPortKey));
    expect(testPort(topology, 'provnet-1')).toBeUndefined();
    expect(testPort(topology, 'nobody')).toBeUndefined();
    expect([...topology.localnets()].map(({ name }) => name).sort()).toEqual(['provnet-1', 'provnet-9']);
  });

  it('leave the list of localnet ports as it is, which only those change', () => {
    const { cloud, topology } = cloudWithVm();
    const before = topology.localnets();
    topology.affected(
      cloud.addPort({ name: 'vm-new', network: 'neutron-new', addresses: 'fa:16:3e:00:00:77 172.24.4.77' }),
    );
    expect(topology.localnets()).toBe(before);
    topology.affected(
      cloud.addNetwork({ name: 'neutron-8', localnet: 'provnet-8', physicalNetwork: 'physnet1', vlan: 8 }),
    );
    const after = topology.localnets();
    expect(after.map(({ name }) => name).sort()).toEqual(['provnet-1', 'provnet-8', 'provnet-9']);
    topology.affected(cloud.deletePort('provnet-8'));
    expect(topology.localnets()).toHaveLength(2);
  });

  it('that name no network belong to the switch that contains them', () => {
    const { cloud, networkOf } = cloudWithVm();
    cloud.addPort({ ...VM, name: 'plain', namesNetwork: false });
    expect(networkOf('plain')?.name).toBe('pub');
  });

  it('that name an unknown network have none', () => {
    const { cloud, topology } = cloudWithVm();
    cloud.addPort({ ...VM, name: 'lost', network: 'nowhere' });
    expect(testPort(topology, 'lost')).toMatchObject({ networkName: 'nowhere', network: undefined });
  });

  it('of switches with the same name belong to the one that contains them', () => {
    const { db, networkOf } = cloudWithVm();
    db.insert('Logical_Switch', { name: 'pub' }, 'a twin');
    expect(networkOf('vm')?.row.uuid).toBe('switch pub');
  });
});

describe('IPv6 gateways of a network', () => {
  it('are the next hops of default routes of routers with a gateway port there', () => {
    const { db, topology, networkOf } = cloudWithVm();
    expect(topology.affected(addRouter(db, '2001:db8::1'))).toEqual(bothAndGateway);
    expect(networkOf('vm')?.gateways6).toEqual(['2001:db8::1']);
    expect(networkOf('bystander')?.gateways6).toEqual([]);
  });

  it.each([
    ['no gateway port', () => ({ lrp: { gateway_chassis: [] } })],
    ['the route leaves through another port', () => ({ route: { output_port: 'lrp-other' } })],
    ['an IPv4 default route', () => ({ route: { ip_prefix: '0.0.0.0/0' } })],
    ['a route to a part', () => ({ route: { ip_prefix: '2001:db8::/32' } })],
    ['a next hop that is no address', () => ({ route: { nexthop: 'discard' } })],
    ['an IPv4 next hop', () => ({ route: { nexthop: '10.0.0.1' } })],
  ] as const)('are none with %s', (_, changes) => {
    const { db, topology, networkOf } = cloudWithVm();
    topology.affected(addRouter(db, '2001:db8::1'));
    expect(networkOf('vm')?.gateways6).toHaveLength(1);
    const { lrp = {}, route = {} } = changes() as { lrp?: object; route?: object };
    const set = db.transact((tx) => {
      tx.update('Logical_Router_Port', 'lrp gw', lrp);
      tx.update('Logical_Router_Static_Route', 'route 6', route);
    });
    expect(topology.affected(set)).toEqual(bothAndGateway);
    expect(networkOf('vm')?.gateways6).toEqual([]);
  });

  it('count with an HA chassis group', () => {
    const { db, topology, networkOf } = cloudWithVm();
    addRouter(db, 'fe80::1');
    db.update('Logical_Router_Port', 'lrp gw', { gateway_chassis: [], ha_chassis_group: 'group' });
    topology.affected({ cause: 'snapshot', changes: {} });
    expect(networkOf('vm')?.gateways6).toEqual(['fe80::1']);
  });

  it('are none through a port that names no peer, also where a router port has no name', () => {
    const { db, topology, networkOf } = cloudWithVm();
    topology.affected(addRouter(db, '2001:db8::1'));
    const unnamed = db.transact((tx) => {
      tx.update('Logical_Router_Port', 'lrp gw', { name: '', external_ids: new Map() });
      tx.insert('Logical_Switch_Port', { name: 'to-nobody', type: 'router' }, 'to nobody');
      tx.update('Logical_Switch', 'switch pub', {
        ports: [...(db.views.Logical_Switch.get('switch pub')?.ports ?? []), 'to nobody'],
      });
    });
    topology.affected(unnamed);
    expect(networkOf('vm')?.gateways6).toEqual([]);
  });

  it('are found through the switch side of a router port that names no network', () => {
    const { db, topology, networkOf } = cloudWithVm();
    addRouter(db, '2001:db8::1');
    topology.affected(db.update('Logical_Router_Port', 'lrp gw', { external_ids: new Map() }));
    expect(networkOf('vm')?.gateways6).toEqual([]);
    const attached = db.transact((tx) => {
      const options = new Map([['router-port', 'lrp-gw']]);
      const port = tx.insert(
        'Logical_Switch_Port',
        { name: 'to-router', type: 'router', options },
        'port to-router',
      );
      const ports = db.views.Logical_Switch.get('switch pub')?.ports ?? [];
      tx.update('Logical_Switch', 'switch pub', { ports: [...ports, port] });
    });
    expect(topology.affected(attached)).toEqual(bothAndGateway);
    expect(networkOf('vm')?.gateways6).toEqual(['2001:db8::1']);
  });

  it('go with the router', () => {
    const { db, topology, networkOf } = cloudWithVm();
    topology.affected(addRouter(db, '2001:db8::1'));
    networkOf('vm');
    const set = db.transact((tx) => {
      tx.delete('Logical_Router', 'router');
      tx.delete('Logical_Router_Port', 'lrp gw');
      tx.delete('Logical_Router_Static_Route', 'route 6');
    });
    expect(topology.affected(set)).toEqual(bothAndGateway);
    expect(networkOf('vm')?.gateways6).toEqual([]);
  });
});

describe('what a change affects', () => {
  it('is the port itself', () => {
    const { cloud, db, topology } = cloudWithVm();
    expect(topology.affected(db.update('Logical_Switch_Port', 'port vm', { up: false }))).toEqual(
      new Set([testPortKey('vm')]),
    );
    expect(topology.affected(cloud.addPort({ ...VM, name: 'new' }))).toEqual(new Set([testPortKey('new')]));
    expect(topology.affected(cloud.deletePort('vm'))).toEqual(new Set([testPortKey('vm')]));
  });

  it('is everything after a snapshot', () => {
    const { topology } = cloudWithVm();
    expect(topology.affected({ cause: 'snapshot', changes: {} })).toBe('all');
  });

  it.each([
    ['another tag', { tag: 200 }],
    ['another physical network', { options: new Map([['network_name', 'physnet2']]) }],
    ['another type', { type: '' }],
    ['another name', { name: 'renamed' }],
  ])('is every port of the network when its localnet gets %s', (_, values) => {
    const { db, topology, networkOf } = cloudWithVm();
    const before = networkOf('vm');
    const affected = topology.affected(db.update('Logical_Switch_Port', 'port provnet-1', values));
    expect(affected).toEqual(
      'type' in values ? new Set([...bothOnPub, testPortKey('provnet-1')]) : bothOnPub,
    );
    expect(networkOf('vm')).not.toEqual(before);
  });

  it('is nothing when a localnet changes otherwise', () => {
    const { db, topology } = cloudWithVm();
    expect(topology.affected(db.update('Logical_Switch_Port', 'port provnet-1', { up: true }))).toEqual(
      new Set(),
    );
  });

  it('is every port of the network when its localnet comes or goes', () => {
    const { cloud, topology, networkOf } = cloudWithVm();
    networkOf('vm');
    expect(topology.affected(cloud.deletePort('provnet-1'))).toEqual(bothOnPub);
    expect(networkOf('vm')?.localnets).toEqual([]);
  });

  it('is every port that names the network when a switch gets or loses that name', () => {
    const { db, topology, networkOf } = cloudWithVm();
    networkOf('vm');
    const renamed = db.update('Logical_Switch', 'switch pub', { name: 'renamed' });
    expect(topology.affected(renamed)).toEqual(bothOnPub);
    expect(networkOf('vm')).toBeUndefined();
    expect(topology.affected(db.insert('Logical_Switch', { name: 'pub' }, 'second'))).toEqual(bothOnPub);
    expect(networkOf('vm')?.row.uuid).toBe('second');
  });

  it('is nothing for routers without an IPv6 default route', () => {
    const { db, topology } = cloudWithVm();
    const set = db.transact((tx) => {
      tx.insert('Logical_Router_Static_Route', { ip_prefix: '0.0.0.0/0', nexthop: '10.0.0.1' }, 'route 4');
      tx.insert('Logical_Router_Port', { external_ids: new Map([['neutron:network_name', 'pub']]) }, 'lrp');
      tx.insert('Logical_Router', { ports: ['lrp'], static_routes: ['route 4'] }, 'router');
    });
    expect(topology.affected(set)).toEqual(new Set());
  });
});
