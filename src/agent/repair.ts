/**
 * What is looked after besides the comparison of wanted and found: things that a daemon should have taken over from the node
 * and may have missed. The loop knows a list of such repairs and nothing of any of them.
 *
 * A repair notes what is written (`observe`) and what happens (`notice`), says when it wants to look (`dueInMs`), asks its
 * daemon (`look`), and says in the next pass what to do about it. Looking may take as long as the daemon takes; what is
 * done about it is computed from the node as it is by then.
 */
import type { Concern } from '../node/kinds/kind.ts';
import type { Node } from '../node/node.ts';
import type { ChangeOutcome, DesiredObject, NodePlan, ObjectKey } from '../node/objects.ts';

/** The wanted objects, as a live view. */
export type Desired = ReadonlyMap<ObjectKey, DesiredObject>;

/** `zebra-returned`: zebra is another one than before; what went while there was none may still be announced. */
export type RepairEvent = 'zebra-returned';

export interface RepairWork {
  /** Changes to carry out as they are. */
  readonly plan?: NodePlan;
  /** Keys to compare with what is wanted afterwards: what was written for a moment only goes again. */
  readonly compare?: ReadonlySet<ObjectKey>;
}

/** Computes what to do, in a pass; nothing else changes the node meanwhile. */
export type Mend = (node: Node, desired: Desired) => RepairWork;

export interface Repair {
  /** For logs. */
  readonly name: string;
  /** Whom `look` asks. */
  readonly concern: Concern;
  /** In how many milliseconds `look` is due; `undefined`: not at all. */
  readonly dueInMs: number | undefined;
  /** Takes note of what was written, also by itself. */
  observe?(outcomes: readonly ChangeOutcome[]): void;
  notice?(event: RepairEvent): void;
  /**
   * Asks; one at a time. Resolves with what to do, `undefined`: nothing. A daemon that cannot be asked is no error: it is
   * asked again when `dueInMs` says so. Rejects when aborted.
   */
  look(desired: Desired, signal: AbortSignal): Promise<Mend | undefined>;
}
