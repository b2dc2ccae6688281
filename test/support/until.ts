/** Polls until a condition holds; the only way tests wait. */
import { setTimeout as delay } from 'node:timers/promises';

type Awaitable<T> = T | Promise<T>;

/**
 * Calls `probe` until it returns something truthy and returns that; after `timeoutMs` it throws, naming what it waited
 * for. An exception of the probe ends the wait at once.
 */
export async function until<T>(
  what: string,
  probe: () => Awaitable<T>,
  timeoutMs = 20_000,
  intervalMs = 20,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false)
      return value as NonNullable<Exclude<T, false>>;
    if (performance.now() > deadline)
      throw new Error(`timed out after ${timeoutMs} ms waiting until ${what}`);
    await delay(intervalMs);
  }
}
