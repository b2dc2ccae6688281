/**
 * Every error this library throws or hands to a caller. All carry a `code` to switch on and a message that says what was
 * attempted, on what, and what was waited for; `cause` holds the error underneath where there is one.
 */

/** Base class: `instanceof OvsdbError` tells errors of this library from bugs. */
export abstract class OvsdbError extends Error {
  abstract readonly code: string;
}

/**
 * What stands between a client and its database, stable words for a program; the error's message has those for a person.
 *
 * To the server: `no-such-host` (a name without an address), `no-name-server` (nobody answers for the name),
 * `no-such-socket`, `no-permission` (for the socket), `connection-refused`, `unreachable`, `no-answer` (in time),
 * `connection-lost`. TLS: `no-certificate` (no usable files of our own), `certificate-refused` (by the server),
 * `untrusted-server` (its certificate does not verify), `no-tls` (it does not speak TLS).
 * At the server: `wrong-database` (it has others), `not-joined`, `cut-off`, `not-leader`, `stale`, `no-source` (a relay
 * that is not connected to its source), `converted` (the schema changed; the client comes back).
 * `closed`: the client. `protocol`, `configuration`, `other`: see the message.
 */
export type ConnectionProblem =
  | 'no-such-host'
  | 'no-name-server'
  | 'no-such-socket'
  | 'no-permission'
  | 'connection-refused'
  | 'unreachable'
  | 'no-answer'
  | 'connection-lost'
  | 'no-certificate'
  | 'certificate-refused'
  | 'untrusted-server'
  | 'no-tls'
  | 'wrong-database'
  | 'not-joined'
  | 'cut-off'
  | 'not-leader'
  | 'stale'
  | 'no-source'
  | 'converted'
  | 'closed'
  | 'protocol'
  | 'configuration'
  | 'other';

export interface ProblemOptions extends ErrorOptions {
  readonly problem?: ConnectionProblem | undefined;
}

/** A remote, an option or a declaration that cannot be used, or a value that no server could parse. */
export class OvsdbConfigurationError extends OvsdbError {
  override readonly name = 'OvsdbConfigurationError';
  readonly code = 'configuration';
  readonly problem: ConnectionProblem;

  constructor(message: string, options: ProblemOptions = {}) {
    super(message, options);
    this.problem = options.problem ?? 'configuration';
  }
}

/** The connection could not be made, or ended; a request that was under way may or may not have taken effect. */
export class OvsdbConnectionError extends OvsdbError {
  override readonly name = 'OvsdbConnectionError';
  readonly code: 'connect-failed' | 'connection-lost' | 'inactive' | 'unsuitable' | 'closed';
  readonly problem: ConnectionProblem;

  constructor(code: OvsdbConnectionError['code'], message: string, options: ProblemOptions = {}) {
    super(message, options);
    this.code = code;
    this.problem = options.problem ?? PROBLEM_OF_CODE[code];
  }
}

const PROBLEM_OF_CODE: Readonly<Record<OvsdbConnectionError['code'], ConnectionProblem>> = {
  'connect-failed': 'unreachable',
  'connection-lost': 'connection-lost',
  inactive: 'no-answer',
  unsuitable: 'other',
  closed: 'closed',
};

/** A deadline passed; the message names what was waited for. */
export class OvsdbTimeoutError extends OvsdbError {
  override readonly name = 'OvsdbTimeoutError';
  readonly code = 'timeout';
}

/** The peer sent what the protocol does not allow; the connection is given up. */
export class OvsdbProtocolError extends OvsdbError {
  override readonly name = 'OvsdbProtocolError';
  readonly code = 'protocol';
}

/** What was received contradicts what is held (unknown row modified, ...); the replica must be dumped again. */
export class OvsdbInconsistencyError extends OvsdbError {
  override readonly name = 'OvsdbInconsistencyError';
  readonly code = 'inconsistent';
}

/**
 * A database file that cannot be used; the message names the file and, where there is one, the record.
 *
 * `unreadable`: the operating system says so. `unrecognized`: none of the known formats. `corrupt`: a record is damaged
 * or contradicts an earlier one. `incomplete`: a part without which the contents mean nothing is missing. `too-big`:
 * more than Node.js can hold in one piece. `wrong-database`: not the database that was asked for.
 */
export class OvsdbFileError extends OvsdbError {
  override readonly name = 'OvsdbFileError';
  readonly code: 'unreadable' | 'unrecognized' | 'corrupt' | 'incomplete' | 'too-big' | 'wrong-database';

  constructor(code: OvsdbFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The server answered a request with an error; `code` is the server's own error string. */
export class OvsdbRpcError extends OvsdbError {
  override readonly name = 'OvsdbRpcError';
  readonly code: string;
  readonly method: string;
  readonly details: string | undefined;

  constructor(method: string, target: string, error: unknown) {
    const { code, details } = parseErrorObject(error);
    super(`${method} on ${target}: ${code}${details === undefined ? '' : ` (${details})`}`);
    this.code = code;
    this.method = method;
    this.details = details;
  }
}

/** Error strings of RFC 7047 section 3.1 and 5.2 and of ovsdb-server(7); servers may send others. */
export type TransactionErrorCode =
  | 'aborted'
  | 'canceled'
  | 'constraint violation'
  | 'domain error'
  | 'duplicate uuid'
  | 'duplicate uuid-name'
  | 'I/O error'
  | 'internal error'
  | 'not allowed'
  | 'not owner'
  | 'not supported'
  | 'ovsdb error'
  | 'permission error'
  | 'range error'
  | 'referential integrity violation'
  | 'resources exhausted'
  | 'syntax error'
  | 'timed out'
  | 'unknown column'
  | 'unknown database'
  | 'unknown table'
  | (string & {});

/** A transaction that the server refused; nothing of it took effect. */
export class OvsdbTransactionError extends OvsdbError {
  override readonly name = 'OvsdbTransactionError';
  readonly code: TransactionErrorCode;
  readonly details: string | undefined;
  /** Which operation failed; `undefined` when the transaction failed as a whole, for example at commit. */
  readonly operationIndex: number | undefined;
  /** The operation itself, for the log. */
  readonly operation: unknown;

  constructor(database: string, error: unknown, operationIndex?: number, operation?: unknown) {
    const { code, details } = parseErrorObject(error);
    const where = operationIndex === undefined ? 'as a whole' : `in operation ${operationIndex}`;
    super(
      `transaction on ${database} failed ${where}: ${code}${details === undefined ? '' : ` (${details})`}`,
    );
    this.code = code;
    this.details = details;
    this.operationIndex = operationIndex;
    this.operation = operation;
  }
}

/** Servers send `{"error": ..., "details": ...}` for most errors and a bare string for an unknown method. */
function parseErrorObject(error: unknown): { code: string; details: string | undefined } {
  if (typeof error === 'string') return { code: error, details: undefined };
  if (typeof error !== 'object' || error === null) return { code: JSON.stringify(error), details: undefined };
  const { error: code, details } = error as { error?: unknown; details?: unknown };
  return {
    code: typeof code === 'string' ? code : JSON.stringify(error),
    details: typeof details === 'string' ? details : undefined,
  };
}

/** The stable word for why a connection, or an attempt at one, ended. */
export function problemOf(error: OvsdbError): ConnectionProblem {
  if (error instanceof OvsdbConnectionError || error instanceof OvsdbConfigurationError) return error.problem;
  if (error instanceof OvsdbTimeoutError) return 'no-answer';
  return error instanceof OvsdbProtocolError ? 'protocol' : 'other';
}

/** What a caught value says, for messages and logs. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
