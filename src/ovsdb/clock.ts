/** Time as this library sees it, so that tests can turn the hands. */
export interface OvsdbClock {
  /** Milliseconds on a monotonic scale of no particular origin. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemOvsdbClock: OvsdbClock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
