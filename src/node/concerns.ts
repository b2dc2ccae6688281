/**
 * Which of the outside things answers, and operations on them that hold nobody up.
 *
 * In: operations (reads, writes, questions), each on one concern. Out: what came of it, or "does not answer". An operation
 * is waited for only a moment; when it takes longer it goes on by itself, its concern counts as not answering, and its
 * result is kept for whoever asks the same again. Meanwhile nothing else is asked of that concern. A concern that fails to
 * answer (it is away, or a deadline passed) is asked again with a back-off of its own; the subscribers are told when
 * asking makes sense again. The log has one line when a concern has not answered for a while and one when it does again.
 *
 * The kernel and files always answer: their operations are run as they are. So are all operations of a patient one, for
 * commands that have nothing else to do; what does not answer is an error then.
 */
import { Backoff } from '../base/backoff.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type Concern, isSilence } from './kinds/kind.ts';

export type Answer<T> =
  | { readonly answered: true; readonly value: T }
  | { readonly answered: false; readonly reason: string };

export interface ConcernStatus {
  readonly concern: Concern;
  /** `untried`: nothing has been asked of it yet. */
  readonly state: 'untried' | 'answering' | 'not answering';
  /** Since when, on the clock's scale. */
  readonly sinceMs: number;
  /** Why it does not answer. */
  readonly problem?: string;
}

/** An ordinary answer takes milliseconds; a pass goes on after this. */
const PATIENCE_MS = 300;
/** A restart of the daemon is over by then and not worth a word. */
const VOICE_MS = 2000;
/** Between two questions to somebody who does not answer; deadlines of single operations come on top. */
const RETRY = { minMs: 500, maxMs: 5000 };

const ALWAYS_THERE: ReadonlySet<Concern> = new Set(['kernel', 'files']);
const NAMES: Readonly<Record<Concern, string>> = {
  kernel: 'the kernel',
  files: 'the file system',
  vswitchd: 'ovs-vswitchd',
  'switch-database': 'the Open_vSwitch database server',
  bgpd: 'bgpd',
  zebra: 'zebra',
  'local-ovn': "the node's own OVN",
};

export class Concerns {
  readonly #lines = new Map<Concern, Line>();
  readonly #listeners = new Set<(concern: Concern) => void>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #patient: boolean;

  constructor(log: Logger, options: { readonly clock?: Clock; readonly patient?: boolean } = {}) {
    this.#log = log;
    this.#clock = options.clock ?? systemClock;
    this.#patient = options.patient ?? false;
  }

  /**
   * Runs an operation that changes nothing. `what` tells it from others of the same concern, so that a result that came late
   * is there when it is asked again; absent: it is of no use by then. Throws what the operation throws other than silence.
   */
  async ask<T>(concern: Concern, what: string | undefined, operation: () => Promise<T>): Promise<Answer<T>> {
    if (this.#isDirect(concern)) return { answered: true, value: await operation() };
    return await this.#line(concern).ask(what, operation);
  }

  /**
   * Runs an operation that changes something. What comes of one that took too long is not reported: its concern has to be
   * read again. `silenceOf` tells from a result that some of it was not answered.
   */
  async change<T>(
    concern: Concern,
    operation: () => Promise<T>,
    silenceOf: (result: T) => string | undefined,
  ): Promise<Answer<T>> {
    if (this.#isDirect(concern)) return { answered: true, value: await operation() };
    return await this.#line(concern).change(operation, silenceOf);
  }

  /** It showed signs of life: the next question may be asked at once. */
  revive(concern: Concern): void {
    this.#lines.get(concern)?.revive();
  }

  isAnswering(concern: Concern): boolean {
    return this.#lines.get(concern)?.status.state !== 'not answering';
  }

  /** Of all that were asked something. */
  status(): readonly ConcernStatus[] {
    return [...this.#lines.values()].map((line) => line.status);
  }

  /** Calls back when it makes sense to ask a concern again that did not answer before. */
  subscribe(listener: (concern: Concern) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    for (const line of this.#lines.values()) line.close();
  }

  #isDirect(concern: Concern): boolean {
    return this.#patient || ALWAYS_THERE.has(concern);
  }

  #line(concern: Concern): Line {
    const known = this.#lines.get(concern);
    if (known !== undefined) return known;
    const line = new Line(concern, this.#log, this.#clock, () => {
      for (const listener of this.#listeners) listener(concern);
    });
    this.#lines.set(concern, line);
    return line;
  }
}

function silenceText(error: unknown): string | undefined {
  return isSilence(error) ? (error as Error).message : undefined;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

class Line {
  readonly #concern: Concern;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #retry = new Backoff(RETRY);
  /** Results of questions whose asker had gone on. */
  readonly #kept = new Map<string, Outcome<unknown>>();
  #underWay: Promise<unknown> | undefined;
  /** What is under way took longer than anybody waits. */
  #overdue = false;
  #retryAtMs = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelVoice: (() => void) | undefined;
  #told = false;
  #closed = false;
  #status: ConcernStatus;

  constructor(concern: Concern, log: Logger, clock: Clock, onReady: () => void) {
    this.#concern = concern;
    this.#log = log;
    this.#clock = clock;
    this.#onReady = onReady;
    this.#status = { concern, state: 'untried', sinceMs: clock.now() };
  }

  get status(): ConcernStatus {
    return this.#status;
  }

  async ask<T>(what: string | undefined, operation: () => Promise<T>): Promise<Answer<T>> {
    while (this.#isTaken()) await this.#wait(this.#underWay);
    const kept = what === undefined ? undefined : this.#kept.get(what);
    if (what !== undefined && kept !== undefined) {
      this.#kept.delete(what);
      if ('error' in kept) throw kept.error;
      // The same question was asked by the same code.
      return { answered: true, value: kept.value as T };
    }
    return await this.#run(
      operation,
      () => undefined,
      (outcome) => {
        if (what !== undefined) this.#kept.set(what, outcome);
      },
    );
  }

  async change<T>(
    operation: () => Promise<T>,
    silenceOf: (result: T) => string | undefined,
  ): Promise<Answer<T>> {
    while (this.#isTaken()) await this.#wait(this.#underWay);
    this.#kept.clear();
    return await this.#run(operation, silenceOf, () => undefined);
  }

  revive(): void {
    this.#retry.reset();
    this.#retryAtMs = 0;
    if (this.#cancelRetry === undefined) return;
    this.#cancelRetry();
    this.#cancelRetry = undefined;
    this.#onReady();
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelVoice?.();
  }

  /** Somebody else asked a moment ago. */
  #isTaken(): boolean {
    return this.#underWay !== undefined && !this.#overdue;
  }

  async #run<T>(
    operation: () => Promise<T>,
    silenceOf: (result: T) => string | undefined,
    keep: (outcome: Outcome<T>) => void,
  ): Promise<Answer<T>> {
    if (this.#underWay !== undefined || this.#clock.now() < this.#retryAtMs) return this.#noAnswer();
    let late = false;
    const running: Promise<Outcome<T>> = operation()
      .then(
        (value): Outcome<T> => ({ value }),
        (error: unknown): Outcome<T> => ({ error }),
      )
      .then((outcome) => {
        this.#underWay = undefined;
        this.#overdue = false;
        const silence = 'value' in outcome ? silenceOf(outcome.value) : silenceText(outcome.error);
        if (silence !== undefined) this.#silent(silence);
        else {
          if (late) keep(outcome);
          this.#answered(late);
        }
        return outcome;
      });
    this.#underWay = running;
    // Whoever did not answer before is not waited for.
    const hopeful = this.#status.state !== 'not answering' || this.#retryAtMs === 0;
    let outcome = hopeful ? await this.#wait(running) : undefined;
    // It may have ended in the very moment in which patience did.
    if (this.#underWay !== running) outcome = await running;
    if (outcome === undefined) {
      late = true;
      this.#overdue = true;
      this.#noteSilence(`no answer within ${PATIENCE_MS} ms`);
      return this.#noAnswer();
    }
    if ('value' in outcome) return { answered: true, value: outcome.value };
    if (isSilence(outcome.error)) return this.#noAnswer();
    throw outcome.error;
  }

  /** What comes of it, or `undefined` when patience ends. */
  #wait<T>(running: Promise<T> | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(PATIENCE_MS, () => resolve(undefined));
      void running?.then(resolve).finally(cancel);
    });
  }

  #noAnswer(): { readonly answered: false; readonly reason: string } {
    return { answered: false, reason: `${NAMES[this.#concern]} does not answer` };
  }

  #silent(problem: string): void {
    this.#noteSilence(problem);
    if (this.#closed) return;
    const delayMs = this.#retry.next();
    this.#retryAtMs = this.#clock.now() + delayMs;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      this.#cancelRetry = undefined;
      this.#onReady();
    });
  }

  #noteSilence(problem: string): void {
    const before = this.#status;
    const sinceMs = before.state === 'not answering' ? before.sinceMs : this.#clock.now();
    this.#status = { concern: this.#concern, state: 'not answering', sinceMs, problem };
    if (before.state === 'not answering' || this.#closed) return;
    this.#cancelVoice = this.#clock.after(VOICE_MS, () => {
      this.#told = true;
      this.#log.warn(
        { concern: this.#concern, problem: this.#status.problem },
        `${NAMES[this.#concern]} does not answer: what is to be read from it or written to it waits, everything else goes on`,
      );
    });
  }

  #answered(late: boolean): void {
    this.#retry.reset();
    this.#retryAtMs = 0;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const wasSilent = this.#status.state === 'not answering';
    if (this.#status.state !== 'answering') {
      this.#status = { concern: this.#concern, state: 'answering', sinceMs: this.#clock.now() };
    }
    this.#cancelVoice?.();
    this.#cancelVoice = undefined;
    if (this.#told) this.#log.info({ concern: this.#concern }, `${NAMES[this.#concern]} answers again`);
    this.#told = false;
    if ((wasSilent || late) && !this.#closed) this.#onReady();
  }
}
