/**
 * The order in which servers are tried. Every address of a remote that is given by name is a server of its own: the name
 * is looked up whenever its turn comes, and its addresses, IPv4 and IPv6 alike, are tried one after the other.
 *
 * Failure: a name that has no address, or is not answered for in time, counts as one attempt that failed.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { whenAborted } from './aborting.ts';
import type { OvsdbClock } from './clock.ts';
import { deadline } from './deadline.ts';
import { OvsdbConnectionError } from './errors.ts';
import { formatRemote, type Remote, shuffled } from './remote.ts';
import { socketProblem } from './socket-errors.ts';

/** One server to try: `address` is one of a remote that is given by name. */
export interface Endpoint {
  readonly remote: Remote;
  readonly address?: string;
}

/** The addresses of a name; rejects, or gives none, when there is no such name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface RotationOptions {
  readonly lookup: Lookup;
  /** Source of randomness; absent: remotes and addresses keep their order. */
  readonly random: (() => number) | undefined;
  readonly clock: OvsdbClock;
  readonly timeoutMs: number;
}

/** Asks the system's resolver: /etc/hosts, DNS and whatever else nsswitch.conf names. */
export const systemLookup: Lookup = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

export class RemoteRotation {
  readonly #remotes: readonly Remote[];
  readonly #options: RotationOptions;
  /** How many servers each remote stood for when it was looked up last. */
  readonly #sizes = new Map<Remote, number>();
  /** A resolver that hangs is not asked a second time meanwhile: each question holds a thread. */
  readonly #asked = new Map<string, Promise<readonly string[]>>();
  #at = 0;
  #addresses: string[] = [];

  constructor(remotes: readonly Remote[], options: RotationOptions) {
    this.#remotes = options.random === undefined ? remotes : shuffled(remotes, options.random);
    this.#options = options;
  }

  /** How many servers there are to try, as far as is known. */
  get size(): number {
    return this.#remotes.reduce((sum, remote) => sum + (this.#sizes.get(remote) ?? 1), 0);
  }

  /** The remote of the next endpoint. */
  get upcoming(): Remote {
    const remote = this.#remotes[this.#at % this.#remotes.length];
    if (remote === undefined) throw new Error('unreachable: there is at least one remote');
    return remote;
  }

  /** The next server to try. */
  async next(signal: AbortSignal): Promise<Endpoint> {
    const remote = this.upcoming;
    if (this.#addresses.length === 0) {
      if (!isNamed(remote)) {
        this.#at += 1;
        return { remote };
      }
      try {
        this.#addresses = await this.#resolve(remote, signal);
      } catch (error) {
        this.#at += 1;
        throw error;
      }
    }
    const address = this.#addresses.shift();
    if (this.#addresses.length === 0) this.#at += 1;
    return address === undefined ? { remote } : { remote, address };
  }

  /** Whether the name of this endpoint stands for other servers by now. */
  async hasOthers({ remote, address }: Endpoint, signal: AbortSignal): Promise<boolean> {
    if (!isNamed(remote)) return false;
    const addresses = await this.#resolve(remote, signal).catch(() => []);
    return addresses.some((each) => each !== address);
  }

  async #resolve(remote: Remote & { readonly host: string }, signal: AbortSignal): Promise<string[]> {
    const name = formatRemote(remote);
    let found: readonly string[];
    try {
      found = await this.#within(this.#ask(remote.host), name, signal);
    } catch (cause) {
      this.#sizes.set(remote, 1);
      if (cause instanceof OvsdbConnectionError || !(cause instanceof Error)) throw cause;
      const { problem, text } = socketProblem(cause);
      throw failed(name, text, problem, cause);
    }
    const addresses = [...new Set(found)];
    this.#sizes.set(remote, Math.max(1, addresses.length));
    if (addresses.length === 0) throw failed(name, 'the name has no address', 'no-such-host');
    const { random } = this.#options;
    return random === undefined ? addresses : [...shuffled(addresses, random)];
  }

  async #ask(host: string): Promise<readonly string[]> {
    const asked = this.#asked.get(host);
    if (asked !== undefined) return await asked;
    const question = this.#options.lookup(host).finally(() => this.#asked.delete(host));
    this.#asked.set(host, question);
    return await question;
  }

  async #within<T>(work: Promise<T>, name: string, signal: AbortSignal): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    let forget: () => void = () => undefined;
    const end = new Promise<never>((_resolve, reject) => {
      const late = deadline(clock, timeoutMs, () =>
        reject(failed(name, `the name was not answered for within ${timeoutMs} ms`, 'no-name-server')),
      );
      const stop = whenAborted(signal, () => reject(failed(name, 'given up', 'closed', signal.reason)));
      forget = () => {
        late();
        stop();
      };
    });
    try {
      return await Promise.race([work, end]);
    } finally {
      forget();
    }
  }
}

function isNamed(remote: Remote): remote is Extract<Remote, { host: string }> {
  return remote.kind !== 'unix' && isIP(remote.host) === 0;
}

function failed(
  name: string,
  why: string,
  problem: OvsdbConnectionError['problem'],
  cause?: unknown,
): OvsdbConnectionError {
  return new OvsdbConnectionError('connect-failed', `cannot connect to ${name}: ${why}`, { problem, cause });
}
