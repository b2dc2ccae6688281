/**
 * Names and numbers of the node's own OVN. Those without a VLAN on the first provider bridge are the Python agent's, so
 * that either finds what the other left. Pure.
 */
import { type IpAddress, type MacAddress, parseIp, parseMac } from '../base/address.ts';
import { LOCAL_ROUTER } from '../localnb/types.ts';

/**
 * The router's address on provider networks, the same on every node: the cloud's OVN shares what one chassis learned of
 * a gateway's neighbour with all others (MAC_Binding), so a node's own address would send traffic to another node.
 */
export const INNER_MAC = mustParse(parseMac('40:44:00:00:00:06'), 'MAC address');

export interface InnerNames {
  readonly switch: string;
  readonly localnet: string;
  readonly routerPort: string;
  readonly switchPort: string;
}

/** One side of the router towards a provider network; `position` counts the mapped provider bridges from 0. */
export function innerNames(network: string, position: number, vlan: number | undefined): InnerNames {
  const tag = vlan === undefined ? '' : `-${vlan}`;
  const side = `openstack${position === 0 ? '' : `.${network}`}${tag}`;
  return {
    switch: `${network}${tag}`,
    localnet: `${network}${tag}-localnet`,
    routerPort: `${LOCAL_ROUTER}-${side}`,
    switchPort: `${side}-${LOCAL_ROUTER}`,
  };
}

export function outerNames(network: string): InnerNames {
  return {
    switch: network,
    localnet: `${network}-localnet`,
    routerPort: `${LOCAL_ROUTER}-${network}`,
    switchPort: `${network}-${LOCAL_ROUTER}`,
  };
}

/** The fabric bridge's side of the patch that the node's own controller makes for a localnet port (ovn-controller(8)). */
export function localPatchPort(localnet: string, integrationBridge: string): string {
  return `patch-${localnet}-to-${integrationBridge}`;
}

/** How many provider bridges have link networks of their own. */
export const MAX_INNER_BRIDGES = 3;

/** A link network for a router port that has none of the provider's: a /30 for each VLAN, a /18 for each bridge. */
export function innerNetwork(position: number, vlan: number | undefined): string {
  const tag = vlan ?? 0;
  return `169.254.${255 - 64 * position - (tag >> 6)}.${(tag & 63) * 4 + 1}/30`;
}

/** Invented addresses on a link to a leaf that has none: the router's own with its network, and the leaf's. */
export function linkAddresses(uplink: number): {
  readonly own4: string;
  readonly leaf4: IpAddress;
  readonly own6: string;
  readonly leaf6: IpAddress;
} {
  const base6 = `fd53:d91e:400:bf::${uplink.toString(16)}`;
  return {
    own4: `169.254.${uplink}.2/30`,
    leaf4: mustParse(parseIp(`169.254.${uplink}.1`), 'address'),
    own6: `${base6}:2/112`,
    leaf6: mustParse(parseIp(`${base6}:1`), 'address'),
  };
}

function mustParse<T extends IpAddress | MacAddress>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`a fixed ${what} does not parse`);
  return value;
}
