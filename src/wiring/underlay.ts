/**
 * Exposing method `underlay`: the kernel routes between the fabric and OVN's provider bridges.
 *
 * In (traffic to a workload): a rule sends the address to the bridge's routing table, a host route there to the bridge
 * or VLAN device, a permanent neighbour entry has its MAC; a subnet behind a router has a rule, and a route through the
 * router's gateway address. Out: flows on the bridge give IP traffic from OVN the
 * kernel's MAC, and the kernel answers ARP and neighbour solicitations in place of a gateway that does not exist.
 *
 * Input: exposures, this node's facts, localnet ports. Output: desired objects. What cannot be wired yet is pending with
 * a reason; what depends on it is left out, and the address is not advertised.
 */
import {
  familyOf,
  hostPrefix,
  type IpAddress,
  type IpFamily,
  type MacAddress,
  type Prefix,
  parsePrefix,
} from '../base/address.ts';
import type { BridgeMapping } from '../base/bridge-mappings.ts';
import { sortedBy } from '../base/order.ts';
import type { Exposure } from '../exposures/types.ts';
import { keyOf } from '../node/keys.ts';
import type { NodeObject, ObjectKey } from '../node/objects.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Localnet } from '../ovn/topology.ts';
import { advertise, advertiseBase, announcementOf } from './advertise.ts';
import { type BridgeHandover, bridgeHandover, bridgeTable, localnetFlows, vlanHandover } from './handover.ts';
import { handoverAddresses, proxyArpPath, proxyNdpPath } from './names.ts';
import { ObjectSet } from './object-set.ts';
import type { ExposingMethodWiring, Wiring, WiringInput } from './types.ts';

export const underlay: ExposingMethodWiring = { base, expose };

const FAMILIES: readonly IpFamily[] = [4, 6];

function base(input: WiringInput, localnets: Iterable<Localnet>): Wiring {
  const set = new ObjectSet();
  set.addAll(advertiseBase(input));
  for (const mapping of input.facts.bridgeMappings) addBridge(set, mapping, input);
  const ordered = sortedBy(localnets, (localnet) => `${localnet.name} ${localnet.row.uuid}`);
  for (const localnet of ordered) {
    for (const mapping of input.facts.bridgeMappings) {
      if (mapping.physicalNetwork === localnet.physicalNetwork) addLocalnet(set, localnet, mapping, input);
    }
  }
  return set.toWiring();
}

/** The bridge as a next hop: up, with an address to answer from, and a table whose routes lead to it. */
function addBridge(set: ObjectSet, mapping: BridgeMapping, input: WiringInput): void {
  const { bridge, index } = mapping;
  const because = `ovn-bridge-mappings ${mapping.physicalNetwork}:${bridge}`;
  const table = bridgeTable(bridge, input);
  if (table.ok) set.wire({ kind: 'rt-table', number: table.table, name: bridge }, because);
  else set.pend(`bridge ${bridge}`, table.reason);
  const handover = bridgeHandover(bridge, input);
  if (!handover.ok) {
    set.pend(`bridge ${bridge}`, handover.reason);
    return;
  }
  const link = set.wire(existingLink(bridge), because);
  addHandoverDevice(set, bridge, index, undefined, because);
  if (!table.ok) return;
  for (const family of FAMILIES) {
    set.wire(deviceRoute(family, table.table, defaultPrefix(family), bridge), because, [link]);
  }
}

/** A localnet port of a mapped physical network: its VLAN device, and the flows of its patch port once that is there. */
function addLocalnet(set: ObjectSet, localnet: Localnet, mapping: BridgeMapping, input: WiringInput): void {
  const handover = bridgeHandover(mapping.bridge, input);
  if (!handover.ok) return;
  const because = describeRow(localnet.row);
  if (localnet.tag !== undefined) addVlan(set, localnet.tag, mapping, handover, because, input);
  const flows = localnetFlows(localnet.name, handover, input);
  // No reason to wait for: ovn-controller makes the patch port when the node has a port of the network.
  if (!flows.ok) return;
  for (const flow of flows.flows) set.wire({ kind: 'flow', bridge: mapping.bridge, flow }, because);
}

function addVlan(
  set: ObjectSet,
  vlan: number,
  { bridge, index }: BridgeMapping,
  handover: Extract<BridgeHandover, { ok: true }>,
  because: string,
  input: WiringInput,
): void {
  const way = vlanHandover(bridge, vlan, input);
  if (!way.ok) {
    set.pend(`VLAN ${vlan} on bridge ${bridge}`, `${because}: ${way.reason}`);
    return;
  }
  const { device } = way;
  const parent = keyOf(existingLink(bridge));
  if (way.by === 'kernel') {
    set.wire(
      { kind: 'link', name: device, link: { type: 'vlan', parent: bridge, id: vlan }, up: true },
      because,
      [parent],
    );
  } else {
    // The flows address the kernel by the bridge's MAC, whatever the VLAN.
    const port = set.wire({ kind: 'ovs-port', bridge, name: device, tag: vlan, mac: handover.mac }, because);
    set.wire(existingLink(device), because, [port, parent]);
  }
  addHandoverDevice(set, device, index, vlan, because);
}

/** Addresses and proxy settings of a bridge or VLAN device. */
function addHandoverDevice(
  set: ObjectSet,
  device: string,
  index: number,
  vlan: number | undefined,
  because: string,
): void {
  const link = keyOf(existingLink(device));
  set.wire({ kind: 'sysctl', path: proxyArpPath(device), value: '1' }, because, [link]);
  set.wire({ kind: 'sysctl', path: proxyNdpPath(device), value: '1' }, because, [link]);
  for (const address of handoverAddresses(index, vlan)) {
    set.wire({ kind: 'address', device, prefix: hostPrefix(address) }, because, [link]);
  }
}

function expose(exposure: Exposure, input: WiringInput): Wiring {
  const set = new ObjectSet();
  const { prefix, address, delivery } = exposure;
  const claim = exposure.because[0];
  const because = claim === undefined ? prefix : `${announced(exposure)} of ${describeRow(claim.row)}`;
  const passage = passageOf(exposure, input);
  const { needed } = passage;
  switch (delivery.type) {
    case 'link':
      needed.push(...wireHost(set, passage, { ...delivery, address }, because));
      break;
    case 'via':
      needed.push(...wireSubnet(set, passage, prefix, delivery, because));
      break;
    case 'covered':
      // The subnet's own exposure puts it in place.
      needed.push(...wireSubnet(new ObjectSet(), passage, delivery.subnet, { via: delivery.via }, because));
      break;
    default:
      delivery satisfies never;
  }
  for (const reason of passage.reasons) set.pend(prefix, reason);
  if (passage.reasons.length === 0 && exposure.announce) {
    set.add(advertise(announcementOf(exposure, input.config), input.config, needed, because));
  }
  return set.toWiring();
}

function announced({ delivery, address, prefix }: Exposure): string {
  return delivery.type === 'via' ? prefix : address;
}

/** The way from the kernel to a provider network, as far as it is there. */
interface Passage {
  /** Routing table of the bridge. */
  readonly table: number | undefined;
  readonly device: string | undefined;
  /** What must be in place before traffic may come. */
  readonly needed: ObjectKey[];
  /** Why it is not complete. */
  readonly reasons: readonly string[];
}

function passageOf({ network, prefix }: Exposure, input: WiringInput): Passage {
  const reasons: string[] = [];
  const needed: ObjectKey[] = [];
  const table = bridgeTable(network.bridge, input);
  if (!table.ok) reasons.push(table.reason);
  let device: string | undefined;
  const handover = bridgeHandover(network.bridge, input);
  if (handover.ok) {
    const way = vlanHandover(network.bridge, network.vlan, input);
    if (way.ok) {
      device = way.device;
      const path = familyOf(prefix) === 4 ? proxyArpPath(device) : proxyNdpPath(device);
      needed.push(keyOf(existingLink(device)), keyOf({ kind: 'sysctl', path, value: '1' }));
    } else {
      reasons.push(way.reason);
    }
    const flows = localnetFlows(network.localnet, handover, input);
    if (flows.ok) {
      for (const flow of flows.flows) needed.push(keyOf({ kind: 'flow', bridge: network.bridge, flow }));
    } else {
      reasons.push(flows.reason);
    }
  } else {
    reasons.push(handover.reason);
  }
  return { table: table.ok ? table.table : undefined, device, needed, reasons };
}

/** An address that answers on the provider network: rule, host route, neighbour, proxied gateways. */
function wireHost(
  set: ObjectSet,
  { table, device }: Passage,
  host: { readonly address: IpAddress; readonly mac?: MacAddress; readonly proxyNdp?: readonly IpAddress[] },
  because: string,
): readonly ObjectKey[] {
  const keys: ObjectKey[] = [];
  const { address, mac } = host;
  const prefix = hostPrefix(address);
  if (table !== undefined) keys.push(set.wire({ kind: 'rule', to: prefix, table }, because));
  if (device === undefined) return keys;
  const link = keyOf(existingLink(device));
  if (table !== undefined) {
    keys.push(set.wire(deviceRoute(familyOf(address), table, prefix, device), because, [link]));
  }
  if (mac !== undefined) keys.push(set.wire({ kind: 'neighbor', device, address, mac }, because, [link]));
  for (const proxied of host.proxyNdp ?? []) {
    keys.push(set.wire({ kind: 'proxy-ndp', device, address: proxied }, because, [link]));
  }
  return keys;
}

/** A subnet behind a router: a rule, and a route through the router's gateway address, which is wired along with it. */
function wireSubnet(
  set: ObjectSet,
  passage: Passage,
  subnet: Prefix,
  gateway: { readonly via: IpAddress; readonly mac?: MacAddress },
  because: string,
): readonly ObjectKey[] {
  const { via } = gateway;
  const keys = [...wireHost(set, passage, { ...gateway, address: via }, because)];
  const { table, device } = passage;
  if (table === undefined) return keys;
  const rule = set.wire({ kind: 'rule', to: subnet, table }, because);
  if (device === undefined) return [...keys, rule];
  const route: NodeObject = {
    kind: 'route',
    family: familyOf(subnet),
    table,
    destination: subnet,
    target: { type: 'device', device, via },
    metric: 0,
  };
  // Without the gateway's host route the kernel knows no way to it and refuses the route. Its neighbour entry comes later.
  const way = keyOf(deviceRoute(familyOf(via), table, hostPrefix(via), device));
  return [...keys, rule, set.wire(route, because, [way])];
}

function existingLink(name: string): NodeObject {
  return { kind: 'link', name, link: { type: 'existing' }, up: true };
}

/** A route without a gateway (scope link in IPv4) and with the kernel's default metric. */
function deviceRoute(family: IpFamily, table: number, destination: Prefix, device: string): NodeObject {
  return { kind: 'route', family, table, destination, target: { type: 'device', device }, metric: 0 };
}

function defaultPrefix(family: IpFamily): Prefix {
  const prefix = parsePrefix(family === 4 ? '0.0.0.0/0' : '::/0');
  if (prefix === undefined) throw new TypeError(`no default route of family ${family}`);
  return prefix;
}
