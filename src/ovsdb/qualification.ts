/**
 * Makes sure that a connected server serves the database as demanded, and keeps watching that for the life of the
 * connection: the judgement itself is in member.ts, this is the monitor of `_Server` around it.
 *
 * Failure: a member that is not, or no longer, good enough has its connection ended with the reason. Where there is no
 * other remote to go to, a member that was never good enough is waited for instead.
 */
import type { Connection } from './connection.ts';
import { newCounters } from './counters.ts';
import { errorMessage, OvsdbConnectionError, OvsdbRpcError } from './errors.ts';
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
  /** Whether to wait on the connection for an unsuitable member to become suitable. */
  patient(): boolean;
  readonly environment: Omit<ReplicaEnvironment, 'released'>;
  /** The position seen last, and where to keep a newer one. */
  readonly position: { seen: ClusterPosition | undefined };
  /** Told of every new state of the member. */
  member(row: ServerDatabase | undefined): void;
  /** Told what the member is waited for, at every new state of it. */
  waiting(reason: OvsdbConnectionError): void;
}

/** Resolves with the database's schema as soon as the member is good enough. */
export async function qualify(
  connection: Connection,
  options: QualificationOptions,
): Promise<DatabaseSchema> {
  const { timeoutMs } = options;
  let serverSchema: DatabaseSchema;
  try {
    // Without this the server drops the connection at every change of its databases (ovsdb-server(7) 4.1.18).
    await connection.request('set_db_change_aware', [true], { timeoutMs });
    serverSchema = await connection.getSchema('_Server', timeoutMs);
  } catch (error) {
    if (!(error instanceof OvsdbRpcError)) throw error;
    // OVS before 2.9 has no _Server database, and no clusters to choose members in.
    return await schemaOf(connection, options);
  }
  await suitable(connection, serverSchema, options);
  // The row of _Server has the schema too, but after a conversion of a standalone database OVS 3.1 leaves the old one.
  return await schemaOf(connection, options);
}

async function schemaOf(
  connection: Connection,
  { database, timeoutMs }: QualificationOptions,
): Promise<DatabaseSchema> {
  try {
    return await connection.getSchema(database, timeoutMs);
  } catch (error) {
    if (!(error instanceof OvsdbRpcError)) throw error;
    const problem = error.code === 'unknown database' ? 'wrong-database' : 'other';
    const others = await otherDatabases(connection, timeoutMs);
    const message = `${connection.peer} does not give the schema of ${database}: ${error.message}${others}`;
    throw new OvsdbConnectionError('unsuitable', message, { problem, cause: error });
  }
}

/** Which databases the server has, for a message: Northbound and Southbound are easily mixed up. */
async function otherDatabases(connection: Connection, timeoutMs: number): Promise<string> {
  const databases = await connection.request('list_dbs', [], { timeoutMs }).catch(() => undefined);
  if (!Array.isArray(databases)) return '';
  const names = databases.filter((name) => typeof name === 'string' && name !== '_Server').slice(0, 8);
  return names.length === 0 ? '; it serves no database' : `; it serves ${names.join(', ')}`;
}

/** Resolves when the member is good enough; goes on watching it until the connection ends. */
async function suitable(
  connection: Connection,
  serverSchema: DatabaseSchema,
  options: QualificationOptions,
): Promise<void> {
  const { database, environment, position, timeoutMs } = options;
  const servers = new Replica(
    SERVER_SPEC,
    { conditions: { Database: [['name', '==', database]] } },
    // What the library replicates for itself does not count as the caller's.
    { ...environment, counters: newCounters(), released: () => undefined },
  );
  let schema: string | undefined;
  let waitingFor: string | undefined;
  /** A verdict that waits for more words is out of date when another one came. */
  let verdicts = 0;
  const unsuitable = async (problem: OvsdbConnectionError['problem'], why: string): Promise<void> => {
    verdicts += 1;
    const current = verdicts;
    const others = problem === 'wrong-database' ? await otherDatabases(connection, timeoutMs) : '';
    if (current !== verdicts || !connection.open) return;
    const waits = schema === undefined && options.patient();
    const message = `${connection.peer} is ${waits ? 'waited for' : 'left'}: ${why}${others}`;
    const reason = new OvsdbConnectionError('unsuitable', message, { problem });
    if (!waits) {
      environment.counters.membersSkipped += 1;
      connection.close(reason);
      return;
    }
    options.waiting(reason);
    // Once for each problem: the index in the words of a stale member moves all the time.
    if (waitingFor === problem) return;
    waitingFor = problem;
    environment.logger.warn({ database, remote: connection.peer, problem }, message);
  };
  await new Promise<void>((resolve, reject) => {
    void connection.ended.then(reject);
    servers.subscribe(() => {
      const row = [...servers.tables.Database].find((each) => each.name === database);
      options.member(row);
      const verdict = judgeMember(database, row, options.leaderOnly, position.seen);
      if (!verdict.suitable) {
        void unsuitable(verdict.problem, verdict.why);
        return;
      }
      verdicts += 1;
      if (row === undefined) return;
      position.seen = advancePosition(position.seen, row);
      if (schema !== undefined && schema !== row.schema) {
        void unsuitable('converted', `${database} was converted to a new schema`);
      }
      schema = row.schema;
      resolve();
    });
    servers.whenSynchronized().catch((error: unknown) => {
      const message = `cannot watch the databases of ${connection.peer}: ${errorMessage(error)}`;
      connection.close(new OvsdbConnectionError('unsuitable', message, { cause: error }));
    });
    void servers.attach(connection, serverSchema, timeoutMs);
  });
}
