/** Something that can be stopped in its tracks, for fakes: whoever asks it waits until it goes on. */
export class Freezer {
  #waiting: (() => void)[] | undefined;

  freeze(): void {
    this.#waiting ??= [];
  }

  thaw(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const resolve of waiting) resolve();
  }

  /** Resolves at once, or when it was thawed. */
  async pass(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
  }
}
