/**
 * Writes of one kind as netlink batches.
 *
 * In: writes, and what each means as requests. Out: one result a write. "It is there already" and "it is gone already"
 * count as done where the kind says so. When the batch itself fails (overrun, closed socket), nobody knows what the
 * kernel did: every write of it fails with doubt.
 */
import type { NetlinkFailure, Request } from '../../netlink/types.ts';
import type { NodeObject } from '../objects.ts';
import { failureOf, type View, type Write, type WriteFailure, type WriteResult } from './kind.ts';

/** Requests a batch: large enough to be cheap, small enough to let the event loop breathe and an abort be seen. */
const BATCH_SIZE = 1024;
/** What the kernel says when the thing to delete, or its device, is not there. */
const GONE_ALREADY = new Set(['ENOENT', 'ESRCH', 'ENODEV', 'ENXIO', 'EADDRNOTAVAIL']);
/** The picture of the node is older than the node. */
const DOUBTFUL = new Set(['EEXIST', 'ENODEV', 'ENXIO', 'ENOENT', 'ESRCH', 'ENOBUFS', 'EADDRNOTAVAIL']);

export interface NetlinkWriteRules<O extends NodeObject> {
  /** The requests, none when nothing has to be done, or why it cannot be asked for. */
  readonly requests: (write: Write<O>) => readonly Request[] | WriteFailure;
  /** True when EEXIST to this `add` can only mean that the very same thing is there. */
  readonly existsIsDone: (request: Request) => boolean;
}

export async function writeNetlink<O extends NodeObject>(
  view: View,
  writes: readonly Write<O>[],
  rules: NetlinkWriteRules<O>,
  signal?: AbortSignal,
): Promise<readonly WriteResult[]> {
  const results: WriteResult[] = Array.from({ length: writes.length });
  const batch: { readonly request: Request; readonly write: number }[] = [];
  const send = async (): Promise<void> => {
    while (batch.length > 0) {
      signal?.throwIfAborted();
      const allowed = (await view.pace?.room(batch.length, signal)) ?? batch.length;
      await sendNow(batch.splice(0, allowed));
    }
  };
  const sendNow = async (
    sent: readonly { readonly request: Request; readonly write: number }[],
  ): Promise<void> => {
    try {
      const replies = await view.edge.netlink.batch(sent.map(({ request }) => request));
      for (const [index, { request, write }] of sent.entries()) {
        const reply = replies[index];
        if (reply === undefined || isDone(request, reply, rules)) continue;
        results[write] ??= explain(reply);
      }
    } catch (error) {
      for (const { write } of sent) results[write] ??= failureOf(error, true);
    }
  };
  for (const [index, write] of writes.entries()) {
    const requests = rules.requests(write);
    if ('message' in requests) results[index] = requests;
    else for (const request of requests) batch.push({ request, write: index });
    if (batch.length >= BATCH_SIZE) await send();
  }
  await send();
  return results;
}

export function noDevice(name: string): WriteFailure {
  return { message: `device ${name} does not exist`, doubt: false };
}

function isDone<O extends NodeObject>(
  request: Request,
  failure: NetlinkFailure,
  rules: NetlinkWriteRules<O>,
): boolean {
  if (request.op === 'delete') return GONE_ALREADY.has(failure.code);
  return failure.code === 'EEXIST' && rules.existsIsDone(request);
}

function explain(failure: NetlinkFailure): WriteFailure {
  const occupied = failure.code === 'EEXIST' ? " (something that is not the agent's stands there)" : '';
  return { message: `${failure.message}${occupied}`, doubt: DOUBTFUL.has(failure.code) };
}
