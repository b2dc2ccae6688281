/** What a client is told, and what it tells of itself. */
import type { BackoffLimits } from './backoff.ts';
import type { OvsdbClock } from './clock.ts';
import type { ConnectionProblem, OvsdbError } from './errors.ts';
import type { OvsdbLogger } from './logger.ts';
import type { ServerDatabase } from './member.ts';
import type { Lookup } from './remote-rotation.ts';
import type { TlsOptions } from './tls-material.ts';
import type { Connect } from './transport.ts';

export interface OvsdbClientOptions {
  /** Comma separated, see remote.ts. */
  readonly remotes: string;
  readonly database: string;
  /** Stay only with the leader of a cluster; otherwise any member that is connected and current will do. */
  readonly leaderOnly?: boolean;
  /** Files for `ssl:` remotes. */
  readonly tls?: TlsOptions;
  /** Silence before an echo is sent; after the same time again the server counts as dead. 0: never. Default 15000. */
  readonly inactivityProbeMs?: number;
  /** For the look-up of a name, for the connection, and for each request that readies it. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** Default 500 to 8000 ms. */
  readonly backoff?: Partial<BackoffLimits>;
  /** Start at a random remote, and at a random address of a name, to spread the load of many clients. Default true. */
  readonly shuffleRemotes?: boolean;
  /** Source of randomness for shuffling and jitter; `Math.random` unless told. */
  readonly random?: () => number;
  readonly logger?: OvsdbLogger;
  /** For logs; the database's name unless told. */
  readonly name?: string;
  /** For tests. */
  readonly clock?: OvsdbClock;
  /** For tests. */
  readonly connect?: Connect;
  /** For tests: the addresses of a name; those of the resolver (getaddrinfo) unless told. */
  readonly lookup?: Lookup;
}

export type ClientState = 'idle' | 'connecting' | 'connected' | 'disconnected' | 'closed';

/** What a client knows about its connection, for status pages. */
export interface ClientStatus {
  readonly state: ClientState;
  /** The remote connected to, or tried now, as it was given. */
  readonly remote: string | undefined;
  /** Which address of a remote that is given by name. */
  readonly address: string | undefined;
  /** The server's row in `_Server`; absent with servers before OVS 2.9 and while not connected. */
  readonly member: ServerDatabase | undefined;
  /** Why the last connection or attempt ended, or what it is waiting for with the server it is connected to. */
  readonly lastError: OvsdbError | undefined;
  /** The stable word for `lastError` while there is no usable connection; absent while there is one. */
  readonly problem: ConnectionProblem | undefined;
  /** The last failure at each remote and address since the last usable connection, in the order of trying. */
  readonly failures: readonly RemoteFailure[];
}

export interface RemoteFailure {
  readonly remote: string;
  readonly address: string | undefined;
  readonly problem: ConnectionProblem;
  readonly error: OvsdbError;
}

export interface TransactOptions {
  readonly signal?: AbortSignal;
  /**
   * The transaction may be executed twice: then it is sent again when its connection was lost before the reply, or the
   * cluster was without a leader. Default false.
   */
  readonly idempotent?: boolean;
}
