/** Checks that a person reads while they run: each prints its line at once and counts for the verdict. */
import type { Print } from './terminal.ts';
import { explain } from './terminal.ts';
import { seconds } from './until.ts';

export class Checks {
  readonly #print: Print;
  #passed = 0;
  #failed = 0;

  constructor(print: Print) {
    this.#print = print;
  }

  get passed(): number {
    return this.#passed;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Runs a check; what it returns is printed beside its name. A check that throws has failed, and the rest goes on. */
  async run(name: string, check: () => Promise<string>): Promise<boolean> {
    try {
      const detail = await check();
      this.#passed += 1;
      this.#print(`  ok    ${name}${detail === '' ? '' : `: ${detail}`}`);
      return true;
    } catch (error) {
      this.#failed += 1;
      this.#print(`  FAIL  ${name}: ${explain(error)}`);
      return false;
    }
  }

  verdict(elapsedMs: number): string {
    const total = this.#passed + this.#failed;
    const time = seconds(elapsedMs);
    if (total === 0) return `FAILED: nothing was checked (${time})`;
    return this.#failed === 0
      ? `PASSED: all ${total} checks, in ${time}`
      : `FAILED: ${this.#failed} of ${total} checks, in ${time}`;
  }
}
