/** The public face of the OVSDB library; everything else in this folder is private to it. See README.md. */
export { OvsdbClient } from './client.ts';
export type {
  ClientState,
  ClientStatus,
  OvsdbClientOptions,
  RemoteFailure,
  TransactOptions,
} from './client-options.ts';
export { type OvsdbClock, systemOvsdbClock } from './clock.ts';
export type { OvsdbCounters } from './counters.ts';
export {
  type ConnectionProblem,
  OvsdbConfigurationError,
  OvsdbConnectionError,
  OvsdbError,
  OvsdbFileError,
  OvsdbInconsistencyError,
  OvsdbProtocolError,
  OvsdbRpcError,
  OvsdbTimeoutError,
  OvsdbTransactionError,
  type TransactionErrorCode,
} from './errors.ts';
export type { FileFormat } from './file/content.ts';
export {
  type DatabaseFile,
  databaseFile,
  type FileContents,
  openDatabaseFile,
} from './file/database-file.ts';
export type { OvsdbLogger } from './logger.ts';
export * from './operations.ts';
export { formatRemote, parseRemote, parseRemotes, type Remote } from './remote.ts';
export type { Replica, ReplicaOptions } from './replica.ts';
export type { ColumnSchema, DatabaseSchema, SchemaProblem, TableSchema } from './schema.ts';
export type { TlsOptions } from './tls-material.ts';
export type { ConnectionTrouble } from './trouble.ts';
export * from './types.ts';
export { type WireAtom, type WireValue, ZERO_UUID } from './wire.ts';
