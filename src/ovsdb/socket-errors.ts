/**
 * What the errors of sockets and of TLS mean for a connection, in a stable word and in words for a person. OpenSSL's own
 * messages carry a line of its source code and end in a line feed.
 */
import { type ConnectionProblem, errorMessage } from './errors.ts';

export interface SocketProblem {
  readonly problem: ConnectionProblem;
  readonly text: string;
}

const SYSTEM: Readonly<Record<string, readonly [problem: ConnectionProblem, text: string]>> = {
  ECONNREFUSED: ['connection-refused', 'the connection was refused: nothing listens there'],
  ENOENT: ['no-such-socket', 'there is no such socket'],
  EACCES: ['no-permission', 'no permission for the socket'],
  EPERM: ['no-permission', 'not permitted'],
  ENOTFOUND: ['no-such-host', 'the name has no address'],
  EAI_AGAIN: ['no-name-server', 'no name server answers for the name'],
  EHOSTUNREACH: ['unreachable', 'no route to the host'],
  ENETUNREACH: ['unreachable', 'no route to the network'],
  ETIMEDOUT: ['no-answer', 'no answer'],
  ECONNRESET: ['connection-lost', 'the peer reset the connection'],
  EPIPE: ['connection-lost', 'the peer has closed the connection'],
};

/** Alerts by which a server refuses the certificate of its client (RFC 8446 6.2), as OpenSSL names them. */
const REFUSED = /(?:BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE/;
/** What OpenSSL finds wrong with a server's chain (verify(1ssl), "Diagnostics"), by the codes that Node.js gives. */
const UNTRUSTED =
  /^(?:UNABLE_TO_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

export function socketProblem(error: Error): SocketProblem {
  // When a name has several addresses, Node.js reports all failures in one error whose own message is empty.
  if (error instanceof AggregateError && error.errors.length > 0) {
    const all = error.errors.map((each) => socketProblem(each as Error));
    return { problem: all[0]?.problem ?? 'other', text: all.map(({ text }) => text).join('; ') };
  }
  const { code = '', reason } = error as { readonly code?: string; readonly reason?: string };
  const known = SYSTEM[code];
  if (known !== undefined) return { problem: known[0], text: `${known[1]} (${code})` };
  if (code.startsWith('ERR_SSL_')) return tlsProblem(code, reason ?? code);
  if (UNTRUSTED.test(code)) {
    return { problem: 'untrusted-server', text: `the server's certificate does not verify: ${plain(error)}` };
  }
  return { problem: 'connection-lost', text: plain(error) };
}

function tlsProblem(code: string, reason: string): SocketProblem {
  if (code.includes('_ALERT_') && REFUSED.test(code.slice(code.indexOf('_ALERT_')))) {
    const why = reason.replace(/^.*alert /, '');
    return { problem: 'certificate-refused', text: `the server refused our certificate: ${why}` };
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return { problem: 'no-tls', text: 'the server does not speak TLS' };
  }
  return { problem: 'connection-lost', text: `TLS: ${reason}` };
}

function plain(error: Error): string {
  return errorMessage(error).replace(/\s+/g, ' ').trim();
}
