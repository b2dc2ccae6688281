/**
 * What a node holds, one shape a kind. Wiring makes them, `node/` reads, compares and writes them.
 *
 * Devices are named, never numbered: an index is the kernel's business and changes when a device is recreated.
 */
import type { IpAddress, IpFamily, MacAddress, Prefix } from '../base/address.ts';
import type { Stanza } from '../frr/types.ts';
import type { LocalRow } from '../localnb/types.ts';
import type { Request } from '../netlink/types.ts';
import type { Flow } from '../openvswitch/types.ts';

/** RTPROT_*, FRA_PROTOCOL, NDA_PROTOCOL and IFA_PROTO of everything the agent writes; no other software uses it. */
export const AGENT_PROTOCOL = 179;
/** Priority of every policy rule of the agent and of its Python predecessor. */
export const RULE_PRIORITY = 32000;
/** IFLA_IFALIAS of links that the agent made. */
export const LINK_ALIAS = 'ovn-bgp-agent';
export const MAIN_TABLE = 254;

/** A device. `existing` is one of somebody else (an OVS bridge's internal port): only set up, never made or deleted. */
export interface LinkObject {
  readonly kind: 'link';
  readonly name: string;
  readonly link:
    | { readonly type: 'vrf'; readonly table: number }
    | { readonly type: 'dummy'; readonly master: string }
    | { readonly type: 'vlan'; readonly parent: string; readonly id: number }
    | { readonly type: 'existing' };
  readonly up: boolean;
}

/** A line `<number> <name>` of /etc/iproute2/rt_tables. */
export interface RtTableObject {
  readonly kind: 'rt-table';
  readonly number: number;
  readonly name: string;
}

/** `net/ipv4/conf/br-ex/proxy_arp`: the path below /proc/sys, because device names may contain dots. */
export interface SysctlObject {
  readonly kind: 'sysctl';
  readonly path: string;
  readonly value: string;
}

export interface OvsPortObject {
  readonly kind: 'ovs-port';
  readonly bridge: string;
  readonly name: string;
  readonly tag: number;
  readonly mac: MacAddress;
}

export interface AddressObject {
  readonly kind: 'address';
  readonly device: string;
  /** `/32` or `/128`: the agent writes host addresses only. */
  readonly prefix: Prefix;
  /** Metric of its connected route, by which FRR tells what attributes it gets; absent: none. */
  readonly metric?: number;
}

export interface FlowObject {
  readonly kind: 'flow';
  readonly bridge: string;
  readonly flow: Flow;
}

export interface RuleObject {
  readonly kind: 'rule';
  readonly to: Prefix;
  readonly table: number;
}

export interface RouteObject {
  readonly kind: 'route';
  readonly family: IpFamily;
  readonly table: number;
  readonly destination: Prefix;
  readonly target:
    | { readonly type: 'device'; readonly device: string; readonly via?: IpAddress }
    | { readonly type: 'blackhole' };
  /** 0: the kernel's default (1024 in IPv6). */
  readonly metric: number;
}

export interface NeighborObject {
  readonly kind: 'neighbor';
  readonly device: string;
  readonly address: IpAddress;
  readonly mac: MacAddress;
}

export interface ProxyNdpObject {
  readonly kind: 'proxy-ndp';
  readonly device: string;
  readonly address: IpAddress;
}

export interface FrrObject {
  readonly kind: 'frr';
  readonly stanza: Stanza;
  /** The VRF of a former configuration that the stanza is about; absent: that of the present one. */
  readonly formerVrf?: string;
}

/** A static entry of a bridge's MAC table: frames to this address go to the bridge's own device, whatever was learned. */
export interface FdbObject {
  readonly kind: 'fdb';
  readonly bridge: string;
  readonly mac: MacAddress;
  /** 0: untagged. */
  readonly vlan: number;
}

/** A row of the node's own OVN cluster. */
export interface LocalRowObject {
  readonly kind: 'local-row';
  readonly row: LocalRow;
  /** UUID, for a surplus row of the same identity that was found. */
  readonly duplicate?: string;
}

export type NodeObject =
  | LinkObject
  | RtTableObject
  | SysctlObject
  | OvsPortObject
  | AddressObject
  | FlowObject
  | RuleObject
  | RouteObject
  | NeighborObject
  | ProxyNdpObject
  | FrrObject
  | FdbObject
  | LocalRowObject;

export type NodeObjectKind = NodeObject['kind'];

/** Identity of an object: equal keys mean "the same thing, perhaps with other contents". Made by `keyOf`. */
export type ObjectKey = string;

/** An object that should be there, what it needs, and why it is wanted. */
export interface DesiredObject {
  readonly object: NodeObject;
  /**
   * `wire` objects carry traffic; `advertise` objects make it come. The latter are added last and removed first, and
   * never added while one of `requires` is not in place.
   */
  readonly role: 'wire' | 'advertise';
  readonly requires: readonly ObjectKey[];
  /** One short sentence naming the row or setting, for logs and `plan`. */
  readonly because: string;
}

/** An object found on the node. */
export interface ObservedObject {
  readonly object: NodeObject;
  /** True when it is marked as the agent's (or its predecessor's): only then may it be removed. */
  readonly owned: boolean;
  /** Whose it is; present when it must not be overwritten with other contents. */
  readonly foreign?: string;
  /** True when it stands in the place of the wanted object but does not do its job, whatever its contents. */
  readonly unlike?: true;
  /** True when it does its job but is not as the agent writes it (a rule with host bits, an unmarked device). */
  readonly rewrite?: true;
  /** Requests that delete it as the kernel holds it; absent: as the agent would have written it. */
  readonly deletion?: readonly Request[];
}

/**
 * What bears no mark and counts as the Python agent's all the same, because the whole picture of the kernel says so
 * (`survey.ts`). Everything else without a mark is somebody else's.
 */
export interface Adopted {
  /** Routing tables of which unmarked rules at the agent's priority, and unmarked routes to its devices, are adopted. */
  readonly tables: ReadonlySet<number>;
  /** Provider bridges and VLAN devices of which unmarked handover addresses, neighbours and proxy entries are adopted. */
  readonly devices: ReadonlySet<string>;
  /** The VRF and the dummy of the configured names, and the unmarked addresses and routes of the dummy. */
  readonly vrf: boolean;
  /** Nothing that lasts says that the VRF and the dummy are adopted: they get the agent's mark. */
  readonly markVrf?: true;
}

/** Where the agent may look and what counts as its own: fixed names and numbers of this node. */
export interface NodeScope {
  readonly bgpNic: string;
  readonly bgpVrf: string;
  readonly bgpVrfTable: number;
  readonly bgpAs: number;
  /** VRFs (with a table) and dummies of the agent's under names or with tables of a former configuration; absent: none. */
  readonly formerLinks?: readonly { readonly name: string; readonly table?: number }[];
  /** Provider bridges in use. */
  readonly bridges: readonly string[];
  /** Metrics of the main table's routes that are in use. */
  readonly advertiseMetrics: readonly number[];
  /** Routing tables of the bridges. */
  readonly tables: ReadonlySet<number>;
  /** Absent: nothing without a mark is the agent's. */
  readonly adopted?: Adopted;
  /**
   * Bridges that flows and static MAC table entries of the agent may be on: besides the provider bridges those between
   * the node's own OVN and the fabric. Absent: flows on the provider bridges, no such entries.
   */
  readonly flowBridges?: readonly string[];
  /** Bridges that the node's own OVN is mapped to. */
  readonly localBridges?: readonly string[];
  /** NICs in the bridges of the node's own OVN: settings of theirs are the agent's business. */
  readonly fabricDevices?: readonly string[];
  /** The node's own OVN is part of the wanted state: not knowing what it holds is a problem. */
  readonly localOvn?: true;
}

export type Change =
  | { readonly op: 'add'; readonly key: ObjectKey; readonly desired: DesiredObject }
  | {
      readonly op: 'change';
      readonly key: ObjectKey;
      readonly desired: DesiredObject;
      readonly observed: ObservedObject;
    }
  | { readonly op: 'remove'; readonly key: ObjectKey; readonly observed: ObservedObject };

/** Changes in the order in which they must be made: stages run one after the other. */
export interface NodePlan {
  /** What it was made from: carrying it out asks this what a change needs and what needs it. */
  readonly desired: ReadonlyMap<ObjectKey, DesiredObject>;
  readonly stages: readonly { readonly name: string; readonly changes: readonly Change[] }[];
  /** Desired objects that cannot be put in place because a foreign object stands there. */
  readonly blocked: readonly {
    readonly key: ObjectKey;
    readonly desired: DesiredObject;
    readonly reason: string;
  }[];
  /** Changes that have to be made and are left for later (`DiffInput.hold`). */
  readonly held: readonly { readonly key: ObjectKey; readonly reason: string }[];
}

export interface ChangeProblem {
  /**
   * `failed`: it was tried. `skipped`: a thing that it requires is not there. `waiting`: whoever has to do it, or what it
   * requires, does not answer.
   */
  readonly code: 'failed' | 'skipped' | 'waiting';
  readonly message: string;
  /** What is at fault, where it is not the object itself. */
  readonly cause?: ObjectKey;
}

export interface ChangeOutcome {
  readonly change: Change;
  /** Absent: done. */
  readonly problem?: ChangeProblem;
}
