/** A flag's number of seconds. */
import { InvalidArgumentError } from 'commander';

const MOST = 86_400;

/** Above 0, at most a day; anything else is wrong usage. */
export function parseSeconds(text: string): number {
  const seconds = text.trim() === '' ? Number.NaN : Number(text);
  if (seconds > 0 && seconds <= MOST) return seconds;
  throw new InvalidArgumentError(`Give a number of seconds above 0, at most ${MOST}.`);
}
