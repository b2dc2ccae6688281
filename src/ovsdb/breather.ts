/**
 * Keeps long work from holding the event loop: ask `due()` between small steps and await `breathe()` when it says so.
 *
 * The budget belongs to one turn of the loop, not to one piece of work, because the sockets of a busy turn deliver many
 * chunks one after the other. `setImmediate` marks the end of the turn and lets timers and sockets run.
 */
export class Breather {
  readonly #budgetMs: number;
  #turnBegan: number | undefined;

  constructor(budgetMs = 6) {
    this.#budgetMs = budgetMs;
  }

  due(): boolean {
    const now = performance.now();
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now;
      setImmediate(() => {
        this.#turnBegan = undefined;
      });
      return false;
    }
    return now - this.#turnBegan > this.#budgetMs;
  }

  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}
