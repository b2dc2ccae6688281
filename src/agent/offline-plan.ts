/**
 * The desired state of a node, computed from files alone: for support work, on any machine.
 *
 * In: configuration, opened database files, and what the operator says besides. Out: everything that the agent would
 * want on the node, and why, what it would not, and what had to be assumed. No socket is opened and nothing is written.
 * Throws an `OfflineInputError` that names the flag when something is missing, and the file reader's errors.
 */

import { sortedBy } from '../base/order.ts';
import { quote } from '../base/quote.ts';
import type { AgentConfig } from '../config/types.ts';
import { noChanges } from '../node/diff.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject } from '../node/objects.ts';
import type { NodeIdentity } from '../ovn/topology.ts';
import type { DatabaseFile, FileContents } from '../ovsdb/index.ts';
import { type Announcements, announcements } from './announcements.ts';
import { type DesiredNode, desiredNode } from './desired-node.ts';
import { localOvnKeys } from './local-ovn-keys.ts';
import { offlineNeeds } from './needs/offline-needs.ts';
import { mappedBridges, mappingWarnings, nodeFacts } from './node-facts.ts';
import {
  type LocalOvnFile,
  type OfflineLocalOvn,
  offlineLocalOvn,
  readLocalOvnFile,
} from './offline-local-ovn.ts';
import {
  type Assumption,
  type GivenFacts,
  type OfflineReadings,
  readingsOfFile,
  readingsOfMappings,
  readSwitchFile,
  type SwitchFile,
} from './offline-node.ts';
import { OfflineInputError, type OvnFiles, readOvnFiles } from './ovn-files.ts';

export interface OfflineInput extends GivenFacts {
  readonly config: AgentConfig;
  readonly files: OvnFiles & {
    readonly openVSwitch?: DatabaseFile;
    /** The Northbound database of the node's own OVN (`exposing_method = ovn`). */
    readonly localNorthbound?: DatabaseFile;
  };
  /** `external_ids:system-id` of the node. */
  readonly chassis?: string;
  readonly hostname?: string;
}

interface ReadDatabase {
  readonly database: PlanSource['database'];
  readonly file: DatabaseFile;
  readonly contents: FileContents;
}

/** A file that the plan was computed from. */
export interface PlanSource {
  readonly database: 'northbound' | 'southbound' | 'open_vswitch' | 'local_northbound';
  readonly file: string;
  readonly format: DatabaseFile['format'];
  readonly schemaVersion?: string;
  /** Of the last transaction in the file, in ISO 8601. */
  readonly date?: string;
  /** Tables and columns that the file does not have; they were taken to be empty. */
  readonly lacks: readonly string[];
}

export interface OfflinePlan extends Omit<DesiredNode, 'desired' | 'advertisedBy'> {
  /** As if everything that is wanted were in place. */
  readonly announcements: Announcements;
  readonly identity: NodeIdentity;
  readonly sources: readonly PlanSource[];
  readonly assumptions: readonly Assumption[];
  readonly warnings: readonly string[];
  /** In the order of their keys. */
  readonly desired: readonly DesiredObject[];
}

export function offlinePlan(input: OfflineInput): OfflinePlan {
  const { config, files } = input;
  const ovn = readOvnFiles(config, files);
  if (files.openVSwitch === undefined && input.bridgeMappings === undefined) {
    throw new OfflineInputError(
      'nothing says which bridges the node has: give --ovs-db FILE, or --bridge-mappings TEXT (physnet1:br-ex)',
    );
  }
  const local = files.openVSwitch === undefined ? undefined : readSwitchFile(files.openVSwitch);
  const warnings: string[] = [...ovn.warnings];
  const identity = identityOf(input, local, ovn.hosts, warnings);
  const topology = ovn.topologyFor(identity);
  const readings =
    local === undefined
      ? readingsOfMappings(identity, input.bridgeMappings ?? '', [...topology.localnets()], input, config)
      : readingsOfFile(local, input, config, fabricBridges(config, local));
  warnings.push(...mappingWarnings(readings.snapshot, config));
  const own = files.localNorthbound === undefined ? undefined : readLocalOvnFile(files.localNorthbound);
  const ownOvn = config.exposingMethod === 'ovn' ? localOvnOf(input, readings, own) : undefined;
  warnings.push(...(ownOvn?.warnings ?? []));
  const { needs, assumption } = offlineNeeds(config, readings.snapshot, input.bridgeAddresses);
  const facts = {
    ...nodeFacts({ ...readings, routerId: config.bgpRouterId, localOvn: ownOvn?.facts }, config),
    needs,
  };
  const read: readonly ReadDatabase[] = [
    ...ovn.read,
    ...(local === undefined ? [] : [{ database: 'open_vswitch', ...local } as const]),
    ...(own === undefined ? [] : [{ database: 'local_northbound', ...own } as const]),
  ];
  const { desired, pending, advertisedBy, ...rest } = desiredNode(config, topology, facts);
  return {
    ...rest,
    announcements: announcements(rest.exposures, advertisedBy, noChanges(desired)),
    pending: sortedBy([...pending, ...(ownOvn?.problems ?? [])], ({ subject }) => subject),
    identity,
    sources: read.map(sourceOf),
    assumptions: [...readings.assumptions, ...(ownOvn?.assumptions ?? []), assumption],
    warnings: [...read.flatMap(({ contents }) => contents.warnings), ...warnings],
    desired: sortedBy(desired.values(), ({ object }) => keyOf(object)),
  };
}

/** Bridges of the node's own OVN, where the method uses one. */
function fabricBridges(
  { exposingMethod, localOvnCluster }: AgentConfig,
  { snapshot }: SwitchFile,
): readonly string[] {
  return exposingMethod === 'ovn' ? localOvnKeys(snapshot, localOvnCluster.bgpChassisId).bridges : [];
}

function localOvnOf(
  { config, files, bridgeAddresses }: OfflineInput,
  { snapshot, kernel }: OfflineReadings,
  file: LocalOvnFile | undefined,
): OfflineLocalOvn {
  if (files.openVSwitch === undefined) {
    throw new OfflineInputError(
      'nothing says which bridges lead to the fabric, which exposing_method = ovn is about: give --ovs-db FILE',
    );
  }
  return offlineLocalOvn({
    config,
    snapshot,
    providerBridges: mappedBridges(snapshot.bridgeMappings, config),
    macs: kernel.macs,
    file,
    addresses: bridgeAddresses ?? new Map(),
  });
}

/**
 * The chassis as given, else that of the Open_vSwitch file; the host name as given, else that file's, else that of the
 * chassis' row in the Southbound database.
 */
function identityOf(
  { config, files, chassis, hostname }: OfflineInput,
  local: SwitchFile | undefined,
  hosts: ReadonlyMap<string, string> | undefined,
  warnings: string[],
): NodeIdentity {
  const found = local?.snapshot.systemId;
  const systemId = chassis ?? found;
  if (systemId === undefined) {
    throw new OfflineInputError("nothing says which node it is: give --chassis NAME, the node's system-id");
  }
  if (found !== undefined && found !== systemId) {
    warnings.push(`${local?.file.source} is of chassis ${quote(found)}, the plan is for ${quote(systemId)}`);
  }
  if (hosts !== undefined && !hosts.has(systemId)) {
    const known = [...hosts.keys()]
      .sort()
      .slice(0, 10)
      .map((name) => quote(name));
    warnings.push(
      `${files.southbound?.source} has no chassis ${quote(systemId)}; it has ${known.length === 0 ? 'none' : known.join(', ')}`,
    );
  }
  const host = hostname ?? local?.snapshot.hostname ?? (hosts?.get(systemId) || undefined);
  if (host !== undefined) return { hostname: host, systemId };
  // The Southbound database knows nodes by their chassis alone.
  if (config.driver !== 'nb_ovn_bgp_driver') return { hostname: systemId, systemId };
  throw new OfflineInputError(
    `the host name of chassis ${quote(systemId)} is not known: give --hostname NAME, or --ovs-db or --sb-db, which have it`,
  );
}

function sourceOf({ database, file, contents }: ReadDatabase): PlanSource {
  const { dateMs } = contents;
  const date = dateMs === undefined ? undefined : new Date(dateMs);
  return {
    database,
    file: file.source,
    format: file.format,
    ...(file.version === undefined ? {} : { schemaVersion: file.version }),
    ...(date === undefined || Number.isNaN(date.getTime()) ? {} : { date: date.toISOString() }),
    lacks: contents.problems.map(({ detail }) => detail),
  };
}
