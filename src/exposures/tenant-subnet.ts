/**
 * Tenant networks: a subnet behind a router is reached through the router's gateway port, where that is active.
 *
 * In: a network's attachment to a router, and this node's policy. Out: an exposure for each subnet of the attachment,
 * announced as a prefix or only wired for the hosts that are announced inside it; a denial for what is kept in.
 */
import {
  contains,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  networkAddress,
  type Prefix,
  parseInterfaceAddress,
  parsePrefix,
  unannounceable,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { SourceNat, Subnet } from '../ovn/topology.ts';
import { isAllowed } from './announceable.ts';
import { disabledRefusal } from './disabled.ts';
import { evaluateGateway } from './gateway.ts';
import { refusedBy, tagOf, unselected } from './marks.ts';
import { neededGateway, neededRefusal } from './needed.ts';
import { isOnProviderNetwork } from './provider-network.ts';
import { gatewayValues, type ServingGateway, servingGateways } from './serving-gateway.ts';
import { exposesTenants, tenantRefusal } from './tenant-policy.ts';
import type { ExposurePolicy, Verdict } from './types.ts';
import { type Refusal, VerdictBuilder } from './verdict.ts';

/** A subnet that this node makes reachable, and how. */
export interface ReachedSubnet {
  readonly attachment: Subnet;
  readonly prefix: Prefix;
  readonly gateway: ServingGateway;
  /** The gateway's address of the subnet's family. */
  readonly via: IpAddress;
}

export function evaluateSubnet(subnet: Subnet, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(subnet);
  const announce = policy.tenant.advertisementMethod === 'subnet';
  for (const { prefix, gateway, via } of reachedSubnets(subnet, policy, verdict)) {
    const announced = evaluateGateway(gateway.port, policy).exposures.some(({ address }) => address === via);
    verdict.expose({
      kind: 'tenant-subnet',
      prefix,
      address: networkAddress(prefix),
      way: gateway.way,
      delivery: {
        type: 'via',
        via,
        ...(gateway.mac === undefined ? {} : { mac: gateway.mac }),
        ...(announced ? {} : { viaUnannounced: true }),
      },
      announce,
      tag: tagOf(subnet.marks, verdict),
      because: [
        { row: subnet.row, note: announce ? 'tenant network announced as a prefix' : 'tenant network' },
        gateway.because,
      ],
    });
  }
  return verdict.verdict();
}

/** The subnets of an attachment that are let out here, each once; the verdict is told why the others are not. */
export function reachedSubnets(
  subnet: Subnet,
  policy: ExposurePolicy,
  verdict: VerdictBuilder,
): readonly ReachedSubnet[] {
  const refusal = attachmentRefusal(subnet, policy);
  if (refusal !== undefined) {
    verdict.deny(refusal);
    return [];
  }
  const { row, routerName, router } = subnet;
  const routers = router === undefined ? [] : [router];
  const serving = servingGateways({ row, routerName, routers }, policy);
  if (!serving.ok) {
    verdict.deny(serving);
    return [];
  }
  const marked = markRefusal(subnet, policy);
  if (marked !== undefined) {
    verdict.deny(marked);
    return [];
  }
  const reached = new Map<Prefix, ReachedSubnet>();
  for (const item of interfaces(subnet, verdict)) {
    const way = viaOf(item, serving.gateways);
    const kept =
      keptIn(item, subnet, policy) ??
      (way === undefined ? noGateway(item, subnet) : neededByNode(item, way.via, subnet, policy));
    if (kept !== undefined) verdict.deny(kept, item.network);
    else if (way !== undefined && !reached.has(item.network)) {
      reached.set(item.network, { attachment: subnet, prefix: item.network, ...way });
    }
  }
  return [...reached.values()];
}

function attachmentRefusal(subnet: Subnet, { tenant, bridgeMappings }: ExposurePolicy): Refusal | undefined {
  const row = describeRow(subnet.row);
  if (!exposesTenants(tenant)) {
    const message = `${row}: tenant networks are not exposed (expose_tenant_networks, expose_ipv6_gua_tenant_networks)`;
    return { code: 'not-configured', fault: false, message };
  }
  const off = disabledRefusal(subnet);
  if (off !== undefined) return off;
  if (!subnet.up) return { code: 'not-up', fault: false, message: `${row} is not up` };
  // Its addresses are exposed one by one where their ports are; the prefix would draw those of other nodes here.
  if (isOnProviderNetwork(subnet, bridgeMappings)) {
    const message = `${row} attaches a provider network of this node, whose addresses need no router`;
    return { code: 'not-a-subnet', fault: false, message };
  }
  return undefined;
}

/** A subnet that is only wired is no announcement: it takes a mark against it, not the want of one. */
function markRefusal({ marks }: Subnet, policy: ExposurePolicy): Refusal | undefined {
  if (policy.tenant.advertisementMethod === 'subnet') return unselected(marks.expose, policy);
  return marks.expose === undefined ? undefined : refusedBy(marks.expose);
}

function interfaces(subnet: Subnet, verdict: VerdictBuilder): readonly InterfaceAddress[] {
  const found: InterfaceAddress[] = [];
  for (const text of subnet.addressTexts) {
    const item = parseInterfaceAddress(text);
    if (item !== undefined) {
      found.push(item);
      continue;
    }
    const message = `${describeRow(subnet.row)}: ${quote(text)} is not an address/length; correct the router's port`;
    verdict.deny({ code: 'bad-address', fault: true, message }, quote(text));
  }
  if (subnet.addressTexts.length === 0) {
    const message = `${describeRow(subnet.row)} has no address`;
    verdict.deny({ code: 'no-address', fault: false, message });
  }
  return found;
}

/** Why a subnet stays inside, whatever leads to it. */
function keptIn(item: InterfaceAddress, subnet: Subnet, policy: ExposurePolicy): Refusal | undefined {
  const { address, network } = item;
  const row = describeRow(subnet.row);
  const never = unannounceable(network);
  if (never !== undefined) {
    const message = `${row}: ${network} must never be announced (${never}); correct the router's port`;
    return { code: 'unannounceable', fault: true, message };
  }
  if (gatewayAddresses(subnet).has(address)) {
    const message = `${row}: ${address} is an address of the router's gateway port, not of a tenant network`;
    return { code: 'not-a-subnet', fault: false, message };
  }
  if (!mayHoldAllowed(network, policy)) {
    const message = `${row}: ${network} is outside the configured allowed_prefixes`;
    return { code: 'not-allowed', fault: false, message };
  }
  const nat = policy.tenant.requireSnatDisabled ? translationOf(address, subnet.sourceNats) : undefined;
  if (nat !== undefined) {
    const message =
      `${row}: the router translates source addresses of ${network} (${describeRow(nat.row)}), ` +
      'and require_snat_disabled_for_tenant_networks keeps such networks in';
    return { code: 'source-nat', fault: false, message };
  }
  return tenantRefusal(address, policy.tenant, subnet.scopes, subnet.row);
}

function neededByNode(
  { network }: InterfaceAddress,
  via: IpAddress,
  { row }: Subnet,
  { needs }: ExposurePolicy,
): Refusal | undefined {
  return neededRefusal(network, 'tenant', row, needs) ?? neededGateway(network, via, row, needs);
}

/** A prefix that is announced must be allowed; one that is only wired must have room for an address that is. */
function mayHoldAllowed(network: Prefix, policy: ExposurePolicy): boolean {
  if (isAllowed(network, policy)) return true;
  return (
    policy.tenant.advertisementMethod === 'host' &&
    policy.allowedPrefixes.some((prefix) => contains(network, prefix))
  );
}

function gatewayAddresses({ router }: Subnet): ReadonlySet<IpAddress> {
  const ports = router?.gateways ?? [];
  return new Set(ports.flatMap((port) => gatewayValues(port).interfaces).map(({ address }) => address));
}

function translationOf(address: IpAddress, nats: readonly SourceNat[]): SourceNat | undefined {
  return nats.find(({ logicalIpText }) => {
    const prefix = parsePrefix(logicalIpText);
    return prefix !== undefined && contains(prefix, address);
  });
}

function viaOf(
  { address }: InterfaceAddress,
  gateways: readonly ServingGateway[],
): Pick<ReachedSubnet, 'gateway' | 'via'> | undefined {
  for (const gateway of gateways) {
    const match = gateway.interfaces.find((item) => familyOf(item.address) === familyOf(address));
    if (match !== undefined) return { gateway, via: match.address };
  }
  return undefined;
}

function noGateway({ network }: InterfaceAddress, { row }: Subnet): Refusal {
  const message = `${describeRow(row)}: no gateway port of its router here has an IPv${familyOf(network)} address`;
  return { code: 'no-gateway', fault: false, message };
}
