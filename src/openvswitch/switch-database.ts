/**
 * The local `Open_vSwitch` database as this room needs it.
 *
 * In: where the database is, or may be. Out: its tables, a call for every change, transactions. The client reconnects by itself and
 * the tables keep their last contents meanwhile.
 */
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import { type Operation, OvsdbClient } from '../ovsdb/index.ts';
import { SWITCH_SPEC } from './schema.ts';
import type { SwitchTables } from './snapshot.ts';

export interface SwitchDatabase {
  /** The tables, once their first contents are complete; kept while disconnected. */
  tables(): SwitchTables | undefined;
  /** Calls back after every change of the tables, and whenever they are complete and current again. */
  subscribe(listener: () => void): () => void;
  /** One transaction: all operations or none; rejects when the server refuses it. */
  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<unknown>;
  /** Why it cannot be read now. */
  trouble(): DatabaseTrouble | undefined;
  close(): Promise<void>;
}

/** ovsdb-server is on the same host: coming back soon harms nobody. */
const BACKOFF = { minMs: 50, maxMs: 1000 };

export function openSwitchDatabase(remote: string, logger: Logger): SwitchDatabase {
  const client = new OvsdbClient({
    remotes: remote,
    database: SWITCH_SPEC.name,
    // The first that answers is the switch of this host, as often as it is asked for.
    shuffleRemotes: false,
    backoff: BACKOFF,
    logger,
  });
  const replica = client.replicate(SWITCH_SPEC);
  client.start();
  return {
    tables: () => (replica.populated ? replica.tables : undefined),
    subscribe: (listener) => {
      const cancelChanges = replica.subscribe(() => listener());
      const cancelStates = replica.onState(({ state }) => {
        if (state === 'synchronized') listener();
      });
      return () => {
        cancelChanges();
        cancelStates();
      };
    },
    transact: (operations, signal) => client.transact(operations, signal),
    trouble: () => {
      const { trouble } = client;
      return trouble === undefined ? undefined : { database: client.database, ...trouble };
    },
    close: () => client.close(),
  };
}
