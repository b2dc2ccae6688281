/**
 * Globally routable IPv6 addresses, by the special-purpose registry of IANA (RFC 6890): what lies in none of its blocks,
 * and the blocks inside 2001::/23 that it calls global. Pure.
 */
import { contains, familyOf, type IpAddress, type Prefix, parsePrefix } from '../base/address.ts';

const SPECIAL = prefixes(
  '::/128',
  '::1/128',
  '::ffff:0:0/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
);
const GLOBAL_AFTER_ALL = prefixes(
  '2001:1::1/128',
  '2001:1::2/128',
  '2001:3::/32',
  '2001:4:112::/48',
  '2001:20::/28',
  '2001:30::/28',
);

export function isGloballyRoutable6(address: IpAddress): boolean {
  if (familyOf(address) !== 6) return false;
  const inside = (prefix: Prefix): boolean => contains(prefix, address);
  return !SPECIAL.some(inside) || GLOBAL_AFTER_ALL.some(inside);
}

function prefixes(...texts: readonly string[]): readonly Prefix[] {
  return texts.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new TypeError(`${text} is not a prefix`);
    return prefix;
  });
}
