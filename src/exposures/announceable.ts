/**
 * What may be announced at all: addresses from rows are parsed and held against what must never be announced and
 * against the configured prefixes.
 *
 * In: text of a row. Out: the address, or `undefined` after the verdict was told why not.
 */
import {
  contains,
  type IpAddress,
  type MacAddress,
  type Prefix,
  parseIp,
  parseMac,
  unannounceable,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import { words } from '../ovn/external-ids.ts';
import type { RowReference } from '../ovn/topology.ts';
import type { ExposurePolicy } from './types.ts';
import type { VerdictBuilder } from './verdict.ts';

/** What `addresses` may hold in place of a MAC address (ovn-nb(5)): the port then has no fixed addresses. */
const ADDRESS_KEYWORDS: ReadonlySet<string> = new Set(['unknown', 'dynamic', 'router']);

/** `advice` ends the sentence for an operator: "correct the port's addresses". */
export function announceableText(
  text: string,
  row: RowReference,
  policy: ExposurePolicy,
  verdict: VerdictBuilder,
  advice: string,
): IpAddress | undefined {
  const address = parseIp(text);
  if (address === undefined) {
    const message = `${describeRow(row)}: ${quote(text)} is not an IP address; ${advice}`;
    verdict.deny({ code: 'bad-address', fault: true, message }, quote(text));
    return undefined;
  }
  return isAnnounceable(address, row, policy, verdict, advice) ? address : undefined;
}

export function isAnnounceable(
  address: IpAddress,
  row: RowReference,
  policy: ExposurePolicy,
  verdict: VerdictBuilder,
  advice: string,
): boolean {
  const never = unannounceable(address);
  if (never !== undefined) {
    const message = `${describeRow(row)}: ${address} must never be announced (${never}); ${advice}`;
    verdict.deny({ code: 'unannounceable', fault: true, message }, address);
    return false;
  }
  if (isAllowed(address, policy)) return true;
  const message = `${describeRow(row)}: ${address} is outside the configured allowed_prefixes`;
  verdict.deny({ code: 'not-allowed', fault: false, message }, address);
  return false;
}

export function isAllowed(value: IpAddress | Prefix, policy: ExposurePolicy): boolean {
  return (
    policy.allowedPrefixes.length === 0 || policy.allowedPrefixes.some((prefix) => contains(prefix, value))
  );
}

/** One item of a port's addresses: the words behind its MAC address. */
export interface FixedAddresses {
  readonly mac: MacAddress;
  readonly texts: readonly string[];
}

/** `MAC IP IP...` items; addresses count only behind a MAC address. Empty after a denial that says why. */
export function fixedAddresses(
  row: RowReference,
  addressTexts: readonly string[],
  verdict: VerdictBuilder,
): readonly FixedAddresses[] {
  const found: FixedAddresses[] = [];
  let wrong = false;
  for (const item of addressTexts) {
    const [first, ...texts] = words(item);
    if (first === undefined || ADDRESS_KEYWORDS.has(first)) continue;
    const mac = parseMac(first);
    if (mac === undefined) {
      const message = `${describeRow(row)}: the first word of its addresses, ${quote(first)}, is not a MAC address; correct the port`;
      verdict.deny({ code: 'bad-mac', fault: true, message });
      wrong = true;
    } else {
      found.push({ mac, texts });
    }
  }
  const usable = found.filter(({ texts }) => texts.length > 0);
  if (usable.length === 0 && !wrong) {
    const what = found.length === 0 ? 'has no fixed address' : 'has a MAC address but no IP address';
    verdict.deny({ code: 'no-address', fault: false, message: `${describeRow(row)} ${what}` });
  }
  return usable;
}
