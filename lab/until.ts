/**
 * Waiting for a state: asks again and again until it is there or the time is up. The only way in which the lab waits.
 *
 * In: what is awaited (for messages) and a probe. Out: the probe's value, and how long it took. Fails with a
 * `LabError` that names what was awaited and what was seen last.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, LabError } from './machine.ts';

/** What a probe found: the awaited value, or what stands there instead. */
export type Seen<T> = { readonly value: T } | { readonly seen: string };

export interface UntilOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

export interface Reached<T> {
  readonly value: T;
  readonly elapsedMs: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_EVERY_MS = 100;

/** A probe that fails because a command failed is asked again: a daemon that is not up yet looks like that. */
export async function until<T>(
  what: string,
  probe: () => Promise<Seen<T>>,
  options: UntilOptions = {},
): Promise<Reached<T>> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const start = performance.now();
  for (;;) {
    const found = await attempt(probe);
    const elapsedMs = performance.now() - start;
    if ('value' in found) return { value: found.value, elapsedMs };
    if (elapsedMs >= timeoutMs) {
      const seen = found.seen.trim() === '' ? 'nothing' : found.seen.trim();
      throw new LabError('timeout', `waited ${seconds(elapsedMs)} for ${what}; last seen: ${seen}`);
    }
    const pause = Math.min(options.everyMs ?? DEFAULT_EVERY_MS, timeoutMs - elapsedMs);
    await delay(pause, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** Waits for a condition that has no value of its own. */
export async function untilTrue(
  what: string,
  condition: () => Promise<boolean>,
  options: UntilOptions = {},
): Promise<number> {
  const probe = async (): Promise<Seen<true>> =>
    (await condition()) ? { value: true } : { seen: 'not yet' };
  return (await until(what, probe, options)).elapsedMs;
}

async function attempt<T>(probe: () => Promise<Seen<T>>): Promise<Seen<T>> {
  try {
    return await probe();
  } catch (error) {
    if (error instanceof CommandError) return { seen: error.message };
    throw error;
  }
}

/** `0.42 s`, `12.3 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
