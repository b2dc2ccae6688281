/**
 * Workloads on tenant networks, announced address by address: wherever the workload runs, its address is exposed where
 * the gateway port of the network's router is active.
 *
 * In: a port on a network that is no provider network here, and this node's policy. Out: a claim for each address inside
 * a subnet that this node makes reachable.
 */
import { compareIp, type IpAddress, parseInterfaceAddress } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Mark, Subnet, WorkloadPort } from '../ovn/topology.ts';
import { announceableText, fixedAddresses } from './announceable.ts';
import { around, coveredClaim, reachedNetwork } from './covered.ts';
import { disabledRefusal } from './disabled.ts';
import { tagOf, unselected } from './marks.ts';
import { isOnProviderNetwork } from './provider-network.ts';
import { exposesTenants, scopeRefusal, tenantRefusal } from './tenant-policy.ts';
import type { ExposurePolicy, Verdict } from './types.ts';
import { type Refusal, VerdictBuilder } from './verdict.ts';

/** True where a port is exposed through a router, if at all. */
export function isTenantHost(port: WorkloadPort, { tenant, bridgeMappings }: ExposurePolicy): boolean {
  return exposesTenants(tenant) && port.network !== undefined && !isOnProviderNetwork(port, bridgeMappings);
}

export function evaluateTenantHost(port: WorkloadPort, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(port);
  const refusal = portRefusal(port, policy);
  if (refusal !== undefined) return verdict.refuse(refusal);
  const network = reachedNetwork(port.subnets, policy);
  if (!network.ok) {
    const message = `${describeRow(port.row)} is not reached through a router here: ${network.refusal.message}`;
    // Whoever asks for an address that is kept in with its subnet finds it.
    const kept = network.refusal.code === 'needed-by-node' ? addressesOf(port, policy, verdict) : [];
    for (const address of kept) verdict.deny({ ...network.refusal, message }, address);
    return kept.length > 0 ? verdict.verdict() : verdict.refuse({ ...network.refusal, message });
  }

  for (const address of addressesOf(port, policy, verdict)) {
    const subnets = around(address, network.subnets);
    if (subnets.length === 0) {
      const message = `${describeRow(port.row)}: ${address} is in no subnet that is exposed here`;
      verdict.deny({ code: 'outside-subnet', fault: false, message }, address);
    }
    const claims = subnets.filter(({ attachment }) => {
      const kept = hostRefusal(address, port, attachment, policy);
      if (kept !== undefined) verdict.deny(kept, address);
      return kept === undefined;
    });
    for (const subnet of claims) {
      const tag = tagOf({ ...subnet.attachment.marks, ...port.marks }, verdict);
      const source = { row: port.row, note: 'tenant workload', tag };
      verdict.expose(coveredClaim('tenant-host', address, subnet, source));
    }
  }
  return verdict.verdict();
}

function portRefusal(port: WorkloadPort, policy: ExposurePolicy): Refusal | undefined {
  const row = describeRow(port.row);
  if (port.type !== '' && port.type !== 'virtual') {
    const message = `${row} has type ${quote(port.type)}; only VIF and virtual ports are exposed`;
    return { code: 'port-type', fault: false, message };
  }
  if (policy.tenant.advertisementMethod === 'subnet') {
    const message = `${row} is announced with its subnet, not on its own (advertisement_method_tenant_networks)`;
    return { code: 'not-configured', fault: false, message };
  }
  const off = disabledRefusal(port);
  if (off !== undefined) return off;
  return port.active ? undefined : { code: 'not-up', fault: false, message: `${row} is not up on any node` };
}

/** The addresses of the row; where no MAC address is given (`unknown`), those that Neutron assigned. */
function addressesOf(port: WorkloadPort, policy: ExposurePolicy, verdict: VerdictBuilder): IpAddress[] {
  const assigned =
    port.row.database === 'southbound' && port.addressTexts.every((text) => text.trim() === 'unknown');
  const texts = assigned
    ? port.cidrs.map((cidr) => parseInterfaceAddress(cidr)?.address ?? cidr)
    : fixedAddresses(port.row, port.addressTexts, verdict).flatMap((item) => item.texts);
  if (assigned && texts.length === 0) {
    verdict.deny({ code: 'no-address', fault: false, message: `${describeRow(port.row)} has no address` });
  }
  const addresses = new Set<IpAddress>();
  for (const text of texts) {
    const address = announceableText(text, port.row, policy, verdict, "correct the port's addresses");
    if (address !== undefined) addresses.add(address);
  }
  return [...addresses].sort(compareIp);
}

/**
 * The subnet has passed its own filters. The Southbound driver holds the port's scopes against the list, too; a port
 * that says nothing about being exposed follows its subnet.
 */
function hostRefusal(
  address: IpAddress,
  port: WorkloadPort,
  subnet: Subnet,
  policy: ExposurePolicy,
): Refusal | undefined {
  const mark: Mark | undefined = port.marks.expose ?? subnet.marks.expose;
  return (
    unselected(mark, policy) ??
    tenantRefusal(address, policy.tenant, subnet.scopes, subnet.row) ??
    (port.row.database === 'southbound'
      ? scopeRefusal(address, policy.tenant, port.scopes, port.row)
      : undefined)
  );
}
