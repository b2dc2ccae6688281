/**
 * Translated addresses in the Southbound database's form: `nat_addresses` of the switch side of a gateway port, each
 * string bound to the port that its addresses follow.
 *
 * In: one such row of the topology and this node's policy. Out: an exposure for each address whose port is here, without
 * MAC (the neighbour is asked for). The gateway port's own addresses stand there too; they outrank these. So do VIPs inside
 * tenant networks, which are the load balancers' to decide on.
 */
import {
  contains,
  hostPrefix,
  type IpAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parsePrefix,
} from '../base/address.ts';
import { PrefixIndex } from '../base/prefix-index.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import { candidateKind, type FloatingIps, type NatAddresses, type Subnet } from '../ovn/topology.ts';
import { announceableText } from './announceable.ts';
import { type Bound, translatedHere } from './bound-here.ts';
import { tagOf, unselected } from './marks.ts';
import { isOnProviderNetwork, networkOf } from './provider-network.ts';
import { proxiedFor } from './proxied.ts';
import type { ExposureKind, ExposurePolicy, Verdict } from './types.ts';
import { linkClaim, type Refusal, VerdictBuilder } from './verdict.ts';

export function evaluateNatAddresses(nat: FloatingIps, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(nat);
  const network = networkOf(nat, policy.bridgeMappings);
  if (!network.ok) return verdict.refuse(network);
  const refusal = unselected(nat.marks.expose, policy);
  if (refusal !== undefined) return verdict.refuse(refusal);

  const seen = new Set<string>();
  const memberless = new Set(nat.memberless);
  const tenants = tenantNetworks(nat, policy);
  if (nat.entries.every(({ addressTexts }) => addressTexts.length === 0)) {
    const message = `${describeRow(nat.row)} has no address in nat_addresses`;
    return verdict.refuse({ code: 'no-address', fault: false, message });
  }
  for (const entry of nat.entries) {
    const bound = residentHere(entry, nat, policy);
    if (!bound.ok) {
      for (const text of entry.addressTexts) verdict.deny(bound, parseIp(text) ?? quote(text));
      continue;
    }
    const kind = kindOf(entry);
    for (const text of entry.addressTexts) {
      const vip = parseIp(text);
      if (vip !== undefined && memberless.has(vip)) {
        const message = `${describeRow(nat.row)}: nothing stands behind the VIP ${vip} of its router, or nothing that is online`;
        verdict.deny({ code: 'no-member', fault: false, message }, vip);
        continue;
      }
      if (isOnOtherWire(text, nat)) {
        const message = `${describeRow(nat.row)}: ${quote(text)} is in the network of another port of its router`;
        verdict.deny({ code: 'gateway-elsewhere', fault: false, message }, parseIp(text) ?? quote(text));
        continue;
      }
      const address = announceableText(text, nat.row, policy, verdict, 'correct the NAT rows of its router');
      if (address === undefined || seen.has(`${kind} ${address}`)) continue;
      seen.add(`${kind} ${address}`);
      const host = hostPrefix(address);
      const [inside] = [...tenants.inside(host), ...tenants.around(host)];
      if (inside !== undefined) {
        verdict.deny(insideTenant(nat, address, inside), address);
        continue;
      }
      verdict.expose(
        linkClaim(kind, address, {
          way: network.way,
          mac: undefined,
          proxyNdp: proxiedFor(address, nat.network, policy),
          tag: tagOf(nat.marks, verdict),
          because: [
            { row: nat.row, note: 'translated address' },
            ...(entry.resident === undefined ? [] : [{ row: entry.resident.row, ...bound.because }]),
          ],
        }),
      );
    }
  }
  return verdict.verdict();
}

interface TenantNetwork {
  readonly subnet: Subnet;
  readonly prefix: Prefix;
}

function tenantNetworks({ subnets }: FloatingIps, policy: ExposurePolicy): PrefixIndex<TenantNetwork> {
  const networks = subnets
    .filter((subnet) => !isOnProviderNetwork(subnet, policy.bridgeMappings))
    .flatMap((subnet) =>
      subnet.addressTexts.flatMap((text) => {
        const prefix = parseInterfaceAddress(text)?.network;
        return prefix === undefined ? [] : [{ subnet, prefix }];
      }),
    );
  return new PrefixIndex(networks, ({ prefix }) => prefix);
}

/** ovn-northd lists the VIPs of every load balancer of the router, those inside its networks among them. */
function insideTenant({ row }: FloatingIps, address: IpAddress, { subnet, prefix }: TenantNetwork): Refusal {
  const message =
    `${describeRow(row)}: ${address} is inside ${prefix} of the tenant network that ${describeRow(subnet.row)} attaches; ` +
    'it is announced for its load balancer, where the options for tenant networks say so';
  return { code: 'tenant-address', fault: false, message };
}

/** The router answers for it everywhere, but it is asked for in its own network. */
function isOnOtherWire(text: string, { wires }: FloatingIps): boolean {
  const address = parseIp(text);
  if (address === undefined || wires === undefined) return false;
  const isIn = (items: readonly string[]): boolean =>
    items.some((item) => {
      const network = parsePrefix(item);
      return network !== undefined && contains(network, address);
    });
  return !isIn(wires.own) && isIn(wires.others);
}

function residentHere(
  { resident, residentName }: NatAddresses,
  { row }: FloatingIps,
  policy: ExposurePolicy,
): Bound {
  if (resident !== undefined) return translatedHere(resident, policy);
  const whose =
    residentName === undefined
      ? 'without a port that they follow'
      : `of port ${quote(residentName)}, and there is none of that name`;
  const message = `${describeRow(row)} has nat_addresses ${whose}`;
  return { ok: false, code: 'no-port', fault: false, message };
}

function kindOf({ resident }: NatAddresses): ExposureKind {
  return resident !== undefined && candidateKind(resident.key) === 'gateway'
    ? 'central-floating-ip'
    : 'floating-ip';
}
