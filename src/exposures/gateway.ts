/**
 * Router gateway ports: their own addresses, on the node where they are active.
 *
 * In: a gateway port of the topology and this node's policy. Out: an exposure for each of its addresses, with the port's
 * MAC; IPv6 gateways of its networks are answered for, since the router asks for its next hop.
 */
import {
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  parseInterfaceAddress,
  parseMac,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { GatewayPort } from '../ovn/topology.ts';
import { isAnnounceable } from './announceable.ts';
import { boundHere } from './bound-here.ts';
import { disabledRefusal } from './disabled.ts';
import { tagOf, unselected } from './marks.ts';
import { networkOf } from './provider-network.ts';
import { proxiedAddresses } from './proxied.ts';
import type { ExposurePolicy, Verdict } from './types.ts';
import { linkClaim, VerdictBuilder } from './verdict.ts';

const ADVICE = "correct the router port's networks";

export function evaluateGateway(port: GatewayPort, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(port);
  const bound = boundHere(port, policy);
  if (!bound.ok) return verdict.refuse(bound);
  const off = disabledRefusal(port);
  if (off !== undefined) return verdict.refuse(off);
  const refusal = unselected(port.marks.expose, policy);
  if (refusal !== undefined) return verdict.refuse(refusal);
  if (port.addressTexts.length === 0) {
    const message = `${describeRow(port.row)} has no address`;
    return verdict.refuse({ code: 'no-address', fault: false, message });
  }
  const mac = parseMac(port.macText ?? '');
  if (mac === undefined) {
    const message = `${describeRow(port.row)}: ${quote(port.macText ?? '')} is not a MAC address; correct the router port`;
    return verdict.refuse({ code: 'bad-mac', fault: true, message });
  }
  const network = networkOf(port, policy.bridgeMappings);
  if (!network.ok) return verdict.refuse(network);

  if (port.natUntold !== undefined) {
    const message =
      `translated addresses of the router of ${describeRow(port.row)} are told by nat_addresses of ` +
      `${describeRow(port.natUntold)}, which has none: if the router has any, set options:nat-addresses=router of that ` +
      'Logical_Switch_Port, or use driver = nb_ovn_bgp_driver';
    verdict.deny({ code: 'nat-untold', fault: false, message });
  }

  const interfaces = parsed(port, verdict);
  const own = interfaces.map(({ address }) => address);
  const networks = interfaces.map((item) => item.network);
  const ndp = proxiedAddresses({ networks, gateways6: port.network?.gateways6 ?? [], own }, policy);
  const tag = tagOf(port.marks, verdict);
  for (const address of new Set<IpAddress>(own)) {
    if (!isAnnounceable(address, port.row, policy, verdict, ADVICE)) continue;
    verdict.expose(
      linkClaim('gateway', address, {
        way: network.way,
        mac,
        proxyNdp: familyOf(address) === 6 ? ndp : [],
        tag,
        because: [{ row: port.row, ...bound.because, note: `gateway port ${bound.because.note}` }],
      }),
    );
  }
  return verdict.verdict();
}

function parsed(port: GatewayPort, verdict: VerdictBuilder): InterfaceAddress[] {
  const interfaces: InterfaceAddress[] = [];
  for (const text of port.addressTexts) {
    const item = parseInterfaceAddress(text);
    if (item !== undefined) {
      interfaces.push(item);
      continue;
    }
    const message = `${describeRow(port.row)}: ${quote(text)} is not an address/length; ${ADVICE}`;
    verdict.deny({ code: 'bad-address', fault: true, message }, quote(text));
  }
  return interfaces;
}
