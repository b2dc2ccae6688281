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
import { describeRequest, encodeRequest, followUp } from './request.ts';
import { TimeSlice } from './turns.ts';
import type { Request } from './types.ts';

/** Messages in one `send`: more gain nothing, and each may need room for an error reply. */
const CHUNK_MESSAGES = 256;
/** Well below what the default send buffer takes in one datagram (about 200 KB). */
const CHUNK_BYTES = 96 * 1024;

type Outcomes = (NetlinkError | undefined)[];

export async function batch(channel: Channel, requests: readonly Request[]): Promise<Outcomes> {
  const outcomes: Outcomes = requests.map(() => undefined);
  const slice = new TimeSlice();
  let next = 0;
  while (next < requests.length) {
    const chunk = new Chunk(channel, outcomes);
    let request: Request | undefined;
    let second: Request | undefined;
    while (!chunk.full && second === undefined) {
      request = requests[next];
      if (request === undefined) break;
      chunk.add(next, request);
      next++;
      second = followUp(request);
    }
    await chunk.send();
    if (second !== undefined && outcomes[next - 1] === undefined) {
      const rest = new Chunk(channel, outcomes);
      rest.add(next - 1, second);
      await rest.send();
    }
    await slice.pause();
  }
  count(channel, outcomes);
  return outcomes;
}

function count({ counters }: Channel, outcomes: Outcomes): void {
  counters.requests += outcomes.length;
  for (const outcome of outcomes) {
    if (outcome === undefined) continue;
    if (outcome.errno === ERRNO.ENOBUFS || outcome.errno === ERRNO.ETIMEDOUT) counters.unknown++;
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
    return this.#pending.length >= CHUNK_MESSAGES || this.#channel.writer.length >= CHUNK_BYTES;
  }

  add(index: number, request: Request): void {
    const sequence = this.#channel.nextSequence();
    try {
      const start = encodeRequest(this.#channel.writer, request, sequence);
      this.#last = { sequence, start };
      this.#pending[this.#place(sequence)] = { index, request };
    } catch (error) {
      if (!(error instanceof NetlinkEncodeError)) throw error;
      this.#outcomes[index] = new NetlinkError(describeRequest(request), ERRNO.EINVAL, error.message, {
        cause: error,
      });
    }
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
      this.#outcomes[pending.index] = new NetlinkError(
        describeRequest(pending.request),
        reply.errno,
        reply.extack,
      );
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
