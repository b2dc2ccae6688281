import { describe, expect, it } from 'vitest';
import { parseIp } from '../base/address.ts';
import { evaluate } from '../exposures/evaluate.ts';
import type { ExposurePolicy } from '../exposures/types.ts';
import { keyOf } from '../node/keys.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { northboundCloud, southboundCloud, testPortKey } from '../ovn/testing.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';
import { lines, type TestNode, testInput, testPolicy, without } from './testing.ts';
import type { Wiring } from './types.ts';
import { exposingMethodWiring, wire } from './wire.ts';

const NODE_1: NodeIdentity = { hostname: 'cmp-1', systemId: 'C1' };
const NODE_2: NodeIdentity = { hostname: 'cmp-2', systemId: 'C2' };
const PUB = { name: 'neutron-11111111', localnet: 'provnet-1', physicalNetwork: 'physnet1' };
const VL = { name: 'neutron-22222222', localnet: 'provnet-2', physicalNetwork: 'physnet1', vlan: 100 };
const FLAT = {
  name: 'vm-flat',
  network: PUB.name,
  addresses: 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10',
  cidrs: '172.24.4.10/24 2001:db8::10/64',
  requestedChassis: 'cmp-1',
};
const VLAN = {
  name: 'vm-vlan',
  network: VL.name,
  addresses: 'fa:16:3e:00:00:20 172.30.0.20',
  cidrs: '172.30.0.20/24',
  requestedChassis: 'cmp-1',
};

const BASE = [
  'addr br-ex 169.254.1.1/32',
  'addr br-ex fd53:d91e:400:7f17::1:1/128',
  'addr br-ex.100 169.254.1.100/32',
  'addr br-ex.100 fd53:d91e:400:7f17::1:64/128',
  'flow br-ex cookie=0x3e7 priority=900,ip,in_port=1 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
  'flow br-ex cookie=0x3e7 priority=900,ip,in_port=2 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
  'flow br-ex cookie=0x3e7 priority=900,ipv6,in_port=1 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
  'flow br-ex cookie=0x3e7 priority=900,ipv6,in_port=2 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
  'frr router bgp 64999 / address-family ipv4 unicast / import vrf bgp-vrf',
  'frr router bgp 64999 / address-family ipv6 unicast / import vrf bgp-vrf',
  'frr router bgp 64999 vrf bgp-vrf / address-family ipv4 unicast / redistribute connected',
  'frr router bgp 64999 vrf bgp-vrf / address-family ipv6 unicast / redistribute connected',
  'frr router bgp 64999 vrf bgp-vrf / bgp router-id 172.30.1.1',
  'link bgp-nic dummy master bgp-vrf up',
  'link bgp-vrf vrf table 10 up',
  'link br-ex existing up',
  'link br-ex.100 vlan parent br-ex id 100 up',
  'route -4 0.0.0.0/0 dev br-ex table 200',
  'route -6 ::/0 dev br-ex table 200',
  'rt_tables 200 br-ex',
  'sysctl net/ipv4/conf/br-ex.100/proxy_arp=1',
  'sysctl net/ipv4/conf/br-ex/proxy_arp=1',
  'sysctl net/ipv6/conf/br-ex.100/proxy_ndp=1',
  'sysctl net/ipv6/conf/br-ex/proxy_ndp=1',
];
/** What the flat VM of the first example adds to the base. */
const FLAT_OBJECTS = [
  'addr bgp-nic 172.24.4.10/32',
  'addr bgp-nic 2001:db8::10/128',
  'neigh 172.24.4.10 dev br-ex lladdr fa:16:3e:00:00:10',
  'neigh 2001:db8::10 dev br-ex lladdr fa:16:3e:00:00:10',
  'proxy 2001:db8:: dev br-ex',
  'route -4 172.24.4.10/32 dev br-ex table 200',
  'route -6 2001:db8::10/128 dev br-ex table 200',
  'rule to 172.24.4.10/32 lookup 200',
  'rule to 2001:db8::10/128 lookup 200',
];
const VLAN_OBJECTS = [
  'addr bgp-nic 172.30.0.20/32',
  'neigh 172.30.0.20 dev br-ex.100 lladdr fa:16:3e:00:00:20',
  'route -4 172.30.0.20/32 dev br-ex.100 table 200',
  'rule to 172.30.0.20/32 lookup 200',
];

interface Planned {
  readonly all: Wiring;
  readonly base: Wiring;
  /** Lines beyond the base. */
  readonly added: string[];
}

function plan(topology: Topology, node: TestNode = {}, policy: Partial<ExposurePolicy> = {}): Planned {
  const input = testInput(node);
  const { exposures } = evaluate(topology, testPolicy(input, policy));
  const all = wire(exposures, input, topology.localnets());
  const base = wire([], input, topology.localnets());
  return { all, base, added: without(all, base) };
}

function northbound() {
  const cloud = northboundCloud();
  cloud.addNetwork(PUB);
  cloud.addNetwork(VL);
  return { cloud, on: (identity: NodeIdentity) => createNorthboundTopology(cloud.db.views, identity) };
}

describe('base wiring', () => {
  it('stands without any exposure', () => {
    const { on } = northbound();
    expect(lines(plan(on(NODE_1)).base.objects)).toEqual(BASE);
    expect(plan(on(NODE_1)).base.pending).toEqual([]);
  });

  it('is the same from the Southbound database', () => {
    const cloud = southboundCloud();
    cloud.addNetwork(PUB);
    cloud.addNetwork(VL);
    expect(lines(plan(createSouthboundTopology(cloud.db.views, NODE_1)).base.objects)).toEqual(BASE);
  });

  it('leaves networks alone whose physical network is not mapped here', () => {
    const { cloud, on } = northbound();
    cloud.addNetwork({ name: 'other', localnet: 'provnet-3', physicalNetwork: 'physnet9', vlan: 300 });
    const node: TestNode = { ofports: { 'provnet-1': 1, 'provnet-2': 2, 'provnet-3': 3 } };
    expect(lines(plan(on(NODE_1), node).base.objects)).toEqual(BASE);
  });
});

describe('a VM on a flat provider network', () => {
  it('is reachable in both families on its own node only', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    cloud.addPort({
      ...FLAT,
      name: 'other',
      addresses: 'fa:16:3e:00:00:11 172.24.4.11',
      requestedChassis: 'cmp-2',
    });
    expect(plan(on(NODE_1)).added).toEqual(FLAT_OBJECTS);
    expect(plan(on(NODE_1)).all.pending).toEqual([]);
  });

  it('is advertised by blackhole routes of the main table, without VRF and dummy', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all, added } = plan(on(NODE_1), { config: { advertiseVia: 'main' } });
    expect(added).toEqual(
      [
        ...FLAT_OBJECTS.filter((line) => !line.startsWith('addr ')),
        'route -4 172.24.4.10/32 blackhole table 254 metric 17900',
        'route -6 2001:db8::10/128 blackhole table 254 metric 17900',
      ].sort(),
    );
    expect(lines(all.objects).filter((line) => /bgp-(?:nic|vrf)/.test(line))).toEqual([]);
    expect(lines(all.objects)).toContain('frr route-map ovn-bgp-agent permit 10 / match metric 17900');
  });

  it('has no neighbour entries and no proxied gateway from the Southbound database', () => {
    const cloud = southboundCloud();
    cloud.addChassis('C1');
    cloud.addChassis('C2');
    cloud.addNetwork(PUB);
    cloud.addNetwork(VL);
    const { requestedChassis: _, ...flat } = FLAT;
    cloud.addPort({ ...flat, chassis: 'C1' });
    cloud.addPort({
      name: 'vm-virt',
      network: PUB.name,
      type: 'virtual',
      addresses: 'fa:16:3e:00:00:77 172.24.4.77 2001:db8::77',
      cidrs: '172.24.4.77/24 2001:db8::77/64',
      chassis: 'C1',
      up: true,
    });
    expect(plan(createSouthboundTopology(cloud.db.views, NODE_1)).added).toEqual([
      'addr bgp-nic 172.24.4.10/32',
      'addr bgp-nic 172.24.4.77/32',
      'addr bgp-nic 2001:db8::10/128',
      'addr bgp-nic 2001:db8::77/128',
      'proxy 2001:db8:: dev br-ex',
      'route -4 172.24.4.10/32 dev br-ex table 200',
      'route -4 172.24.4.77/32 dev br-ex table 200',
      'route -6 2001:db8::10/128 dev br-ex table 200',
      'route -6 2001:db8::77/128 dev br-ex table 200',
      'rule to 172.24.4.10/32 lookup 200',
      'rule to 172.24.4.77/32 lookup 200',
      'rule to 2001:db8::10/128 lookup 200',
      'rule to 2001:db8::77/128 lookup 200',
    ]);
    expect(plan(createSouthboundTopology(cloud.db.views, NODE_2)).added).toEqual([]);
  });
});

describe('a port on a provider network that is more than a VM', () => {
  it('a virtual port has no neighbour entry, and everything else', () => {
    const { cloud, on } = northbound();
    cloud.addPort({ ...FLAT, type: 'virtual', hostId: 'cmp-1' });
    expect(plan(on(NODE_1)).added).toEqual(FLAT_OBJECTS.filter((line) => !line.startsWith('neigh ')));
  });

  it('keeps its own address exposed when it has a floating IP', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const held = cloud.db.views.Logical_Switch_Port.get('port vm-flat')?.external_ids ?? new Map();
    const externalIds = new Map([...held, ['neutron:port_fip', '172.24.9.9']]);
    cloud.db.update('Logical_Switch_Port', 'port vm-flat', { external_ids: externalIds });
    expect(plan(on(NODE_1)).added).toEqual(FLAT_OBJECTS);
  });
});

describe('a VM on a VLAN provider network', () => {
  it('goes through the VLAN device and leaves nothing behind', () => {
    const { cloud, on } = northbound();
    cloud.addPort(VLAN);
    expect(plan(on(NODE_1)).added).toEqual(VLAN_OBJECTS);
    cloud.deletePort('vm-vlan');
    expect(plan(on(NODE_1)).added).toEqual([]);
  });

  it.each([
    ['ovs', true],
    ['auto', false],
  ] as const)(
    'uses a tagged port of the bridge with vlan_handover %s and kernel VLANs %s',
    (vlanHandover, kernelVlan) => {
      const { cloud, on } = northbound();
      cloud.addPort(VLAN);
      const { all, added } = plan(on(NODE_1), { kernelVlan, config: { vlanHandover } });
      expect(added).toEqual(VLAN_OBJECTS);
      expect(lines(all.objects).filter((line) => /^(?:link|ovs-port) .*br-ex\.100/.test(line))).toEqual([
        'link br-ex.100 existing up',
        'ovs-port br-ex br-ex.100 tag=100 mac=3a:f7:e9:54:e8:4d',
      ]);
    },
  );

  it('waits when VLAN devices are wanted and the kernel has none', () => {
    const { cloud, on } = northbound();
    cloud.addPort(VLAN);
    const { added, all } = plan(on(NODE_1), { kernelVlan: false, config: { vlanHandover: 'kernel' } });
    expect(added).toEqual(['rule to 172.30.0.20/32 lookup 200']);
    expect(all.pending.map(({ subject }) => subject)).toEqual(['172.30.0.20/32', 'VLAN 100 on bridge br-ex']);
  });
});

describe('several bridges', () => {
  const PN2 = { name: 'net-2', localnet: 'provnet-4', physicalNetwork: 'physnet2', vlan: 1001 };
  const VM = {
    name: 'vm-4',
    network: PN2.name,
    addresses: 'fa:16:3e:00:00:09 10.77.0.9',
    requestedChassis: 'cmp-1',
  };

  it('numbers addresses by position and shortens names of VLAN devices', () => {
    const cloud = northboundCloud();
    cloud.addNetwork(PN2);
    cloud.addPort(VM);
    const node: TestNode = { mappings: 'physnet1:br-ex,physnet2:br-data-plane', ofports: { 'provnet-4': 7 } };
    const { all, added } = plan(createNorthboundTopology(cloud.db.views, NODE_1), node);
    expect(added).toEqual([
      'addr bgp-nic 10.77.0.9/32',
      'neigh 10.77.0.9 dev br-data-pl.1001 lladdr fa:16:3e:00:00:09',
      'route -4 10.77.0.9/32 dev br-data-pl.1001 table 1',
      'rule to 10.77.0.9/32 lookup 1',
    ]);
    expect(lines(all.objects).filter((line) => line.includes('br-data-pl'))).toEqual([
      'addr br-data-pl.1001 169.254.2.233/32',
      'addr br-data-pl.1001 fd53:d91e:400:7f17::2:e9/128',
      'addr br-data-plane 169.254.2.2/32',
      'addr br-data-plane fd53:d91e:400:7f17::2:2/128',
      'flow br-data-plane cookie=0x3e7 priority=900,ip,in_port=7 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
      'flow br-data-plane cookie=0x3e7 priority=900,ipv6,in_port=7 actions=mod_dl_dst:3a:f7:e9:54:e8:4d,NORMAL',
      'link br-data-pl.1001 vlan parent br-data-plane id 1001 up',
      'link br-data-plane existing up',
      'neigh 10.77.0.9 dev br-data-pl.1001 lladdr fa:16:3e:00:00:09',
      'route -4 0.0.0.0/0 dev br-data-plane table 1',
      'route -4 10.77.0.9/32 dev br-data-pl.1001 table 1',
      'route -6 ::/0 dev br-data-plane table 1',
      'rt_tables 1 br-data-plane',
      'sysctl net/ipv4/conf/br-data-pl.1001/proxy_arp=1',
      'sysctl net/ipv4/conf/br-data-plane/proxy_arp=1',
      'sysctl net/ipv6/conf/br-data-pl.1001/proxy_ndp=1',
      'sysctl net/ipv6/conf/br-data-plane/proxy_ndp=1',
    ]);
  });

  it('counts ignored mappings in the addresses of those that follow', () => {
    const cloud = northboundCloud();
    cloud.addNetwork(PN2);
    cloud.addPort(VM);
    const node: TestNode = {
      mappings: 'physnet1:br-ex,physnet3,physnet2:br-data-plane',
      rtTables: '200 br-ex\n1 br-data-plane\n',
      ofports: { 'provnet-4': 7 },
    };
    const { all } = plan(createNorthboundTopology(cloud.db.views, NODE_1), node);
    expect(lines(all.objects).filter((line) => /^addr br-data-pl|^rt_tables/.test(line))).toEqual([
      'addr br-data-pl.1001 169.254.3.233/32',
      'addr br-data-pl.1001 fd53:d91e:400:7f17::3:e9/128',
      'addr br-data-plane 169.254.3.3/32',
      'addr br-data-plane fd53:d91e:400:7f17::3:3/128',
      'rt_tables 1 br-data-plane',
      'rt_tables 200 br-ex',
    ]);
  });

  it('refuses VLANs of a bridge whose VLAN devices would have the names of another one', () => {
    const cloud = northboundCloud();
    cloud.addNetwork(PN2);
    cloud.addPort(VM);
    const node: TestNode = {
      mappings: 'physnet1:br-data-plan1,physnet2:br-data-plan2',
      ofports: { 'provnet-4': 7 },
    };
    const { all, added } = plan(createNorthboundTopology(cloud.db.views, NODE_1), node);
    expect(added).toEqual(['rule to 10.77.0.9/32 lookup 2']);
    expect(all.pending[0]?.reason).toMatch(/first ten characters/);
  });
});

describe('devices with the name that a VLAN device would have', () => {
  it.each([
    ['another bridge', { mappings: 'physnet1:br-ex,physnet2:br-ex.100' }],
    ['the dummy', { config: { bgpNic: 'br-ex.100' } }],
    ['the VRF', { config: { bgpVrf: 'br-ex.100' } }],
  ])('%s: the VLAN waits, the other device is left alone', (_, node: TestNode) => {
    const { cloud, on } = northbound();
    cloud.addPort(VLAN);
    const { all, added } = plan(on(NODE_1), node);
    expect(added).toEqual(['rule to 172.30.0.20/32 lookup 200']);
    expect(lines(all.objects)).not.toContain('link br-ex.100 vlan parent br-ex id 100 up');
    expect(all.pending[0]?.reason).toMatch(/br-ex\.100 is in use/);
  });

  it('a bridge with the name of the dummy is not touched', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all } = plan(on(NODE_1), { mappings: 'physnet1:bgp-nic', rtTables: '' });
    expect(lines(all.objects)).toContain('link bgp-nic dummy master bgp-vrf up');
    expect(all.objects.filter(({ role }) => role === 'advertise')).toEqual([]);
  });
});

describe('live migration', () => {
  it('is announced by both nodes until the port is up on the destination, and survives the gap', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const request = (hosts: string, up: boolean): void => {
      const options = new Map([['requested-chassis', hosts]]);
      cloud.db.update('Logical_Switch_Port', 'port vm-flat', { options, up });
    };
    const graced = { graced: new Set([testPortKey('vm-flat')]) };
    const [source, destination] = [on(NODE_1), on(NODE_2)];

    request('cmp-1,cmp-2', true);
    expect(plan(source).added).toEqual(FLAT_OBJECTS);
    expect(plan(destination).added).toEqual(FLAT_OBJECTS);
    request('cmp-1,cmp-2', false);
    expect(plan(source).added).toEqual(FLAT_OBJECTS);
    expect(plan(destination).added).toEqual(FLAT_OBJECTS);
    request('cmp-2', false);
    expect(plan(source).added).toEqual([]);
    expect(plan(destination, {}, graced).added).toEqual(FLAT_OBJECTS);
    expect(plan(destination).added).toEqual([]);
    request('cmp-2', true);
    expect(plan(source).added).toEqual([]);
    expect(plan(destination).added).toEqual(FLAT_OBJECTS);
  });
});

describe('what is not there yet', () => {
  const advertised = (wiring: Wiring): string[] =>
    lines(wiring.objects.filter((desired) => desired.role === 'advertise'));

  it('patch port: wired, not advertised', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all, added } = plan(on(NODE_1), { ofports: { 'provnet-2': 2 } });
    expect(added).toEqual(FLAT_OBJECTS.filter((line) => !line.startsWith('addr bgp-nic')));
    expect(all.pending).toEqual([
      { subject: '172.24.4.10/32', reason: expect.stringContaining('"patch-provnet-1-to-br-int"') },
      { subject: '2001:db8::10/128', reason: expect.stringContaining('"patch-provnet-1-to-br-int"') },
    ]);
  });

  it('patch port that vswitchd could not open: wired, not advertised', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all } = plan(on(NODE_1), { ofports: { 'provnet-1': -1, 'provnet-2': 2 } });
    expect(advertised(all)).toEqual([]);
    expect(all.pending).toHaveLength(2);
  });

  it.each(['bridge', 'device'] as const)('OVS %s: only what needs no device, no replacement', (missing) => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const topology = on(NODE_1);
    const input = testInput();
    const facts = {
      ...input.facts,
      bridges: new Map(
        missing === 'bridge'
          ? []
          : [['br-ex', { name: 'br-ex', device: undefined, ofports: new Map<string, number>() }]],
      ),
    };
    const { exposures } = evaluate(topology, testPolicy(input));
    const all = wire(exposures, { ...input, facts }, topology.localnets());
    expect(lines(all.objects).filter((line) => !/^(?:frr|\w+ bgp-)/.test(line))).toEqual([
      'rt_tables 200 br-ex',
      'rule to 172.24.4.10/32 lookup 200',
      'rule to 2001:db8::10/128 lookup 200',
    ]);
    expect(all.pending.map(({ subject }) => subject)).toEqual([
      '172.24.4.10/32',
      '2001:db8::10/128',
      'bridge br-ex',
    ]);
  });

  it('router id: no leak, everything else', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const topology = on(NODE_1);
    const input = testInput();
    const { exposures } = evaluate(topology, testPolicy(input));
    const facts = { ...input.facts, routerId: undefined };
    const all = wire(exposures, { ...input, facts }, topology.localnets());
    expect(lines(all.objects)).toEqual(
      [...BASE, ...FLAT_OBJECTS].filter((line) => !line.startsWith('frr')).sort(),
    );
    expect(all.pending).toEqual([{ subject: 'FRR leak', reason: expect.stringContaining('bgp_router_id') }]);
  });

  it('a router id that FRR cannot use is reported, not thrown', () => {
    const { on } = northbound();
    const all = plan(on(NODE_1), { routerId: '2001:db8::1' }).all;
    expect(all.pending.map(({ subject }) => subject)).toEqual(['FRR configuration']);
  });

  it('routing table: no rule, no route, not advertised', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all } = plan(on(NODE_1), { rtTables: '10 br-ex\n' });
    expect(lines(all.objects).filter((line) => /^(?:rule|route|rt_tables)/.test(line))).toEqual([]);
    expect(advertised(all)).toEqual([]);
    expect(all.pending.map(({ subject }) => subject)).toContain('bridge br-ex');
  });
});

describe('what an advertised address requires', () => {
  it('is everything that its traffic passes', () => {
    const { cloud, on } = northbound();
    cloud.addPort(VLAN);
    const { all } = plan(on(NODE_1));
    const address = all.objects.find(({ object }) => keyOf(object) === 'address bgp-nic 172.30.0.20/32');
    expect([...(address?.requires ?? [])].sort()).toEqual([
      'flow br-ex 900 ip,in_port=2',
      'flow br-ex 900 ipv6,in_port=2',
      'link bgp-nic',
      'link bgp-vrf',
      'link br-ex.100',
      'neighbor br-ex.100 172.30.0.20',
      'route 4 200 172.30.0.20/32 0',
      'rule 172.30.0.20/32 200',
      'sysctl net/ipv4/conf/br-ex.100/proxy_arp',
    ]);
  });

  it('names the row that wants it', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    const { all } = plan(on(NODE_1));
    const rule = all.objects.find(({ object }) => keyOf(object) === 'rule 172.24.4.10/32 200');
    expect(rule?.because).toBe('172.24.4.10 of Logical_Switch_Port "vm-flat"');
  });
});

describe('custom IPv6 gateways', () => {
  it('are proxied once for all ports of the network, and only while one has an IPv6 address', () => {
    const { cloud, on } = northbound();
    cloud.addPort(FLAT);
    cloud.addPort({ ...FLAT, name: 'vm-2', addresses: 'fa:16:3e:00:00:12 172.24.4.12 2001:db8::12' });
    const gateway = parseIp('2001:db8::1');
    const policy = { proxyNdpAddresses: gateway === undefined ? [] : [gateway] };
    const proxies = (): string[] =>
      plan(on(NODE_1), {}, policy).added.filter((line) => line.startsWith('proxy'));
    expect(proxies()).toEqual(['proxy 2001:db8:: dev br-ex', 'proxy 2001:db8::1 dev br-ex']);
    cloud.deletePort('vm-flat');
    cloud.db.update('Logical_Switch_Port', 'port vm-2', { addresses: ['fa:16:3e:00:00:12 172.24.4.12'] });
    expect(proxies()).toEqual([]);
  });
});

describe('methods', () => {
  it('that are not available are reported', () => {
    expect(exposingMethodWiring('l2vni')).toBeUndefined();
    const { objects, pending } = wire([], testInput({ config: { exposingMethod: 'l2vni' } }), []);
    expect(objects).toEqual([]);
    expect(pending).toHaveLength(1);
  });
});
