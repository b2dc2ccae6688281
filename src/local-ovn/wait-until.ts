/** Asks again and again until the answer is yes; false when the time is over. An abort is thrown. */
import type { Clock } from '../base/clock.ts';

const EVERY_MS = 200;

export async function waitUntil(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  question: () => Promise<boolean>,
): Promise<boolean> {
  const end = clock.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    if (await question()) return true;
    if (clock.now() >= end) return false;
    await pause(clock, EVERY_MS, signal);
  }
}

/** Resolves after the time; rejects at once when aborted. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
