/**
 * Ports on provider networks: VM ports, and virtual ports (addresses that move between VMs).
 *
 * In: a port of the topology and this node's policy. Out: an exposure for each of its addresses that this node must make
 * reachable, and a denial with its reason for what it must not. Values of the row are checked here, once: what an
 * exposure holds can be used without a further look.
 */
import {
  compareIp,
  contains,
  familyOf,
  hostPrefix,
  type IpAddress,
  type MacAddress,
  networkAddress,
  parseInterfaceAddress,
  parseIp,
  parseMac,
  unannounceable,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import { words } from '../ovn/external-ids.ts';
import type { WorkloadPort } from '../ovn/topology.ts';
import { providerNetwork } from './provider-network.ts';
import type { Denial, DenialCode, Exposure, ExposureKind, ExposurePolicy, Reason, Verdict } from './types.ts';

/** What `addresses` may hold in place of a MAC address (ovn-nb(5)): the port then has no fixed addresses. */
const ADDRESS_KEYWORDS: ReadonlySet<string> = new Set(['unknown', 'dynamic', 'router']);
/** Link-local addresses of IPv6, which neighbour solicitations may ask for although no route leads to them. */
const LINK_LOCAL = parseInterfaceAddress('fe80::/10')?.network;

export function evaluatePort(port: WorkloadPort, policy: ExposurePolicy): Verdict {
  const kind = kindOf(port);
  if (kind === undefined) {
    const message = `${describeRow(port.row)} has type ${quote(port.type)}; only VIF and virtual ports are exposed`;
    return denied(port, 'port-type', false, message);
  }
  const bound = residenceReason(port, policy);
  if (!bound.ok) return denied(port, bound.code, false, bound.message);

  const parsed = parseAddresses(port);
  if (!parsed.ok) return denied(port, parsed.code, parsed.fault, parsed.message);

  if (port.network === undefined) {
    const message =
      port.networkName === undefined
        ? `${describeRow(port.row)} belongs to no logical switch`
        : `${describeRow(port.row)} names network ${quote(port.networkName)}, and no logical switch has that name`;
    return denied(port, 'no-network', true, message);
  }
  const network = providerNetwork(port.network, policy.bridgeMappings);
  if (!network.ok) return denied(port, network.code, network.fault, network.message);

  const denials: Denial[] = [];
  const addresses = announceable(port, parsed.addresses, policy, denials);
  const ndp = addresses.some((address) => familyOf(address) === 6)
    ? proxiedAddresses(port, port.network.gateways6, parsed.addresses, policy, denials)
    : [];
  const { provider, localnet } = network;
  const vlan = provider.vlan === undefined ? 'untagged' : `VLAN ${provider.vlan}`;
  const way: Reason = {
    row: localnet.row,
    note: `physical network ${quote(provider.physicalNetwork)}, ${vlan}, bridge ${provider.bridge}`,
  };
  const exposures = addresses.map(
    (address): Exposure => ({
      kind,
      candidate: port.key,
      address,
      prefix: hostPrefix(address),
      network: provider,
      delivery: {
        type: 'link',
        ...(port.neighbor ? { mac: parsed.mac } : {}),
        proxyNdp: familyOf(address) === 6 ? ndp : [],
      },
      announce: true,
      because: [{ row: port.row, note: bound.note }, way],
    }),
  );
  return { exposures, denials };
}

function kindOf(port: WorkloadPort): ExposureKind | undefined {
  if (port.type === '') return 'provider-port';
  return port.type === 'virtual' ? 'virtual-port' : undefined;
}

type Bound =
  | { readonly ok: true; readonly note: string }
  | { readonly ok: false; readonly code: DenialCode; readonly message: string };

function residenceReason(port: WorkloadPort, policy: ExposurePolicy): Bound {
  const row = describeRow(port.row);
  const { residence } = port;
  switch (residence.kind) {
    case 'here':
      return { ok: true, note: 'bound to this node and up' };
    case 'migrating':
      return { ok: true, note: 'being migrated from or to this node' };
    case 'down':
      return policy.graced.has(port.key)
        ? { ok: true, note: 'just migrated to this node, not up yet' }
        : { ok: false, code: 'not-up', message: `${row} is bound to this node but not up` };
    case 'elsewhere':
      return { ok: false, code: 'not-bound-here', message: `${row} is bound to ${quote(residence.node)}` };
    case 'nowhere':
      return { ok: false, code: 'not-bound-here', message: `${row} is bound to no node` };
    default:
      return residence satisfies never;
  }
}

type ParsedAddresses =
  | { readonly ok: true; readonly mac: MacAddress; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly code: DenialCode; readonly fault: boolean; readonly message: string };

/** `MAC IP IP...`; addresses count only behind a MAC address. */
function parseAddresses(port: WorkloadPort): ParsedAddresses {
  const row = describeRow(port.row);
  const [first, ...rest] = words(port.addressTexts[0]);
  if (first === undefined || ADDRESS_KEYWORDS.has(first)) {
    return { ok: false, code: 'no-address', fault: false, message: `${row} has no fixed address` };
  }
  const mac = parseMac(first);
  if (mac === undefined) {
    const message = `${row}: the first word of its addresses, ${quote(first)}, is not a MAC address; correct the port`;
    return { ok: false, code: 'bad-mac', fault: true, message };
  }
  if (rest.length === 0) {
    return {
      ok: false,
      code: 'no-address',
      fault: false,
      message: `${row} has a MAC address but no IP address`,
    };
  }
  return { ok: true, mac, addresses: rest };
}

/** The addresses that may be announced, each once and sorted; the others become denials. */
function announceable(
  port: WorkloadPort,
  texts: readonly string[],
  policy: ExposurePolicy,
  denials: Denial[],
): readonly IpAddress[] {
  const row = describeRow(port.row);
  const accepted = new Set<IpAddress>();
  const seen = new Set<string>();
  for (const text of texts) {
    const address = parseIp(text);
    const known = address ?? text;
    if (seen.has(known)) continue;
    seen.add(known);
    if (address === undefined) {
      const message = `${row}: ${quote(text)} is not an IP address; correct the port's addresses`;
      denials.push(denial(port, 'bad-address', true, message, quote(text)));
      continue;
    }
    const never = unannounceable(address);
    if (never !== undefined) {
      const message = `${row}: ${address} must never be announced (${never}); correct the port's addresses`;
      denials.push(denial(port, 'unannounceable', true, message, address));
    } else if (!isAllowed(address, policy)) {
      const message = `${row}: ${address} is outside the configured allowed_prefixes`;
      denials.push(denial(port, 'not-allowed', false, message, address));
    } else {
      accepted.add(address);
    }
  }
  return [...accepted].sort(compareIp);
}

function isAllowed(address: IpAddress, policy: ExposurePolicy): boolean {
  return (
    policy.allowedPrefixes.length === 0 || policy.allowedPrefixes.some((prefix) => contains(prefix, address))
  );
}

/**
 * What workloads of the network use as their IPv6 gateway: by default the network (subnet-router anycast) address, and
 * whatever the topology knows of others; what is configured holds for every port. The kernel answers only for listed
 * addresses.
 */
function proxiedAddresses(
  port: WorkloadPort,
  gateways6: readonly IpAddress[],
  ownTexts: readonly string[],
  policy: ExposurePolicy,
  denials: Denial[],
): readonly IpAddress[] {
  const proxied = new Set<IpAddress>(policy.proxyNdpAddresses);
  for (const text of port.proxyNdp ? port.cidrs : []) {
    const cidr = parseInterfaceAddress(text);
    if (cidr === undefined) {
      const message = `${describeRow(port.row)}: ${quote(text)} in neutron:cidrs is not an address/length; correct the port`;
      denials.push(denial(port, 'bad-address', true, message, quote(text)));
    } else if (familyOf(cidr.address) === 6) {
      proxied.add(networkAddress(cidr.network));
    }
  }
  for (const address of port.proxyNdp ? gateways6 : []) proxied.add(address);
  // Answering for an address that the port has itself would take its traffic away (a /128, a port that is the gateway).
  for (const text of ownTexts) {
    const own = parseIp(text);
    if (own !== undefined) proxied.delete(own);
  }
  return [...proxied]
    .filter((address) => familyOf(address) === 6 && isNeighborTarget(address))
    .sort(compareIp);
}

/** An address that a neighbour solicitation can sensibly ask for. */
function isNeighborTarget(address: IpAddress): boolean {
  return unannounceable(address) === undefined || (LINK_LOCAL !== undefined && contains(LINK_LOCAL, address));
}

function denied(port: WorkloadPort, code: DenialCode, fault: boolean, message: string): Verdict {
  return { exposures: [], denials: [denial(port, code, fault, message)] };
}

function denial(
  port: WorkloadPort,
  code: DenialCode,
  fault: boolean,
  message: string,
  address?: string,
): Denial {
  return {
    candidate: port.key,
    row: port.row,
    ...(address === undefined ? {} : { address }),
    code,
    fault,
    message,
  };
}
