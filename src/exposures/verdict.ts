/**
 * The decision on one candidate while it is being made.
 *
 * In: what may be exposed and what may not, as it is found out. Out: a verdict with sorted exposures, in which no denial
 * stands twice.
 */
import { hostPrefix, type IpAddress, type MacAddress, type Prefix } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import type { CandidateKey, Localnet, RowReference } from '../ovn/topology.ts';
import { sortedByIp } from './ip-order.ts';
import type {
  Delivery,
  Denial,
  DenialCode,
  Exposure,
  ExposureKind,
  ProviderNetwork,
  Reason,
  Verdict,
} from './types.ts';

/** Why not, without whom. */
export interface Refusal {
  readonly code: DenialCode;
  readonly fault: boolean;
  readonly message: string;
}

export type Refused = Refusal & { readonly ok: false };

/** A provider network and the localnet port that leads to it from here. */
export interface Way {
  readonly provider: ProviderNetwork;
  readonly localnet: Localnet;
}

/** What an exposure is made of, besides its candidate. */
export interface Claim {
  readonly kind: ExposureKind;
  readonly prefix: Prefix;
  readonly address: IpAddress;
  readonly way: Way;
  readonly delivery: Delivery;
  readonly announce: boolean;
  readonly tag: string | undefined;
  /** The candidate's own row first; the way is added. */
  readonly because: readonly Reason[];
}

export class VerdictBuilder {
  readonly #key: CandidateKey;
  readonly #row: RowReference;
  readonly #exposures: Exposure[] = [];
  readonly #denials = new Map<string, Denial>();

  constructor(candidate: { readonly key: CandidateKey; readonly row: RowReference }) {
    this.#key = candidate.key;
    this.#row = candidate.row;
  }

  get denials(): readonly Denial[] {
    return [...this.#denials.values()];
  }

  deny({ code, fault, message }: Refusal, address?: string): void {
    this.#denials.set(`${code} ${address ?? ''} ${message}`, {
      candidate: this.#key,
      row: this.#row,
      ...(address === undefined ? {} : { address }),
      code,
      fault,
      message,
    });
  }

  /** Denies, and that is the verdict. */
  refuse(refusal: Refusal, address?: string): Verdict {
    this.deny(refusal, address);
    return this.verdict();
  }

  expose({ way, tag, because, ...claim }: Claim): void {
    this.#exposures.push({
      ...claim,
      candidate: this.#key,
      network: way.provider,
      ...(tag === undefined ? {} : { tag }),
      because: [...because, wayReason(way)],
    });
  }

  verdict(): Verdict {
    return {
      exposures: sortedByIp(this.#exposures, ({ prefix }) => prefix),
      denials: this.denials,
    };
  }
}

function wayReason({ provider, localnet }: Way): Reason {
  const vlan = provider.vlan === undefined ? 'untagged' : `VLAN ${provider.vlan}`;
  return {
    row: localnet.row,
    note: `physical network ${quote(provider.physicalNetwork)}, ${vlan}, bridge ${provider.bridge}`,
  };
}

/** The claim of one address that answers on the provider network itself. */
export function linkClaim(
  kind: ExposureKind,
  address: IpAddress,
  link: {
    readonly way: Way;
    readonly mac: MacAddress | undefined;
    /** Where it answers without `mac`. */
    readonly answersAt?: MacAddress | undefined;
    readonly proxyNdp: readonly IpAddress[];
    readonly tag: string | undefined;
    readonly because: readonly Reason[];
  },
): Claim {
  const { way, mac, answersAt, proxyNdp, tag, because } = link;
  const known = mac === undefined ? (answersAt === undefined ? {} : { answersAt }) : { mac };
  return {
    kind,
    prefix: hostPrefix(address),
    address,
    way,
    delivery: { type: 'link', ...known, proxyNdp },
    announce: true,
    tag,
    because,
  };
}
