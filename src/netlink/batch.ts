/**
 * Carries out requests: many messages in one system call, an acknowledgement only for the last.
 *
 * In: requests. Out: one entry a request, `undefined` or a NetlinkError with the kernel's reason. The kernel goes on
 * after a failing request and reports each failure with its sequence number. When replies are lost (the receive
 * buffer overflowed), every request without one gets ENOBUFS, because nobody knows what became of it. A request that
 * cannot be encoded fails alone, with EINVAL, and never reaches the kernel.
 */
import { type Channel, ERRNO } from './channel.ts';
import { readError, readMessages } from './codec/message.ts';
import { NetlinkEncodeError, NetlinkError } from './errors.ts';
import { NLM_F_ACK, NLMSG_ERROR } from './kernel-numbers.ts';
import { describeRequest, encodeRequest, type FollowUp, followUp } from './request.ts';
import { TimeSlice } from './turns.ts';
import type { Request } from './types.ts';

/** Messages in one `send`: more gain nothing, and each may need room for an error reply. */
const CHUNK_MESSAGES = 256;
/** Well below what the default send buffer takes in one datagram (about 200 KB); a smaller one makes smaller chunks. */
const CHUNK_BYTES = 96 * 1024;

type Outcomes = (NetlinkError | undefined)[];

export async function batch(channel: Channel, requests: readonly Request[]): Promise<Outcomes> {
  // By place: a hole in the list is a request like any other, and refused.
  const outcomes: Outcomes = Array.from({ length: requests.length }, () => undefined);
  const slice = new TimeSlice();
  let next = 0;
  while (next < requests.length) {
    const chunk = new Chunk(channel, outcomes);
    let second: FollowUp | undefined;
    while (next < requests.length && !chunk.full && second === undefined) {
      const request = requests[next];
      if (!chunk.add(next, request)) break;
      next++;
      second = request === undefined || outcomes[next - 1] !== undefined ? undefined : followUp(request);
    }
    await chunk.send();
    if (second !== undefined && outcomes[next - 1] === undefined)
      await complete(channel, outcomes, next - 1, second);
    await slice.pause();
  }
  count(channel, outcomes);
  return outcomes;
}

/** The rest of a request that takes two messages; when the kernel refuses it, nothing of the request is left. */
async function complete(
  channel: Channel,
  outcomes: Outcomes,
  index: number,
  { rest, undo }: FollowUp,
): Promise<void> {
  await sendAlone(channel, outcomes, index, rest);
  const outcome = outcomes[index];
  if (outcome === undefined || isUnknown(outcome)) return;
  const undone: Outcomes = [undefined];
  await sendAlone(channel, undone, 0, undo);
}

async function sendAlone(
  channel: Channel,
  outcomes: Outcomes,
  index: number,
  request: Request,
): Promise<void> {
  const chunk = new Chunk(channel, outcomes);
  chunk.add(index, request);
  await chunk.send();
}

function isUnknown({ errno }: NetlinkError): boolean {
  return errno === ERRNO.ENOBUFS || errno === ERRNO.ETIMEDOUT;
}

function count({ counters }: Channel, outcomes: Outcomes): void {
  counters.requests += outcomes.length;
  for (const outcome of outcomes) {
    if (outcome === undefined) continue;
    if (isUnknown(outcome)) counters.unknown++;
    else counters.refused++;
  }
}

interface Pending {
  /** Place among all requests of the batch. */
  readonly index: number;
  readonly request: Request;
}

/** The requests of one `send`. */
class Chunk {
  readonly #channel: Channel;
  readonly #outcomes: Outcomes;
  /** Requests without a reply so far, by the place of their sequence number. */
  readonly #pending: (Pending | undefined)[] = [];
  /** The sequence number before the first one. */
  readonly #before: number;
  #last: { readonly sequence: number; readonly start: number } | undefined;

  constructor(channel: Channel, outcomes: Outcomes) {
    this.#channel = channel;
    this.#outcomes = outcomes;
    this.#before = channel.sequence;
    channel.writer.clear();
  }

  get full(): boolean {
    const { writer, sendLimitBytes } = this.#channel;
    return this.#pending.length >= CHUNK_MESSAGES || writer.length >= Math.min(CHUNK_BYTES, sendLimitBytes);
  }

  /** False when there is no room for the request beside the others. */
  add(index: number, request: Request | null | undefined): boolean {
    const { writer, sendLimitBytes } = this.#channel;
    const sequence = this.#channel.nextSequence();
    let start: number;
    try {
      if (request === undefined || request === null)
        throw new NetlinkEncodeError(`not a request: ${request}`);
      start = encodeRequest(writer, request, sequence);
      if (writer.length > sendLimitBytes && this.#last !== undefined) {
        writer.truncate(start);
        return false;
      }
      this.#last = { sequence, start };
      this.#pending[this.#place(sequence)] = { index, request };
    } catch (error) {
      // Whatever is wrong with a value that JavaScript let through, it is this request's fault alone.
      const reason = error instanceof Error ? error.message : String(error);
      this.#outcomes[index] = new NetlinkError(describeRequest(request), ERRNO.EINVAL, reason, {
        cause: error instanceof NetlinkEncodeError ? error : new NetlinkEncodeError(reason, { cause: error }),
      });
    }
    return true;
  }

  async send(): Promise<void> {
    if (this.#last === undefined) return;
    this.#channel.writer.addFlags(this.#last.start, NLM_F_ACK);
    try {
      this.#channel.send();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#failPending(error.errno, error);
      return;
    }
    for (;;) {
      const received = await this.#channel.receive();
      if (received === 'timeout') {
        this.#failPending(ERRNO.ETIMEDOUT);
        return;
      }
      if (received === 'overrun' || received === 'truncated') {
        this.#takeLeftovers();
        this.#failPending(ERRNO.ENOBUFS);
        return;
      }
      if (this.#takeReplies(received)) return;
    }
  }

  /** Notes the failures in a datagram; true when the reply to the last request was in it. */
  #takeReplies(bytes: Buffer): boolean {
    let complete = false;
    for (const message of readMessages(bytes)) {
      const place = this.#place(message.sequence);
      const pending = this.#pending[place];
      if (message.type !== NLMSG_ERROR || pending === undefined) continue;
      const reply = readError(bytes, message);
      this.#pending[place] = undefined;
      complete ||= message.sequence === this.#last?.sequence;
      if (reply.errno === 0) continue;
      this.#outcomes[pending.index] = refusal(pending.request, reply.errno, reply.extack);
    }
    return complete;
  }

  /** Far beyond the requests for a number that is none of theirs. Numbers wrap around. */
  #place(sequence: number): number {
    return (sequence - this.#before - 1) >>> 0;
  }

  /** After an overrun: the replies that did fit are all there by now. */
  #takeLeftovers(): void {
    for (;;) {
      const bytes = this.#channel.receiveLeftover();
      if (bytes === undefined) return;
      if (bytes !== 'lost') this.#takeReplies(bytes);
    }
  }

  #failPending(errno: number, cause?: Error): void {
    for (const pending of this.#pending) {
      if (pending === undefined) continue;
      const { index, request } = pending;
      this.#outcomes[index] = new NetlinkError(
        describeRequest(request),
        errno,
        undefined,
        cause === undefined ? undefined : { cause },
      );
    }
  }
}

/** Without a stack: where the library reads a reply tells nobody anything, and costs more than the request. */
function refusal(request: Request, errno: number, extack: string | undefined): NetlinkError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new NetlinkError(describeRequest(request), errno, extack);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
