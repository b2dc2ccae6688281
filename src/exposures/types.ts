/**
 * Exposures and denials: what this node must make reachable and why, and what it must not and why not.
 */
import type { IpAddress, MacAddress, Prefix } from '../base/address.ts';
import type { CandidateKey, RowReference } from '../ovn/topology.ts';

/** Kinds of address; the rank of conflicting claims is in `conflicts.ts`. */
export type ExposureKind = 'provider-port' | 'virtual-port';

/** The provider network of an exposure as this node sees it: bridge and VLAN are resolved through its mappings. */
export interface ProviderNetwork {
  readonly name: string;
  readonly physicalNetwork: string;
  readonly bridge: string;
  /** 802.1Q tag 1..4094; absent: flat. */
  readonly vlan?: number;
  /** Name of the localnet port; its patch port is `patch-<localnet>-to-br-int`. */
  readonly localnet: string;
}

/** One fact that led to the exposure: the row, and what of it counted. */
export interface Reason {
  readonly row: RowReference;
  readonly note: string;
}

export interface Exposure {
  readonly kind: ExposureKind;
  readonly candidate: CandidateKey;
  readonly address: IpAddress;
  readonly prefix: Prefix;
  /** Present: a permanent neighbour entry is wired. */
  readonly mac?: MacAddress;
  readonly network: ProviderNetwork;
  /** Addresses to answer neighbour solicitations for on the network's device; sorted. */
  readonly proxyNdp: readonly IpAddress[];
  readonly because: readonly Reason[];
}

/** Stable machine-readable reasons; the message is for people. */
export type DenialCode =
  | 'not-bound-here'
  | 'not-up'
  | 'port-type'
  | 'no-address'
  | 'bad-mac'
  | 'bad-address'
  | 'no-network'
  | 'not-provider'
  | 'bad-vlan'
  | 'unannounceable'
  | 'not-allowed'
  | 'conflict'
  | 'row-error';

export interface Denial {
  readonly candidate: CandidateKey;
  readonly row: RowReference;
  readonly address?: string;
  readonly code: DenialCode;
  /** True when the row itself is wrong (logged as a warning), false for the ordinary "not mine". */
  readonly fault: boolean;
  readonly message: string;
}

/** The decision on one candidate. */
export interface Verdict {
  readonly exposures: readonly Exposure[];
  readonly denials: readonly Denial[];
}

/** The decision on everything: exposures sorted by address, conflicts resolved. */
export interface Evaluation {
  readonly exposures: readonly Exposure[];
  readonly denials: readonly Denial[];
}

/** One usable item of `ovn-bridge-mappings`. */
export interface BridgeMapping {
  readonly physicalNetwork: string;
  readonly bridge: string;
  /** 1-based position in the list, ignored items counted: it numbers the bridge's own addresses. */
  readonly index: number;
}

/** Everything besides the topology that decides what is exposed. */
export interface ExposurePolicy {
  readonly bridgeMappings: readonly BridgeMapping[];
  readonly allowedPrefixes: readonly Prefix[];
  readonly proxyNdpAddresses: readonly IpAddress[];
  /** Ports whose migration to this node was seen less than the grace period ago. */
  readonly graced: ReadonlySet<CandidateKey>;
}
