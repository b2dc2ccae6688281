/**
 * How hard the long drills are: full on a machine of its own, less in a guest, which has one slow processor.
 *
 * In: the ground, and the environment: `DRILL_KILLS`, `DRILL_STORM_SEC`, `DRILL_CHANGES_PER_SEC`,
 * `DRILL_HANG_SEC`. Throws on what is no whole number.
 */
import type { Ground } from './stage.ts';

export interface Measure {
  readonly kills: number;
  readonly stormSec: number;
  readonly changesPerSec: number;
  /** How long a daemon is frozen. */
  readonly hangSec: number;
}

const FULL: Measure = { kills: 100, stormSec: 300, changesPerSec: 200, hangSec: 60 };
const IN_GUEST: Measure = { kills: 30, stormSec: 60, changesPerSec: 50, hangSec: 60 };

export function measureFor({ guest }: Ground, environment: NodeJS.ProcessEnv = process.env): Measure {
  const usual = guest ? IN_GUEST : FULL;
  const count = (name: string, fallback: number): number => {
    const text = environment[name] ?? '';
    if (text === '') return fallback;
    if (!/^[1-9]\d{0,6}$/.test(text)) throw new TypeError(`${name} is not a whole number: ${text}`);
    return Number(text);
  };
  return {
    kills: count('DRILL_KILLS', usual.kills),
    stormSec: count('DRILL_STORM_SEC', usual.stormSec),
    changesPerSec: count('DRILL_CHANGES_PER_SEC', usual.changesPerSec),
    hangSec: count('DRILL_HANG_SEC', usual.hangSec),
  };
}
