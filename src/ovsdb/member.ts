/**
 * Whether a connected server is one to stay with, judged by its row in the `_Server` database (ovsdb-server(5)).
 *
 * A member that is cut off from its cluster still answers, with old data; one that has fallen behind would take a client
 * back in time; and some clients want the leader. Pure.
 */
import type { ConnectionProblem } from './errors.ts';
import { databaseSpec, type RowOf, tableSpec } from './types.ts';

export const SERVER_SPEC = databaseSpec('_Server', {
  Database: tableSpec({
    name: 'string',
    model: 'string',
    connected: 'boolean',
    leader: 'boolean',
    schema: 'optional-string',
    cid: 'optional-uuid',
    sid: 'optional-uuid',
    index: 'optional-integer',
  }),
});

export type ServerDatabase = RowOf<(typeof SERVER_SPEC)['tables']['Database']>;

/** The furthest position seen in one cluster; a member behind it is stale. */
export interface ClusterPosition {
  readonly cluster: string;
  readonly index: number;
}

export type Verdict =
  | { readonly suitable: true }
  | { readonly suitable: false; readonly problem: ConnectionProblem; readonly why: string };

/** A relay (ovsdb(7)) is never a leader and as good as one: it passes transactions on to the cluster's leader. */
export function judgeMember(
  database: string,
  row: ServerDatabase | undefined,
  leaderOnly: boolean,
  seen: ClusterPosition | undefined,
): Verdict {
  if (row === undefined) return unsuitable('wrong-database', `it has no database ${database}`);
  if (row.model === 'relay') {
    // Before it has reached its source for the first time a relay has no schema.
    return row.connected && row.schema !== undefined
      ? { suitable: true }
      : unsuitable('no-source', `the relay of ${database} is not connected to its source`);
  }
  if (row.schema === undefined) {
    return unsuitable('not-joined', `database ${database} has not joined its cluster yet`);
  }
  if (!row.connected) return unsuitable('cut-off', 'the member is cut off from its cluster');
  if (row.model !== 'clustered') return { suitable: true };
  if (leaderOnly && !row.leader) return unsuitable('not-leader', 'the member is not the leader');
  if (seen !== undefined && row.cid === seen.cluster && (row.index ?? 0) < seen.index) {
    const why = `the member is stale: at index ${row.index ?? 0}, already seen ${seen.index}`;
    return unsuitable('stale', why);
  }
  return { suitable: true };
}

/** The position after this row was followed. A new cluster id starts anew: the cluster was made again, from a backup. */
export function advancePosition(
  seen: ClusterPosition | undefined,
  row: ServerDatabase,
): ClusterPosition | undefined {
  if (row.model !== 'clustered' || row.cid === undefined || row.index === undefined) return seen;
  if (row.cid === seen?.cluster && row.index <= seen.index) return seen;
  return { cluster: row.cid, index: row.index };
}

function unsuitable(problem: ConnectionProblem, why: string): Verdict {
  return { suitable: false, problem, why };
}
