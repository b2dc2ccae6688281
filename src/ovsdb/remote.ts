/**
 * Remotes as OVS and OVN write them (ovsdb(7), "Connection Methods"): `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`,
 * an IPv6 address in brackets, the port optional (6640, IANA), several separated by commas.
 *
 * In: text from a configuration. Out: a list of at least one remote. What does not parse throws, naming the part.
 */
import { OvsdbConfigurationError } from './errors.ts';

export type Remote =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number };

const DEFAULT_PORT = 6640;

/** Parses a comma separated list; repeated remotes count once. */
export function parseRemotes(text: string): readonly Remote[] {
  const remotes = new Map<string, Remote>();
  for (const part of text.split(',')) {
    const trimmed = part.trim();
    if (trimmed === '') continue;
    const remote = parseRemote(trimmed);
    remotes.set(formatRemote(remote), remote);
  }
  if (remotes.size === 0) throw new OvsdbConfigurationError('no OVSDB remote is given');
  return [...remotes.values()];
}

/** Parses one remote. */
export function parseRemote(text: string): Remote {
  const colon = text.indexOf(':');
  const kind = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  if (kind === 'unix') {
    // The kernel's sun_path holds 108 bytes with the final zero; a longer path would be cut silently.
    if (rest === '' || Buffer.byteLength(rest) > 107) {
      throw refused(text, 'the socket path must be 1 to 107 bytes long');
    }
    return { kind, path: rest };
  }
  if (kind !== 'tcp' && kind !== 'ssl') throw refused(text, 'it must start with unix:, tcp: or ssl:');
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw refused(text, 'expected HOST:PORT, with an IPv6 address in brackets');
  const bracketed = match?.[1] !== undefined;
  if (bracketed && !/^[0-9a-fA-F:.]+(?:%[\w.-]+)?$/.test(host)) {
    throw refused(text, 'only an IPv6 address belongs in brackets');
  }
  if (!bracketed && !/^[\w.-]+$/.test(host)) throw refused(text, 'the host is not a name or an IPv4 address');
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65_535) throw refused(text, 'the port must be 1 to 65535');
  return { kind, host, port };
}

/** The remote as it is written. */
export function formatRemote(remote: Remote): string {
  if (remote.kind === 'unix') return `unix:${remote.path}`;
  const host = remote.host.includes(':') ? `[${remote.host}]` : remote.host;
  return `${remote.kind}:${host}:${remote.port}`;
}

/** A copy in random order (Fisher and Yates), so that many clients do not all start at the first member. */
export function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [result[last], result[other]];
    if (a !== undefined && b !== undefined) {
      result[last] = b;
      result[other] = a;
    }
  }
  return result;
}

function refused(text: string, why: string): OvsdbConfigurationError {
  return new OvsdbConfigurationError(`OVSDB remote ${JSON.stringify(text)}: ${why}`);
}
