/**
 * The OVN databases from files: the topology that the driver would see, and which databases it needs for that.
 *
 * In: configuration, opened files. Out: the topology, host names of chassis, and what the files do not say. The Northbound
 * driver takes bindings from the Southbound file where its own does not tell where things are, as the daemon does.
 * Throws an `OfflineInputError` that names the missing flag, and the reader's errors, which name file and record.
 */
import type { AgentConfig } from '../config/types.ts';
import { needsBindings } from '../ovn/bindings.ts';
import { BINDINGS } from '../ovn/bindings-schema.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';
import { type DatabaseFile, databaseSpec, type FileContents, tableSpec } from '../ovsdb/index.ts';

/** Something must be said that was not; the message names the flag. */
export class OfflineInputError extends Error {
  override readonly name = 'OfflineInputError';
  readonly code = 'offline-input';
}

export interface OvnFiles {
  readonly northbound?: DatabaseFile;
  readonly southbound?: DatabaseFile;
}

export interface ReadFile {
  readonly database: 'northbound' | 'southbound';
  readonly file: DatabaseFile;
  readonly contents: FileContents;
}

export interface OvnContents {
  readonly read: readonly ReadFile[];
  /** Host names by chassis name; absent without a Southbound file. */
  readonly hosts: ReadonlyMap<string, string> | undefined;
  readonly warnings: readonly string[];
  topologyFor(identity: NodeIdentity): Topology;
}

const HOSTNAME = { hostname: 'string' } as const;
const SOUTHBOUND_WITH_HOSTS = databaseSpec(SOUTHBOUND.name, {
  ...SOUTHBOUND.tables,
  Chassis: tableSpec({ ...SOUTHBOUND.tables.Chassis.columns, ...HOSTNAME }, { name: (row) => row.name }),
});
const BINDINGS_WITH_HOSTS = databaseSpec(BINDINGS.name, {
  ...BINDINGS.tables,
  Chassis: tableSpec({ ...BINDINGS.tables.Chassis.columns, ...HOSTNAME }),
});

export function readOvnFiles(config: AgentConfig, files: OvnFiles): OvnContents {
  return config.driver === 'nb_ovn_bgp_driver'
    ? readNorthbound(config, files)
    : readSouthbound(config, files);
}

function readNorthbound(config: AgentConfig, files: OvnFiles): OvnContents {
  const file = files.northbound ?? missing(config, 'OVN_Northbound', '--nb-db');
  const contents = file.contents(NORTHBOUND);
  const bindings = files.southbound?.contents(BINDINGS_WITH_HOSTS);
  const read: ReadFile[] = [{ database: 'northbound', file, contents }];
  if (files.southbound !== undefined && bindings !== undefined) {
    read.push({ database: 'southbound', file: files.southbound, contents: bindings });
  }
  const { Logical_Switch_Port: ports, Logical_Router_Port: routerPorts } = contents.tables;
  const question = {
    cms: config.cms,
    gatewaysTold: contents.has('Logical_Router_Port', 'status'),
    external: config.exposeExternalPorts,
  };
  const lacking = bindings === undefined && needsBindings({ ports, routerPorts }, question);
  const why = `${file.source} has ports whose place only the Southbound database tells (plain OVN, or OVN before 23.09)`;
  return {
    read,
    hosts: bindings === undefined ? undefined : hostsIn(bindings.tables.Chassis),
    warnings: lacking ? [`${why}; their addresses wait: give --sb-db FILE`] : [],
    topologyFor: (identity) =>
      createNorthboundTopology(contents.tables, identity, {
        cms: config.cms,
        ...(bindings === undefined ? {} : { bindings: bindings.tables }),
        awaitsBindings: (what) => lacking && (what === 'port' || !question.gatewaysTold),
        health: !config.exposeOfflineLoadBalancers,
      }),
  };
}

function readSouthbound(config: AgentConfig, files: OvnFiles): OvnContents {
  const file = files.southbound ?? missing(config, 'OVN_Southbound', '--sb-db');
  const contents = file.contents(SOUTHBOUND_WITH_HOSTS);
  return {
    read: [{ database: 'southbound', file, contents }],
    hosts: hostsIn(contents.tables.Chassis),
    warnings: [],
    topologyFor: (identity) =>
      createSouthboundTopology(contents.tables, identity, { health: !config.exposeOfflineLoadBalancers }),
  };
}

function hostsIn(
  rows: Iterable<{ readonly name: string; readonly hostname: string }>,
): ReadonlyMap<string, string> {
  return new Map([...rows].map((row) => [row.name, row.hostname]));
}

function missing(config: AgentConfig, database: string, flag: string): never {
  throw new OfflineInputError(`driver = ${config.driver} reads ${database}: give ${flag} FILE`);
}
