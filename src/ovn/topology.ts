/**
 * The topology that the exposures are computed from: who is where, independent of the database it was read from.
 *
 * `northbound.ts` and `southbound.ts` build it over the replicated tables. It is an index, not a copy: a candidate is
 * resolved when it is asked for, so one changed row costs the candidates that it affects and nothing else.
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

/** What may be exposed: one row each. Later kinds (NAT, gateway ports, load balancers) add to this union. */
export type CandidateKind = 'port';
export type CandidateKey = `${CandidateKind}:${string}`;

/** The localnet port of a provider network: how it leaves OVN on a node. */
export interface Localnet {
  readonly row: RowReference;
  /** Name of the logical switch port; OVN names the patch port after it. */
  readonly name: string;
  readonly physicalNetwork: string | undefined;
  /** 802.1Q tag as the row has it, unchecked; absent: flat. */
  readonly tag: number | undefined;
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
  /** One of several bindings during a live migration. */
  | { readonly kind: 'migrating'; readonly up: boolean }
  /** Bound here but not up. */
  | { readonly kind: 'down' }
  | { readonly kind: 'elsewhere'; readonly node: string }
  | { readonly kind: 'nowhere' };

/** A VIF or virtual port. Text columns are handed on as they are: the exposures check and explain. */
export interface WorkloadPort {
  readonly key: CandidateKey;
  readonly row: RowReference;
  readonly name: string;
  /** "" or "virtual" are exposed; any other type is reported as it is. */
  readonly type: string;
  /** The first element of `addresses` (Northbound) or `mac` (Southbound): `MAC IP IP...`. */
  readonly addressText: string | undefined;
  /** Words of `neutron:cidrs`. */
  readonly cidrs: readonly string[];
  readonly networkName: string | undefined;
  readonly network: Network | undefined;
  readonly residence: Residence;
  /** False where the neighbour is asked for instead of wired: virtual ports, and all ports of the Southbound driver. */
  readonly neighbor: boolean;
  /** False where network addresses are not proxied for this port (Southbound, other than virtual ports). */
  readonly proxyNdp: boolean;
}

export interface Topology {
  readonly database: 'northbound' | 'southbound';
  /** All candidates, in no particular order. */
  candidates(): Iterable<CandidateKey>;
  port(key: CandidateKey): WorkloadPort | undefined;
  /** All localnet ports of the cloud (base wiring), in no particular order. */
  localnets(): Iterable<Localnet>;
}

/** A topology over live tables, which tells what a change of theirs can alter. */
export interface IncrementalTopology<D extends DatabaseSpec> extends Topology {
  /**
   * Candidates whose port may read differently than before: changed, new and deleted ones. Costs in proportion to the
   * change and to the answer. Must be called with every change set, in order, before anything is read after it.
   */
  affected(changes: ChangeSet<D>): 'all' | ReadonlySet<CandidateKey>;
}

/** This node as OVN and Neutron know it; two different strings that are never interchangeable. */
export interface NodeIdentity {
  readonly hostname: string;
  /** Chassis name. */
  readonly systemId: string;
}

export function portKey(uuid: Uuid): CandidateKey {
  return `port:${uuid}`;
}

/** UUID of the row that a candidate stands for. */
export function candidateUuid(key: CandidateKey): Uuid {
  return key.slice(key.indexOf(':') + 1);
}
