/**
 * A captured node brought back: its state in a node in memory, or as requests for a real kernel.
 *
 * In: the captured state, the local switch's picture. Out: what a reader of the node would find, unmarked as the Python
 * agent leaves it (rules and neighbours of protocol 0, routes of protocol 3), and what others have beside it.
 */
import { familyOf, type IpAddress, parseInterfaceAddress, parseIp } from '../../../src/base/address.ts';
import type { ConfigNode } from '../../../src/frr/running-config.ts';
import { readStanzas } from '../../../src/frr/stanza-reader.ts';
import type { LinkData, Request, RouteType } from '../../../src/netlink/types.ts';
import { FakeNode } from '../../../src/node/fake-node.ts';
import { settled } from '../../../src/node/testing.ts';
import type { OvsSnapshot } from '../../../src/openvswitch/types.ts';
import { BGP_VRF, BRIDGE, isAgentRoute, VRF_TABLE } from './captured-objects.ts';
import type { CapturedLink, CapturedState } from './captured-state.ts';

export const AS = 64999;
const PERMANENT = 0x80;
const SCOPE_LINK = 253;
const PROTOCOLS: Readonly<Record<string, number>> = { kernel: 2, zebra: 11, bgp: 186 };
/** What pyroute2 writes when it is not told a protocol. */
const UNSAID_ROUTE = 3;

export async function capturedNode(state: CapturedState, snapshot: OvsSnapshot): Promise<FakeNode> {
  const node = new FakeNode();
  // What a device refers to comes first.
  const depth = ({ master, parent }: CapturedLink): number => Number((master ?? parent) !== undefined);
  for (const link of state.links.toSorted((a, b) => depth(a) - depth(b))) {
    if (link.name === 'lo') continue;
    const [master, parent] = [link.master, link.parent].map((name) =>
      name === undefined ? undefined : node.netlink.linkNamed(name)?.index,
    );
    const data = linkData(link);
    node.netlink.addLink({
      name: link.name,
      up: link.up,
      ...(link.mac === undefined ? {} : { mac: link.mac }),
      ...(link.type === 'plain' ? {} : { kind: link.type }),
      ...(data === undefined ? {} : { data }),
      ...(master === undefined ? {} : { master }),
      ...(parent === undefined ? {} : { parent }),
    });
  }
  const indexOf = (name: string): number => node.netlink.linkNamed(name)?.index ?? fail(name);
  node.netlink.foreign(...agentRequests(state, indexOf));
  addStrangers(node, state, indexOf);
  for (const { path, value } of state.sysctls) node.files.tamper(path, value);
  node.files.rtTables = state.rtTables;
  node.ovs.set(snapshot);
  node.ovs.tamper(
    BRIDGE,
    state.flows.map((flow) => ({ op: 'add', flow })),
  );
  node.frr.configure({ as: AS, routerId: routerIdOf(state.frr) });
  for (const stanza of readStanzas(state.frr, { as: AS, vrf: BGP_VRF }).stanzas)
    node.frr.tamper(stanza.id, stanza);
  await settled();
  return node;
}

/** Settings of a device that can be created; others only exist. */
export function linkData({ type, table, vlan }: CapturedLink): LinkData | undefined {
  if (type === 'vrf' && table !== undefined) return { kind: 'vrf', table };
  if (type === 'vlan' && vlan !== undefined) return { kind: 'vlan', id: vlan };
  return type === 'dummy' ? { kind: 'dummy' } : undefined;
}

/** Addresses, rules, routes, neighbours and proxy entries as the Python agent asks the kernel for them. */
export function agentRequests(state: CapturedState, indexOf: (device: string) => number): Request[] {
  const requests: Request[] = [];
  for (const { device, address } of state.addresses) {
    const family = familyOf(parseInterfaceAddress(address)?.address ?? fail(address));
    requests.push({ type: 'address', op: 'add', address: { family, index: indexOf(device), address } });
  }
  for (const { family, priority, to, lookup } of state.rules) {
    const table = Number(lookup);
    if (to === undefined || Number.isNaN(table)) continue;
    requests.push({ type: 'rule', op: 'add', rule: { family, priority, table, to } });
  }
  for (const { family, table, destination, device, via, metric } of state.routes.filter(isAgentRoute)) {
    requests.push({
      type: 'route',
      op: 'add',
      route: {
        family,
        table,
        destination,
        protocol: UNSAID_ROUTE,
        index: indexOf(device ?? ''),
        ...(family === 4 && via === undefined ? { scope: SCOPE_LINK } : {}),
        ...(via === undefined ? {} : { via }),
        ...(metric === 0 ? {} : { metric }),
      },
    });
  }
  for (const { device, address, mac, protocol } of state.neighbors) {
    if (protocol !== undefined) continue;
    const neighbor = { family: familyOf(address), index: indexOf(device), address, mac, state: PERMANENT };
    requests.push({ type: 'neighbor', op: 'add', neighbor });
  }
  for (const { device, address } of state.proxies) {
    const target = { family: familyOf(address), index: indexOf(device), address };
    const neighbor = { ...target, proxy: true, state: PERMANENT };
    requests.push({ type: 'neighbor', op: 'add', neighbor });
  }
  return requests;
}

/** What the kernel and FRR have of their own. */
function addStrangers(node: FakeNode, state: CapturedState, indexOf: (device: string) => number): void {
  for (const route of state.routes) {
    if (isAgentRoute(route)) continue;
    const { family, table, type, destination, device, metric, protocol = '' } = route;
    node.netlink.addRoute({
      family,
      table,
      destination,
      type: type as RouteType,
      protocol: PROTOCOLS[protocol] ?? fail(protocol),
      scope: 0,
      metric,
      ...(device === undefined ? {} : { index: indexOf(device) }),
    });
  }
  for (const { device, address, mac, protocol } of state.neighbors) {
    if (protocol === undefined) continue;
    node.netlink.addNeighbor({
      family: familyOf(address),
      index: indexOf(device),
      address,
      mac,
      state: PERMANENT,
      proxy: false,
      flags: 0,
      protocol: PROTOCOLS[protocol] ?? fail(protocol),
    });
  }
  for (const { family, priority, to, lookup } of state.rules) {
    if (to !== undefined) continue;
    const table =
      { local: 255, main: 254, default: 253, '[l3mdev-table]': VRF_TABLE }[lookup] ?? fail(lookup);
    node.netlink.addRule({ family, priority, table, action: 1, other: lookup.startsWith('['), protocol: 2 });
  }
}

/** Of the operator's default instance. */
function routerIdOf(config: readonly ConfigNode[]): IpAddress {
  const instance = config.find(({ line }) => line === `router bgp ${AS}`);
  const line = instance?.children.find((child) => child.line.startsWith('bgp router-id '))?.line ?? '';
  return parseIp(line.replace('bgp router-id ', '')) ?? fail('bgp router-id');
}

function fail(what: string): never {
  throw new Error(`the capture does not tell: ${what}`);
}
