/** The one error of this room: what went wrong with FRR, as a code that callers can act on. */

/**
 * - `unreachable`: no daemon listens on the socket, or it went away in mid-request.
 * - `no-instance`: bgpd runs but has no default instance (its configuration may still be loading).
 * - `as-mismatch`: the default instance has another AS than the agent's configuration says.
 * - `conflict`: an operator's line stands where the agent's would go; the details name it.
 * - `rejected`: FRR refused a line; the details have the line and FRR's text.
 * - `not-applied`: FRR accepted every line, yet reading back shows something else.
 * - `invalid`: a name, number or command that must not be sent.
 * - `protocol`: an answer that cannot be understood.
 */
export type FrrErrorCode =
  | 'unreachable'
  | 'no-instance'
  | 'as-mismatch'
  | 'conflict'
  | 'rejected'
  | 'not-applied'
  | 'invalid'
  | 'protocol';

export class FrrError extends Error {
  override readonly name = 'FrrError';
  readonly code: FrrErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: FrrErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}
