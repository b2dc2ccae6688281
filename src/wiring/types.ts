/** What wiring is computed from besides the exposures, and what comes out. */
import type { IpAddress, MacAddress } from '../base/address.ts';
import type { AgentConfig } from '../config/types.ts';
import type { BridgeMapping, Exposure } from '../exposures/types.ts';
import type { DesiredObject } from '../node/objects.ts';
import type { Localnet } from '../ovn/topology.ts';

export interface BridgeFacts {
  readonly name: string;
  /** The kernel device of the same name (the bridge's internal port); absent: not there yet. */
  readonly device: { readonly mac: MacAddress } | undefined;
  /** OpenFlow port numbers by port name; a port that vswitchd has not opened yet is missing. */
  readonly ofports: ReadonlyMap<string, number>;
}

/** What is known about this node; a new object only when something of it changed. */
export interface NodeFacts {
  readonly bridgeMappings: readonly BridgeMapping[];
  /** OVS bridges by name. */
  readonly bridges: ReadonlyMap<string, BridgeFacts>;
  /** Routing table of each mapped bridge: what rt_tables says, or the number that was chosen for it. */
  readonly tables: ReadonlyMap<string, number>;
  /** The kernel can make 802.1Q devices. */
  readonly kernelVlan: boolean;
  /** Router id for the VRF instance: configured, or the default instance's. */
  readonly routerId: IpAddress | undefined;
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
