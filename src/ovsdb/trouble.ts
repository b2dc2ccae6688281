/** Why a client has no usable connection now, for people and programs. */
import type { ClientStatus } from './client-options.ts';
import type { ConnectionProblem } from './errors.ts';

export interface ConnectionTrouble {
  /** That of the attempt or connection that failed last. */
  readonly problem: ConnectionProblem;
  /** What failed at each remote, once each, in the order of trying. */
  readonly text: string;
  /** No remote can be used before somebody changes something at it or here. */
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

/** `undefined` while there is a usable connection, and before the first attempt failed. `remotes`: how many there are. */
export function connectionTrouble(
  { problem, lastError, failures }: ClientStatus,
  remotes: number,
): ConnectionTrouble | undefined {
  if (problem === undefined || lastError === undefined) return undefined;
  const texts = failures.map(({ error }) => error.message);
  const tried = new Set(failures.map(({ remote }) => remote));
  return {
    problem,
    text: [...new Set([...texts, lastError.message])].join('; '),
    lasting:
      LASTING.has(problem) &&
      tried.size >= remotes &&
      failures.every((failure) => LASTING.has(failure.problem)),
  };
}
