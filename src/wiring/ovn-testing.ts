/** Test inputs for the method `ovn`: a node with two fabric bridges and a provider bridge, numbered or not. */
import {
  type IpAddress,
  type MacAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parseMac,
  parsePrefix,
} from '../base/address.ts';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { LocalOvnClusterConfig } from '../config/types.ts';
import type { Delivery, Exposure } from '../exposures/types.ts';
import type { Localnet } from '../ovn/topology.ts';
import { TEST_CONFIG } from './testing.ts';
import type {
  DefaultNextHop,
  LocalBridgeFacts,
  LocalOvnFacts,
  LocalPortFacts,
  WiringConfig,
  WiringInput,
} from './types.ts';

export const EX_MAC = '52:54:00:3f:90:97';
export const EX2_MAC = '52:54:00:fb:69:d4';

export interface OvnNode {
  readonly cluster?: Partial<LocalOvnClusterConfig>;
  readonly config?: Partial<WiringConfig>;
  readonly mappings?: string;
  readonly localMappings?: string;
  /** Changes to the facts of the node's own OVN. */
  readonly local?: Partial<LocalOvnFacts>;
  readonly bridges?: readonly LocalBridgeFacts[];
  /** OpenFlow ports of the cloud's patch ports on the provider bridge, by localnet. */
  readonly patches?: Readonly<Record<string, number>>;
}

export function ip(text: string): IpAddress {
  return must(parseIp(text), text);
}

export function mac(text: string): MacAddress {
  return must(parseMac(text), text);
}

export function prefix(text: string): Prefix {
  return must(parsePrefix(text), text);
}

export function port(
  name: string,
  ofport: number | undefined,
  more: Partial<LocalPortFacts> = {},
): LocalPortFacts {
  return { name, type: '', ofport, carrier: true, inKernel: true, ...more };
}

export function bridge(
  name: string,
  macText: string,
  addresses: readonly string[],
  ports: readonly LocalPortFacts[],
  datapathType = 'netdev',
): LocalBridgeFacts {
  return {
    name,
    datapathType,
    device: { mac: mac(macText) },
    addresses: addresses.map((text) => must(parseInterfaceAddress(text), text)),
    ports,
  };
}

/** Worked example 10: two numbered links, IPv4. */
export function exampleBridges(): readonly LocalBridgeFacts[] {
  const patch = { type: 'patch', carrier: undefined, inKernel: false };
  return [
    bridge(
      'br-ex',
      EX_MAC,
      ['100.65.3.6/30'],
      [port('eth1', 1), port('patch-bgp-ex-localnet-to-br-bgp', 7, patch)],
    ),
    bridge(
      'br-ex-2',
      EX2_MAC,
      ['100.64.0.6/30'],
      [port('eth2', 2), port('patch-bgp-ex-2-localnet-to-br-bgp', 8, patch)],
    ),
    bridge(
      'br-osp',
      '52:54:00:00:00:99',
      [],
      [port('patch-bgp-osp-localnet-to-br-bgp', 4, patch), port('patch-provnet-1-to-br-int', 3, patch)],
    ),
  ];
}

export function nextHop(family: 4 | 6, device: string, via: string, macText?: string): DefaultNextHop {
  return { family, device, via: ip(via), mac: macText === undefined ? undefined : mac(macText) };
}

/** BGP unnumbered: IPv4 and IPv6 through the link-local address of each leaf. */
export function unnumberedHops(): readonly DefaultNextHop[] {
  return [
    nextHop(4, 'br-ex', 'fe80::1', '02:aa:00:00:00:01'),
    nextHop(6, 'br-ex', 'fe80::1', '02:aa:00:00:00:01'),
    nextHop(4, 'br-ex-2', 'fe80::1', '02:aa:00:00:00:02'),
    nextHop(6, 'br-ex-2', 'fe80::1', '02:aa:00:00:00:02'),
  ];
}

export function ovnInput(node: OvnNode = {}): WiringInput {
  const { mappings } = parseBridgeMappings(node.mappings ?? 'provider1:br-osp');
  const local = parseBridgeMappings(node.localMappings ?? 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp');
  const patches = new Map(
    Object.entries(node.patches ?? { 'provnet-1': 3 }).map(([name, ofport]) => [
      `patch-${name}-to-br-int`,
      ofport,
    ]),
  );
  const bridges = node.bridges ?? exampleBridges();
  return {
    config: {
      ...TEST_CONFIG,
      exposingMethod: 'ovn',
      ...node.config,
      localOvnCluster: { ...defaultConfig().localOvnCluster, ...node.cluster },
    },
    facts: {
      bridgeMappings: mappings,
      bridges: new Map(
        mappings.map(({ bridge: name }) => [
          name,
          { name, device: { mac: mac('52:54:00:00:00:99') }, ofports: patches },
        ]),
      ),
      integrationBridge: 'br-int',
      tables: new Map(),
      kernelVlan: true,
      routerId: ip('172.30.1.1'),
      localOvn: {
        mappings: local.mappings,
        integrationBridge: 'br-bgp',
        bridges: new Map(bridges.map((each) => [each.name, each])),
        nextHops: [],
        peerMacs: new Map(),
        capabilities: { policyBfd: true, policyOutputPort: false },
        bfdStatus: new Map(),
        zoneRange: true,
        ...node.local,
      },
    },
  };
}

/** The settings of worked example 10. */
export const EXAMPLE: Partial<LocalOvnClusterConfig> = {
  shape: 'compatible',
  bfd: true,
  externalNics: ['eth1', 'eth2'],
  peerIps: [ip('100.65.3.5'), ip('100.64.0.5')],
  providerNetworksPoolPrefixes: [prefix('172.16.0.0/16'), prefix('192.168.100.0/24')],
};

/**
 * What worked example 10 and its machine come to, without what every method has, on a server that knows `bfd_sessions`; the
 * flows above priority 1000 and the MAC table entries are what the traps T1 to T3 ask for besides.
 */
export const EXAMPLE_LINES: readonly string[] = [
  'addr bgp-nic 172.16.5.5/32',
  'fdb br-ex port br-ex vlan 0 mac 52:54:00:3f:90:97 static',
  'fdb br-ex-2 port br-ex-2 vlan 0 mac 52:54:00:fb:69:d4 static',
  'flow br-ex cookie=0x3e7 priority=1000,ip,in_port=1,nw_dst=172.16.0.0/16 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
  'flow br-ex cookie=0x3e7 priority=1000,ip,in_port=1,nw_dst=192.168.100.0/24 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
  'flow br-ex cookie=0x3e7 priority=1050,arp,in_port=1,arp_op=2 actions=output:7,NORMAL',
  'flow br-ex cookie=0x3e7 priority=1050,icmp6,in_port=1,icmp_type=136 actions=output:7,NORMAL',
  'flow br-ex cookie=0x3e7 priority=1100,udp,in_port=1,tp_dst=3784 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
  'flow br-ex cookie=0x3e7 priority=1100,udp6,in_port=1,tp_dst=3784 actions=mod_dl_dst:52:54:00:3f:90:97,output:7',
  'flow br-ex-2 cookie=0x3e7 priority=1000,ip,in_port=2,nw_dst=172.16.0.0/16 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
  'flow br-ex-2 cookie=0x3e7 priority=1000,ip,in_port=2,nw_dst=192.168.100.0/24 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
  'flow br-ex-2 cookie=0x3e7 priority=1050,arp,in_port=2,arp_op=2 actions=output:8,NORMAL',
  'flow br-ex-2 cookie=0x3e7 priority=1050,icmp6,in_port=2,icmp_type=136 actions=output:8,NORMAL',
  'flow br-ex-2 cookie=0x3e7 priority=1100,udp,in_port=2,tp_dst=3784 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
  'flow br-ex-2 cookie=0x3e7 priority=1100,udp6,in_port=2,tp_dst=3784 actions=mod_dl_dst:52:54:00:fb:69:d4,output:8',
  'flow br-osp cookie=0x3e7 priority=1000,ip,in_port=3 actions=mod_dl_dst:40:44:00:00:00:06,NORMAL',
  'flow br-osp cookie=0x3e7 priority=1000,ipv6,in_port=3 actions=mod_dl_dst:40:44:00:00:00:06,NORMAL',
  'local OVN BFD on bgp-router-bgp-ex to 100.65.3.5 (300/300 ms x 3)',
  'local OVN BFD on bgp-router-bgp-ex-2 to 100.64.0.5 (300/300 ms x 3)',
  'local OVN MAC binding 172.16.5.5 is fa:16:3e:82:ee:19 on bgp-router-openstack',
  'local OVN gateway chassis bgp-router-bgp-ex-2_bgp of bgp-router-bgp-ex-2: bgp priority 1',
  'local OVN gateway chassis bgp-router-bgp-ex_bgp of bgp-router-bgp-ex: bgp priority 1',
  'local OVN gateway chassis bgp-router-openstack_bgp of bgp-router-openstack: bgp priority 1',
  'local OVN policy 10 of bgp-router inport=="bgp-router-openstack" reroute 100.64.0.5 100.65.3.5 with BFD',
  'local OVN route of bgp-router 0.0.0.0/0 via 100.64.0.5 with BFD',
  'local OVN route of bgp-router 0.0.0.0/0 via 100.65.3.5 with BFD',
  'local OVN router bgp-router',
  'local OVN router port bgp-router-bgp-ex on bgp-router mac 52:54:00:3f:90:97 networks 100.65.3.6/30',
  'local OVN router port bgp-router-bgp-ex-2 on bgp-router mac 52:54:00:fb:69:d4 networks 100.64.0.6/30',
  'local OVN router port bgp-router-openstack on bgp-router mac 40:44:00:00:00:06 networks 172.16.0.0/16 192.168.100.0/24',
  'local OVN switch bgp-ex',
  'local OVN switch bgp-ex-2',
  'local OVN switch bgp-osp',
  'local OVN switch port bgp-ex-2-bgp-router on bgp-ex-2 type router router-port="bgp-router-bgp-ex-2"',
  'local OVN switch port bgp-ex-2-localnet on bgp-ex-2 type localnet network_name="bgp-ex-2"',
  'local OVN switch port bgp-ex-bgp-router on bgp-ex type router router-port="bgp-router-bgp-ex"',
  'local OVN switch port bgp-ex-localnet on bgp-ex type localnet network_name="bgp-ex"',
  'local OVN switch port bgp-osp-localnet on bgp-osp type localnet network_name="bgp-osp"',
  'local OVN switch port openstack-bgp-router on bgp-osp type router arp_proxy="172.16.0.0/16 192.168.100.0/24" router-port="bgp-router-openstack"',
];

export const PROVNET: Localnet = {
  row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: 'u-provnet-1', name: 'provnet-1' },
  name: 'provnet-1',
  physicalNetwork: 'provider1',
  tag: undefined,
};

export function exposure(
  text: string,
  delivery: Delivery,
  more: Partial<Exposure> & { readonly vlan?: number } = {},
): Exposure {
  const { vlan, ...rest } = more;
  return {
    kind: 'provider-port',
    candidate: 'port u-1' as Exposure['candidate'],
    prefix: prefix(text),
    address: ip(text.split('/')[0] ?? text),
    network: {
      name: 'public',
      physicalNetwork: 'provider1',
      bridge: 'br-osp',
      localnet: 'provnet-1',
      ...(vlan === undefined ? {} : { vlan }),
    },
    delivery,
    announce: true,
    because: [
      {
        row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: 'u-1', name: 'vm' },
        note: 'a test',
      },
    ],
    ...rest,
  };
}

export function onLink(macText?: string): Delivery {
  return { type: 'link', ...(macText === undefined ? {} : { mac: mac(macText) }), proxyNdp: [] };
}

function must<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new TypeError(`not valid in a test: ${text}`);
  return value;
}
