/**
 * Exposing method `underlay`: the kernel routes between the fabric and OVN's provider bridges.
 *
 * In (traffic to a workload): a rule sends the address to the bridge's routing table, a host route there to the bridge
 * or VLAN device, a permanent neighbour entry has its MAC. Out: flows on the bridge give IP traffic from OVN the
 * kernel's MAC, and the kernel answers ARP and neighbour solicitations in place of a gateway that does not exist.
 *
 * Input: exposures, this node's facts, localnet ports. Output: desired objects. What cannot be wired yet is pending with
 * a reason; what depends on it is left out, and the address is not advertised.
 */
import { familyOf, hostPrefix, type IpFamily, type Prefix, parsePrefix } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { BridgeMapping, Exposure } from '../exposures/types.ts';
import { keyOf } from '../node/keys.ts';
import type { NodeObject, ObjectKey } from '../node/objects.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Localnet } from '../ovn/topology.ts';
import { advertise, advertiseBase } from './advertise.ts';
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
  const flows = localnetFlows(localnet.name, handover);
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
  const { address, prefix, network } = exposure;
  const claim = exposure.because[0];
  const because = claim === undefined ? prefix : `${address} of ${describeRow(claim.row)}`;
  const reasons: string[] = [];
  /** What must be in place before traffic may come. */
  const needed: ObjectKey[] = [];

  const table = bridgeTable(network.bridge, input);
  if (table.ok) needed.push(set.wire({ kind: 'rule', to: prefix, table: table.table }, because));
  else reasons.push(table.reason);

  const handover = bridgeHandover(network.bridge, input);
  if (handover.ok) {
    const way = vlanHandover(network.bridge, network.vlan, input);
    if (way.ok) {
      const family = familyOf(address);
      const link = keyOf(existingLink(way.device));
      const path = family === 4 ? proxyArpPath(way.device) : proxyNdpPath(way.device);
      needed.push(link, keyOf({ kind: 'sysctl', path, value: '1' }));
      if (table.ok) {
        needed.push(set.wire(deviceRoute(family, table.table, prefix, way.device), because, [link]));
      }
      needed.push(...addNeighbors(set, exposure, way.device, because, link));
    } else {
      reasons.push(way.reason);
    }
    const flows = localnetFlows(network.localnet, handover);
    if (flows.ok) {
      for (const flow of flows.flows) needed.push(keyOf({ kind: 'flow', bridge: network.bridge, flow }));
    } else {
      reasons.push(flows.reason);
    }
  } else {
    reasons.push(handover.reason);
  }

  for (const reason of reasons) set.pend(prefix, reason);
  if (reasons.length === 0) set.add(advertise(address, input.config, needed, because));
  return set.toWiring();
}

function addNeighbors(
  set: ObjectSet,
  exposure: Exposure,
  device: string,
  because: string,
  link: ObjectKey,
): readonly ObjectKey[] {
  const keys: ObjectKey[] = [];
  const { address, delivery } = exposure;
  if (delivery.type !== 'link') return keys;
  const { mac } = delivery;
  if (mac !== undefined) keys.push(set.wire({ kind: 'neighbor', device, address, mac }, because, [link]));
  for (const proxied of delivery.proxyNdp) {
    keys.push(set.wire({ kind: 'proxy-ndp', device, address: proxied }, because, [link]));
  }
  return keys;
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
