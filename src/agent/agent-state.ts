/**
 * How the agent is doing, as one value: for the log, for the supervisor, and for whoever asks.
 *
 * `starting`: no complete pass yet. `degraded`: something is wrong that does not go away by waiting for OVN: a change
 * failed, something foreign stands in the way, a daemon does not answer, somebody keeps changing things back. `waiting`:
 * something is missing that somebody else makes in the ordinary course of things. Else `in sync`.
 */
import type { ConcernStatus } from '../node/concerns.ts';
import type { Conflict } from './conflicts.ts';

export interface AgentState {
  readonly state: 'starting' | 'waiting' | 'in sync' | 'degraded';
  /** Since when, on the clock's scale. */
  readonly sinceMs: number;
  readonly concerns: readonly ConcernStatus[];
  /** Objects whose last change failed. */
  readonly failing: number;
  /** Objects in whose way something foreign stands, or of which nothing is known; with what requires them. */
  readonly blocked: number;
  /** Objects that wait for a daemon that does not answer, or for an object that is not in place. */
  readonly waiting: number;
  /** Subjects that wait for what somebody else makes (a patch port, a device). */
  readonly pending: number;
  readonly conflicts: readonly Conflict[];
  /** Withdrawals that are held back, because they would take away most of what is advertised. */
  readonly holding: boolean;
  /** Prefixes that are wanted and not advertised, because of any of these. */
  readonly notAdvertised: number;
}

export function stateOf(
  parts: Omit<AgentState, 'state' | 'sinceMs'> & { readonly current: boolean },
): AgentState['state'] {
  if (!parts.current) return 'starting';
  const silent = parts.concerns.some(({ state }) => state === 'not answering');
  if (silent || parts.failing > 0 || parts.blocked > 0 || parts.conflicts.length > 0 || parts.holding)
    return 'degraded';
  return parts.waiting > 0 || parts.pending > 0 ? 'waiting' : 'in sync';
}
