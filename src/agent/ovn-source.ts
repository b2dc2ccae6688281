/**
 * The OVN database that the driver reads: a replica and the topology over it.
 *
 * In: configuration, the addresses of the database (from the configuration or from the local vswitchd), this node's
 * identity. Out: the topology and what changed. A lost connection changes nothing: the replica keeps its contents and
 * the difference arrives as one snapshot when it is back.
 */
import type { Logger } from '../base/logger.ts';
import type { AgentConfig, TlsFiles } from '../config/types.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { CandidateKey, IncrementalTopology, NodeIdentity, Topology } from '../ovn/topology.ts';
import { type DatabaseSpec, OvsdbClient, type Replica, type Views } from '../ovsdb/index.ts';

export interface OvnSourceEvents {
  changed(affected: 'all' | ReadonlySet<CandidateKey>, cause: 'snapshot' | 'update'): void;
}

export interface OvnSource {
  readonly topology: Topology;
  readonly synchronized: boolean;
  readonly remotes: string;
  whenSynchronized(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const INACTIVITY_PROBE_MS = 60_000;

/** Which database the driver reads, and where it is; `undefined` when nothing says where. */
export function ovnRemotes(config: AgentConfig, snapshot: OvsSnapshot): string | undefined {
  return config.driver === 'nb_ovn_bgp_driver'
    ? (config.ovnNbConnection ?? snapshot.ovnNbRemote)
    : (config.ovnSbConnection ?? snapshot.ovnRemote);
}

export function openOvnSource(
  config: AgentConfig,
  remotes: string,
  identity: NodeIdentity,
  log: Logger,
  events: OvnSourceEvents,
): OvnSource {
  const northbound = config.driver === 'nb_ovn_bgp_driver';
  const tls: TlsFiles = northbound ? config.ovnNbTls : config.ovnSbTls;
  const client = new OvsdbClient({
    remotes,
    database: northbound ? NORTHBOUND.name : SOUTHBOUND.name,
    inactivityProbeMs: INACTIVITY_PROBE_MS,
    logger: log,
    ...(remotes.includes('ssl:') ? { tls } : {}),
  });
  const source = northbound
    ? replicate(client, NORTHBOUND, (views) => createNorthboundTopology(views, identity), events)
    : replicate(client, SOUTHBOUND, (views) => createSouthboundTopology(views, identity), events);
  client.start();
  return {
    topology: source.topology,
    remotes,
    get synchronized() {
      return source.replica.synchronized;
    },
    whenSynchronized: (signal) => source.replica.whenSynchronized(signal),
    close: () => client.close(),
  };
}

function replicate<D extends DatabaseSpec>(
  client: OvsdbClient,
  spec: D,
  topologyOf: (views: Views<D>) => IncrementalTopology<D>,
  events: OvnSourceEvents,
): { readonly replica: Replica<D>; readonly topology: Topology } {
  const replica = client.replicate(spec);
  const topology = topologyOf(replica.tables);
  replica.subscribe((changes) => events.changed(topology.affected(changes), changes.cause));
  return { replica, topology };
}
