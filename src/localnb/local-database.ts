/**
 * The node's own Northbound database as this room needs it.
 *
 * In: where the database is. Out: its tables, a call for every change, transactions. The client reconnects by itself and
 * the tables keep their last contents meanwhile.
 */
import type { Logger } from '../base/logger.ts';
import { type Operation, type OperationResult, OvsdbClient } from '../ovsdb/index.ts';
import { LOCAL_NORTHBOUND, type LocalTables } from './schema.ts';

export interface LocalDatabase {
  /** Begins to connect; further calls do nothing. */
  start(): void;
  /** The tables, once their first contents are complete; kept while disconnected. */
  tables(): LocalTables | undefined;
  /** True when the server's schema has this column. */
  has(table: keyof LocalTables, column: string): boolean;
  /** Calls back after every change; `counters`: nothing but NB_Global changed. */
  subscribe(listener: (what: 'rows' | 'counters') => void): () => void;
  /** One transaction: all operations or none; rejects when the server refuses it. */
  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly OperationResult[]>;
  close(): Promise<void>;
}

/** The server is on the same host: coming back soon harms nobody. */
const BACKOFF = { minMs: 50, maxMs: 2000 };

export function openLocalDatabase(remote: string, logger: Logger): LocalDatabase {
  const client = new OvsdbClient({
    remotes: remote,
    database: LOCAL_NORTHBOUND.name,
    name: 'local OVN_Northbound',
    backoff: BACKOFF,
    logger,
  });
  const replica = client.replicate(LOCAL_NORTHBOUND);
  return {
    start: () => client.start(),
    tables: () => (replica.populated ? replica.tables : undefined),
    has: (table, column) => replica.has(table, column),
    subscribe: (listener) =>
      replica.subscribe(({ cause, changes }) => {
        const tables = Object.keys(changes);
        const counters = cause === 'update' && tables.every((table) => table === 'NB_Global');
        listener(counters ? 'counters' : 'rows');
      }),
    transact: (operations, signal) => client.transact(operations, signal === undefined ? {} : { signal }),
    close: () => client.close(),
  };
}
