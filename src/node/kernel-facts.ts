/** What wiring must know of the kernel: MAC addresses of the bridges' own devices, and what devices it can make. */
import { type MacAddress, parseMac } from '../base/address.ts';
import type { NodeEdge } from './edge.ts';
import { LINK_ALIAS } from './objects.ts';

/** `table`: of a VRF; absent: a dummy. */
export interface AdvertisingLink {
  readonly name: string;
  readonly table?: number;
}

export interface KernelFacts {
  /** By device name; a device that does not exist or has no Ethernet address is missing. */
  readonly macs: ReadonlyMap<string, MacAddress>;
  /** Routing tables of VRF devices, whoever made them. */
  readonly vrfTables: readonly number[];
  /** Devices of the kinds that advertise (VRFs and dummies) with the agent's mark; absent: none. */
  readonly advertising?: readonly AdvertisingLink[];
  /** The kernel can make 802.1Q devices. */
  readonly vlan: boolean;
}

export async function kernelFacts(
  edge: Pick<NodeEdge, 'netlink'>,
  devices: readonly string[],
): Promise<KernelFacts> {
  const [links, vlan] = await Promise.all([edge.netlink.links(), edge.netlink.supportsLinkKind('vlan')]);
  const wanted = new Set(devices);
  const macs = new Map<string, MacAddress>();
  for (const { name, mac } of links) {
    const parsed = wanted.has(name) && mac !== undefined ? parseMac(mac) : undefined;
    if (parsed !== undefined) macs.set(name, parsed);
  }
  const vrfTables = links.flatMap(({ data }) => (data?.kind === 'vrf' ? [data.table] : []));
  const advertising = links.flatMap(({ name, kind, alias, data }): readonly AdvertisingLink[] => {
    if (alias !== LINK_ALIAS) return [];
    if (data?.kind === 'vrf') return [{ name, table: data.table }];
    return kind === 'dummy' ? [{ name }] : [];
  });
  return { macs, vrfTables, advertising, vlan };
}
