/**
 * The OVN databases from files: the topology that the driver would see, and which databases it needs for that.
 *
 * In: configuration, opened files, the node's identity. Out: the topology and what the file does not say. Throws the
 * reader's errors, which name file and record.
 */
import type { AgentConfig } from '../config/types.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { NodeIdentity, Topology } from '../ovn/topology.ts';
import { type DatabaseFile, databaseSpec, type FileContents, tableSpec } from '../ovsdb/index.ts';

export interface OvnFiles {
  readonly northbound?: DatabaseFile;
  readonly southbound?: DatabaseFile;
}

export type OvnDatabase = keyof OvnFiles;

/** The database that the driver reads. */
export function neededDatabase(config: AgentConfig): OvnDatabase {
  return config.driver === 'nb_ovn_bgp_driver' ? 'northbound' : 'southbound';
}

export interface FileTopology {
  readonly topology: Topology;
  readonly contents: FileContents;
}

export function fileTopology(
  database: OvnDatabase,
  file: DatabaseFile,
  identity: NodeIdentity,
): FileTopology {
  if (database === 'northbound') {
    const contents = file.contents(NORTHBOUND);
    return { contents, topology: createNorthboundTopology(contents.tables, identity) };
  }
  const contents = file.contents(SOUTHBOUND);
  return { contents, topology: createSouthboundTopology(contents.tables, identity) };
}

const CHASSIS = databaseSpec(SOUTHBOUND.name, {
  Chassis: tableSpec({ name: 'string', hostname: 'string' }, { name: (row) => row.name }),
});

/** Host names of all chassis of a Southbound database, by chassis name. */
export function chassisOf(southbound: DatabaseFile): ReadonlyMap<string, string> {
  const { Chassis: rows } = southbound.contents(CHASSIS).tables;
  return new Map([...rows].map((row) => [row.name, row.hostname]));
}
