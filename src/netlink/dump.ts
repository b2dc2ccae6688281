/**
 * Reads all objects of a kind (NLM_F_DUMP).
 *
 * In: how to encode the request and decode an object. Out: the objects. A dump during which something changed
 * (NLM_F_DUMP_INTR), or of which a part was too long for the buffer, is made again a few times after a growing pause;
 * then it throws NetlinkError (EINTR, EMSGSIZE). The event loop gets its turn between the parts of a long dump.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, ERRNO } from './channel.ts';
import { readDone, readError, readMessages } from './codec/message.ts';
import type { MessageWriter } from './codec/writer.ts';
import { NetlinkError } from './errors.ts';
import {
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_OVERRUN,
} from './kernel-numbers.ts';
import { TimeSlice } from './turns.ts';

export interface DumpRequest<T> {
  /** For errors: `read routes`. */
  readonly attempt: string;
  readonly type: number;
  readonly encode: (writer: MessageWriter) => void;
  /** `undefined`: leave this one out. */
  readonly decode: (bytes: Buffer, start: number, end: number) => T | undefined;
}

const ATTEMPTS = 8;

export async function dump<T>(channel: Channel, request: DumpRequest<T>): Promise<T[]> {
  channel.counters.dumps++;
  for (let attempt = 1; ; attempt++) {
    const found: T[] = [];
    const flaw = await dumpOnce(channel, request, found);
    if (flaw === undefined) return found;
    if (attempt === ATTEMPTS) {
      throw flaw === 'interrupted'
        ? new NetlinkError(request.attempt, ERRNO.EINTR, `changed during each of ${ATTEMPTS} attempts`)
        : new NetlinkError(request.attempt, ERRNO.EMSGSIZE, 'a part of the answer is longer than the buffer');
    }
    channel.counters.dumpsRepeated++;
    // 1 ms to 64 ms: long enough for a burst of changes to pass, short enough for a caller that waits.
    await delay(2 ** (attempt - 1));
  }
}

/** Whatever goes wrong, the dump is taken off the socket to its end, or the kernel would refuse the next (EBUSY). */
async function dumpOnce<T>(
  channel: Channel,
  request: DumpRequest<T>,
  found: T[],
): Promise<'interrupted' | 'truncated' | undefined> {
  const sequence = channel.nextSequence();
  const { writer } = channel;
  writer.clear();
  writer.beginMessage(request.type, NLM_F_REQUEST | NLM_F_DUMP, sequence);
  request.encode(writer);
  writer.endMessage(0);
  channel.send();

  let flaw: 'interrupted' | 'truncated' | undefined;
  let failure: { readonly error: unknown } | undefined;
  const slice = new TimeSlice();
  for (;;) {
    const received = await channel.receive();
    if (received === 'timeout') throw failure?.error ?? new NetlinkError(request.attempt, ERRNO.ETIMEDOUT);
    if (received === 'overrun') {
      failure ??= { error: new NetlinkError(request.attempt, ERRNO.ENOBUFS) };
    } else if (received === 'truncated') {
      flaw = 'truncated';
    } else {
      try {
        for (const message of readMessages(received)) {
          if (message.sequence !== sequence) continue;
          if ((message.flags & NLM_F_DUMP_INTR) !== 0) flaw ??= 'interrupted';
          if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
            if (failure !== undefined) throw failure.error;
            const reply = (message.type === NLMSG_DONE ? readDone : readError)(received, message);
            if (reply.errno === ERRNO.EINTR) return 'interrupted';
            if (reply.errno !== 0) throw new NetlinkError(request.attempt, reply.errno, reply.extack);
            return flaw;
          }
          if (flaw !== undefined || failure !== undefined || message.type === NLMSG_OVERRUN) continue;
          const object = request.decode(received, message.start, message.end);
          if (object !== undefined) found.push(object);
        }
      } catch (error) {
        if (error === failure?.error || error instanceof NetlinkError) throw error;
        failure ??= { error };
      }
    }
    await slice.pause();
  }
}
