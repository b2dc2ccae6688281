/** Sorting by address for many items: each address is taken apart once, not at every comparison. Pure. */
import { addressBytes, familyOf, type IpAddress, networkAddress, type Prefix } from '../base/address.ts';
import { compareText } from '../base/order.ts';

/** A sorted copy in the order of `compareIp`; equal ones keep theirs. */
export function sortedByIp<T>(items: Iterable<T>, ipOf: (item: T) => IpAddress | Prefix): T[] {
  return Array.from(items, (item) => ({ item, key: orderKey(ipOf(item)) }))
    .sort((a, b) => compareText(a.key, b.key))
    .map(({ item }) => item);
}

function orderKey(ip: IpAddress | Prefix): string {
  const slash = ip.indexOf('/');
  const address = slash < 0 ? (ip as IpAddress) : networkAddress(ip as Prefix);
  const hex = addressBytes(address).map((byte) => byte.toString(16).padStart(2, '0'));
  return `${familyOf(ip)}${hex.join('')}${slash < 0 ? '' : ip.slice(slash + 1).padStart(3, '0')}`;
}
