/**
 * A network of the topology as this node's provider network: which bridge and VLAN it leaves through.
 *
 * In: the network and this node's bridge mappings. Out: the provider network with the localnet that counted, or why it
 * is none.
 */

import type { BridgeMapping } from '../base/bridge-mappings.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Localnet, Network, RowReference } from '../ovn/topology.ts';
import type { ProviderNetwork } from './types.ts';
import type { Refused, Way } from './verdict.ts';

const MIN_VLAN = 1;
const MAX_VLAN = 4094;

export type ProviderNetworkResult = { readonly ok: true; readonly way: Way } | Refused;

/** The first localnet (by name) whose physical network is mapped here counts, as in OVN. */
export function providerNetwork(network: Network, mappings: readonly BridgeMapping[]): ProviderNetworkResult {
  if (network.localnets.length === 0) {
    const message = `${describeRow(network.row)} has no localnet port: it is not a provider network`;
    return { ok: false, code: 'not-provider', fault: false, message };
  }
  for (const localnet of network.localnets) {
    const mapping = mappings.find((item) => item.physicalNetwork === localnet.physicalNetwork);
    if (mapping === undefined) continue;
    if (mapping.excluded === true) {
      const message =
        `physical network ${quote(mapping.physicalNetwork)} of ${describeRow(localnet.row)} is left out of this node's ` +
        'announcements by excluded_physical_networks';
      return { ok: false, code: 'network-excluded', fault: false, message };
    }
    if (localnet.tag !== undefined && !isVlan(localnet.tag)) {
      const message =
        `${describeRow(localnet.row)} has tag ${localnet.tag}, which is no VLAN; ` +
        `give the network a segmentation id from ${MIN_VLAN} to ${MAX_VLAN}, or none`;
      return { ok: false, code: 'bad-vlan', fault: true, message };
    }
    if (hasServiceTags(localnet)) {
      const message =
        `${describeRow(localnet.row)} has options:ethtype ${quote(localnet.ethertype ?? '')}: 802.1ad tags are not wired ` +
        'here; its networks need 802.1Q tags (802.11q, the default), or plain frames';
      return { ok: false, code: 'ethertype', fault: true, message };
    }
    const provider: ProviderNetwork = {
      name: network.name,
      physicalNetwork: mapping.physicalNetwork,
      bridge: mapping.bridge,
      ...(localnet.tag === undefined ? {} : { vlan: localnet.tag }),
      localnet: localnet.name,
    };
    return { ok: true, way: { provider, localnet } };
  }
  return { ok: false, code: 'not-provider', fault: true, message: unmapped(network) };
}

/** The same for the network that a row names, which may not exist. */
export function networkOf(
  { row, network, networkName }: NetworkMember,
  mappings: readonly BridgeMapping[],
): ProviderNetworkResult {
  if (network !== undefined) return providerNetwork(network, mappings);
  const message =
    networkName === undefined
      ? `${describeRow(row)} belongs to no logical switch`
      : `${describeRow(row)} names network ${quote(networkName)}, and no logical switch has that name`;
  return { ok: false, code: 'no-network', fault: true, message };
}

export interface NetworkMember {
  readonly row: RowReference;
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
}

/** True where the member's network leaves through a bridge of this node, or would if its row were right. */
export function isOnProviderNetwork(
  { network }: Pick<NetworkMember, 'network'>,
  mappings: readonly BridgeMapping[],
): boolean {
  if (network === undefined) return false;
  const result = providerNetwork(network, mappings);
  return result.ok || result.code !== 'not-provider';
}

/** How releases of OVN spell 802.1ad, in any case; what they do not know they tag with 802.1Q (ovn-nb(5)). */
const SERVICE_TAGS: ReadonlySet<string> = new Set(['802.11ad', '802.1ad']);

/** True where frames on the physical network carry tags that this agent's devices do not take off. */
export function hasServiceTags({ tag, ethertype }: Pick<Localnet, 'tag' | 'ethertype'>): boolean {
  return tag !== undefined && SERVICE_TAGS.has((ethertype ?? '').toLowerCase());
}

export function isVlan(tag: number): boolean {
  return Number.isInteger(tag) && tag >= MIN_VLAN && tag <= MAX_VLAN;
}

function unmapped(network: Network): string {
  const localnet = network.localnets.find((item) => (item.physicalNetwork ?? '') !== '');
  if (localnet?.physicalNetwork === undefined) {
    const rows = network.localnets.slice(0, 1).map((item) => describeRow(item.row));
    return `${rows.join()} has no options:network_name; set it to the name of a physical network`;
  }
  return (
    `no bridge of this node is mapped to physical network ${quote(localnet.physicalNetwork)} of ` +
    `${describeRow(localnet.row)}; add it to external_ids:ovn-bridge-mappings of the local Open_vSwitch database`
  );
}
