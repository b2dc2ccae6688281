/** Time as the agent sees it: one real implementation here, a virtual one in tests. */
export interface Clock {
  /** Milliseconds on a monotonic scale of no particular origin. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
