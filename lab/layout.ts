/**
 * The fabric on paper: nodes, their roles, addresses and AS numbers, and the links between them. Pure data.
 *
 * ```
 *   ext ── spine ──┬── leaf1 ──┬── compute1
 *                  └── leaf2 ──┼── compute2     (every OVN node has an uplink to both leafs)
 *                              └── gw1
 *   central (OVN databases), compute1, compute2, gw1: management bridge, and a bridge for tunnels where needed
 * ```
 */

export const NODE_NAMES = [
  'spine',
  'leaf1',
  'leaf2',
  'central',
  'compute1',
  'compute2',
  'gw1',
  'ext',
] as const;
export type NodeName = (typeof NODE_NAMES)[number];
export const CHASSIS_NAMES = ['compute1', 'compute2', 'gw1'] as const;
export type ChassisName = (typeof CHASSIS_NAMES)[number];
export const ROUTER_NAMES = ['spine', 'leaf1', 'leaf2', ...CHASSIS_NAMES] as const;
export type RouterName = (typeof ROUTER_NAMES)[number];

/** AS of the OVN nodes; all share it, as the agent's documentation has it. */
export const CHASSIS_AS = 64999;

export interface Router {
  readonly name: RouterName;
  readonly role: 'spine' | 'leaf' | 'chassis';
  readonly as: number;
  readonly loopback4: string;
  readonly loopback6: string;
  /** Interfaces with a BGP session, and the node at their other end. */
  readonly fabricPorts: readonly FabricPort[];
}

export interface FabricPort {
  readonly device: string;
  readonly peer: RouterName;
  /** Present where the session is between addresses of the link; absent: BGP unnumbered. */
  readonly link?: PortLink;
  /** Link-local address of the peer that bfdd is to know without bgpd ({@link frrConfig} says why). */
  readonly bfdPeer?: string;
}

/** Both ends of a point-to-point link, one pair a family. */
export type PortLink = Readonly<
  Record<4 | 6, { readonly own: string; readonly peer: string; readonly length: number }>
>;

export interface Chassis {
  readonly name: ChassisName;
  /** `external_ids:system-id`: OVN's name of the chassis. */
  readonly systemId: string;
  /** Address on the management bridge, for the connections to the OVN databases. */
  readonly management: string;
  /** Tunnel end point where the user space data path makes the tunnels. */
  readonly tunnel: string;
  readonly gateway: boolean;
  /** Last byte of the provider bridges' MAC addresses. */
  readonly number: number;
}

export interface Cable {
  readonly ends: readonly [CableEnd, CableEnd];
}

export interface CableEnd {
  readonly node: NodeName;
  readonly device: string;
}

/** Prefixes of tenant networks; the nodes' sessions let them out beside host routes. */
export const TENANT_PREFIXES = { ipv4: '192.168.100.0/24', ipv6: '2001:db8:100::/64' } as const;

export const MANAGEMENT_LENGTH = 24;
export const TUNNEL_LENGTH = 24;
export const CENTRAL_ADDRESS = '172.30.0.1';
export const NORTHBOUND = `tcp:${CENTRAL_ADDRESS}:6641`;
export const SOUTHBOUND = `tcp:${CENTRAL_ADDRESS}:6642`;

/** The outside host, and the spine as its router. */
export const EXTERNAL = {
  address4: '10.255.0.2',
  gateway4: '10.255.0.1',
  length4: 24,
  address6: '2001:db8:ff::2',
  gateway6: '2001:db8:ff::1',
  length6: 64,
} as const;

function router(
  name: RouterName,
  role: Router['role'],
  as: number,
  id: number,
  fabricPorts: Router['fabricPorts'],
): Router {
  return { name, role, as, loopback4: `10.0.0.${id}`, loopback6: `2001:db8::${id}`, fabricPorts };
}

const toChassis = CHASSIS_NAMES.map((name) => ({ device: `to-${name}`, peer: name }));
const uplinks = [
  { device: 'nic1', peer: 'leaf1' },
  { device: 'nic2', peer: 'leaf2' },
] as const;

export const ROUTERS: readonly Router[] = [
  router('spine', 'spine', 65100, 11, [
    { device: 'to-leaf1', peer: 'leaf1' },
    { device: 'to-leaf2', peer: 'leaf2' },
  ]),
  router('leaf1', 'leaf', 65001, 12, [{ device: 'to-spine', peer: 'spine' }, ...toChassis]),
  router('leaf2', 'leaf', 65002, 13, [{ device: 'to-spine', peer: 'spine' }, ...toChassis]),
  ...CHASSIS_NAMES.map((name, index) => router(name, 'chassis', CHASSIS_AS, 21 + index, uplinks)),
];

export const CHASSIS: readonly Chassis[] = CHASSIS_NAMES.map((name, index) => ({
  name,
  systemId: `c0000000-0000-0000-0000-00000000000${index + 1}`,
  management: `172.30.0.${index + 2}`,
  tunnel: `172.31.0.${21 + index}`,
  gateway: name === 'gw1',
  number: 21 + index,
}));

export const CABLES: readonly Cable[] = [
  cable('spine', 'to-leaf1', 'leaf1', 'to-spine'),
  cable('spine', 'to-leaf2', 'leaf2', 'to-spine'),
  cable('spine', 'to-ext', 'ext', 'eth0'),
  ...CHASSIS_NAMES.flatMap((name) => [
    cable('leaf1', `to-${name}`, name, 'nic1'),
    cable('leaf2', `to-${name}`, name, 'nic2'),
  ]),
];

function cable(node: NodeName, device: string, peer: NodeName, peerDevice: string): Cable {
  return {
    ends: [
      { node, device },
      { node: peer, device: peerDevice },
    ],
  };
}

export function routerNamed(name: RouterName): Router {
  const found = ROUTERS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new TypeError(`no router ${name}`);
  return found;
}

export function chassisNamed(name: ChassisName): Chassis {
  const found = CHASSIS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new TypeError(`no chassis ${name}`);
  return found;
}

export function isNodeName(name: string): name is NodeName {
  return (NODE_NAMES as readonly string[]).includes(name);
}

export function isChassisName(name: string): name is ChassisName {
  return (CHASSIS_NAMES as readonly string[]).includes(name);
}

export function isRouterName(name: string): name is RouterName {
  return (ROUTER_NAMES as readonly string[]).includes(name);
}

/** MAC of a provider bridge: set by hand, so that the same lab has the same addresses every time. */
export function bridgeMac(chassis: Chassis, bridgeIndex: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `02:ee:00:00:${hex(bridgeIndex)}:${hex(chassis.number)}`;
}
