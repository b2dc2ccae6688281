/**
 * Names and numbers on the node that follow from a bridge, its place in the mappings and a VLAN. They are fixed: the
 * Python agent uses the same, so that either finds what the other left.
 */
import { type IpAddress, parseIp } from '../base/address.ts';

/** A device name has 15 characters at most (IFNAMSIZ): ten of the bridge, a dot, and a tag of up to four. */
const BRIDGE_PART = 10;

/** The device that hands over traffic of a VLAN on a bridge; without a VLAN the bridge's own. */
export function handoverDevice(bridge: string, vlan: number | undefined): string {
  return vlan === undefined ? bridge : `${bridgePart(bridge)}.${vlan}`;
}

/** What is left of a bridge's name in the names of its VLAN devices. */
export function bridgePart(bridge: string): string {
  return bridge.slice(0, BRIDGE_PART);
}

/** The provider bridge's side of the patch that ovn-controller makes for a localnet port (ovn-controller(8)). */
export function patchPort(localnet: string, integrationBridge: string): string {
  return `patch-${localnet}-to-${integrationBridge}`;
}

/** Makes the kernel answer ARP for everything that it routes; below /proc/sys. */
export function proxyArpPath(device: string): string {
  return `net/ipv4/conf/${device}/proxy_arp`;
}

/** Makes the kernel answer neighbour solicitations for the listed addresses; below /proc/sys. */
export function proxyNdpPath(device: string): string {
  return `net/ipv6/conf/${device}/proxy_ndp`;
}

/**
 * The addresses of a bridge (without a VLAN) or VLAN device: the kernel needs one on a device to answer ARP there.
 * Numbers wrap at 256 in IPv4 and, for tags, in IPv6.
 */
export function handoverAddresses(index: number, vlan: number | undefined): readonly IpAddress[] {
  const last = vlan === undefined ? index : vlan % 256;
  const hex = (value: number): string => (value % 65536).toString(16);
  return [`169.254.${index % 256}.${last % 256}`, `fd53:d91e:400:7f17::${hex(index)}:${hex(last)}`]
    .map(parseIp)
    .filter((address) => address !== undefined);
}
