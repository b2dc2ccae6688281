/**
 * What stands behind the keys of a load balancer's `vips` (ovn-nb(5)): `10.0.0.8:80,[2001:db8::8]:80`, bare addresses, or
 * a variable (`^BACKENDS`). Pure; to OVN a member that is no such text is none.
 */
import { type IpAddress, parseIp } from '../base/address.ts';

/** Keys that have no member at all, sorted: OVN drops or rejects whatever comes for them. */
export function emptyVips(vips: ReadonlyMap<string, string>): readonly string[] {
  return [...vips].flatMap(([key, members]) => (hasMember(members) ? [] : [key])).sort();
}

/** Addresses of which every key is among `emptyVips`, sorted. */
export function emptyVipAddresses(vips: ReadonlyMap<string, string>): readonly IpAddress[] {
  const { served, empty } = sorted(vips);
  return [...empty].filter((address) => !served.has(address)).sort();
}

/** Addresses of which some key has a member. */
export function peopledVipAddresses(vips: ReadonlyMap<string, string>): readonly IpAddress[] {
  return [...sorted(vips).served];
}

function sorted(vips: ReadonlyMap<string, string>): Readonly<Record<'served' | 'empty', Set<IpAddress>>> {
  const served = new Set<IpAddress>();
  const empty = new Set<IpAddress>();
  for (const [key, members] of vips) {
    const address = parseIp(hostOf(key));
    if (address !== undefined) (hasMember(members) ? served : empty).add(address);
  }
  return { served, empty };
}

function hasMember(text: string): boolean {
  return text.split(',').some((part) => {
    const member = part.trim();
    return member.startsWith('^') || parseIp(hostOf(member)) !== undefined;
  });
}

/** Without the port. */
function hostOf(text: string): string {
  return /^\[([^[\]]*)\](?::[0-9]+)?$/.exec(text)?.[1] ?? text.replace(/^([0-9.]+):[0-9]+$/, '$1');
}
