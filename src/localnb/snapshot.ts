/** The node's own Northbound database as one picture, from a replica or from a file. Pure. */
import { foreignCluster, readRows } from './read-rows.ts';
import { rowKey } from './rows.ts';
import type { LocalTables } from './schema.ts';
import type { LocalCapabilities, LocalSnapshot } from './types.ts';

/** `has`: the server's schema, or the file's, has this column. */
export function localSnapshot(
  tables: LocalTables,
  has: (table: keyof LocalTables, column: string) => boolean,
): LocalSnapshot {
  const foreign = foreignCluster(tables);
  const bfdStatus = new Map<string, string>();
  const rows = readRows(tables);
  for (const { row, uuid } of rows) {
    const status = row.table === 'BFD' ? tables.BFD.get(uuid)?.status : undefined;
    if (status !== undefined) bfdStatus.set(rowKey(row), status);
  }
  return {
    rows: rows.map(({ row, owned, duplicate }) => ({
      row,
      owned,
      ...(duplicate === undefined ? {} : { duplicate }),
    })),
    capabilities: capabilitiesOf(has),
    bfdStatus,
    ...(foreign === undefined ? {} : { foreign: foreignMessage(foreign) }),
  };
}

export function foreignMessage(why: string): string {
  return `the database of [local_ovn_cluster] ovn_nb_connection is not this node's own cluster: ${why}; nothing is written to it`;
}

export function capabilitiesOf(
  has: (table: keyof LocalTables, column: string) => boolean,
): LocalCapabilities {
  return {
    policyBfd: has('Logical_Router_Policy', 'bfd_sessions'),
    policyOutputPort: has('Logical_Router_Policy', 'output_port'),
  };
}
