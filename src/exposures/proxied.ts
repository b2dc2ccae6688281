/**
 * IPv6 addresses that the node answers neighbour solicitations for in place of a gateway: workloads ask for their
 * gateway, and the kernel answers only for listed addresses. Pure.
 */
import {
  compareIp,
  contains,
  familyOf,
  type IpAddress,
  networkAddress,
  type Prefix,
  parsePrefix,
  unannounceable,
} from '../base/address.ts';
import type { Network } from '../ovn/topology.ts';
import type { ExposurePolicy } from './types.ts';

/** Link-local addresses of IPv6, which neighbour solicitations may ask for although no route leads to them. */
const LINK_LOCAL = parsePrefix('fe80::/10');

export interface ProxySources {
  /** Networks that the workload has addresses in: Neutron's default gateway is their subnet-router anycast address. */
  readonly networks: readonly Prefix[];
  /** Next hops of routers on the provider network. */
  readonly gateways6: readonly IpAddress[];
  /** Addresses of the workload itself, which must not be answered for: that would take its traffic away. */
  readonly own: Iterable<IpAddress>;
}

/** Sorted; what is configured holds for every workload. */
export function proxiedAddresses(sources: ProxySources, policy: ExposurePolicy): readonly IpAddress[] {
  const proxied = new Set<IpAddress>([
    ...policy.proxyNdpAddresses,
    ...sources.networks.map(networkAddress),
    ...sources.gateways6,
  ]);
  for (const own of sources.own) proxied.delete(own);
  return [...proxied]
    .filter((address) => familyOf(address) === 6 && isNeighborTarget(address))
    .sort(compareIp);
}

/** An address that a neighbour solicitation can sensibly ask for. */
function isNeighborTarget(address: IpAddress): boolean {
  return unannounceable(address) === undefined || (LINK_LOCAL !== undefined && contains(LINK_LOCAL, address));
}

/** For an address that is translated or balanced on the network: what its router asks for. */
export function proxiedFor(
  address: IpAddress,
  network: Pick<Network, 'gateways6'> | undefined,
  policy: ExposurePolicy,
): readonly IpAddress[] {
  if (familyOf(address) === 4) return [];
  return proxiedAddresses({ networks: [], gateways6: network?.gateways6 ?? [], own: [address] }, policy);
}
