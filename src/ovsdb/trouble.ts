/** Why a client has no usable connection now, for people and programs. */
import type { ClientStatus } from './client-options.ts';
import type { ConnectionProblem } from './errors.ts';

export interface ConnectionTrouble {
  /** That of the attempt or connection that failed last. */
  readonly problem: ConnectionProblem;
  /** What failed at each remote, once each, in the order of trying. */
  readonly text: string;
  /** No server can be used before somebody changes something at it or here. */
  readonly lasting: boolean;
}

/** Nothing of this goes by waiting. */
const LASTING: ReadonlySet<ConnectionProblem> = new Set([
  'no-such-host',
  'no-permission',
  'no-certificate',
  'certificate-refused',
  'untrusted-server',
  'no-tls',
  'wrong-database',
  'configuration',
]);

/**
 * `undefined` while there is a usable connection, and before the first attempt failed. `servers`: how many there are to
 * try; each address of a name is one.
 */
export function connectionTrouble(
  { problem, lastError, failures }: ClientStatus,
  servers: number,
): ConnectionTrouble | undefined {
  if (problem === undefined || lastError === undefined) return undefined;
  const texts = failures.map(({ error }) => error.message);
  return {
    problem,
    text: [...new Set([...texts, lastError.message])].join('; '),
    lasting:
      LASTING.has(problem) &&
      failures.length >= servers &&
      failures.every((failure) => LASTING.has(failure.problem)),
  };
}
