/**
 * A netlink socket: the narrow interface that the rest of the library uses, and its real implementation.
 *
 * In: bytes to send, options. Out: received bytes. Failures of system calls throw NetlinkError; "nothing there" and
 * "messages were lost" are values.
 */
import { NetlinkError } from './errors.ts';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from './kernel-numbers.ts';
import type { NetlinkLogger } from './logger.ts';
import type { NativeAddon, SocketHandle } from './native.ts';

export type Received =
  /** `length` bytes are in the buffer. */
  | { readonly kind: 'datagram'; readonly length: number }
  /** The datagram has `length` bytes, more than the buffer; its end is lost. */
  | { readonly kind: 'truncated'; readonly length: number }
  /** The socket's buffer overflowed: the kernel dropped messages (ENOBUFS). */
  | { readonly kind: 'overrun' }
  | { readonly kind: 'nothing' };

/** The part of a socket that exchanges requests and replies; tests put their own in between. */
export interface RequestSocket {
  /** The kernel carries out the requests before this returns. */
  send(bytes: Buffer): void;
  receive(buffer: Buffer): Received;
  /** The largest datagram that `send` takes; absent: any. */
  readonly sendLimitBytes?: number;
  close(): void;
}

export interface SocketOptions {
  readonly netns?: string | undefined;
  /** A socket whose network namespace this one is to be in, whatever the path says by now. */
  readonly beside?: NetlinkSocket;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly logger: NetlinkLogger;
}

/** What netlink_sendmsg() of net/netlink/af_netlink.c keeps of the send buffer for itself. */
const SEND_OVERHEAD_BYTES = 32;
const EPERM = 1;
const ENOBUFS = 105;
const EAGAIN = 11;

export class NetlinkSocket implements RequestSocket {
  readonly #addon: NativeAddon;
  readonly #handle: SocketHandle;
  readonly sendLimitBytes: number;

  constructor(addon: NativeAddon, options: SocketOptions) {
    const handle = addon.open(
      options.beside === undefined ? (options.netns ?? null) : options.beside.#handle,
    );
    if (typeof handle === 'number') {
      const where = options.netns === undefined ? '' : ` in network namespace ${options.netns}`;
      const hint = options.netns === undefined ? {} : { hint: 'another namespace needs CAP_SYS_ADMIN' };
      throw new NetlinkError(
        `open netlink socket${where}`,
        -handle,
        undefined,
        handle === -EPERM ? hint : {},
      );
    }
    this.#addon = addon;
    this.#handle = handle;
    this.#grow('receive', options.receiveBufferBytes, SO_RCVBUFFORCE, SO_RCVBUF, options.logger);
    this.#grow('send', options.sendBufferBytes, SO_SNDBUFFORCE, SO_SNDBUF, options.logger);
    this.sendLimitBytes = addon.getOption(handle, SOL_SOCKET, SO_SNDBUF) - SEND_OVERHEAD_BYTES;
    // Each of these came later than netlink itself (Linux 4.3, 4.12, 4.20); without one the library works, but with
    // bigger replies, errors without text, or dumps that it has to filter itself.
    const optional = { NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK };
    for (const [option, number] of Object.entries(optional)) {
      const result = addon.setOption(handle, SOL_NETLINK, number, 1);
      if (result < 0)
        options.logger.debug({ option, errno: -result }, 'the kernel lacks a netlink socket option');
    }
  }

  /** Twice what was asked for, as the kernel counts its own overhead (socket(7)). */
  get receiveBufferBytes(): number {
    return this.#addon.getOption(this.#handle, SOL_SOCKET, SO_RCVBUF);
  }

  send(bytes: Buffer): void {
    const result = this.#addon.send(this.#handle, bytes, bytes.length);
    if (result < 0) throw new NetlinkError(`send ${bytes.length} bytes to the kernel`, -result);
  }

  receive(buffer: Buffer): Received {
    const length = this.#addon.receive(this.#handle, buffer);
    if (length > buffer.length) return { kind: 'truncated', length };
    if (length >= 0) return { kind: 'datagram', length };
    if (length === -EAGAIN) return { kind: 'nothing' };
    if (length === -ENOBUFS) return { kind: 'overrun' };
    throw new NetlinkError('receive from the kernel', -length);
  }

  join(group: number): void {
    const result = this.#addon.setOption(this.#handle, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    if (result < 0) throw new NetlinkError(`join netlink group ${group}`, -result);
  }

  /** Calls back from now on with datagrams and the errno that came after them (0: none); `holds`: keeps the process alive. */
  watch(callback: (bytes: Buffer, errno: number) => void, holds = true): void {
    const result = this.#addon.watch(this.#handle, callback, holds);
    if (result < 0) throw new NetlinkError('watch netlink socket', -result);
  }

  close(): void {
    this.#addon.close(this.#handle);
  }

  /** Without CAP_NET_ADMIN only up to net.core.rmem_max or wmem_max, silently cut by the kernel. */
  #grow(what: string, bytes: number, force: number, plain: number, logger: NetlinkLogger): void {
    if (this.#addon.setOption(this.#handle, SOL_SOCKET, force, bytes) >= 0) return;
    this.#addon.setOption(this.#handle, SOL_SOCKET, plain, bytes);
    const got = this.#addon.getOption(this.#handle, SOL_SOCKET, plain);
    logger.debug(
      { buffer: what, wanted: bytes, got },
      'socket buffer is limited, CAP_NET_ADMIN would lift that',
    );
  }
}
