/**
 * The public shapes of the netlink library: kernel objects as plain data, and requests to change them.
 *
 * Addresses are text (`10.0.0.1`, RFC 5952 for IPv6), prefixes are `address/length`, MAC addresses lower-case with
 * colons. Numbers are those of the kernel headers (linux/rtnetlink.h, linux/if_link.h, linux/neighbour.h,
 * linux/fib_rules.h). What the kernel did not report is absent.
 */

export type Family = 4 | 6;

/** RTN_* of linux/rtnetlink.h. */
export type RouteType =
  | 'unspecified'
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'nat';

/** Settings of the link kinds that this library can create; other kinds are reported by name only. */
export type LinkData =
  | { readonly kind: 'dummy' }
  | { readonly kind: 'vrf'; readonly table: number }
  | { readonly kind: 'vlan'; readonly id: number; readonly protocol?: number }
  | { readonly kind: 'bridge'; readonly stp?: boolean; readonly vlanFiltering?: boolean }
  | {
      readonly kind: 'vxlan';
      readonly id: number;
      readonly local?: string;
      readonly port?: number;
      readonly learning?: boolean;
      readonly underlayIndex?: number;
    }
  | { readonly kind: 'veth'; readonly peerName?: string };

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND, for example `vrf`, `vlan`, `openvswitch`, `tun`; absent for plain devices. */
  readonly kind?: string;
  readonly data?: LinkData;
  readonly up: boolean;
  /** IF_OPER_UP or unknown with carrier: the lower layer works. */
  readonly running: boolean;
  readonly mtu: number;
  readonly mac?: string;
  /** Interface index of the bridge or VRF that it belongs to. */
  readonly master?: number;
  /** Interface index of the lower device of a VLAN or of a veth peer (IFLA_LINK). */
  readonly parent?: number;
  readonly alias?: string;
}

export interface Address {
  readonly family: Family;
  readonly index: number;
  /** `address/length`, host bits kept. */
  readonly address: string;
  readonly scope: number;
  /** IFA_F_* of linux/if_addr.h. */
  readonly flags: number;
  /** IFA_PROTO (Linux 5.18); absent when unset or unsupported. */
  readonly protocol?: number;
  /** Metric of its prefix route (IFA_RT_PRIORITY); absent: that of the kernel. */
  readonly metric?: number;
}

export interface Rule {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  /** FR_ACT_*; 1 is "look up a table". */
  readonly action: number;
  /** `address/length` as the kernel keeps it (host bits kept); absent: all. */
  readonly to?: string;
  readonly from?: string;
  readonly protocol?: number;
  /** True when the rule carries a selector or action that is not modelled here (mark, interface, l3mdev, ports...). */
  readonly other: boolean;
}

export interface NextHop {
  readonly index?: number;
  readonly via?: string;
  readonly weight: number;
  readonly onlink?: boolean;
}

export interface Route {
  readonly family: Family;
  readonly table: number;
  /** `network/length`; the default route is `0.0.0.0/0` or `::/0`. */
  readonly destination: string;
  readonly type: RouteType;
  /** RTPROT_*: 2 kernel, 3 boot, 186 bgp, ... */
  readonly protocol: number;
  /** RT_SCOPE_*: 0 universe, 253 link, 254 host. Always 0 for IPv6. */
  readonly scope: number;
  readonly metric: number;
  /** Output interface index; absent for multipath and for IPv4 blackholes. */
  readonly index?: number;
  /** Gateway; may be of the other family (RTA_VIA, RFC 5549). */
  readonly via?: string;
  /** The gateway counts as directly reachable, whatever the addresses of the interface are (RTNH_F_ONLINK). */
  readonly onlink?: boolean;
  /** Preferred source address (RTA_PREFSRC). */
  readonly source?: string;
  readonly nextHops?: readonly NextHop[];
  /** Next-hop object id (RTA_NH_ID). */
  readonly nextHopId?: number;
  /** `network/length` of the sources that the route is for (IPv6 subtrees); part of its identity. */
  readonly from?: string;
  /** Type of service that the route is for; part of its identity. */
  readonly tos?: number;
  /**
   * The route carries what is not modelled here (metrics such as the MTU, a preference, an end of its life, an
   * encapsulation, a realm...): a `replace` with what was read would lose it.
   */
  readonly other?: true;
}

export interface Neighbor {
  readonly family: Family | 'bridge';
  readonly index: number;
  /** Address of the neighbour; absent for fdb entries without one. */
  readonly address?: string;
  readonly mac?: string;
  /** NUD_* bits; 0x80 is permanent. */
  readonly state: number;
  /** True for a proxy entry (NTF_PROXY). */
  readonly proxy: boolean;
  /** NTF_* bits. */
  readonly flags: number;
  readonly protocol?: number;
  readonly vlan?: number;
  /** Interface index of the bridge that a forwarding entry belongs to. */
  readonly master?: number;
  /** VXLAN network identifier of a forwarding entry, where it differs from the device's own. */
  readonly vni?: number;
}

/** What a link request may set; `data` is needed to create. */
export interface LinkRequest {
  readonly name?: string;
  readonly index?: number;
  readonly data?: LinkData;
  readonly up?: boolean;
  readonly mtu?: number;
  readonly mac?: string;
  /** 0 takes it out of its master. */
  readonly master?: number;
  readonly parent?: number;
  readonly alias?: string;
}

export interface RouteRequest {
  readonly family: Family;
  readonly table: number;
  readonly destination: string;
  readonly type?: RouteType;
  readonly protocol: number;
  readonly scope?: number;
  readonly metric?: number;
  readonly index?: number;
  readonly via?: string;
  readonly onlink?: boolean;
  readonly source?: string;
  readonly nextHops?: readonly NextHop[];
}

/**
 * One change. `add` fails with EEXIST when it is there, `replace` overwrites, `delete` fails with ENOENT/ESRCH (routes),
 * EADDRNOTAVAIL (addresses) or ENODEV (links) when it is not.
 */
export type Request =
  | { readonly type: 'link'; readonly op: 'add' | 'set' | 'delete'; readonly link: LinkRequest }
  | {
      readonly type: 'address';
      readonly op: 'add' | 'replace' | 'delete';
      readonly address: Pick<Address, 'family' | 'index' | 'address'> & {
        readonly scope?: number;
        readonly protocol?: number;
        readonly metric?: number;
        /** IFA_F_NODAD and friends. */
        readonly flags?: number;
      };
    }
  | {
      readonly type: 'rule';
      readonly op: 'add' | 'delete';
      readonly rule: Pick<Rule, 'family' | 'priority' | 'table'> & {
        readonly to?: string;
        readonly from?: string;
        readonly protocol?: number;
      };
    }
  | { readonly type: 'route'; readonly op: 'add' | 'replace' | 'delete'; readonly route: RouteRequest }
  | {
      readonly type: 'neighbor';
      readonly op: 'add' | 'replace' | 'delete';
      readonly neighbor: Pick<Neighbor, 'family' | 'index'> & {
        readonly address?: string;
        readonly mac?: string;
        readonly state?: number;
        readonly flags?: number;
        readonly proxy?: boolean;
        readonly protocol?: number;
        readonly vlan?: number;
      };
    };

/** A change that the kernel reports; `resync` means that events were lost and everything must be read again. */
export type KernelEvent =
  | { readonly type: 'link'; readonly gone: boolean; readonly link: Link }
  | { readonly type: 'address'; readonly gone: boolean; readonly address: Address }
  | { readonly type: 'rule'; readonly gone: boolean; readonly rule: Rule }
  | { readonly type: 'route'; readonly gone: boolean; readonly route: Route }
  | { readonly type: 'neighbor'; readonly gone: boolean; readonly neighbor: Neighbor }
  | { readonly type: 'resync'; readonly reason: string };

export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly protocol?: number;
}

export interface NeighborFilter {
  readonly family?: Family | 'bridge';
  readonly index?: number;
  readonly proxy?: boolean;
}

export interface SubscribeOptions {
  /** Kinds of objects to hear of; absent: all. The kernel sends nothing for the others. */
  readonly kinds?: readonly Exclude<KernelEvent['type'], 'resync'>[];
  /**
   * Drops changes of routes of these protocols before they are decoded; for a node with a full BGP table. A route that
   * took the place of another one is reported all the same, because it may have replaced a route of somebody else.
   */
  readonly ignoreRouteProtocols?: readonly number[];
  /** False: the process may end while the subscription lasts. */
  readonly keepAlive?: boolean;
}

/** The whole library behind one interface: what a program needs of it, and what a fake has to offer. */
export interface Rtnetlink {
  links(): Promise<Link[]>;
  addresses(filter?: { readonly family?: Family; readonly index?: number }): Promise<Address[]>;
  rules(family?: Family): Promise<Rule[]>;
  routes(filter?: RouteFilter): Promise<Route[]>;
  neighbors(filter?: NeighborFilter): Promise<Neighbor[]>;
  /**
   * Sends all requests in order, in as few system calls as possible; the kernel goes on after a failing one.
   * The result has one entry a request: `undefined` or the error that the kernel gave, with its text.
   */
  batch(requests: readonly Request[]): Promise<readonly (NetlinkFailure | undefined)[]>;
  /** True when the kernel can create links of that kind; asks without creating one. */
  supportsLinkKind(kind: LinkData['kind']): Promise<boolean>;
  /** Calls back for every later change, in the kernel's order; the returned function ends it. */
  subscribe(listener: (events: readonly KernelEvent[]) => void, options?: SubscribeOptions): () => void;
  close(): void;
}

/** An error reply of the kernel. */
export interface NetlinkFailure extends Error {
  /** Symbolic name, for example `EEXIST`. */
  readonly code: string;
  readonly errno: number;
  /** Text of NLMSGERR_ATTR_MSG, when the kernel gave one. */
  readonly extack?: string;
}
