/**
 * Exposures and denials: what this node must make reachable and why, and what it must not and why not.
 */
import type { IpAddress, MacAddress, Prefix } from '../base/address.ts';
import type { BridgeMapping } from '../base/bridge-mappings.ts';
import type { ExposureKind } from '../config/exposure-kinds.ts';
import type { TenantConfig } from '../config/types.ts';
import type { CandidateKey, RowReference } from '../ovn/topology.ts';
import type { NodeNeeds } from './needs.ts';

export type { ExposureKind };

/** The provider network of an exposure as this node sees it: bridge and VLAN are resolved through its mappings. */
export interface ProviderNetwork {
  readonly name: string;
  readonly physicalNetwork: string;
  readonly bridge: string;
  /** 802.1Q tag 1..4094; absent: flat. */
  readonly vlan?: number;
  /** Name of the localnet port; its patch port is `patch-<localnet>-to-<integration bridge>`. */
  readonly localnet: string;
}

/** One fact that led to the exposure: the row, and what of it counted. */
export interface Reason {
  readonly row: RowReference;
  readonly note: string;
  /** Present: not known yet. What stands on the node by this assumption stays, nothing new is made of it. */
  readonly assumed?: true;
}

/** How traffic for an exposure gets from this node into OVN. */
export type Delivery =
  /** The address answers on the provider network itself. */
  | {
      readonly type: 'link';
      /** Present: a permanent neighbour entry is wired. */
      readonly mac?: MacAddress;
      /**
       * Where an address without a MAC address of its own answers (a load balancer's at its router's gateway port): for
       * methods in which nobody asks for it.
       */
      readonly answersAt?: MacAddress;
      /** Addresses to answer neighbour solicitations for on the network's device; sorted. */
      readonly proxyNdp: readonly IpAddress[];
    }
  /** Behind a router: `via` is its gateway address on the provider network, of the prefix's family. */
  | {
      readonly type: 'via';
      readonly via: IpAddress;
      readonly mac?: MacAddress;
      /** Present: the gateway address is not announced itself (a mark, a bad row), so it stands nowhere on the node. */
      readonly viaUnannounced?: true;
    }
  /** Inside a subnet that another exposure wires; without that one it must not be announced. */
  | { readonly type: 'covered'; readonly subnet: Prefix; readonly by: CandidateKey; readonly via: IpAddress };

export interface Exposure {
  readonly kind: ExposureKind;
  readonly candidate: CandidateKey;
  /** What is exposed, and what claims are settled by: a host prefix, or that of a subnet. */
  readonly prefix: Prefix;
  /** The address, or the network address of a subnet. */
  readonly address: IpAddress;
  /** The provider network that the traffic passes. */
  readonly network: ProviderNetwork;
  readonly delivery: Delivery;
  /** False: wired only, for what is announced inside it (a subnet whose hosts are announced one by one). */
  readonly announce: boolean;
  /** The operator's tag, for route attributes. */
  readonly tag?: string;
  /** Something that an operator should know of it, in a sentence that names the row. */
  readonly warning?: string;
  readonly because: readonly Reason[];
}

/** True for what is exposed only where it was already: something that it rests on is not known yet. */
export function isAssumed({ because }: Pick<Exposure, 'because'>): boolean {
  return because.some(({ assumed }) => assumed === true);
}

/** Stable machine-readable reasons; the message is for people. */
export type DenialCode =
  | 'not-bound-here'
  | 'not-up'
  /** Switched off (`enabled=false`): the port, its router, or what leads to it. */
  | 'disabled'
  /** Only a database that has not told anything yet knows where it is. */
  | 'place-unknown'
  | 'port-type'
  | 'no-address'
  | 'bad-mac'
  | 'bad-address'
  | 'no-network'
  | 'not-provider'
  /** The operator keeps the agent off its physical network (`excluded_physical_networks`). */
  | 'network-excluded'
  | 'bad-vlan'
  /** Tags of another kind than 802.1Q. */
  | 'ethertype'
  | 'unannounceable'
  /** It contains what this node needs itself, or lies inside it. */
  | 'needed-by-node'
  | 'not-allowed'
  /** The operator said so (`ovn-bgp-agent:expose`), or did not say the contrary where that is needed. */
  | 'not-selected'
  | 'bad-mark'
  /** Tenant networks are not exposed, or not this one. */
  | 'not-configured'
  | 'address-scope'
  | 'source-nat'
  | 'not-global'
  /** A port that is no attachment of a tenant network. */
  | 'not-a-subnet'
  | 'outside-subnet'
  /** An address of a tenant network among those of the gateway. */
  | 'tenant-address'
  | 'no-router'
  | 'no-gateway'
  | 'gateway-elsewhere'
  /** A floating IP: its port, its MAC address. */
  | 'no-port'
  /** The database does not tell the translated addresses of a router. */
  | 'nat-untold'
  | 'no-mac'
  /** A row that OVN itself leaves out. */
  | 'row-unused'
  /** The address of a gateway port, which is exposed itself. */
  | 'gateway-address'
  | 'no-vip'
  /** A load balancer, or one of its addresses, with nothing behind it. */
  | 'no-member'
  /** Health checks find no member online, and expose_offline_load_balancers = false. */
  | 'no-member-online'
  /** A load balancer listens on a variable that each chassis fills in for itself. */
  | 'template'
  | 'too-many'
  /** The subnet that would carry it is exposed for somebody else. */
  | 'not-covered'
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

/** Everything besides the topology that decides what is exposed. */
export interface ExposurePolicy {
  readonly bridgeMappings: readonly BridgeMapping[];
  readonly allowedPrefixes: readonly Prefix[];
  readonly proxyNdpAddresses: readonly IpAddress[];
  /** Ports whose migration to this node was seen less than the grace period ago. */
  readonly graced: ReadonlySet<CandidateKey>;
  /** Last MAC addresses of floating IPs, for those whose port is in its grace period: Neutron takes them out meanwhile. */
  readonly lastMacs: ReadonlyMap<CandidateKey, MacAddress>;
  readonly tenant: TenantConfig;
  /** What a candidate without a mark is: exposed (true), or only those that are marked. */
  readonly exposeUnmarked: boolean;
  /** Ports of type "external" (SR-IOV, bare metal) are exposed where their HA chassis is active. */
  readonly exposeExternal: boolean;
  /** What no exposure may cover. */
  readonly needs: NodeNeeds;
}
