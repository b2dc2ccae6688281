/**
 * The OVN databases from files: the topology that the driver would see, and which databases it needs for that.
 *
 * In: configuration, opened files. Out: the topology, host names, and what the file does not say. Throws the
 * reader's errors, which name file and record.
 */
import type { AgentConfig } from '../config/types.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';
import { type DatabaseFile, databaseSpec, type FileContents, type RowOf, tableSpec } from '../ovsdb/index.ts';

export interface OvnFiles {
  readonly northbound?: DatabaseFile;
  readonly southbound?: DatabaseFile;
}

export type OvnDatabase = keyof OvnFiles;

/** The database that the driver reads. */
export function neededDatabase(config: AgentConfig): OvnDatabase {
  return config.driver === 'nb_ovn_bgp_driver' ? 'northbound' : 'southbound';
}

/** The database that the driver reads, from its file. */
export interface OvnFile {
  readonly contents: FileContents;
  /** Host names by chassis name; Southbound only. */
  readonly hosts: ReadonlyMap<string, string> | undefined;
  topologyFor(identity: NodeIdentity): Topology;
}

const CHASSIS = tableSpec(
  { ...SOUTHBOUND.tables.Chassis.columns, hostname: 'string' },
  SOUTHBOUND.tables.Chassis.indexes ?? {},
);
const SOUTHBOUND_WITH_HOSTS = databaseSpec(SOUTHBOUND.name, { ...SOUTHBOUND.tables, Chassis: CHASSIS });
const HOSTS = databaseSpec(SOUTHBOUND.name, { Chassis: CHASSIS });

export function readOvnFile(database: OvnDatabase, file: DatabaseFile): OvnFile {
  if (database === 'northbound') {
    const contents = file.contents(NORTHBOUND);
    return {
      contents,
      hosts: undefined,
      topologyFor: (identity) => createNorthboundTopology(contents.tables, identity),
    };
  }
  const contents = file.contents(SOUTHBOUND_WITH_HOSTS);
  return {
    contents,
    hosts: hostsIn(contents.tables.Chassis),
    topologyFor: (identity) => createSouthboundTopology(contents.tables, identity),
  };
}

/** Host names of all chassis of a Southbound database, by chassis name. */
export function readHosts(southbound: DatabaseFile): ReadonlyMap<string, string> {
  return hostsIn(southbound.contents(HOSTS).tables.Chassis);
}

function hostsIn(rows: Iterable<RowOf<typeof CHASSIS>>): ReadonlyMap<string, string> {
  return new Map([...rows].map((row) => [row.name, row.hostname]));
}
