/**
 * Ports on provider networks: VM ports, virtual ports (addresses that move between VMs), and external ports (SR-IOV,
 * bare metal) where those are wanted. A floating IP of the port changes nothing.
 *
 * In: a port of the topology and this node's policy. Out: an exposure for each of its addresses that this node must make
 * reachable, and a denial with its reason for what it must not. Values of the row are checked here, once: what an
 * exposure holds can be used without a further look.
 */
import {
  familyOf,
  type IpAddress,
  type MacAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { WorkloadPort } from '../ovn/topology.ts';
import { announceableText, type FixedAddresses, fixedAddresses } from './announceable.ts';
import { boundHere } from './bound-here.ts';
import { disabledRefusal } from './disabled.ts';
import { tagOf, unselected } from './marks.ts';
import { networkOf } from './provider-network.ts';
import { proxiedAddresses } from './proxied.ts';
import type { ExposureKind, ExposurePolicy, Verdict } from './types.ts';
import { linkClaim, VerdictBuilder } from './verdict.ts';

const KINDS: ReadonlyMap<string, ExposureKind> = new Map([
  ['', 'provider-port'],
  ['virtual', 'virtual-port'],
  ['external', 'external-port'],
]);

export function evaluatePort(port: WorkloadPort, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(port);
  const kind = KINDS.get(port.type);
  if (kind === undefined || (kind === 'external-port' && !policy.exposeExternal)) {
    const expected =
      kind === undefined
        ? 'only VIF and virtual ports are exposed'
        : 'such ports are exposed with expose_external_ports = true';
    const message = `${describeRow(port.row)} has type ${quote(port.type)}; ${expected}`;
    return verdict.refuse({ code: 'port-type', fault: false, message });
  }
  const bound = boundHere(port, policy);
  if (!bound.ok) return verdict.refuse(bound);
  const off = disabledRefusal(port);
  if (off !== undefined) return verdict.refuse(off);
  const refusal = unselected(port.marks.expose, policy);
  if (refusal !== undefined) return verdict.refuse(refusal);

  const items = fixedAddresses(port.row, port.addressTexts, verdict);
  if (items.length === 0) return verdict.verdict();
  const network = networkOf(port, policy.bridgeMappings);
  if (!network.ok) return verdict.refuse(network);

  const addresses = macsByAddress(port, items, policy, verdict);
  const ndp = [...addresses.keys()].some((address) => familyOf(address) === 6)
    ? proxied(port, items, policy, verdict)
    : [];
  const tag = tagOf(port.marks, verdict);
  for (const [address, mac] of addresses) {
    verdict.expose(
      linkClaim(kind, address, {
        way: network.way,
        mac: port.neighbor ? mac : undefined,
        proxyNdp: familyOf(address) === 6 ? ndp : [],
        tag,
        because: [{ row: port.row, ...bound.because }],
      }),
    );
  }
  return verdict.verdict();
}

/** The addresses that may be announced; one that stands behind several MAC addresses has the first. */
function macsByAddress(
  port: WorkloadPort,
  items: readonly FixedAddresses[],
  policy: ExposurePolicy,
  verdict: VerdictBuilder,
): ReadonlyMap<IpAddress, MacAddress> {
  const addresses = new Map<IpAddress, MacAddress>();
  for (const { mac, texts } of items) {
    for (const text of texts) {
      const address = announceableText(text, port.row, policy, verdict, "correct the port's addresses");
      if (address !== undefined && !addresses.has(address)) addresses.set(address, mac);
    }
  }
  return addresses;
}

function proxied(
  port: WorkloadPort,
  items: readonly FixedAddresses[],
  policy: ExposurePolicy,
  verdict: VerdictBuilder,
): readonly IpAddress[] {
  const networks: Prefix[] = [];
  for (const text of port.proxyNdp ? port.cidrs : []) {
    const cidr = parseInterfaceAddress(text);
    if (cidr !== undefined) {
      networks.push(cidr.network);
      continue;
    }
    const message = `${describeRow(port.row)}: ${quote(text)} in neutron:cidrs is not an address/length; correct the port`;
    verdict.deny({ code: 'bad-address', fault: true, message }, quote(text));
  }
  const own = items.flatMap(({ texts }) => texts.map(parseIp)).filter((address) => address !== undefined);
  const gateways6 = port.proxyNdp ? (port.network?.gateways6 ?? []) : [];
  return proxiedAddresses({ networks, gateways6, own }, policy);
}
