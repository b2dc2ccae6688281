/** The lock of the network namespace for a command that changes the node; says why when it cannot be had. */
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { holderText, lockNamespace } from './namespace-lock.ts';

export interface CommandLock {
  readonly warnings: readonly string[];
  release(): Promise<void>;
}

/** `undefined`: another agent works here; it was said, and the exit code is set. */
export async function lockForCommand(io: CommandIo): Promise<CommandLock | undefined> {
  const lock = await lockNamespace();
  switch (lock.kind) {
    case 'held':
      return { warnings: [], release: lock.release };
    case 'squatted': {
      const warning = `${holderText(lock.holder)} has the name of the lock that keeps a second agent out, and is no agent: it cannot change the network; going on without the lock`;
      return { warnings: [warning], release: lock.release };
    }
    case 'busy':
      io.stderr(
        `ovn-bgp-agent: ${holderText(lock.holder)} works in this network namespace, and two would undo each other's work; stop it first\n`,
      );
      io.setExitCode(EXIT.busy);
      return undefined;
    default:
      return lock satisfies never;
  }
}
