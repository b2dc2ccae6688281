import { describe, expect, it } from 'vitest';
import { createSouthboundTopology } from './southbound.ts';
import { parseNatAddresses } from './southbound-nat.ts';
import { addRouter, addRouterPort, candidateOf, mapOf, resolveAll } from './southbound-testing.ts';
import { southboundCloud, testPortKey } from './testing.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const FIP = 'fa:16:3e:ff:ff:31 172.24.4.131 is_chassis_resident("vm")';
const CENTRAL = 'fa:16:3e:aa:aa:aa 172.24.4.140 172.24.4.221 is_chassis_resident("cr-up")';
const KEY = 'nat:port to-up';

describe('parseNatAddresses', () => {
  it.each([
    ['one address', FIP, ['172.24.4.131'], 'vm'],
    ['several', CENTRAL, ['172.24.4.140', '172.24.4.221'], 'cr-up'],
    ['no condition', 'fa:16:3e:aa:aa:aa 172.24.4.140', ['172.24.4.140'], undefined],
    ['more spaces', '  m  1.2.3.4   is_chassis_resident("vm") ', ['1.2.3.4'], 'vm'],
    ['a name with a space', 'm 1.2.3.4 is_chassis_resident("my vm")', ['1.2.3.4'], 'my vm'],
    ['a name with a quote', String.raw`m 1.2.3.4 is_chassis_resident("a\"b")`, ['1.2.3.4'], 'a"b'],
    [
      'a name with a stray escape',
      String.raw`m 1.2.3.4 is_chassis_resident("a\q")`,
      ['1.2.3.4'],
      String.raw`a\q`,
    ],
    [
      'an unfinished condition',
      'm 1.2.3.4 is_chassis_resident("',
      ['1.2.3.4', 'is_chassis_resident("'],
      undefined,
    ],
    ['a MAC alone', 'm', [], undefined],
    ['nothing', '', [], undefined],
  ])('reads %s', (_, text, addressTexts, residentName) => {
    expect(parseNatAddresses(text)).toEqual({ text, addressTexts, residentName });
  });
});

function cloudWithNat(natAddresses: readonly string[] = [FIP, CENTRAL]) {
  const cloud = southboundCloud();
  cloud.addChassis('C1');
  cloud.addChassis('C2');
  cloud.addNetwork({ name: 'pub', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  cloud.addNetwork({ name: 'tenant' });
  cloud.addPort({ name: 'vm', network: 'tenant', chassis: 'C1', up: true });
  cloud.addPort({ name: 'other', network: 'tenant', chassis: 'C1', up: true });
  addRouter(cloud, 'r');
  addRouterPort(cloud, {
    router: 'r',
    name: 'up',
    addresses: 'fa:16:3e:aa:aa:aa 172.24.4.221/24',
    network: 'pub',
    gatewayOn: 'C2',
    natAddresses,
  });
  const topology = createSouthboundTopology(cloud.db.views, IDENTITY);
  resolveAll(topology);
  const nat = () => natOf('to-up');
  const natOf = (name: string) => {
    const candidate = candidateOf(topology, 'nat', `port ${name}`);
    return candidate?.from === 'nat-addresses' ? candidate : undefined;
  };
  return { cloud, db: cloud.db, topology, nat, natOf };
}

describe('translated addresses', () => {
  it('are those of the switch side of a gateway port, each where its port is', () => {
    const { nat } = cloudWithNat();
    expect(nat()).toMatchObject({
      kind: 'nat',
      from: 'nat-addresses',
      key: KEY,
      row: { database: 'southbound', table: 'Port_Binding', name: 'to-up' },
      networkName: 'pub',
      network: { localnets: [{ name: 'provnet-1' }] },
      entries: [
        {
          text: FIP,
          addressTexts: ['172.24.4.131'],
          residentName: 'vm',
          resident: { key: testPortKey('vm'), row: { name: 'vm' }, type: '', residence: { kind: 'here' } },
        },
        {
          text: CENTRAL,
          addressTexts: ['172.24.4.140', '172.24.4.221'],
          residentName: 'cr-up',
          resident: {
            key: 'gateway:port cr-up',
            type: 'chassisredirect',
            residence: { kind: 'elsewhere', node: 'C2' },
          },
        },
      ],
    });
  });

  it('follow nobody where there is no such port or none is named', () => {
    const { db, topology, nat } = cloudWithNat(['m 1.2.3.4', FIP]);
    topology.affected(db.delete('Port_Binding', 'port vm'));
    expect(nat()?.entries).toMatchObject([
      { residentName: undefined, resident: undefined },
      { residentName: 'vm', resident: undefined },
    ]);
  });

  it('of a pinned router live where it is', () => {
    const { cloud, topology, natOf } = cloudWithNat();
    addRouter(cloud, 's');
    addRouterPort(cloud, {
      router: 's',
      name: 'pin',
      addresses: 'fa:16:3e:cc:cc:cc 172.24.4.231/24',
      network: 'pub',
      pinnedTo: 'C1',
      natAddresses: ['fa:16:3e:cc:cc:cc 172.24.4.232'],
    });
    expect(natOf('to-pin')?.entries).toMatchObject([
      { residentName: 'pin', resident: { key: 'gateway:port pin', residence: { kind: 'here' } } },
    ]);
    expect(natOf('to-pin')?.wires).toEqual({ own: ['172.24.4.231/24'], others: [] });
    cloud.addNetwork({ name: 'pub-b', localnet: 'provnet-b', physicalNetwork: 'physnet1', vlan: 100 });
    addRouterPort(cloud, {
      router: 's',
      name: 'pin-b',
      addresses: 'fa:16:3e:cc:cc:cd 198.51.100.1/24',
      network: 'pub-b',
      pinnedTo: 'C1',
    });
    topology.affected({ cause: 'snapshot', changes: {} });
    expect(natOf('to-pin')?.wires).toEqual({ own: ['172.24.4.231/24'], others: ['198.51.100.1/24'] });
  });

  it('are none without strings, nor on the router side', () => {
    const { db, topology, nat, natOf } = cloudWithNat();
    topology.affected(db.update('Port_Binding', 'port to-up', { nat_addresses: [] }));
    expect(nat()).toBeUndefined();
    db.update('Port_Binding', 'port up', { nat_addresses: [FIP] });
    expect(natOf('up')).toBeUndefined();
  });

  it('are told to be missing where the switch side has those of the gateway alone, but for Neutron', () => {
    const { db, topology } = cloudWithNat();
    const untold = () => {
      const gateway = topology.resolve('gateway:port cr-up');
      return gateway?.kind === 'gateway' ? gateway.natUntold?.name : 'no gateway';
    };
    expect(untold()).toBeUndefined();
    topology.affected(db.update('Port_Binding', 'port to-up', { nat_addresses: [CENTRAL] }));
    expect(untold()).toBe('to-up');
    const external_ids = mapOf({ 'neutron:device_owner': 'network:router_gateway' });
    topology.affected(db.update('Port_Binding', 'port to-up', { external_ids }));
    expect(untold()).toBeUndefined();
  });

  it('tell VIPs of the router with nothing behind them', () => {
    const { db, topology, nat } = cloudWithNat();
    const vips = (members: string) => mapOf({ '172.24.4.140:80': members });
    topology.affected(
      db.transact((tx) => {
        tx.insert('Logical_DP_Group', { datapaths: ['router r'] }, 'group');
        tx.insert('Load_Balancer', { name: 'lb', vips: vips(''), lr_datapath_group: 'group' }, 'lb');
      }),
    );
    expect(nat()?.memberless).toEqual(['172.24.4.140']);
    // Another row of the same load balancer, for another protocol.
    const udp = { name: 'lb', vips: vips('192.168.1.31:80'), lr_datapath_group: 'group' };
    topology.affected(db.insert('Load_Balancer', udp, 'lb-udp'));
    expect(nat()?.memberless).toEqual([]);
    topology.affected(db.delete('Load_Balancer', 'lb-udp'));
    expect(nat()?.memberless).toEqual(['172.24.4.140']);
    const change = db.update('Load_Balancer', 'lb', { vips: vips('192.168.1.31:80') });
    expect(topology.affected(change)).toContain(KEY);
    expect(nat()?.memberless).toEqual([]);
  });

  it('take the marks of the switch side, else those of the router side', () => {
    const { db, topology, nat } = cloudWithNat();
    const mark = (text: string) => ({ external_ids: mapOf({ 'ovn-bgp-agent:expose': text }) });
    topology.affected(db.update('Port_Binding', 'port up', mark('false')));
    expect(nat()?.marks.expose?.text).toBe('false');
    topology.affected(db.update('Port_Binding', 'port to-up', mark('true')));
    expect(nat()?.marks.expose?.text).toBe('true');
  });
});

describe('what a change around translated addresses affects', () => {
  it('is them, when one is added, and no port of the network', () => {
    const { cloud, db, topology, nat } = cloudWithNat();
    cloud.addPort({ name: 'vm-pub', network: 'pub' });
    resolveAll(topology);
    const added = db.update('Port_Binding', 'port to-up', { nat_addresses: [FIP, CENTRAL, 'm 1.2.3.5'] });
    expect(topology.affected(added)).toEqual(new Set([KEY]));
    expect(nat()?.entries).toHaveLength(3);
    expect(topology.affected(db.update('Port_Binding', 'port to-up', { nat_addresses: [] }))).toEqual(
      // Of the gateway it is then said that nothing tells them.
      new Set([KEY, 'gateway:port cr-up']),
    );
  });

  it('is them, when a port that they follow moves or the gateway fails over', () => {
    const { db, topology, nat } = cloudWithNat();
    expect(topology.affected(db.update('Port_Binding', 'port vm', { chassis: 'chassis C2' }))).toEqual(
      new Set([KEY, testPortKey('vm')]),
    );
    expect(nat()?.entries[0]?.resident?.residence).toEqual({ kind: 'elsewhere', node: 'C2' });
    expect(topology.affected(db.update('Port_Binding', 'port cr-up', { chassis: 'chassis C1' }))).toContain(
      KEY,
    );
    expect(nat()?.entries[1]?.resident?.residence).toEqual({ kind: 'here' });
  });

  it('is not them, when such a port changes otherwise or another one moves', () => {
    const { db, topology } = cloudWithNat();
    const renumbered = db.update('Port_Binding', 'port vm', {
      external_ids: mapOf({ 'neutron:revision': '5' }),
    });
    expect(topology.affected(renumbered)).toEqual(new Set([testPortKey('vm')]));
    const moved = db.update('Port_Binding', 'port other', { chassis: 'chassis C2' });
    expect(topology.affected(moved)).toEqual(new Set([testPortKey('other')]));
  });

  it('is them, when a port of that name comes', () => {
    const { cloud, topology, nat } = cloudWithNat(['m 1.2.3.4 is_chassis_resident("late")']);
    expect(nat()?.entries[0]?.resident).toBeUndefined();
    expect(topology.affected(cloud.addPort({ name: 'late', network: 'tenant', chassis: 'C1' }))).toEqual(
      new Set([KEY, testPortKey('late')]),
    );
    expect(nat()?.entries[0]?.resident?.residence).toEqual({ kind: 'here' });
  });
});

describe('companions', () => {
  it('of a port are the gateways whose addresses follow it', () => {
    const { db, topology, nat } = cloudWithNat();
    expect([...topology.companions(testPortKey('vm'))]).toEqual([KEY]);
    expect([...topology.companions('gateway:port cr-up')]).toEqual([KEY]);
    expect([...topology.companions(testPortKey('other'))]).toEqual([]);
    expect([...topology.companions(testPortKey('nobody'))]).toEqual([]);
    topology.affected(db.update('Port_Binding', 'port to-up', { nat_addresses: [CENTRAL] }));
    nat();
    expect([...topology.companions(testPortKey('vm'))]).toEqual([]);
  });
});
