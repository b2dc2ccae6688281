/**
 * Makes sure that a connected server serves the database as demanded, and keeps watching that for the life of the
 * connection: the judgement itself is in member.ts, this is the monitor of `_Server` around it.
 *
 * Failure: a member that is not, or no longer, good enough has its connection ended with the reason. Where there is no
 * other remote to go to, a member that was never good enough is waited for instead.
 */
import type { Connection } from './connection.ts';
import { newCounters } from './counters.ts';
import { OvsdbConnectionError, OvsdbRpcError } from './errors.ts';
import {
  advancePosition,
  type ClusterPosition,
  judgeMember,
  SERVER_SPEC,
  type ServerDatabase,
} from './member.ts';
import { Replica, type ReplicaEnvironment } from './replica.ts';
import type { DatabaseSchema } from './schema.ts';

export interface QualificationOptions {
  readonly database: string;
  readonly leaderOnly: boolean;
  /** For each request of the qualification itself. */
  readonly timeoutMs: number;
  /** Wait on the connection for an unsuitable member to become suitable. */
  readonly patient: boolean;
  readonly environment: Omit<ReplicaEnvironment, 'released'>;
  /** The position seen last, and where to keep a newer one. */
  readonly position: { seen: ClusterPosition | undefined };
  /** Told of every new state of the member. */
  member(row: ServerDatabase | undefined): void;
}

/** Resolves with the database's schema as soon as the member is good enough. */
export async function qualify(
  connection: Connection,
  options: QualificationOptions,
): Promise<DatabaseSchema> {
  const { database, timeoutMs } = options;
  let serverSchema: DatabaseSchema;
  try {
    // Without this the server drops the connection at every change of its databases (ovsdb-server(7) 4.1.18).
    await connection.request('set_db_change_aware', [true], { timeoutMs });
    serverSchema = await connection.getSchema('_Server', timeoutMs);
  } catch (error) {
    if (!(error instanceof OvsdbRpcError)) throw error;
    // OVS before 2.9 has no _Server database, and no clusters to choose members in.
    return await connection.getSchema(database, timeoutMs);
  }
  await suitable(connection, serverSchema, options);
  // The row of _Server has the schema too, but after a conversion of a standalone database OVS 3.1 leaves the old one.
  return await connection.getSchema(database, timeoutMs);
}

/** Resolves when the member is good enough; goes on watching it until the connection ends. */
async function suitable(
  connection: Connection,
  serverSchema: DatabaseSchema,
  options: QualificationOptions,
): Promise<void> {
  const { database, environment, position } = options;
  const servers = new Replica(
    SERVER_SPEC,
    { conditions: { Database: [['name', '==', database]] } },
    // What the library replicates for itself does not count as the caller's.
    { ...environment, counters: newCounters(), released: () => undefined },
  );
  let schema: string | undefined;
  await new Promise<void>((resolve, reject) => {
    void connection.ended.then(reject);
    const leave = (why: string): void =>
      connection.close(new OvsdbConnectionError('unsuitable', `${connection.peer} is left: ${why}`));
    servers.subscribe(() => {
      const row = [...servers.tables.Database].find((each) => each.name === database);
      options.member(row);
      const verdict = judgeMember(database, row, options.leaderOnly, position.seen);
      if (!verdict.suitable && schema === undefined && options.patient) {
        const fields = { database, remote: connection.peer };
        environment.logger.info(fields, `waiting on the connection: ${verdict.why}`);
        return;
      }
      if (!verdict.suitable) {
        environment.counters.membersSkipped += 1;
        leave(verdict.why);
        return;
      }
      if (row === undefined) return;
      position.seen = advancePosition(position.seen, row);
      if (schema !== undefined && schema !== row.schema) leave(`${database} was converted to a new schema`);
      schema = row.schema;
      resolve();
    });
    void servers.attach(connection, serverSchema);
  });
}
