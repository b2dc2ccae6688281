/**
 * Records of the topology for tests: the small cloud of the reference's worked examples, each record with what a test
 * changes about it.
 *
 * PUB is flat and VLAN has tag 100, both on physnet1; TENANT has no localnet. A router has a gateway port on PUB and an
 * interface on TENANT. Names are UUIDs at the same time, so that a failing test says which row it means.
 */

import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import {
  type Candidate,
  type CandidateKey,
  candidateKey,
  type FloatingIp,
  type FloatingIps,
  type GatewayPort,
  type LoadBalancer,
  type Network,
  type Residence,
  type Router,
  type RowReference,
  type Subnet,
  type Topology,
  type VipPort,
  type WorkloadPort,
} from '../ovn/topology.ts';

export const MAPPINGS = parseBridgeMappings('physnet1:br-ex').mappings;
export const GATEWAY_MAC = 'fa:16:3e:aa:aa:aa';

export const HERE: Residence = { kind: 'here' };
export const ELSEWHERE: Residence = { kind: 'elsewhere', node: 'cmp-9' };

export function row(
  table: string,
  name: string,
  database: RowReference['database'] = 'northbound',
): RowReference {
  return { database, table, uuid: name, name };
}

export function network(name: string, changes: Partial<Network> = {}): Network {
  return { row: row('Logical_Switch', name), name, localnets: [], gateways6: [], ...changes };
}

function provider(name: string, localnet: string, tag: number | undefined): Network {
  const port = {
    row: row('Logical_Switch_Port', localnet),
    name: localnet,
    physicalNetwork: 'physnet1',
    tag,
  };
  return network(name, { localnets: [port] });
}

export const PUB = provider('PUB', 'provnet-1', undefined);
export const VLAN = provider('VLAN', 'provnet-2', 100);
export const TENANT = network('TENANT');

/** On a network, under its name. */
export function on(at: Network): { readonly network: Network; readonly networkName: string } {
  return { network: at, networkName: at.name };
}

export function port(name: string, changes: Partial<WorkloadPort> = {}): WorkloadPort {
  return {
    kind: 'port',
    key: candidateKey('port', name),
    row: row('Logical_Switch_Port', name),
    name,
    type: '',
    addressTexts: [],
    cidrs: [],
    ...on(PUB),
    residence: HERE,
    active: true,
    scopes: {},
    subnets: [],
    neighbor: true,
    proxyNdp: true,
    marks: {},
    ...changes,
  };
}

export function gateway(name = 'gateway', changes: Partial<GatewayPort> = {}): GatewayPort {
  return {
    kind: 'gateway',
    key: candidateKey('gateway', name),
    row: row('Logical_Router_Port', name),
    name,
    macText: GATEWAY_MAC,
    addressTexts: ['172.24.4.221/24', '2001:db8::221/64'],
    ...on(PUB),
    residence: HERE,
    marks: {},
    ...changes,
  };
}

export function router(gateways: readonly GatewayPort[] = [gateway()], name = 'router'): Router {
  return { row: row('Logical_Router', name), name, pinned: false, gateways };
}

export function subnet(changes: Partial<Subnet> = {}, name = 'interface'): Subnet {
  const behind = 'router' in changes ? changes.router : router();
  return {
    kind: 'subnet',
    key: candidateKey('subnet', name),
    row: row('Logical_Switch_Port', name),
    name,
    ...on(TENANT),
    addressTexts: ['192.168.1.1/26'],
    up: true,
    scopes: {},
    routerName: behind?.name,
    router: behind,
    sourceNats: [],
    marks: {},
    ...changes,
  };
}

/** Distributed, for the VM `vm-t1`, on PUB, with no MAC yet. */
export function floatingIp(changes: Partial<FloatingIp> = {}, name = 'fip'): FloatingIp {
  return {
    kind: 'nat',
    from: 'nat-row',
    key: candidateKey('nat', name),
    row: { database: 'northbound', table: 'NAT', uuid: name },
    type: 'dnat_and_snat',
    externalIpText: '172.24.4.131',
    externalMacText: undefined,
    logicalPortName: 'vm-t1',
    port: natPort('vm-t1'),
    mode: 'distributed',
    ...on(PUB),
    routerName: 'router',
    gateways: [gateway()],
    marks: {},
    ...changes,
  };
}

export function natPort(name: string, residence: Residence = HERE, type = ''): FloatingIp['port'] {
  return {
    key: candidateKey('port', name),
    row: row('Logical_Switch_Port', name),
    type,
    residence,
  };
}

export function natAddresses(changes: Partial<FloatingIps> = {}): FloatingIps {
  return {
    kind: 'nat',
    from: 'nat-addresses',
    subnets: [],
    key: candidateKey('nat', 'gateway-switch-side'),
    row: row('Port_Binding', 'gateway-switch-side', 'southbound'),
    ...on(PUB),
    entries: [],
    memberless: [],
    marks: {},
    ...changes,
  };
}

export function vipPort(at: Network, changes: Partial<VipPort> = {}): VipPort {
  return { row: row('Logical_Switch_Port', 'vip'), addressTexts: [], ...on(at), subnets: [], ...changes };
}

export function loadBalancer(
  flavor: LoadBalancer['flavor'],
  changes: Partial<LoadBalancer> = {},
  name = 'lb',
): LoadBalancer {
  return {
    kind: 'load-balancer',
    key: candidateKey('load-balancer', name),
    row: row('Load_Balancer', name),
    name,
    flavor,
    vipTexts: [],
    emptyVipTexts: [],
    offlineVipTexts: [],
    vipText: undefined,
    vipFipText: undefined,
    vipFipMacText: undefined,
    vipPort: undefined,
    additionalVips: [],
    routerName: 'router',
    routers: [router()],
    subnets: [],
    marks: {},
    ...changes,
  };
}

export function topologyOf(...candidates: readonly Candidate[]): Topology {
  const byKey = new Map<CandidateKey, Candidate>(candidates.map((candidate) => [candidate.key, candidate]));
  if (byKey.size !== candidates.length) throw new TypeError('two records of a test have the same name');
  return {
    database: 'northbound',
    candidates: () => byKey.keys(),
    resolve: (key) => byKey.get(key),
    companions: () => [],
    localnets: () => [],
  };
}
