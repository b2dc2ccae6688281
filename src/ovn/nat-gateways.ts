/**
 * Which gateway port of a router a NAT row belongs to, and whether it is translated there or where its port is: the rules
 * of ovn-northd (`gateway_port`, `external_mac` and `logical_port` in ovn-nb(5)).
 *
 * In: the row and its router. Out: the gateway ports that serve it, or why OVN leaves the row out. Pure and total.
 */
import { contains, parseInterfaceAddress, parseIp, parseMac } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { GatewayPort, NatFault, Router } from './topology.ts';

export interface NatColumns {
  readonly external_ip: string;
  /** UUID of a router port. */
  readonly gateway_port: string | undefined;
  readonly allowed_ext_ips: string | undefined;
  readonly exempted_ext_ips: string | undefined;
}

export interface NatGateways {
  readonly gateways: readonly GatewayPort[];
  readonly fault?: NatFault;
}

export function natGateways(row: NatColumns, router: Router | undefined): NatGateways {
  if (router === undefined) return { gateways: [], fault: 'no-router' };
  const { pinned } = router;
  // To ovn-northd a router port without a sound MAC address is none.
  const gateways = router.gateways.filter(({ macText }) => parseMac(macText ?? '') !== undefined);
  if (row.allowed_ext_ips !== undefined && row.exempted_ext_ips !== undefined) {
    return { gateways, fault: 'address-sets' };
  }
  if (row.gateway_port !== undefined) {
    const named = gateways.filter((port) => port.row.uuid === row.gateway_port);
    // A router that is bound to one chassis has no gateway port in this sense.
    return named.length === 0 || pinned ? { gateways, fault: 'gateway-port' } : { gateways: named };
  }
  if (gateways.length === 0) return { gateways, fault: 'no-gateway' };
  if (gateways.length === 1) return { gateways };
  const around = sortedBy(gateways, (port) => port.row.uuid).filter((port) =>
    isAround(port, row.external_ip),
  );
  // A router that is bound to one chassis translates whatever comes in, through any port.
  if (pinned) return { gateways: around.length > 0 ? around : gateways };
  // Of several that overlap, ovn-northd takes the first in an order that differs by release.
  return around.length > 0 ? { gateways: around.slice(0, 1) } : { gateways, fault: 'no-network' };
}

function isAround({ addressTexts }: GatewayPort, text: string): boolean {
  const address = parseIp(text);
  if (address === undefined) return false;
  return addressTexts.some((item) => {
    const parsed = parseInterfaceAddress(item);
    return parsed !== undefined && contains(parsed.network, address);
  });
}
