/**
 * The addresses of a Northbound port, as texts `MAC IP IP...`.
 *
 * Neutron writes all into the first element of `addresses`. Elsewhere every element counts, OVN's own choice where the
 * row leaves it to OVN, and, where the row gives no address at all, those that port security lets the port use.
 */
import { networkAddress, parseInterfaceAddress, parseIp, parseMac, prefixLength } from '../base/address.ts';
import { words } from './external-ids.ts';

interface PortAddresses {
  readonly addresses: readonly string[];
  readonly dynamic_addresses: string | undefined;
  readonly port_security: readonly string[];
}

export function plainAddressTexts(row: PortAddresses): readonly string[] {
  const told = row.addresses.map((text) => (words(text).includes('dynamic') ? row.dynamic_addresses : text));
  const texts = told.filter((text) => text !== undefined && text !== '') as string[];
  const counting = texts.filter(hasAddress);
  if (counting.length > 0) return [...counting].sort();
  const allowed = row.port_security.flatMap(securedText);
  return allowed.length > 0 ? allowed.sort() : [...texts].sort();
}

function hasAddress(text: string): boolean {
  const [, ...ips] = words(text);
  return ips.length > 0;
}

/** An element of `port_security` (ovn-nb(5)): `MAC IP[/mask]...`; a mask with no host bits allows a subnet, no address. */
function securedText(text: string): readonly string[] {
  const [mac, ...rest] = words(text);
  if (mac === undefined || parseMac(mac) === undefined) return [];
  const ips = rest.flatMap((word) => {
    const bare = parseIp(word);
    if (bare !== undefined) return [bare];
    const parsed = parseInterfaceAddress(word);
    if (parsed === undefined) return [];
    const host =
      parsed.length === prefixLength(parsed.network) && parsed.address !== networkAddress(parsed.network);
    const whole = parsed.length === (parsed.address.includes(':') ? 128 : 32);
    return host || whole ? [parsed.address] : [];
  });
  return ips.length === 0 ? [] : [[mac, ...ips].join(' ')];
}
