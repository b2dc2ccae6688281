/**
 * Types of option values that name things of the network: devices, tables, AS numbers, addresses, OVSDB remotes, paths.
 * They reach FRR, OVS and command lines, so each is held to the grammar of the program it ends up in.
 */
import {
  familyOf,
  type IpAddress,
  type IpFamily,
  networkAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
} from '../base/address.ts';
import { type Parsed, rejected, type ValueType } from './value-types.ts';

/** IFNAMSIZ of linux/if.h without the terminating NUL. */
const INTERFACE_NAME_LENGTH = 15;

/**
 * A kernel device that this agent names. The kernel refuses white space, "/" and ":" (dev_valid_name); FRR's vty also
 * takes "?" as a request for help and "!" and "#" as comments, so that only what all agree on is accepted.
 */
export const interfaceNameType: ValueType<string> = {
  label: 'interface name',
  accepts: `1 to ${INTERFACE_NAME_LENGTH} letters, digits, ".", "_", "-", "@" or "+", beginning with a letter, digit or "_"`,
  parse: (text) => {
    if (text.length > INTERFACE_NAME_LENGTH) {
      return rejected(
        text,
        `has ${text.length} characters, a device name has ${INTERFACE_NAME_LENGTH} at most`,
      );
    }
    return /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(text)
      ? { ok: true, value: text }
      : rejected(text, 'is not a valid interface name');
  },
  format: (value) => value,
};

/** Words that FRR reads as something else where a VRF name may stand. */
const RESERVED_VRF_NAMES: readonly string[] = ['all', 'default', 'lo'];

export const vrfNameType: ValueType<string> = {
  ...interfaceNameType,
  accepts: `${interfaceNameType.accepts}, but not ${RESERVED_VRF_NAMES.join(', ')}`,
  parse: (text) =>
    RESERVED_VRF_NAMES.includes(text)
      ? rejected(text, 'is reserved and cannot name a VRF')
      : interfaceNameType.parse(text),
};

/** Tables that the kernel keeps for itself (linux/rtnetlink.h). */
const RESERVED_TABLES: ReadonlyMap<number, string> = new Map([
  [253, 'default'],
  [254, 'main'],
  [255, 'local'],
]);

export const routingTableType: ValueType<number> = {
  label: 'routing table',
  accepts: 'a table number from 1 to 4294967295, but not 253, 254, 255',
  parse: (text) => {
    const trimmed = text.trim();
    if (!/^[0-9]+$/.test(trimmed)) return rejected(text, 'is not a table number');
    const value = Number(trimmed);
    if (value < 1 || value > 0xffff_ffff) return rejected(text, 'is out of range');
    const reserved = RESERVED_TABLES.get(value);
    return reserved === undefined
      ? { ok: true, value }
      : rejected(text, `is the kernel's own table "${reserved}"`);
  },
  format: String,
};

/** RFC 6793 AS number; asdot (RFC 5396) is turned into the plain number that FRR prints. */
export const asNumberType: ValueType<number> = {
  label: 'AS number',
  accepts: 'an AS number from 1 to 4294967295, or as high.low with each part up to 65535',
  parse: (text) => {
    const match = /^(?:([0-9]{1,5})\.)?([0-9]{1,10})$/.exec(text.trim());
    if (match === null) return rejected(text, 'is not an AS number');
    const [, high, low = ''] = match;
    const value = high === undefined ? Number(low) : Number(high) * 0x1_0000 + Number(low);
    const partsFit = high === undefined || (Number(high) <= 0xffff && Number(low) <= 0xffff);
    return partsFit && value >= 1 && value <= 0xffff_ffff
      ? { ok: true, value }
      : rejected(text, 'is out of range');
  },
  format: String,
};

/** A host address, of one family when given. */
export function addressType(family?: IpFamily): ValueType<IpAddress> {
  const name = family === undefined ? 'IP address' : `IPv${family} address`;
  return {
    label: name,
    accepts: `an ${name} without a mask`,
    parse: (text) => {
      const address = parseIp(text.trim());
      return address === undefined || (family !== undefined && familyOf(address) !== family)
        ? rejected(text, `is not an ${name}`)
        : { ok: true, value: address };
    },
    format: (value) => value,
  };
}

export const routerIdType: ValueType<IpAddress> = {
  label: 'IPv4 address',
  accepts: 'an IPv4 address other than 0.0.0.0',
  parse: (text) => {
    const parsed = addressType(4).parse(text);
    return parsed.ok && parsed.value === '0.0.0.0' ? rejected(text, 'is not a router id') : parsed;
  },
  format: (value) => value,
};

/** `address/length`; a bare address is a host prefix. Host bits are cleared, with a note. */
export const prefixType: ValueType<Prefix> = {
  label: 'prefix',
  accepts: 'address/length, IPv4 or IPv6',
  parse: (text) => {
    const parsed = parseInterfaceAddress(text.trim());
    if (parsed === undefined) return rejected(text, 'is not a prefix');
    const { address, network } = parsed;
    return address === networkAddress(network)
      ? { ok: true, value: network }
      : { ok: true, value: network, note: `${text.trim()} has bits behind its mask: taken as ${network}` };
  },
  format: (value) => value,
};

/** `sun_path` of sockaddr_un holds 108 bytes with the terminating NUL (unix(7)). */
const SOCKET_PATH_LENGTH = 107;

/** One OVSDB remote, as ovsdb(7) writes active connections. */
export const remoteType: ValueType<string> = {
  label: 'OVSDB remote',
  accepts: 'tcp:HOST:PORT, ssl:HOST:PORT or unix:/PATH (an IPv6 HOST in square brackets)',
  parse: parseRemote,
  format: (value) => value,
};

function parseRemote(text: string): Parsed<string> {
  const remote = text.trim();
  const colon = remote.indexOf(':');
  const [scheme, rest] = [remote.slice(0, Math.max(0, colon)), remote.slice(colon + 1)];
  switch (scheme) {
    case 'unix': {
      if (!isAbsolutePath(rest)) return rejected(text, 'does not name the absolute path of a socket');
      return Buffer.byteLength(rest) > SOCKET_PATH_LENGTH
        ? rejected(text, `has a path of more than ${SOCKET_PATH_LENGTH} bytes, which no socket can have`)
        : { ok: true, value: remote };
    }
    case 'tcp':
    case 'ssl': {
      const match = /^(\[[^\]]*\]|[^:[\]]*):([0-9]{1,5})$/.exec(rest);
      if (match === null) return rejected(text, 'does not end in HOST:PORT');
      const [, host = '', portText] = match;
      const port = Number(portText);
      if (port < 1 || port > 65535) return rejected(text, 'has a port out of range 1 to 65535');
      return isHost(host) ? { ok: true, value: remote } : rejected(text, 'has no valid host name or address');
    }
    default:
      return rejected(text, 'does not begin with tcp:, ssl: or unix:');
  }
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) {
    // A link-local address needs its device behind "%" (RFC 4007 11).
    const address = parseIp(host.slice(1, -1).replace(/%[A-Za-z0-9_.-]+$/, ''));
    return address !== undefined && familyOf(address) === 6;
  }
  // What looks like a dotted quad must be one: no resolver would take 10.0.0.300 for a name.
  if (/^[0-9.]+$/.test(host)) return parseIp(host) !== undefined;
  return host.length <= 253 && /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$/.test(host);
}

/** Remotes of one clustered database, separated by commas; kept as one text, in canonical spacing. */
export const remotesType: ValueType<string> = {
  label: 'OVSDB remotes',
  accepts: `${remoteType.accepts}, several separated by commas`,
  parse: (text) => {
    const remotes: string[] = [];
    for (const item of text.split(',')) {
      const parsed = remoteType.parse(item);
      if (!parsed.ok) return parsed;
      remotes.push(parsed.value);
    }
    return { ok: true, value: remotes.join(',') };
  },
  format: (value) => value,
};

export const pathType: ValueType<string> = {
  label: 'path',
  accepts: 'an absolute path',
  parse: (text) =>
    isAbsolutePath(text) ? { ok: true, value: text } : rejected(text, 'is not an absolute path'),
  format: (value) => value,
};

export const programType: ValueType<string> = {
  label: 'program',
  accepts: 'the name of a program in $PATH or an absolute path',
  parse: (text) =>
    isAbsolutePath(text) || /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(text)
      ? { ok: true, value: text }
      : rejected(text, 'is neither a program name nor an absolute path'),
  format: (value) => value,
};

function isAbsolutePath(text: string): boolean {
  return /^\/\P{Cc}*$/u.test(text);
}
