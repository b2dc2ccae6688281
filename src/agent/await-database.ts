/**
 * Waiting for a database in a command that somebody watches: says at once what is wrong with it, and gives up when waiting
 * cannot help.
 *
 * In: what is waited for, and how to ask what is the trouble. Out: the answer. Fails when the time is up, and as soon as
 * the trouble is one that does not go by waiting; the message says what is wrong with which server.
 */
import type { Clock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { AgentConfig } from '../config/types.ts';
import type { NodeEdge } from '../node/edge.ts';
import type { OvsSnapshot } from '../openvswitch/types.ts';
import type { OvsdbClient } from '../ovsdb/index.ts';
import { whenSnapshot } from './when-snapshot.ts';

const LOOK_MS = 100;

export interface Awaited {
  /** For messages: `the OVN database at tcp:...`. */
  readonly what: string;
  readonly troubles: () => readonly DatabaseTrouble[];
  readonly clock: Clock;
  /** Hears each trouble once, when it begins. */
  readonly tell: (trouble: DatabaseTrouble) => void;
}

export async function awaitDatabase<T>(
  answer: Promise<T>,
  { what, troubles, clock, tell }: Awaited,
): Promise<T> {
  let cancel: () => void = () => undefined;
  const told = new Set<string>();
  const hopeless = new Promise<never>((_, reject) => {
    const look = (): void => {
      const now = troubles();
      const lasting = now.find((trouble) => trouble.lasting);
      if (lasting !== undefined) {
        reject(new Error(`${what} cannot be read: ${lasting.text}`));
        return;
      }
      for (const trouble of now) {
        if (!told.has(trouble.database)) tell(trouble);
        told.add(trouble.database);
      }
      cancel = clock.after(LOOK_MS, look);
    };
    look();
  });
  try {
    return await Promise.race([answer.catch((cause: unknown) => Promise.reject(failure(cause))), hopeless]);
  } finally {
    cancel();
  }

  function failure(cause: unknown): Error {
    const texts = troubles().map(({ text }) => text);
    const why = texts.length > 0 ? `cannot be read: ${texts.join('; ')}` : 'has not answered in time';
    return new Error(`${what} ${why}`, { cause });
  }
}

/** The first picture of the local vswitchd. */
export function awaitSwitch(
  { ovs }: Pick<NodeEdge, 'ovs'>,
  { ovsdbConnection }: Pick<AgentConfig, 'ovsdbConnection'>,
  clock: Clock,
  tell: Awaited['tell'],
  signal: AbortSignal,
): Promise<OvsSnapshot> {
  return awaitDatabase(whenSnapshot(ovs, signal), {
    what: `the local Open_vSwitch database at ${ovsdbConnection.split(',').join(' or ')}`,
    troubles: () => [ovs.trouble?.()].filter((trouble) => trouble !== undefined),
    clock,
    tell,
  });
}

/** Of clients that were started. */
export function troublesOf(clients: readonly OvsdbClient[]): readonly DatabaseTrouble[] {
  return clients.flatMap(({ database, trouble }) =>
    trouble === undefined ? [] : [{ database, ...trouble }],
  );
}
