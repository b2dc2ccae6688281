/**
 * Asks the kernel whether it can create links of a kind, without creating one.
 *
 * A request that no kernel can fulfil is sent. The kernel looks up the kind first (and loads its module): an unknown
 * kind is EOPNOTSUPP "Unknown device type"; a known one fails later, over the impossible part. Throws NetlinkError
 * when the kernel refuses to be asked (EPERM).
 */
import type { Channel } from './channel.ts';
import { readError, readMessages } from './codec/message.ts';
import type { MessageWriter } from './codec/writer.ts';
import { NetlinkError } from './errors.ts';
import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  RTM_NEWLINK,
} from './kernel-numbers.ts';

const KNOWN: ReadonlySet<string> = new Set(['EINVAL', 'EADDRNOTAVAIL', 'ERANGE']);

export async function probeLinkKind(
  channel: Channel,
  kind: string,
  encode: (writer: MessageWriter) => void,
): Promise<boolean> {
  const attempt = `ask whether the kernel has link kind ${kind}`;
  const sequence = channel.nextSequence();
  const { writer } = channel;
  writer.clear();
  writer.beginMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence);
  encode(writer);
  writer.endMessage(0);
  channel.send();
  for (;;) {
    const received = await channel.receive();
    if (received === 'timeout' || received === 'overrun' || received === 'truncated') {
      throw new NetlinkError(attempt, received === 'timeout' ? 110 : 105);
    }
    for (const message of readMessages(received)) {
      if (message.sequence !== sequence || message.type !== NLMSG_ERROR) continue;
      const reply = readError(received, message);
      const error = new NetlinkError(attempt, reply.errno, reply.extack);
      if (error.code === 'EOPNOTSUPP') return false;
      if (reply.errno === 0 || KNOWN.has(error.code)) return true;
      throw error;
    }
  }
}
