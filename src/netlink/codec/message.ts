/**
 * The frame of netlink: messages one after the other in a datagram, and the two replies that end an exchange.
 *
 * In: received bytes. Out: headers with the range of their payload; the error and extended ACK of an NLMSG_ERROR or
 * NLMSG_DONE. Throws NetlinkDecodeError for lengths that contradict each other.
 */
import { NetlinkDecodeError } from '../errors.ts';
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG } from '../kernel-numbers.ts';
import { attribute, attributes, text } from './schema.ts';
import { align, MESSAGE_HEADER_BYTES, readI32, readU16, readU32 } from './writer.ts';

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Range of the payload in the buffer that the message was read from. */
  readonly start: number;
  readonly end: number;
}

/** The message at `at`, which must lie within `end`. */
export function readMessage(bytes: Buffer, at: number, end: number): Message {
  const left = end - at;
  if (left < MESSAGE_HEADER_BYTES) throw new NetlinkDecodeError(`message header of ${left} bytes`);
  const length = readU32(bytes, at);
  if (length < MESSAGE_HEADER_BYTES || length > left) {
    throw new NetlinkDecodeError(`message of length ${length} with ${left} bytes left`);
  }
  return {
    type: readU16(bytes, at + 4),
    flags: readU16(bytes, at + 6),
    sequence: readU32(bytes, at + 8),
    start: at + MESSAGE_HEADER_BYTES,
    end: at + length,
  };
}

/** All messages of a datagram, or of several that were put together. */
export function* readMessages(bytes: Buffer, end = bytes.length): Generator<Message, void, undefined> {
  let at = 0;
  while (at < end) {
    const message = readMessage(bytes, at, end);
    yield message;
    at = align(message.end);
  }
}

/** The outcome that the kernel reports; errno 0 is an acknowledgement. */
export interface Reply {
  readonly errno: number;
  readonly extack?: string;
}

const extendedAck = attributes({ message: attribute(NLMSGERR_ATTR_MSG, text) });

/** Reads NLMSG_ERROR: errno, header of the request (all of it unless capped), then attributes. */
export function readError(bytes: Buffer, message: Message): Reply {
  const errno = readErrno(bytes, message);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno };
  const header = message.start + 4;
  if (header + MESSAGE_HEADER_BYTES > message.end) {
    throw new NetlinkDecodeError('error reply without the header of its request');
  }
  const echoed = (message.flags & NLM_F_CAPPED) === 0 ? readU32(bytes, header) : MESSAGE_HEADER_BYTES;
  if (echoed < MESSAGE_HEADER_BYTES || echoed > message.end - header) {
    throw new NetlinkDecodeError(`error reply to a request of length ${echoed}`);
  }
  return withText(errno, bytes, header + align(echoed), message.end);
}

/** Reads NLMSG_DONE: errno of a dump, then attributes. Old kernels send no payload. */
export function readDone(bytes: Buffer, message: Message): Reply {
  if (message.end - message.start < 4) return { errno: 0 };
  const errno = readErrno(bytes, message);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno };
  return withText(errno, bytes, message.start + 4, message.end);
}

function readErrno(bytes: Buffer, message: Message): number {
  if (message.end - message.start < 4) throw new NetlinkDecodeError('error reply without an error number');
  const value = readI32(bytes, message.start);
  // The kernel sends negated numbers; NLMSG_DONE of a dump may carry a positive length, which is no error.
  return value < 0 ? -value : 0;
}

function withText(errno: number, bytes: Buffer, start: number, end: number): Reply {
  const message = start < end ? extendedAck.read(bytes, start, end).message : undefined;
  return message === undefined || message === '' ? { errno } : { errno, extack: message };
}
