/** What an exposure or a candidate is about, in the addresses that a person looks for. Pure. */
import { type IpAddress, type Prefix, parseInterfaceAddress, parseIp } from '../base/address.ts';
import type { Candidate } from '../ovn/topology.ts';
import type { Exposure } from './types.ts';
import { vipAddresses } from './vip-keys.ts';

/** The address, or the prefix with its length of what stands for many. */
export function subjectOf({
  kind,
  prefix,
  address,
}: Pick<Exposure, 'kind' | 'prefix' | 'address'>): IpAddress | Prefix {
  return kind === 'tenant-subnet' ? prefix : address;
}

/** The addresses that a candidate would be exposed with, in the order of its row; what is no address is left out. */
export function addressesOf(candidate: Candidate): readonly string[] {
  return [...new Set(found(candidate))];
}

function* found(candidate: Candidate): Generator<string, void> {
  switch (candidate.kind) {
    case 'port':
      yield* words(candidate.addressTexts);
      yield* interfaces(candidate.cidrs, false);
      return;
    case 'gateway':
      yield* interfaces(candidate.addressTexts, false);
      return;
    case 'subnet':
      yield* interfaces(candidate.addressTexts, true);
      return;
    case 'nat':
      if (candidate.from === 'nat-row') yield* words([candidate.externalIpText]);
      else yield* words(candidate.entries.flatMap(({ addressTexts }) => addressTexts));
      return;
    case 'load-balancer':
      yield* vipAddresses(candidate.vipTexts).addresses;
      yield* words([candidate.vipText ?? '', candidate.vipFipText ?? '']);
      return;
    default:
      candidate satisfies never;
  }
}

function* words(texts: readonly string[]): Iterable<string> {
  for (const word of texts.flatMap((text) => text.split(/\s+/))) {
    const address = parseIp(word);
    if (address !== undefined) yield address;
  }
}

function* interfaces(texts: readonly string[], asNetworks: boolean): Iterable<string> {
  for (const text of texts) {
    const item = parseInterfaceAddress(text);
    if (item !== undefined) yield asNetworks ? item.network : item.address;
  }
}
