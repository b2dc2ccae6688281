/**
 * The fabric `hwol` on paper: every OVN node has its network devices inside Open vSwitch, as with DPDK or switchdev
 * hardware. Pure.
 *
 * ```
 *   leaf1 ── nic1 [br-ex]    leaf2 ── nic2 [br-ex-2]    br-osp: provider bridge (physnet1), without any device
 * ```
 *
 * The node's own addresses and its BGP sessions are on the bridges' internal ports; the node does not forward.
 */
import {
  bridgeMac,
  CHASSIS,
  type Chassis,
  type NodeName,
  type PortLink,
  ROUTERS,
  type Router,
  type RouterName,
} from './layout.ts';

/** `routed`: the devices belong to the kernel, which forwards. `hwol`: they are in Open vSwitch's bridges. */
export const FABRIC_KINDS = ['routed', 'hwol'] as const;
export type FabricKind = (typeof FABRIC_KINDS)[number];

/** How nodes and leafs of the fabric `hwol` speak BGP: over addresses of their link, or over link-local ones. */
export const ADDRESSINGS = ['numbered', 'unnumbered'] as const;
export type Addressing = (typeof ADDRESSINGS)[number];

/** The bridge that OVN's provider networks are on. */
export const PROVIDER_BRIDGE = 'br-osp';

export const UPLINKS = [
  { bridge: 'br-ex', nic: 'nic1', leaf: 'leaf1' },
  { bridge: 'br-ex-2', nic: 'nic2', leaf: 'leaf2' },
] as const;

/** A bridge around one uplink of a node. */
export interface UplinkBridge {
  readonly name: string;
  readonly mac: string;
  readonly nic: string;
  /** `address/length` of its internal port. */
  readonly addresses: readonly string[];
}

/** The routers as they are with devices in bridges: the node's BGP sessions are on the bridges. */
export function hwolRouters(addressing: Addressing): readonly Router[] {
  return ROUTERS.map((router) => ({
    ...router,
    fabricPorts: router.fabricPorts.map((port) => {
      const uplink = UPLINKS.find(({ nic }) => nic === port.device);
      const link = addressing === 'numbered' ? linkBetween(router.name, port.peer) : undefined;
      const leaf = addressing === 'unnumbered' ? leafPort(port.peer, router.name) : undefined;
      return {
        device: uplink?.bridge ?? port.device,
        peer: port.peer,
        ...(link === undefined ? {} : { link }),
        ...(leaf === undefined ? {} : { bfdPeer: leaf.linkLocal }),
      };
    }),
  }));
}

/**
 * MAC address of a leaf's port to an OVN node, and the link-local address that the kernel makes of it (RFC 4291,
 * appendix A). Absent for other pairs.
 */
function leafPort(leaf: RouterName, node: RouterName): { mac: string; linkLocal: string } | undefined {
  const uplink = UPLINKS.findIndex((candidate) => candidate.leaf === leaf) + 1;
  const chassis = CHASSIS.find(({ name }) => name === node);
  if (uplink === 0 || chassis === undefined) return undefined;
  const last = chassis.number.toString(16).padStart(2, '0');
  return { mac: `02:1e:00:00:0${uplink}:${last}`, linkLocal: `fe80::1e:ff:fe00:${uplink}${last}` };
}

/** Addresses of the link between a leaf and an OVN node, seen from `own`; absent for other pairs. */
export function linkBetween(own: RouterName, peer: RouterName): PortLink | undefined {
  const uplink = UPLINKS.findIndex(({ leaf }) => leaf === own || leaf === peer) + 1;
  const node = CHASSIS.findIndex(({ name }) => name === own || name === peer) + 1;
  if (uplink === 0 || node === 0) return undefined;
  const v4 = (last: number): string => `100.64.${uplink}${node}.${last}`;
  const v6 = (last: number): string => `2001:db8:64:${uplink}${node}::${last}`;
  const [ownLast, peerLast] = UPLINKS.some(({ leaf }) => leaf === own) ? [1, 2] : [2, 1];
  return {
    4: { own: v4(ownLast), peer: v4(peerLast), length: 30 },
    6: { own: v6(ownLast), peer: v6(peerLast), length: 126 },
  };
}

export function uplinkBridges(chassis: Chassis, addressing: Addressing): readonly UplinkBridge[] {
  return UPLINKS.map(({ bridge, nic, leaf }, index) => {
    const link = addressing === 'numbered' ? linkBetween(chassis.name, leaf) : undefined;
    return {
      name: bridge,
      // The provider bridge has index 0.
      mac: bridgeMac(chassis, index + 1),
      nic,
      addresses: link === undefined ? [] : [link[4], link[6]].map(({ own, length }) => `${own}/${length}`),
    };
  });
}

/** `ip -batch` lines for a leaf of this fabric, before its ports are set up: these keep what address they have by then. */
export function leafLines(node: NodeName, addressing: Addressing): readonly string[] {
  const router = hwolRouters(addressing).find(({ name }) => name === node);
  if (router?.role !== 'leaf') return [];
  return router.fabricPorts.flatMap(({ device, link, peer }) => {
    if (link !== undefined)
      return [
        `address add ${link[4].own}/${link[4].length} dev ${device}`,
        `address add ${link[6].own}/${link[6].length} dev ${device} nodad`,
      ];
    const port = leafPort(router.name, peer);
    return port === undefined ? [] : [`link set ${device} address ${port.mac}`];
  });
}

/** Commands, for a shell, that ready the cables of a node before anything is started on it. */
export function cableScript(node: NodeName): string {
  // Checksums must be right when packets leave: the user space data path hands them on as they are.
  const plain = (device: string): string => `ethtool -K ${device} tx off >/dev/null`;
  if (node === 'leaf1' || node === 'leaf2') {
    return CHASSIS.map(
      ({ name }) => `${plain(`to-${name}`)}
# A cable that is pulled and plugged in again by setting the device down and up keeps its address.
echo 1 >/proc/sys/net/ipv6/conf/to-${name}/keep_addr_on_down`,
    ).join('\n');
  }
  if (!CHASSIS.some(({ name }) => name === node)) return '';
  return UPLINKS.map(
    ({ nic }) => `${plain(nic)}
# The kernel still sees the frames of a device that user space reads, and would answer ARP with the device's own MAC.
echo 8 >/proc/sys/net/ipv4/conf/${nic}/arp_ignore
echo 1 >/proc/sys/net/ipv6/conf/${nic}/disable_ipv6`,
  ).join('\n');
}
