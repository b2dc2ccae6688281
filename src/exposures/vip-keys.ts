/**
 * Addresses of a load balancer from the keys of its `vips`: `192.0.2.1:80`, `[2001:db8::1]:80`, or an address alone
 * (ovn-nb(5)). Pure; what is no such key is counted, and the first is shown.
 */
import { familyOf, type IpAddress, parseIp } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { sortedByIp } from './ip-order.ts';

/** `undefined` for what is neither of the three forms. */
export function vipAddress(key: string): IpAddress | undefined {
  const bracketed = /^\[([^[\]]*)\](?::([0-9]{1,5}))?$/.exec(key);
  if (bracketed !== null) {
    const [, text = '', port] = bracketed;
    const address = parseIp(text);
    return address !== undefined && familyOf(address) === 6 && isPort(port) ? address : undefined;
  }
  const alone = parseIp(key);
  if (alone !== undefined) return alone;
  const match = /^([0-9.]+):([0-9]{1,5})$/.exec(key);
  return match !== null && isPort(match[2]) ? parseIp(match[1] ?? '') : undefined;
}

function isPort(text: string | undefined): boolean {
  return text === undefined || Number(text) <= 65_535;
}

/** Keys that are no address: how many, and the first of them. */
export interface OtherKeys {
  readonly count: number;
  readonly example: string;
}

export interface VipAddresses {
  /** Each once, sorted. */
  readonly addresses: readonly IpAddress[];
  /** Keys with a variable (`^VIP:80`, ovn-nb(5) options:template): each chassis has a value of its own for it. */
  readonly templates: OtherKeys | undefined;
  readonly bad: OtherKeys | undefined;
}

export function vipAddresses(keys: readonly string[]): VipAddresses {
  const addresses = new Set<IpAddress>();
  const templates: string[] = [];
  const bad: string[] = [];
  for (const key of keys) {
    const address = vipAddress(key);
    if (address !== undefined) addresses.add(address);
    else if (key.includes('^')) templates.push(key);
    else bad.push(key);
  }
  return {
    addresses: sortedByIp(addresses, (address) => address),
    templates: others(templates),
    bad: others(bad),
  };
}

function others(keys: string[]): OtherKeys | undefined {
  const [example] = keys.sort(compareText);
  return example === undefined ? undefined : { count: keys.length, example };
}
