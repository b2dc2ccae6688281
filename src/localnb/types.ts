/**
 * The node's own OVN cluster as the agent sees it: rows of its Northbound database (ovn-nb(5)) as plain values without
 * UUIDs, and the edge to it.
 *
 * A row refers to others by their names or, where rows have none, by what makes them unique. Addresses, prefixes and MAC
 * addresses are in their canonical spelling, sets are sorted.
 */

/** `external_ids` key that marks rows the agent made, in tables that have the column. */
export const ROW_OWNER_KEY = 'ovn-bgp-agent';
/** The router between fabric and provider networks; the name is the Python agent's. */
export const LOCAL_ROUTER = 'bgp-router';
/** What the names of the router's ports begin with. */
export const ROUTER_PORT_PREFIX = `${LOCAL_ROUTER}-`;

/** A BFD row by what makes it unique: the router port and the peer. */
export interface BfdReference {
  readonly port: string;
  readonly peer: string;
}

/** Only the keys of `options` that the agent writes count. */
export type RowOptions = Readonly<Record<string, string>>;

export type LocalRow =
  | { readonly table: 'Logical_Switch'; readonly name: string }
  | {
      readonly table: 'Logical_Switch_Port';
      readonly name: string;
      readonly switch: string;
      readonly type: string;
      readonly addresses: readonly string[];
      readonly options: RowOptions;
      /** 802.1Q tag of a localnet port; absent: untagged. */
      readonly tag?: number;
    }
  | { readonly table: 'Logical_Router'; readonly name: string; readonly options: RowOptions }
  | {
      readonly table: 'Logical_Router_Port';
      readonly name: string;
      readonly router: string;
      readonly mac: string;
      /** `address/length` */
      readonly networks: readonly string[];
    }
  | {
      readonly table: 'Gateway_Chassis';
      readonly name: string;
      readonly port: string;
      readonly chassis: string;
      readonly priority: number;
    }
  | {
      readonly table: 'Logical_Router_Policy';
      readonly router: string;
      readonly priority: number;
      readonly match: string;
      readonly action: string;
      readonly nexthops: readonly string[];
      /** Needs the column `bfd_sessions` (`LocalCapabilities`). */
      readonly bfd: readonly BfdReference[];
    }
  | {
      readonly table: 'Logical_Router_Static_Route';
      readonly router: string;
      readonly prefix: string;
      readonly nexthop: string;
      /** Obligatory for link-local next hops, of which every port may have the same one. */
      readonly outputPort?: string;
      readonly bfd?: BfdReference;
    }
  | {
      readonly table: 'Static_MAC_Binding';
      readonly port: string;
      readonly ip: string;
      readonly mac: string;
    }
  | {
      readonly table: 'BFD';
      readonly port: string;
      readonly peer: string;
      readonly minTxMs: number;
      readonly minRxMs: number;
      readonly detectMultiplier: number;
    }
  | {
      readonly table: 'ACL';
      readonly switch: string;
      readonly direction: 'from-lport' | 'to-lport';
      readonly priority: number;
      readonly match: string;
      readonly action: string;
    };

export type LocalTable = LocalRow['table'];

/** A row that was found. */
export interface FoundRow {
  readonly row: LocalRow;
  /** Made by this agent or its Python predecessor: only then may it be removed. */
  readonly owned: boolean;
  /** UUID, when another row has the same identity: this one is surplus. */
  readonly duplicate?: string;
}

/** What this server's schema can hold; versions are not asked. */
export interface LocalCapabilities {
  /** `Logical_Router_Policy.bfd_sessions`: a reroute follows BFD. */
  readonly policyBfd: boolean;
  /** `Logical_Router_Policy.output_port` */
  readonly policyOutputPort: boolean;
}

/** A complete picture of the database; a new object for every change. */
export interface LocalSnapshot {
  readonly rows: readonly FoundRow[];
  readonly capabilities: LocalCapabilities;
  /** `BFD.status` by row key. */
  readonly bfdStatus: ReadonlyMap<string, string>;
  /** Why this cannot be a node's own cluster: the agent then writes nothing. */
  readonly foreign?: string;
}

export interface LocalWrite {
  readonly op: 'put' | 'remove';
  readonly row: LocalRow;
  /** UUID of the surplus row to remove. */
  readonly duplicate?: string;
}

/**
 * `changed`: the contents are others, or current again. `in-effect`: what `pending` told of is done.
 */
export type LocalOvnEvent = 'changed' | 'in-effect';

/** Why a row was not written. `silent`: the server did not answer; it is not the row's fault. */
export interface LocalFailure {
  readonly message: string;
  readonly silent?: true;
}

/** The edge to the node's own Northbound database: one real implementation (`local-cluster.ts`), one fake. */
export interface LocalOvn {
  /** The last complete picture; `undefined` before the first, and kept while the server is away. */
  snapshot(): LocalSnapshot | undefined;
  /**
   * Writes in one transaction, or the fewest that the server accepts: a row that it refuses does not stop the others.
   * One result a write, in their order: absent, or why it was not done. Throws only when aborted.
   */
  write(writes: readonly LocalWrite[], signal?: AbortSignal): Promise<readonly (LocalFailure | undefined)[]>;
  /**
   * Has the cluster go over everything once more, what it was told of by others included, and waits a little until that reached
   * the flows of the node; resolves with why it has not.
   */
  confirm(signal?: AbortSignal): Promise<string | undefined>;
  /** Why what was written last has not reached the flows of the node yet; `undefined`: it has. */
  pending(): string | undefined;
  subscribe(listener: (event: LocalOvnEvent) => void): () => void;
  close(): Promise<void>;
}
