/**
 * Reads the outcome of a transaction (RFC 7047 4.1.3): one result for each operation, `null` for those after a failure,
 * and one more element when the commit itself failed.
 */
import { OvsdbProtocolError, OvsdbRpcError, OvsdbTransactionError } from './errors.ts';
import type { Operation, OperationResult } from './operations.ts';

/** The results, or the first error as an `OvsdbTransactionError`. */
export function readResults(
  database: string,
  operations: readonly Operation[],
  reply: unknown,
): readonly OperationResult[] {
  if (!Array.isArray(reply))
    throw new OvsdbProtocolError(`the reply to a transaction on ${database} is no list`);
  const results = reply as readonly unknown[];
  for (const [index, result] of results.entries()) {
    if (typeof result !== 'object' || result === null || !('error' in result)) continue;
    const operation = operations[index];
    throw operation === undefined
      ? new OvsdbTransactionError(database, result)
      : new OvsdbTransactionError(database, result, index, operation);
  }
  if (results.length < operations.length || results.includes(null)) {
    throw new OvsdbProtocolError(
      `the reply to a transaction on ${database} lacks results without naming an error`,
    );
  }
  return results.slice(0, operations.length) as readonly OperationResult[];
}

/** A refusal of the whole request, such as `unknown database` or `canceled`, is a transaction error too. */
export function asTransactionError(database: string, error: unknown): unknown {
  if (!(error instanceof OvsdbRpcError)) return error;
  return new OvsdbTransactionError(database, { error: error.code, details: error.details });
}

/**
 * Errors that another attempt may not meet: the member lost its leader or its cluster, or the database was being moved.
 * Whether the transaction took effect is not always known, so only what may be done twice is done again.
 */
const TEMPORARY: ReadonlySet<string> = new Set([
  'canceled',
  'cluster error',
  'not leader',
  'try again',
  'unknown database',
]);

export function isTemporaryCode(code: string): boolean {
  return TEMPORARY.has(code);
}

export function isTemporary(error: unknown): boolean {
  return error instanceof OvsdbTransactionError && isTemporaryCode(error.code);
}
