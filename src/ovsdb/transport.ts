/**
 * The narrow interface between the protocol and the network: a byte stream with back-pressure. `connectTransport` is the
 * real one over node:net and node:tls; tests have one in memory (testing/memory-transport.ts).
 */
import { connect as connectNet, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { whenAborted } from './aborting.ts';
import { systemOvsdbClock } from './clock.ts';
import { deadline } from './deadline.ts';
import {
  type ConnectionProblem,
  errorMessage,
  OvsdbConfigurationError,
  OvsdbConnectionError,
} from './errors.ts';
import { formatRemote } from './remote.ts';
import type { Endpoint } from './remote-rotation.ts';
import { socketProblem } from './socket-errors.ts';
import type { TlsMaterial } from './tls-material.ts';

/** Until a silent connection is tried; libuv sets the interval (1 s) and the number (10) of the tries. */
const KEEP_ALIVE_AFTER_MS = 5_000;

export interface TransportHandlers {
  data(chunk: Buffer): void;
  /** Once, when the stream has ended from either side; the error is absent after an orderly end. */
  closed(error: Error | undefined): void;
}

export interface Transport {
  /** Who is at the other end, for messages. */
  readonly peer: string;
  /** Starts the flow of data; call once. */
  open(handlers: TransportHandlers): void;
  write(text: string): void;
  /** Stops reading, so that the peer sees its own buffers fill. */
  pause(): void;
  resume(): void;
  /** Ends the stream at once. */
  destroy(): void;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Key, certificate and CA; required for `ssl:`. */
  readonly tls?: TlsMaterial | undefined;
}

export type Connect = (endpoint: Endpoint, options: ConnectOptions) => Promise<Transport>;

/** Connects to one server; rejects with the remote, the cause and the time in the message. */
export const connectTransport: Connect = async (endpoint, options) => {
  const { remote } = endpoint;
  const peer = formatEndpoint(endpoint);
  const socket = openSocket(endpoint, options.tls);
  socket.setNoDelay(true);
  try {
    await connected(socket, remote.kind === 'ssl' ? 'secureConnect' : 'connect', peer, options);
    if (remote.kind === 'ssl') verifyFingerprint(socket as TLSSocket, options.tls, peer);
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw error;
  }
  // Answered by the peer's kernel: it costs the server nothing, and a peer that is gone is noticed after 15 s.
  socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
  return new SocketTransport(socket, peer);
};

/** The remote as it was given, with the address where that is a name. */
export function formatEndpoint({ remote, address }: Endpoint): string {
  return address === undefined ? formatRemote(remote) : `${formatRemote(remote)} (${address})`;
}

function openSocket({ remote, address }: Endpoint, tls: TlsMaterial | undefined): Socket {
  if (remote.kind === 'unix') return connectNet({ path: remote.path });
  const host = address ?? remote.host;
  if (remote.kind === 'tcp') return connectNet({ host, port: remote.port });
  if (tls === undefined) {
    throw new OvsdbConfigurationError(
      `${formatRemote(remote)} needs a private key, a certificate and a CA certificate`,
      { problem: 'no-certificate' },
    );
  }
  return connectTls({
    host,
    port: remote.port,
    ...(address === undefined ? {} : { servername: remote.host }),
    key: tls.privateKey,
    cert: tls.certificate,
    ca: tls.caCert,
    // Said explicitly, because an environment variable could turn it off otherwise.
    rejectUnauthorized: true,
    // The certificates that ovs-pki makes carry no host names. The chain is verified; a pin can be given on top.
    checkServerIdentity: () => undefined,
  });
}

async function connected(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  peer: string,
  options: ConnectOptions,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (error: Error | undefined): void => {
      cancelDeadline();
      forgetSignal();
      socket.off(event, onConnect);
      socket.off('error', onError);
      socket.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const fail = (problem: ConnectionProblem, why: string, cause?: unknown): void =>
      settle(
        new OvsdbConnectionError('connect-failed', `cannot connect to ${peer}: ${why}`, { problem, cause }),
      );
    const onConnect = (): void => settle(undefined);
    const onError = (error: Error): void => {
      const { problem, text } = socketProblem(error);
      fail(problem, text, error);
    };
    const onClose = (): void =>
      fail('connection-lost', 'the peer closed the connection during the handshake');
    socket.once(event, onConnect);
    socket.once('error', onError);
    socket.once('close', onClose);
    const cancelDeadline = deadline(systemOvsdbClock, options.timeoutMs, () =>
      fail('no-answer', `no ${event} within ${options.timeoutMs} ms`),
    );
    let forgetSignal: () => void = () => undefined;
    forgetSignal = whenAborted(options.signal, () =>
      fail('closed', `given up: ${errorMessage(options.signal.reason)}`, options.signal.reason),
    );
  });
}

function verifyFingerprint(socket: TLSSocket, tls: TlsMaterial | undefined, peer: string): void {
  const wanted = tls?.fingerprint;
  if (wanted === undefined) return;
  const found = socket.getPeerCertificate().fingerprint256;
  if (plainHex(found) === plainHex(wanted)) return;
  throw new OvsdbConnectionError(
    'connect-failed',
    `cannot connect to ${peer}: its certificate has the SHA-256 fingerprint ${found}, not the pinned one`,
    { problem: 'untrusted-server' },
  );
}

function plainHex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

class SocketTransport implements Transport {
  readonly peer: string;
  readonly #socket: Socket;
  #error: Error | undefined;

  constructor(socket: Socket, peer: string) {
    this.#socket = socket;
    this.peer = peer;
    // An error may arrive before `open`, and again after `destroy`; without a listener it would end the process.
    socket.on('error', (error) => {
      this.#error = error;
    });
  }

  open(handlers: TransportHandlers): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => handlers.closed(this.#error));
      return;
    }
    this.#socket.on('data', (chunk: Buffer) => handlers.data(chunk));
    this.#socket.on('close', () => handlers.closed(this.#error));
  }

  write(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(text);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
