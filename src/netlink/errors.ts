/**
 * The errors of the library, made once at the boundary to the kernel.
 *
 * `NetlinkError`: the kernel (or the socket) refused something; it has the symbolic `code`, the kernel's own text
 * (`extack`) and says what was attempted on what. `NetlinkDecodeError`: a message does not follow the wire format.
 * `NetlinkAddonError`: the native addon is missing or does not load.
 */
import os from 'node:os';
import { getSystemErrorMap } from 'node:util';
import type { NetlinkFailure } from './types.ts';

/** Two names of one number: the name that the kernel's sources and `ip` use. */
const PREFERRED_NAMES: readonly string[] = ['EOPNOTSUPP', 'EAGAIN'];

const NAMES: ReadonlyMap<number, string> = new Map(
  [
    ...Object.entries(os.constants.errno),
    ...PREFERRED_NAMES.map((name): [string, number] => [
      name,
      os.constants.errno[name as keyof typeof os.constants.errno],
    ]),
  ].map(([name, number]) => [number, name]),
);

/** What an operator can do about it, where that is not obvious from the code. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['EPERM', 'the process needs CAP_NET_ADMIN'],
  ['ENOBUFS', 'the socket buffer overflowed, so the outcome is unknown: read the state again'],
  ['ETIMEDOUT', 'the kernel gave no answer, so the outcome is unknown: read the state again'],
]);

/** Made once: Node.js makes a map of its own for each call. */
const REASONS: ReadonlyMap<number, string> = new Map(
  [...getSystemErrorMap()].map(([number, [, reason]]) => [-number, reason]),
);

export interface NetlinkErrorOptions extends ErrorOptions {
  /** What to do about it, in place of what is said of the code in general. */
  readonly hint?: string;
}

/** `EEXIST` for 17; `ERRNO_76` for numbers that Node.js has no name for. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `ERRNO_${errno}`;
}

export class NetlinkError extends Error implements NetlinkFailure {
  override readonly name = 'NetlinkError';
  readonly code: string;
  readonly errno: number;
  readonly extack?: string;
  /** What was attempted, for example `add route 10.0.0.0/24 table 5000`. */
  readonly attempt: string;

  constructor(attempt: string, errno: number, extack?: string, options?: NetlinkErrorOptions) {
    const code = errnoName(errno);
    const reason = extack ?? REASONS.get(errno);
    const hint = options?.hint ?? HINTS.get(code);
    super(
      `${attempt}: ${code}${reason === undefined ? '' : ` (${reason})`}${hint === undefined ? '' : `; ${hint}`}`,
      options,
    );
    this.code = code;
    this.errno = errno;
    if (extack !== undefined) this.extack = extack;
    this.attempt = attempt;
  }
}

/** Bytes that cannot be a message of rtnetlink: cut short, or with lengths that contradict each other. */
export class NetlinkDecodeError extends Error {
  override readonly name = 'NetlinkDecodeError';
  readonly code = 'ERR_NETLINK_DECODE';
}

/** A request holds a value that no message can carry: an address that does not parse, a text with a zero byte. */
export class NetlinkEncodeError extends Error {
  override readonly name = 'NetlinkEncodeError';
  readonly code = 'ERR_NETLINK_ENCODE';
}

export class NetlinkAddonError extends Error {
  override readonly name = 'NetlinkAddonError';
  readonly code = 'ERR_NETLINK_ADDON';
}
