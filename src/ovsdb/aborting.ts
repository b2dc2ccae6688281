/**
 * One listener on an abort signal for all that wait on it: a signal that ends a thousand calls at once is ordinary use,
 * and Node.js warns of a leak at the eleventh listener.
 */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back when the signal is aborted, at once when it is already; the returned function forgets the callback. */
export function whenAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const callbacks = waiting.get(signal) ?? listenTo(signal);
  // The same function may wait twice.
  const entry = (): void => callback();
  callbacks.add(entry);
  return () => callbacks.delete(entry);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  waiting.set(signal, callbacks);
  signal.addEventListener(
    'abort',
    () => {
      waiting.delete(signal);
      for (const callback of callbacks) callback();
    },
    { once: true },
  );
  return callbacks;
}
