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
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { CandidateKey, IncrementalTopology, NodeIdentity, Topology } from '../ovn/topology.ts';
import { type DatabaseSpec, OvsdbClient, type Replica, type Views } from '../ovsdb/index.ts';
import { NorthboundSource } from './northbound-source.ts';

export interface OvnSourceEvents {
  changed(affected: 'all' | ReadonlySet<CandidateKey>, cause: 'snapshot' | 'update'): void;
}

export interface OvnSource {
  readonly topology: Topology;
  readonly synchronized: boolean;
  readonly remotes: string;
  /** Where the bindings would be read, should the driver's own database not tell where things are. */
  readonly bindingsRemotes: string | undefined;
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

/** Where the Northbound driver finds the bindings that its own database may lack; `undefined` for other drivers. */
export function bindingsRemotes(config: AgentConfig, snapshot: OvsSnapshot): string | undefined {
  return config.driver === 'nb_ovn_bgp_driver' ? (config.ovnSbConnection ?? snapshot.ovnRemote) : undefined;
}

export function openOvnSource(
  config: AgentConfig,
  remotes: { readonly database: string; readonly bindings: string | undefined },
  identity: NodeIdentity,
  log: Logger,
  events: OvnSourceEvents,
): OvnSource {
  const { database, bindings } = remotes;
  if (config.driver === 'nb_ovn_bgp_driver') {
    const clients = {
      northbound: openClient(NORTHBOUND.name, database, config.ovnNbTls, log),
      southbound:
        bindings === undefined ? undefined : openClient(SOUTHBOUND.name, bindings, config.ovnSbTls, log),
    };
    const places = { northbound: database, southbound: bindings };
    return new NorthboundSource(config, clients, places, identity, log, events);
  }
  const client = openClient(SOUTHBOUND.name, database, config.ovnSbTls, log);
  const source = replicate(client, SOUTHBOUND, (views) => createSouthboundTopology(views, identity), events);
  client.start();
  return {
    topology: source.topology,
    remotes: database,
    bindingsRemotes: undefined,
    get synchronized() {
      return source.replica.synchronized;
    },
    whenSynchronized: (signal) => source.replica.whenSynchronized(signal),
    close: () => client.close(),
  };
}

function openClient(database: string, remotes: string, tls: TlsFiles, log: Logger): OvsdbClient {
  return new OvsdbClient({
    remotes,
    database,
    inactivityProbeMs: INACTIVITY_PROBE_MS,
    logger: log,
    ...(remotes.includes('ssl:') ? { tls } : {}),
  });
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
