/** What the agent says in FRR's configuration, and the edge to the daemons. */
import type { IpAddress, Prefix } from '../base/address.ts';
import type { BgpPeers } from './peers.ts';

/** One configuration line inside its context, for example `['router bgp 64999', 'address-family ipv4 unicast']`. */
export interface ConfigLine {
  readonly context: readonly string[];
  readonly line: string;
}

/**
 * A closed set of lines that the agent owns. Two stanzas are the same when their lines are: what FRR does not show
 * because it is a default is not a line.
 *
 * `leak`: the VRF instance and its import into the default instance (`advertise_via = vrf`).
 * `kernel-routes`: the redistribution of the agent's blackhole routes (`advertise_via = main`).
 */
export interface Stanza {
  readonly id: 'leak' | 'kernel-routes';
  /** In the order in which they are entered. */
  readonly lines: readonly ConfigLine[];
}

/** What identifies the agent's stanzas in a running configuration. */
export interface StanzaScope {
  readonly as: number;
  readonly vrf: string;
  /** The VRF is that of a former configuration: the route-maps are the present one's. */
  readonly former?: true;
}

/**
 * Where what the agent announces stands: in the main table as routes of the kernel with a metric of its own, or in a VRF as
 * addresses and routes of a device.
 */
export type ZebraPlace =
  | { readonly kind: 'main'; readonly isOurs: (metric: number) => boolean }
  | { readonly kind: 'vrf'; readonly vrf: string; readonly device: string };

/** The edge to FRR: one real implementation over the vty sockets (`vty-frr.ts`), one fake for tests. */
export interface Frr {
  /** The agent's stanzas as bgpd holds them now; throws a `FrrError` when bgpd cannot be reached. */
  stanzas(scope: StanzaScope, signal?: AbortSignal): Promise<readonly Stanza[]>;
  /** Enters the lines that are missing and takes out those that are not wanted, then reads back. */
  apply(
    scope: StanzaScope,
    from: Stanza | undefined,
    to: Stanza | undefined,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Router id of the default instance, from `show ip bgp summary json`; `undefined` when there is none. */
  routerId(signal?: AbortSignal): Promise<IpAddress | undefined>;
  /** Whom bgpd talks to in every instance but the agent's own. */
  peers?(scope: Pick<StanzaScope, 'vrf'>, signal?: AbortSignal): Promise<BgpPeers>;
  /**
   * What zebra holds of what the agent announces. zebra can miss what comes or goes in a burst and never reads the kernel's
   * tables again by itself. `undefined`: it cannot tell (there is no such VRF for it).
   */
  zebraRoutes?(place: ZebraPlace, signal?: AbortSignal): Promise<readonly Prefix[] | undefined>;
  /** The same for a few prefixes: those of them that zebra holds. */
  zebraHolds?(
    place: ZebraPlace,
    prefixes: readonly Prefix[],
    signal?: AbortSignal,
  ): Promise<readonly Prefix[] | undefined>;
  /** Prefixes in the default instance's unicast tables that originate on this node (redistributed or leaked). */
  announced?(signal?: AbortSignal): Promise<readonly Prefix[]>;
  /**
   * Host prefixes that bgpd announces through a stanza although zebra has no route to them, sorted; `except` are not looked
   * at. Such orphans are left when a route goes while zebra is away from a bgpd that lives on: it is never told.
   */
  orphans?(
    scope: StanzaScope,
    id: Stanza['id'],
    except: (prefix: Prefix) => boolean,
    signal?: AbortSignal,
  ): Promise<readonly Prefix[]>;
  /**
   * Whether bgpd has taken over a prefix that a stanza redistributes; `unknown` while the stanza does not stand or zebra
   * has no route to it itself.
   */
  heard?(
    scope: StanzaScope,
    id: Stanza['id'],
    prefix: Prefix,
    signal?: AbortSignal,
  ): Promise<'yes' | 'no' | 'unknown'>;
  /** Makes bgpd register with zebra what the agent's stanzas redistribute, once more. */
  registerAgain?(scope: StanzaScope, signal?: AbortSignal): Promise<void>;
  /** Calls back when bgpd has another zebra than before, and has registered its redistribution with it. */
  onZebraReturn?(listener: () => void): () => void;
  /** Calls back when bgpd went away (`down`) and when it answers again (`up`). */
  subscribe(listener: (event: 'up' | 'down') => void): () => void;
  close(): void;
}
