/** What a long operation reports while it runs: one event when a step begins, one when it ends. */

export interface ProgressEvent {
  readonly step: string;
  readonly state: 'begin' | 'end' | 'failed';
  /** Since the whole operation began. */
  readonly elapsedMs: number;
  /** Of this step; absent at its beginning. */
  readonly durationMs?: number;
  /** The step may take so long that somebody who waits wants to know of its beginning. */
  readonly slow?: true;
}

export type Progress = (event: ProgressEvent) => void;

/** Runs named steps one after the other or side by side and reports each. */
export class Steps {
  readonly #start = performance.now();
  readonly #progress: Progress;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  get elapsedMs(): number {
    return performance.now() - this.#start;
  }

  async run<T>(step: string, work: () => Promise<T>, pace: { readonly slow?: true } = {}): Promise<T> {
    const begin = performance.now();
    this.#progress({ step, state: 'begin', elapsedMs: this.elapsedMs, ...pace });
    let state: 'end' | 'failed' = 'failed';
    try {
      const value = await work();
      state = 'end';
      return value;
    } finally {
      const durationMs = performance.now() - begin;
      this.#progress({ step, state, elapsedMs: this.elapsedMs, durationMs, ...pace });
    }
  }
}
