/**
 * What the kernel says that a node needs: its own addresses, the networks that it is connected to, its next hops.
 *
 * In: links, addresses and routes as the kernel holds them, and which devices lead to provider networks. Out: needs. Left
 * out is what the agent put there itself (or its predecessor), what can never be announced anyway, and networks connected
 * through a provider bridge or its VLAN devices: those are the cloud's. What a routing daemon learned is none of the
 * node's own; its peers are told by FRR. VRFs count like the default one. Pure.
 */
import { isHostPrefix, parseInterfaceAddress, parseIp, parsePrefix } from '../../base/address.ts';
import { addressNeed, type NodeNeed, networkNeed } from '../../exposures/needs.ts';
import type { Address, KernelEvent, Link, Route } from '../../netlink/types.ts';
import { AGENT_PROTOCOL, type NodeScope } from '../../node/objects.ts';
import { isBridgeAddress, isHandoverDevice, isUnsaidProtocol } from '../../node/ownership.ts';

/** RTPROT_KERNEL: routes that come with addresses. */
export const KERNEL_ROUTES = 2;
/** RTPROT_* of other routes that a node has of itself: boot, static, router advertisements, DHCP, static of FRR. */
export const OWN_ROUTES: readonly number[] = [3, 4, 9, 16, 196];

export interface KernelPicture {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
  /** Those of `OWN_ROUTES` of any table, and `KERNEL_ROUTES` of the main table; others are not looked at. */
  readonly routes: readonly Route[];
}

/** Names by which the agent's devices and those of provider networks are known. */
export type DeviceScope = Pick<NodeScope, 'bgpNic' | 'bgpVrf' | 'bridges'>;

export function kernelNeeds(picture: KernelPicture, scope: DeviceScope): readonly NodeNeed[] {
  const devices = new DeviceRoles(picture.links, scope);
  return [
    ...picture.addresses.flatMap((address) => needsOfAddress(address, devices)),
    ...picture.routes.flatMap((route) => needsOfRoute(route, devices)),
  ];
}

/** What a device is for: the agent's, on the way to a provider network, or the node's own. */
export class DeviceRoles {
  readonly #links: ReadonlyMap<number, Link>;
  readonly #scope: DeviceScope;

  constructor(links: readonly Link[], scope: DeviceScope) {
    this.#links = new Map(links.map((link) => [link.index, link]));
    this.#scope = scope;
  }

  name(index: number): string {
    return this.#links.get(index)?.name ?? `device ${index}`;
  }

  isAdvertising(index: number): boolean {
    const name = this.#links.get(index)?.name;
    return name === this.#scope.bgpNic || name === this.#scope.bgpVrf;
  }

  /** A provider bridge, or a device on top of one: 802.1Q, macvlan. */
  isProvider(index: number): boolean {
    const seen = new Set<number>();
    let link = this.#links.get(index);
    while (link !== undefined && !seen.has(link.index)) {
      if (isHandoverDevice(this.#scope, link.name)) return true;
      seen.add(link.index);
      // The other end of a veth pair is no lower device.
      link = link.kind === 'veth' || link.parent === undefined ? undefined : this.#links.get(link.parent);
    }
    return false;
  }

  /** True when this event can make other needs of the same addresses and routes. */
  isAltered({ gone, link }: Extract<KernelEvent, { readonly type: 'link' }>): boolean {
    const known = this.#links.get(link.index);
    // One that is new has no address yet; what it gets is an event of its own.
    if (known === undefined) return false;
    return gone || known.name !== link.name || known.parent !== link.parent;
  }
}

/** Whether an address can be a need; cheap, for bursts of the agent's own. */
export function maybeNeeded({ address, protocol }: Address): boolean {
  const isCommon = address.startsWith('fe80:') || isBridgeAddress(address);
  return protocol !== AGENT_PROTOCOL && !isCommon;
}

function needsOfAddress(raw: Address, devices: DeviceRoles): readonly NodeNeed[] {
  const parsed = parseInterfaceAddress(raw.address);
  if (parsed === undefined || raw.protocol === AGENT_PROTOCOL) return [];
  const isHost = isHostPrefix(parsed.network);
  const isProvider = devices.isProvider(raw.index);
  const isUnmarked = isHost && isUnsaidProtocol(raw.protocol);
  if (isUnmarked && devices.isAdvertising(raw.index)) return [];
  if (isUnmarked && isProvider && isBridgeAddress(parsed.network)) return [];
  const device = devices.name(raw.index);
  const own = addressNeed('own-address', parsed.address, `own address on ${device}`);
  if (isHost || isProvider) return own;
  return [...own, ...networkNeed('connected-network', parsed.network, `network connected to ${device}`)];
}

function needsOfRoute(route: Route, devices: DeviceRoles): readonly NodeNeed[] {
  if (route.protocol !== KERNEL_ROUTES && !OWN_ROUTES.includes(route.protocol)) return [];
  const destination = parsePrefix(route.destination);
  if (destination === undefined) return [];
  const { index: device } = route;
  // The kernel's own are those of its addresses.
  if (route.type === 'local' && route.protocol !== KERNEL_ROUTES) {
    if (device !== undefined && devices.isProvider(device)) return [];
    return networkNeed('connected-network', destination, 'network that this node answers for');
  }
  if (route.type !== 'unicast') return [];
  const hops: readonly Pick<Route, 'index' | 'via'>[] = route.nextHops ?? [route];
  return hops.flatMap(({ index, via }) => {
    if (index !== undefined && (devices.isProvider(index) || devices.isAdvertising(index))) return [];
    const hop = via === undefined ? undefined : parseIp(via);
    if (hop !== undefined) return addressNeed('next-hop', hop, `next hop of ${destination}`);
    if (index === undefined) return [];
    const name = devices.name(index);
    return isHostPrefix(destination)
      ? networkNeed('next-hop', destination, `host on ${name}`)
      : networkNeed('connected-network', destination, `network connected to ${name}`);
  });
}
