/**
 * One transaction on a database that may not be there.
 *
 * Out: its results; `undefined` when nothing answers in time or what answers has no such database. A transaction that the
 * server refuses is thrown (`OvsdbTransactionError`).
 */
import { type Operation, type OperationResult, OvsdbClient, OvsdbTransactionError } from '../ovsdb/index.ts';

export async function askDatabase(
  remote: string,
  database: string,
  operations: readonly Operation[],
  timeoutMs: number,
): Promise<readonly OperationResult[] | undefined> {
  const client = new OvsdbClient({ remotes: remote, database, backoff: { minMs: 20, maxMs: 100 } });
  const away = new AbortController();
  // Who asks will ask again: a server that is not there is an answer, too.
  client.onState(({ state, lastError }) => {
    if (state === 'disconnected') away.abort(lastError);
  });
  client.start();
  try {
    return await client.transact(operations, AbortSignal.any([away.signal, AbortSignal.timeout(timeoutMs)]));
  } catch (error) {
    if (error instanceof OvsdbTransactionError) throw error;
    return undefined;
  } finally {
    await client.close();
  }
}
