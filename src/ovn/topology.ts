/**
 * The topology that the exposures are computed from: who is where, independent of the database it was read from.
 *
 * `northbound.ts` and `southbound.ts` build it over the replicated tables. It is an index, not a copy: a candidate is
 * resolved when it is asked for, so one changed row costs the candidates that it affects and nothing else. Text columns
 * are handed on as they are: the exposures check them and explain.
 */
import type { IpAddress } from '../base/address.ts';
import type { ChangeSet, DatabaseSpec, Uuid } from '../ovsdb/types.ts';

/** A database row that led to a decision; printed by logs, `plan` and `explain`. */
export interface RowReference {
  readonly database: 'northbound' | 'southbound' | 'open_vswitch';
  readonly table: string;
  readonly uuid: string;
  readonly name?: string;
}

/**
 * What may be exposed: one row each. `port`: a VIF or virtual port; `gateway`: a router's port to the outside; `subnet`:
 * a network attached to a router; `nat`: floating IPs; `load-balancer`: its VIPs.
 */
export type CandidateKind = 'port' | 'gateway' | 'subnet' | 'nat' | 'load-balancer';
export type CandidateKey = `${CandidateKind}:${string}`;

/** The localnet port of a provider network: how it leaves OVN on a node. */
export interface Localnet {
  readonly row: RowReference;
  /** Name of the logical switch port; OVN names the patch port after it. */
  readonly name: string;
  readonly physicalNetwork: string | undefined;
  /** 802.1Q tag as the row has it, unchecked; absent: flat. */
  readonly tag: number | undefined;
  /** `options:ethtype` of the row, unchecked; absent: 802.1Q. Without a tag it has no effect. */
  readonly ethertype?: string;
}

export interface Network {
  readonly row: RowReference;
  /** Logical switch name, or the datapath's name in the Southbound database. */
  readonly name: string;
  /** Sorted by name; the first whose physical network is mapped on this node counts. */
  readonly localnets: readonly Localnet[];
  /** Next hops of `::/0` static routes of routers whose gateway port is on this network: custom IPv6 gateways. */
  readonly gateways6: readonly IpAddress[];
}

/** Where a port is, from the point of view of this node. */
export type Residence =
  | { readonly kind: 'here' }
  /**
   * One of several bindings during a live migration. OVN delivers to all of them; what else it does for a port
   * (`is_chassis_resident` of ovn-sb(5): translating its floating IP) it does at the main one.
   */
  | { readonly kind: 'migrating'; readonly up: boolean; readonly main: boolean }
  /** Bound here but not up. */
  | { readonly kind: 'down' }
  | { readonly kind: 'elsewhere'; readonly node: string }
  | { readonly kind: 'nowhere' }
  /** Only another database tells, which has not told anything yet: what stands for it is neither right nor wrong. */
  | { readonly kind: 'unknown' };

/** What the operator wrote into `external_ids` of one row, unchecked. */
export interface Mark {
  readonly text: string;
  readonly row: RowReference;
}

/**
 * The operator's word on a candidate: `ovn-bgp-agent:expose` and `ovn-bgp-agent:tag`, from the candidate's own row or,
 * where that says nothing, from the nearest row that it belongs to (its network, then its router).
 */
export interface Marks {
  readonly expose?: Mark;
  readonly tag?: Mark;
}

/** Ids of the address scopes of a port; absent: none. */
export interface AddressScopes {
  readonly scope4?: string;
  readonly scope6?: string;
}

/** A VIF, virtual or external port. */
export interface WorkloadPort {
  readonly kind: 'port';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly name: string;
  /** "", "virtual" and "external" may be exposed; any other type is reported as it is. */
  readonly type: string;
  /** What counts of `addresses` (Northbound) or `mac` (Southbound): `MAC IP IP...` each. */
  readonly addressTexts: readonly string[];
  /** Words of `neutron:cidrs`. */
  readonly cidrs: readonly string[];
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
  readonly residence: Residence;
  /** Carries traffic on whatever node: tenant networks are exposed where their gateway is. */
  readonly active: boolean;
  /** Present: the row that says `enabled=false`. OVN drops what comes from the port and what goes to it. */
  readonly disabled?: RowReference;
  readonly scopes: AddressScopes;
  /** How the port's network is attached to routers; sorted by name, empty for none. */
  readonly subnets: readonly Subnet[];
  /** False where the neighbour is asked for instead of wired: virtual ports, and the Southbound driver's unless they are migrating. */
  readonly neighbor: boolean;
  /** False where network addresses are not proxied for this port (Southbound, other than virtual ports). */
  readonly proxyNdp: boolean;
  readonly marks: Marks;
}

/** A router's port through which it reaches the outside. */
export interface GatewayPort {
  readonly kind: 'gateway';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly name: string;
  readonly macText: string | undefined;
  /** `address/length` each. */
  readonly addressTexts: readonly string[];
  readonly networkName: string | undefined;
  /** The switch at its other end. */
  readonly network: Network | undefined;
  /** Where it is active now; never `migrating`. */
  readonly residence: Residence;
  /** Present: the row that should tell the router's translated addresses here and does not (Southbound, plain OVN). */
  readonly natUntold?: RowReference;
  /** Present: the row that says `enabled=false`: its router, the port itself, or the switch's port at its other end. */
  readonly disabled?: RowReference;
  readonly marks: Marks;
}

export interface Router {
  readonly row: RowReference;
  /** Without the prefix that some releases of Neutron put before the id. */
  readonly name: string;
  /** Bound to one chassis as a whole (a gateway router, ovn-nb(5)): nothing of it is distributed. */
  readonly pinned: boolean;
  /** Sorted by name; those that are active elsewhere, too. */
  readonly gateways: readonly GatewayPort[];
}

/** A source translation of a router. */
export interface SourceNat {
  readonly row: RowReference;
  readonly logicalIpText: string;
}

/** A network attached to a router by a port that is not a gateway. */
export interface Subnet {
  readonly kind: 'subnet';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly name: string;
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
  /** The router's `address/length` in the network. */
  readonly addressTexts: readonly string[];
  readonly up: boolean;
  /** Present: the row that says `enabled=false`: the router, its port, or the switch's port. */
  readonly disabled?: RowReference;
  readonly scopes: AddressScopes;
  /** What the row calls its router; for messages where there is none. */
  readonly routerName: string | undefined;
  readonly router: Router | undefined;
  /** Empty where the database does not tell (Southbound). */
  readonly sourceNats: readonly SourceNat[];
  readonly marks: Marks;
}

/** The port that an address is translated to. */
export interface NatPort {
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly type: string;
  readonly residence: Residence;
  readonly disabled?: RowReference;
}

/** Types of NAT rows (ovn-nb(5)); the outside address of each is served by somebody. */
export type NatType = 'dnat_and_snat' | 'snat' | 'dnat';

/**
 * Why OVN leaves a NAT row out, wherever its router is: `no-router`: no router has it; `no-gateway`: its router has no
 * gateway port and is bound to no chassis; `gateway-port`: it names a port that is no gateway port of its router;
 * `no-network`: of several gateway ports, it names none, and none is in the network of its address; `address-sets`: it
 * has both `allowed_ext_ips` and `exempted_ext_ips`.
 */
export type NatFault = 'no-router' | 'no-gateway' | 'gateway-port' | 'no-network' | 'address-sets';

/** A NAT row: a floating IP (`dnat_and_snat`), or the outside address of a translation in one direction. */
export interface FloatingIp {
  readonly kind: 'nat';
  readonly from: 'nat-row';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly type: NatType;
  /** Present: OVN does not apply the row. */
  readonly fault?: NatFault;
  readonly externalIpText: string;
  readonly externalMacText: string | undefined;
  readonly logicalPortName: string | undefined;
  /** Absent although named: no such port. */
  readonly port: NatPort | undefined;
  /**
   * `distributed`: translated where the port is, once the row has an `external_mac`; `centralised`: on the gateway. Only
   * routers with a distributed gateway port do the former.
   */
  readonly mode: 'distributed' | 'centralised';
  readonly networkName: string | undefined;
  /** The network of the outside address. */
  readonly network: Network | undefined;
  readonly routerName: string | undefined;
  /**
   * The router's gateway port that serves it: the one that the row names, else the only one, else the one in whose network
   * the outside address is. All of them where the router is bound to one chassis as a whole; sorted by name.
   */
  readonly gateways: readonly GatewayPort[];
  readonly marks: Marks;
}

/** One string of `nat_addresses`: `MAC IP... is_chassis_resident("port")`. */
export interface NatAddresses {
  readonly text: string;
  readonly addressTexts: readonly string[];
  readonly residentName: string | undefined;
  /** Of the port that the addresses follow; absent: there is no such port. */
  readonly resident: NatPort | undefined;
}

/** The Southbound database's form of translated addresses: all those of one gateway port's switch side. */
export interface FloatingIps {
  readonly kind: 'nat';
  readonly from: 'nat-addresses';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
  readonly entries: readonly NatAddresses[];
  /** Those of the addresses that are VIPs of the router with nothing behind them, or nothing that is online. */
  readonly memberless: readonly IpAddress[];
  /** Networks attached to the router, sorted by name: addresses inside them are of those, whatever column they are in. */
  readonly subnets: readonly Subnet[];
  /**
   * Present where every port of the router has all of its addresses (it is bound to one chassis as a whole):
   * `address/length` of the port at hand, and of its other ports to the outside.
   */
  readonly wires?: { readonly own: readonly string[]; readonly others: readonly string[] };
  readonly marks: Marks;
}

/** The port that stands for a load balancer's VIP; it is never bound. */
export interface VipPort {
  readonly row: RowReference;
  readonly addressTexts: readonly string[];
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
  readonly subnets: readonly Subnet[];
}

/** An address of a load balancer of Octavia, with its floating IP. */
export interface LoadBalancerVip {
  readonly vipText: string | undefined;
  readonly vipFipText: string | undefined;
  /** MAC of the VIP's floating IP, where a NAT row gives one. */
  readonly vipFipMacText: string | undefined;
  readonly vipPort: VipPort | undefined;
}

/** The VIP that it has itself is the first; without one in the other flavors. */
export interface LoadBalancer extends LoadBalancerVip {
  readonly kind: 'load-balancer';
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly name: string;
  /** `octavia`: one VIP and perhaps its floating IP; `port-forwarding`: a floating IP's ports; `plain`: made in OVN. */
  readonly flavor: 'octavia' | 'port-forwarding' | 'plain';
  /** Keys of `vips`: `IP:port`, `[IP]:port` or `IP`. */
  readonly vipTexts: readonly string[];
  /** Those of them behind which there is no member at all. */
  readonly emptyVipTexts: readonly string[];
  /** Those of them of which health checks find no member online; empty where that does not count. */
  readonly offlineVipTexts: readonly string[];
  /** Of Octavia: a load balancer may have one VIP for each of several subnets. */
  readonly additionalVips: readonly LoadBalancerVip[];
  readonly routerName: string | undefined;
  /** Routers that serve it; sorted by name. */
  readonly routers: readonly Router[];
  /** Networks attached to those routers, sorted by name: what of a plain one is inside them stays inside. */
  readonly subnets: readonly Subnet[];
  readonly marks: Marks;
}

export type Candidate = WorkloadPort | GatewayPort | Subnet | FloatingIp | FloatingIps | LoadBalancer;

/** An end of a tunnel between nodes, as the database has it. */
export interface TunnelEndpoint {
  readonly addressText: string;
  readonly chassis: string;
}

export interface Topology {
  readonly database: 'northbound' | 'southbound';
  /** All candidates, in no particular order. */
  candidates(): Iterable<CandidateKey>;
  resolve(key: CandidateKey): Candidate | undefined;
  /** Candidates whose decision depends on where this port is: its floating IPs. */
  companions(port: CandidateKey): Iterable<CandidateKey>;
  /** All localnet ports of the cloud (base wiring), in no particular order; the same list while they are the same. */
  localnets(): readonly Localnet[];
  /** Where the tunnels of the cloud end, where the database says it; the same list while it says the same. */
  tunnelEndpoints?(): readonly TunnelEndpoint[];
}

/** A topology over live tables, which tells what a change of theirs can alter. */
export interface IncrementalTopology<D extends DatabaseSpec> extends Topology {
  /**
   * Candidates that may read differently than before: changed, new and deleted ones. Costs in proportion to the change
   * and to the answer. Must be called with every change set, in order, before anything is read after it.
   */
  affected(changes: ChangeSet<D>): 'all' | ReadonlySet<CandidateKey>;
}

/** This node as OVN and Neutron know it; two different strings that are never interchangeable. */
export interface NodeIdentity {
  readonly hostname: string;
  /** Chassis name. */
  readonly systemId: string;
}

export function candidateKey(kind: CandidateKind, uuid: Uuid): CandidateKey {
  return `${kind}:${uuid}`;
}

export function portKey(uuid: Uuid): CandidateKey {
  return candidateKey('port', uuid);
}

/** UUID of the row that a candidate stands for. */
export function candidateUuid(key: CandidateKey): Uuid {
  return key.slice(key.indexOf(':') + 1);
}

export function candidateKind(key: CandidateKey): CandidateKind {
  return key.slice(0, key.indexOf(':')) as CandidateKind;
}
