/**
 * Deadlines that judge after the sockets were read.
 *
 * A program that holds the event loop for seconds finds its timers due and the answers waiting in the sockets, and the
 * timers run first. So a deadline that has passed gives the loop one more turn, in which what has arrived is read, and
 * judges then (OVS does the same: reconnect_deadline with a last attempt to receive).
 */
import type { OvsdbClock } from './clock.ts';

/** Calls back `delayMs` from now and one turn of the loop later; the returned function cancels. */
export function deadline(clock: OvsdbClock, delayMs: number, expired: () => void): () => void {
  let turn: NodeJS.Immediate | undefined;
  const cancelTimer = clock.after(delayMs, () => {
    // Runs after the phase of the loop that reads sockets.
    turn = setImmediate(expired);
  });
  return () => {
    cancelTimer();
    clearImmediate(turn);
  };
}
