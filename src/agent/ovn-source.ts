/**
 * The OVN database that the driver reads: a replica and the topology over it.
 *
 * In: configuration, the addresses of the database (from the configuration or from the local vswitchd), this node's
 * identity. Out: the topology and what changed. A lost connection changes nothing: the replica keeps its contents and
 * the difference arrives as one snapshot when it is back.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig, TlsFiles } from '../config/types.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { IncrementalTopology, NodeIdentity, Topology } from '../ovn/topology.ts';
import {
  type DatabaseSpec,
  OvsdbClient,
  OvsdbConfigurationError,
  parseRemotes,
  type Replica,
  type Views,
} from '../ovsdb/index.ts';
import { troublesOf } from './await-database.ts';
import { NorthboundSource } from './northbound-source.ts';
import type { OvnSource, OvnSourceEvents } from './source.ts';

const INACTIVITY_PROBE_MS = 60_000;

export interface OvnPlaces {
  /** Remotes of the database that the driver reads. */
  readonly database: string;
  /** Where the Northbound driver finds the bindings that its own database may lack; other drivers need none. */
  readonly bindings: string | undefined;
  /** Why `bindings` is missing although something was said; for people. */
  readonly bindingsProblem?: string;
}

/** Where the databases are, or why nobody can know: nothing says so, or what is said is no remote. */
export function ovnPlaces(
  config: AgentConfig,
  snapshot: OvsSnapshot,
): ({ readonly ok: true } & OvnPlaces) | { readonly ok: false; readonly problem: string } {
  const northbound = placeOf('ovn_nb_connection', config.ovnNbConnection, 'ovn-nb-remote', snapshot);
  const southbound = placeOf('ovn_sb_connection', config.ovnSbConnection, 'ovn-remote', snapshot);
  const own = config.driver === 'nb_ovn_bgp_driver' ? northbound : southbound;
  if (own.remotes === undefined) return { ok: false, problem: own.problem };
  if (own === southbound) return { ok: true, database: own.remotes, bindings: undefined };
  return {
    ok: true,
    database: own.remotes,
    bindings: southbound.remotes,
    ...(southbound.remotes === undefined ? { bindingsProblem: southbound.problem } : {}),
  };
}

type Place = { readonly remotes: string } | { readonly remotes: undefined; readonly problem: string };

/** The option was checked when it was read; what others write into the local database is checked here. */
function placeOf(
  option: string,
  configured: string | undefined,
  key: 'ovn-nb-remote' | 'ovn-remote',
  snapshot: OvsSnapshot,
): Place {
  if (configured !== undefined) return { remotes: configured };
  const told = key === 'ovn-remote' ? snapshot.ovnRemote : snapshot.ovnNbRemote;
  const advice = `set [ovn] ${option}, or external_ids:${key} in the local Open_vSwitch database`;
  if (told === undefined || told.trim() === '') {
    return {
      remotes: undefined,
      problem: `nothing says where the OVN ${DATABASE[key]} database is: ${advice}`,
    };
  }
  try {
    parseRemotes(told);
    return { remotes: told };
  } catch (error) {
    if (!(error instanceof OvsdbConfigurationError)) throw error;
    const problem = `external_ids:${key} in the local Open_vSwitch database is no address of a database: ${error.message}; ${advice}`;
    return { remotes: undefined, problem };
  }
}

const DATABASE = { 'ovn-nb-remote': 'Northbound', 'ovn-remote': 'Southbound' } as const;

export function openOvnSource(
  config: AgentConfig,
  { database, bindings, bindingsProblem }: OvnPlaces,
  identity: NodeIdentity,
  log: Logger,
  events: OvnSourceEvents,
  clock: Clock = systemClock,
): OvnSource {
  if (config.driver === 'nb_ovn_bgp_driver') {
    const clients = {
      northbound: openClient(NORTHBOUND.name, database, config.ovnNbTls, log),
      southbound:
        bindings === undefined ? undefined : openClient(SOUTHBOUND.name, bindings, config.ovnSbTls, log),
    };
    const places = { northbound: database, southbound: bindings, southboundProblem: bindingsProblem };
    return new NorthboundSource(config, clients, places, identity, { log, clock }, events);
  }
  const client = openClient(SOUTHBOUND.name, database, config.ovnSbTls, log);
  const health = !config.exposeOfflineLoadBalancers;
  const source = replicate(
    client,
    SOUTHBOUND,
    (views) => createSouthboundTopology(views, identity, { health }),
    events,
  );
  client.start();
  return {
    topology: source.topology,
    remotes: database,
    bindingsRemotes: undefined,
    get synchronized() {
      return source.replica.synchronized;
    },
    troubles: () => troublesOf([client]),
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
