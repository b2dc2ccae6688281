/**
 * Random tests that can be run again: everything comes from a seed, and a failure names it.
 *
 * `npm test` runs a few fixed seeds. FUZZ_SECONDS runs new ones for that time in each fuzzer, from FUZZ_SEED on where
 * that is given; FUZZ_SEED alone runs that one (`npm run test:fuzz`, CONTRIBUTING.md).
 */

/** A small generator of random numbers, the same on every machine (mulberry32). */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, 1. */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  /** Up to `most` results, without what compares equal as JSON. */
  several<T>(most: number, make: () => T): T[] {
    const made = new Map<string, T>();
    for (let count = this.below(most + 1); count > 0; count--) {
      const each = make();
      made.set(JSON.stringify(each), each);
    }
    return [...made.values()];
  }
}

/** Runs `trial` with one seed after the other; what it throws is thrown on with the seed in front. */
export async function fuzz(
  shortSeeds: readonly number[],
  trial: (seed: number) => void | Promise<void>,
): Promise<void> {
  let trials = 0;
  for (const seed of seeds(shortSeeds)) {
    trials += 1;
    try {
      await trial(seed);
    } catch (error) {
      const message = `seed ${seed} (run again: npm run test:fuzz -- --seed ${seed})`;
      throw new Error(`${message}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  if (process.env.FUZZ_SECONDS !== undefined) console.log(`${trials} seeds`);
}

/** How long a test may take that runs for FUZZ_SECONDS. */
export function fuzzTimeout(shortMs: number): number {
  return shortMs + 2_000 * Number(process.env.FUZZ_SECONDS ?? 0);
}

function* seeds(short: readonly number[]): Iterable<number> {
  const { FUZZ_SEED: given, FUZZ_SECONDS: seconds } = process.env;
  if (seconds === undefined) {
    yield* given === undefined ? short : [Number(given)];
    return;
  }
  const end = performance.now() + Number(seconds) * 1_000;
  for (let seed = Number(given ?? Date.now() % 1_000_000_000); performance.now() < end; seed++) yield seed;
}
