/**
 * The ways between the node's own OVN and the fabric: which bridge, NIC and next hops, and what is missing.
 *
 * In: configuration and facts. Out: uplinks with what is known of them, and problems in words. Pure. Peers are configured
 * and belong to the bridge whose network has them, or they are the next hops of the kernel's default routes. A next hop
 * that the router cannot have on its port (an IPv6 one of an IPv4 route; a link-local one in a policy, where OVN takes the
 * first port that has fe80::/64) is replaced by an invented one with the leaf's MAC address.
 */
import {
  contains,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  type IpFamily,
  type MacAddress,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { bfdKey, isLinkLocalNextHop } from '../localnb/rows.ts';
import { type InnerNames, linkAddresses, localPatchPort, outerNames } from './ovn-names.ts';
import type {
  DefaultNextHop,
  LocalBridgeFacts,
  LocalOvnFacts,
  LocalPortFacts,
  Pending,
  WiringInput,
} from './types.ts';

/** One next hop behind an uplink. */
export interface Way {
  readonly family: IpFamily;
  readonly nexthop: IpAddress;
  /** OVN cannot find the port by the network of the next hop. */
  readonly needsPort: boolean;
  /** The leaf's; a binding is made of it. */
  readonly mac: MacAddress | undefined;
  /** The node's own OVN runs BFD with it. */
  readonly bfd: boolean;
}

export interface Uplink {
  readonly network: string;
  readonly names: InnerNames;
  readonly bridge: string;
  readonly mac: MacAddress;
  /** `address/length` of the router port. */
  readonly networks: readonly string[];
  readonly nic: LocalPortFacts;
  readonly nicOfport: number;
  /** OpenFlow port of the patch to the node's own OVN; absent until its controller has made it. */
  readonly patchOfport: number | undefined;
  /** All next hops behind it. */
  readonly ways: readonly Way[];
  /** False: no carrier, or FRR routes nothing through it. */
  readonly alive: boolean;
}

export interface Uplinks {
  readonly uplinks: readonly Uplink[];
  readonly problems: readonly Pending[];
}

const ALWAYS_ON: ReadonlySet<string> = new Set(['patch', 'internal']);

export function findUplinks(input: WiringInput, local: LocalOvnFacts): Uplinks {
  const problems: Pending[] = [];
  const provider = new Set(input.facts.bridgeMappings.map(({ bridge }) => bridge));
  const outer = local.mappings.filter(({ bridge }) => !provider.has(bridge));
  const uplinks: Uplink[] = [];
  for (const [position, mapping] of outer.entries()) {
    const pend = (reason: string): void =>
      void problems.push({ subject: `uplink ${mapping.physicalNetwork}`, reason });
    const found = uplink(
      input,
      local,
      mapping,
      position + 1,
      outer.map(({ bridge }) => bridge),
      pend,
    );
    if (found !== undefined) uplinks.push(found);
  }
  if (outer.length === 0) {
    const { bgpChassisId } = input.config.localOvnCluster;
    const reason =
      `ovn-bridge-mappings-${bgpChassisId} of the local Open_vSwitch database names no bridge to the fabric; ` +
      'give it one <network>:<bridge> for each, besides the provider bridge';
    problems.push({ subject: 'local OVN', reason });
  }
  if (uplinks.length > 0 && uplinks.every(({ alive }) => !alive)) {
    problems.push({
      subject: 'local OVN',
      reason: 'no uplink has carrier and a route: all are kept, for a stale way may still work',
    });
    return { uplinks: uplinks.map((each) => ({ ...each, alive: true })), problems };
  }
  return { uplinks, problems };
}

function uplink(
  input: WiringInput,
  local: LocalOvnFacts,
  mapping: { readonly physicalNetwork: string; readonly bridge: string; readonly index: number },
  number: number,
  outer: readonly string[],
  pend: (reason: string) => void,
): Uplink | undefined {
  const { bridge: name, physicalNetwork: network } = mapping;
  const bridge = local.bridges.get(name);
  if (bridge === undefined) {
    pend(`OVS bridge ${name} does not exist; create it, or correct the mappings`);
    return undefined;
  }
  if (bridge.device === undefined) {
    pend(
      `OVS bridge ${name} has no kernel device yet; ovs-vswitchd makes it (its log tells why it does not)`,
    );
    return undefined;
  }
  const nic = nicOf(bridge, input.config.localOvnCluster.externalNics, pend);
  if (nic === undefined) return undefined;
  if (nic.ofport === undefined) {
    pend(`port ${nic.name} of bridge ${name} is not open; see ovs-vswitchd's log`);
    return undefined;
  }
  const names = outerNames(network);
  const patch = localPatchPort(names.localnet, local.integrationBridge);
  const patchOfport = bridge.ports.find((port) => port.name === patch)?.ofport;
  if (patchOfport === undefined) {
    pend(`bridge ${name} has no patch port ${quote(patch)} yet; the node's own ovn-controller makes it`);
  }
  const own = firstNetworks(bridge.addresses);
  const links = linkAddresses(number);
  const ways =
    input.config.localOvnCluster.peerIps.length > 0
      ? configuredWays(input, local, mapping, own, outer)
      : learnedWays(input, local, name, own, links, pend);
  if (ways.length === 0) {
    pend(
      `no next hop is known behind bridge ${name}: FRR has no default route through it, and peer_ips names none`,
    );
  }
  const networks = new Set(own.map(({ address, length }) => `${address}/${length}`));
  if (networks.size === 0 || ways.some(({ nexthop }) => nexthop === links.leaf4)) networks.add(links.own4);
  if (ways.some(({ nexthop }) => nexthop === links.leaf6)) networks.add(links.own6);
  return {
    network,
    names,
    bridge: name,
    mac: bridge.device.mac,
    networks: [...networks].sort(),
    nic,
    nicOfport: nic.ofport,
    patchOfport,
    ways,
    alive: nic.carrier !== false && ways.length > 0 && isRouted(input, local, name),
  };
}

/** With BFD of OVN the routes follow that; else an uplink that FRR does not use is none. */
function isRouted({ config }: WiringInput, local: LocalOvnFacts, bridge: string): boolean {
  if (config.localOvnCluster.bfd || local.nextHops.length === 0) return true;
  return local.nextHops.some(({ device }) => device === bridge);
}

function nicOf(
  bridge: LocalBridgeFacts,
  externalNics: readonly string[],
  pend: (reason: string) => void,
): LocalPortFacts | undefined {
  const devices = bridge.ports.filter(({ name, type }) => name !== bridge.name && !ALWAYS_ON.has(type));
  const wanted =
    externalNics.length === 0 ? devices : bridge.ports.filter(({ name }) => externalNics.includes(name));
  const [nic, other] = wanted;
  if (nic === undefined) {
    pend(
      externalNics.length === 0
        ? `bridge ${bridge.name} has no device to the fabric; add the NIC to it`
        : `bridge ${bridge.name} has none of external_nics (${externalNics.join(', ')}); add the NIC to the bridge`,
    );
    return undefined;
  }
  if (other === undefined) return nic;
  const names = wanted.map(({ name }) => name).join(', ');
  pend(`bridge ${bridge.name} has several devices (${names}); say which is the uplink in external_nics`);
  return undefined;
}

/** The first address of each family that has a network around it. */
function firstNetworks(addresses: readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  return ([4, 6] as const).flatMap((family) => {
    const first = addresses.find(
      ({ address, length }) => familyOf(address) === family && length < (family === 4 ? 32 : 128),
    );
    return first === undefined ? [] : [first];
  });
}

/** Peers of the bridge: those in its network; of the others the one at the bridge's place in the list of mappings. */
function configuredWays(
  { config }: WiringInput,
  local: LocalOvnFacts,
  mapping: { readonly bridge: string; readonly index: number },
  own: readonly InterfaceAddress[],
  outer: readonly string[],
): readonly Way[] {
  const { peerIps, bfd } = config.localOvnCluster;
  const position = local.mappings.findIndex(({ bridge }) => bridge === mapping.bridge);
  const everywhere = outer.flatMap((bridge) => firstNetworks(local.bridges.get(bridge)?.addresses ?? []));
  return peerIps.flatMap((peer, index): Way[] => {
    const inside = own.some(({ network }) => contains(network, peer));
    const homeless = !everywhere.some(({ network }) => contains(network, peer));
    if (!inside && !(homeless && index === position)) return [];
    const mac = local.peerMacs.get(peer);
    return [{ family: familyOf(peer), nexthop: peer, needsPort: !inside, mac, bfd }];
  });
}

function learnedWays(
  { config }: WiringInput,
  local: LocalOvnFacts,
  bridge: string,
  own: readonly InterfaceAddress[],
  links: ReturnType<typeof linkAddresses>,
  pend: (reason: string) => void,
): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const hop of local.nextHops) {
    if (hop.device !== bridge) continue;
    const way = learnedWay(hop, config.localOvnCluster.shape === 'compatible', own, links);
    if (way.mac === undefined && way.nexthop !== hop.via) {
      pend(`the MAC address of ${hop.via} on bridge ${bridge} is not known yet; the kernel learns it`);
    } else if (way.mac === undefined && isLinkLocalNextHop(hop.via)) {
      pend(`the MAC address of ${hop.via} on bridge ${bridge} is not known yet; the kernel learns it`);
    } else ways.set(`${way.family} ${way.nexthop}`, way);
  }
  return [...ways.values()];
}

function learnedWay(
  { family, via, mac }: DefaultNextHop,
  policy: boolean,
  own: readonly InterfaceAddress[],
  links: ReturnType<typeof linkAddresses>,
): Way {
  const inside = own.some(({ network }) => familyOf(network) === family && contains(network, via));
  if (inside) return { family, nexthop: via, needsPort: false, mac, bfd: false };
  if (family === 4) return { family, nexthop: links.leaf4, needsPort: false, mac, bfd: false };
  if (policy && isLinkLocalNextHop(via)) {
    return { family, nexthop: links.leaf6, needsPort: false, mac, bfd: false };
  }
  return { family, nexthop: via, needsPort: true, mac, bfd: false };
}

/** True when a session is known to be down; one that has not begun yet is none. */
export function isDown(local: LocalOvnFacts, uplink: Uplink, way: Way): boolean {
  const status = local.bfdStatus.get(bfdKey({ port: uplink.names.routerPort, peer: way.nexthop }));
  return way.bfd && status === 'down';
}
