/** What wiring is computed from besides the exposures, and what comes out. */
import type { InterfaceAddress, IpAddress, IpFamily, MacAddress } from '../base/address.ts';
import type { BridgeMapping } from '../base/bridge-mappings.ts';
import type { AgentConfig } from '../config/types.ts';
import type { NodeNeeds } from '../exposures/needs.ts';
import type { Exposure } from '../exposures/types.ts';
import type { LocalCapabilities } from '../localnb/types.ts';
import type { AdvertisingLink } from '../node/kernel-facts.ts';
import type { Adopted, DesiredObject } from '../node/objects.ts';
import type { Localnet } from '../ovn/topology.ts';

export interface BridgeFacts {
  readonly name: string;
  /** The kernel device of the same name (the bridge's internal port); absent: not there yet. */
  readonly device: { readonly mac: MacAddress } | undefined;
  /** OpenFlow port numbers by port name; a port that vswitchd has not opened yet is missing. */
  readonly ofports: ReadonlyMap<string, number>;
  /** Ports that lead neither to OVN nor to the kernel: NICs, sorted. */
  readonly nics?: readonly string[];
}

/** A bridge that was in use before; what the agent made there is taken back. */
export interface FormerBridge {
  readonly name: string;
  /** Its device is there, and its settings were the agent's: they go back. */
  readonly restore: boolean;
}

/** What is known about this node; a new object only when something of it changed. */
export interface NodeFacts {
  readonly bridgeMappings: readonly BridgeMapping[];
  /** Mappings of networks that the operator keeps the agent off. */
  readonly excludedMappings?: readonly BridgeMapping[];
  /** Sorted by name; absent: none. */
  readonly formerBridges?: readonly FormerBridge[];
  /** VRFs and dummies of the agent's under names or with tables of a former configuration; absent: none. */
  readonly formerLinks?: readonly AdvertisingLink[];
  /** OVS bridges by name. */
  readonly bridges: ReadonlyMap<string, BridgeFacts>;
  /** `external_ids:ovn-bridge`, where ovn-controller plugs everything in; patch ports are named after it. */
  readonly integrationBridge: string;
  /** Routing table of each mapped bridge: what rt_tables says, or the number that was chosen for it. */
  readonly tables: ReadonlyMap<string, number>;
  /** Why a mapped bridge has no routing table; absent: nothing is known of it. */
  readonly tableProblems?: ReadonlyMap<string, string>;
  /** What of the node's unmarked things is the predecessor's; absent: nothing. */
  readonly adopted?: Adopted;
  /** The kernel can make 802.1Q devices. */
  readonly kernelVlan: boolean;
  /** Router id for the VRF instance: configured, or the default instance's. */
  readonly routerId: IpAddress | undefined;
  /** What the node needs itself, which decides on exposures and not on wiring; absent: nothing is known of it. */
  readonly needs?: NodeNeeds;
  /** The node's own OVN; absent: the local Open_vSwitch database names none. */
  readonly localOvn?: LocalOvnFacts;
}

/** A port of a bridge between the node's own OVN and something else. */
export interface LocalPortFacts {
  readonly name: string;
  /** `Interface.type` */
  readonly type: string;
  readonly ofport: number | undefined;
  /** Absent: nobody tells. */
  readonly carrier: boolean | undefined;
  /** The kernel has a device of this name (not so for a NIC of DPDK). */
  readonly inKernel: boolean;
}

export interface LocalBridgeFacts {
  readonly name: string;
  /** `Bridge.datapath_type`; patch ports do not cross from one to another. */
  readonly datapathType: string;
  readonly device: { readonly mac: MacAddress } | undefined;
  /** Of the bridge's device, in the kernel's order; none that are link-local. */
  readonly addresses: readonly InterfaceAddress[];
  /** Sorted by name. */
  readonly ports: readonly LocalPortFacts[];
}

/** A way out of the node: a next hop of a default route that leaves through a fabric bridge. */
export interface DefaultNextHop {
  readonly family: IpFamily;
  /** The bridge. */
  readonly device: string;
  /** Of the other family in BGP unnumbered (RFC 8950). */
  readonly via: IpAddress;
  /** From the neighbour table, or the last one that stood there. */
  readonly mac: MacAddress | undefined;
}

export interface LocalOvnFacts {
  /** `ovn-bridge-mappings-<chassis>`, in the order of the list. */
  readonly mappings: readonly BridgeMapping[];
  /** `ovn-bridge-<chassis>`: the integration bridge of the node's own controller. */
  readonly integrationBridge: string;
  readonly bridges: ReadonlyMap<string, LocalBridgeFacts>;
  /** Sorted; those without carrier left out; the last ones known when none is left: no way is worse than a stale one. */
  readonly nextHops: readonly DefaultNextHop[];
  /** MAC addresses of the configured peers, as far as the kernel knows them. */
  readonly peerMacs: ReadonlyMap<IpAddress, MacAddress>;
  /** Absent: the database has not been read yet. */
  readonly capabilities: LocalCapabilities | undefined;
  /** Why the database must not be written to. */
  readonly foreign?: string;
  /** `BFD.status` by row key; empty without `[local_ovn_cluster] bfd`. */
  readonly bfdStatus: ReadonlyMap<string, string>;
  /** `ct-zone-range-<chassis>` is set: the two controllers number their conntrack zones apart. */
  readonly zoneRange: boolean;
}

export type WiringConfig = Pick<
  AgentConfig,
  | 'exposingMethod'
  | 'advertiseVia'
  | 'vlanHandover'
  | 'bgpAs'
  | 'bgpNic'
  | 'bgpVrf'
  | 'bgpVrfTableId'
  | 'tenant'
  | 'localOvnCluster'
  | 'communities'
  | 'meds'
>;

export interface WiringInput {
  readonly config: WiringConfig;
  readonly facts: NodeFacts;
}

/** Something that is wanted but cannot be complete yet; it completes by itself when the missing part appears. */
export interface Pending {
  /** The exposure's prefix, or a name such as `bridge br-ex` for base wiring. */
  readonly subject: string;
  readonly reason: string;
}

export interface Wiring {
  readonly objects: readonly DesiredObject[];
  readonly pending: readonly Pending[];
}

/** One exposing method: base state of the node, and what one exposure adds. Both are pure and independent. */
export interface ExposingMethodWiring {
  base(input: WiringInput, localnets: Iterable<Localnet>): Wiring;
  expose(exposure: Exposure, input: WiringInput): Wiring;
}
