/**
 * Addresses inside tenant subnets: what this node may announce one by one because it makes the subnet around it
 * reachable.
 *
 * In: an address and the attachments of its network. Out: a claim for each reached subnet that contains it; which of
 * them stands is settled with the claims on the subnet itself.
 */
import { contains, hostPrefix, type IpAddress } from '../base/address.ts';
import type { RowReference, Subnet } from '../ovn/topology.ts';
import { type ReachedSubnet, reachedSubnets } from './tenant-subnet.ts';
import type { ExposureKind, ExposurePolicy } from './types.ts';
import { type Claim, type Refusal, VerdictBuilder } from './verdict.ts';

/** What of a network's attachments this node makes reachable, or why nothing of them. */
export type ReachedNetwork =
  | { readonly ok: true; readonly subnets: readonly ReachedSubnet[] }
  | { readonly ok: false; readonly refusal: Refusal };

/** The refusal is that of the attachment by which one gets furthest: a filter tells more than a gateway elsewhere. */
export function reachedNetwork(attachments: readonly Subnet[], policy: ExposurePolicy): ReachedNetwork {
  const reached: ReachedSubnet[] = [];
  let refusal: Refusal = {
    code: 'no-router',
    fault: false,
    message: 'its network is attached to no router',
  };
  for (const attachment of attachments) {
    const told = new VerdictBuilder(attachment);
    reached.push(...reachedSubnets(attachment, policy, told));
    for (const { code, message } of told.denials) {
      // The attachment's own verdict tells its faults.
      if (refusal.code === 'no-router' || refusal.code === 'gateway-elsewhere')
        refusal = { code, fault: false, message };
    }
  }
  return reached.length === 0 ? { ok: false, refusal } : { ok: true, subnets: reached };
}

export function around(address: IpAddress, subnets: readonly ReachedSubnet[]): readonly ReachedSubnet[] {
  return subnets.filter(({ prefix }) => contains(prefix, address));
}

/** The claim of an address that relies on the subnet around it. */
export function coveredClaim(
  kind: ExposureKind,
  address: IpAddress,
  { attachment, prefix, gateway, via }: ReachedSubnet,
  source: { readonly row: RowReference; readonly note: string; readonly tag: string | undefined },
): Claim {
  return {
    kind,
    prefix: hostPrefix(address),
    address,
    way: gateway.way,
    delivery: { type: 'covered', subnet: prefix, by: attachment.key, via },
    announce: true,
    tag: source.tag,
    because: [
      { row: source.row, note: source.note },
      { row: attachment.row, note: `inside ${prefix}` },
      gateway.because,
    ],
  };
}
