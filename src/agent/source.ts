/** What the agent knows of the database that its driver reads; one implementation for one or for two databases. */
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { CandidateKey, Topology } from '../ovn/topology.ts';

export interface OvnSourceEvents {
  changed(affected: 'all' | ReadonlySet<CandidateKey>, cause: 'snapshot' | 'update'): void;
}

export interface OvnSource {
  readonly topology: Topology;
  readonly synchronized: boolean;
  readonly remotes: string;
  /** Where the bindings would be read, should the driver's own database not tell where things are. */
  readonly bindingsRemotes: string | undefined;
  /** Why databases that it needs cannot be read now. */
  troubles(): readonly DatabaseTrouble[];
  whenSynchronized(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
