/**
 * Says how the agent is doing: to the log, to the service manager, and when it is ready.
 *
 * In: a question for the state, and word of every pass that left nothing to do. Out: a line for each state that lasts, and
 * one every `intervalMs` while not all is well; a status text; readiness, once. Nothing is said that is not so: "the node
 * holds what it should" only when nothing failed, waits or stands in the way.
 *
 * Ready means that the agent did what it could: nothing failed and nothing waits for a daemon. It does not mean that
 * everything is in place: what something foreign blocks, or what OVN has not made yet, may take for ever. When changes go on
 * failing, the agent is ready after a while all the same, and degraded.
 */
import type { Clock } from '../base/clock.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentState } from './agent-state.ts';

/** What the report is made of. */
export interface Known extends AgentState {
  /** Why databases cannot be read now. */
  readonly troubles: readonly DatabaseTrouble[];
  /** Prefixes that are to be announced. */
  readonly wanted: number;
  /** Of those, the ones that are not. */
  readonly notAnnounced: number;
}

export interface StateReportParts {
  readonly know: () => Known;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
  readonly onReady: () => void;
  /** One line for people, whenever it is another one. */
  readonly onStatus: (text: string) => void;
}

/** States that pass sooner are not worth a line: a patch port comes a moment after its row. */
const LASTING_MS = 5_000;
/** Between two looks once the agent is ready: a look costs what is not in place. */
const LOOK_MS = 1_000;
/** So long after the first complete pass, changes that fail do not keep the agent from being ready. */
const READY_PATIENCE_MS = 30_000;

export class StateReport {
  readonly #parts: StateReportParts;
  #ready = false;
  #firstCompleteMs: number | undefined;
  #told: string | undefined;
  #status: string | undefined;
  /** Another state than the one told, and since when. */
  #other: { readonly key: string; readonly sinceMs: number } | undefined;
  #cancelLook: (() => void) | undefined;
  #cancelRepeat: () => void;

  constructor(parts: StateReportParts) {
    this.#parts = parts;
    this.#lookIn(LASTING_MS);
    const repeat = (): void => {
      this.#repeat();
      this.#cancelRepeat = parts.clock.after(parts.intervalMs, repeat);
    };
    this.#cancelRepeat = parts.clock.after(parts.intervalMs, repeat);
  }

  /** A pass was complete, and nothing is left to do now. */
  settled(): void {
    this.#firstCompleteMs ??= this.#parts.clock.now();
    if (this.#ready) this.#lookIn(LOOK_MS);
    else this.#look();
  }

  close(): void {
    this.#cancelLook?.();
    this.#cancelRepeat();
  }

  #look(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const now = this.#parts.clock.now();
    const known = this.#parts.know();
    this.#tellStatus(known);
    this.#becomeReady(known, now);
    const key = keyOf(known);
    if (key === this.#told) {
      this.#other = undefined;
    } else {
      if (this.#other?.key !== key) this.#other = { key, sinceMs: now };
      // The first state is news at once, but for one in which nothing could be done yet.
      const first = this.#told === undefined && known.state !== 'starting';
      if (first || now - this.#other.sinceMs >= LASTING_MS) this.#tell(known);
      else this.#lookIn(LASTING_MS);
    }
    if (!this.#ready) this.#lookIn(LOOK_MS);
  }

  #lookIn(delayMs: number): void {
    this.#cancelLook ??= this.#parts.clock.after(delayMs, () => this.#look());
  }

  #becomeReady({ failing, waiting }: Known, now: number): void {
    if (this.#ready || this.#firstCompleteMs === undefined) return;
    const patient = now - this.#firstCompleteMs < READY_PATIENCE_MS;
    if (failing + waiting > 0 && patient) return;
    this.#ready = true;
    this.#parts.onReady();
  }

  #repeat(): void {
    const known = this.#parts.know();
    const well = known.state === 'in sync' && known.troubles.length === 0;
    if (!well && (known.state !== 'starting' || known.troubles.length > 0)) this.#tell(known);
  }

  #tell(known: Known): void {
    this.#told = keyOf(known);
    this.#other = undefined;
    const { log } = this.#parts;
    const { failing, blocked, waiting, pending, wanted, notAnnounced } = known;
    const fields = { announced: wanted - notAnnounced, notAnnounced, failing, blocked, waiting, pending };
    const word = wordOf(known);
    switch (word) {
      case 'in sync':
        log.info({ exposed: wanted, announced: wanted }, 'the node holds what it should');
        break;
      case 'waiting':
        log.info(fields, `waiting for others: ${reasonsOf(known).join('; ')}`);
        break;
      case 'starting':
        log.warn({}, `starting: ${reasonsOf(known).join('; ')}`);
        break;
      case 'degraded':
        log.warn(fields, `degraded: ${reasonsOf(known).join('; ')}`);
        break;
      default:
        word satisfies never;
    }
  }

  #tellStatus(known: Known): void {
    const text = statusText(known);
    if (text === this.#status) return;
    this.#status = text;
    this.#parts.onStatus(text);
  }
}

/** The state with the databases taken into account. */
function wordOf({ state, troubles }: Known): AgentState['state'] {
  return troubles.length > 0 && state !== 'starting' ? 'degraded' : state;
}

/** Two equal ones are the same news: counts go up and down. */
function keyOf(known: Known): string {
  const silent = known.concerns
    .filter(({ state }) => state === 'not answering')
    .map(({ concern }) => concern);
  const databases = known.troubles.map(({ database, problem }) => `${database} ${problem}`);
  return [wordOf(known), ...silent, ...databases].join('\n');
}

/** `in sync: 12 addresses are announced`, `degraded: 3 of 12 addresses are not announced; bgpd does not answer`. */
export function statusText(known: Known): string {
  return `${wordOf(known)}: ${reasonsOf(known).join('; ')}`;
}

function reasonsOf(known: Known): readonly string[] {
  const { failing, blocked, waiting, pending, conflicts, holding, troubles, wanted, notAnnounced } = known;
  const silent = known.concerns.filter(({ state }) => state === 'not answering');
  const addresses =
    notAnnounced === 0
      ? `${count(wanted, 'address is', 'addresses are')} announced`
      : `${notAnnounced} of ${count(wanted, 'address is', 'addresses are')} not announced`;
  return [
    ...(known.state === 'starting' ? ['nothing was changed yet'] : [addresses]),
    ...some(failing, 'change fails', 'changes fail'),
    ...some(blocked, 'object is blocked', 'objects are blocked'),
    ...some(conflicts.length, 'object is changed by somebody else', 'objects are changed by somebody else'),
    ...some(waiting, 'object waits', 'objects wait'),
    ...some(pending, 'thing is missing', 'things are missing'),
    ...(holding ? ['withdrawals are held back'] : []),
    ...silent.map(
      ({ concern, problem }) => `${concern} does not answer${problem === undefined ? '' : ` (${problem})`}`,
    ),
    ...troubles.map(({ database, text }) => `${database} cannot be read: ${text}`),
  ];
}

function some(amount: number, one: string, many: string): readonly string[] {
  return amount === 0 ? [] : [count(amount, one, many)];
}

function count(amount: number, one: string, many: string): string {
  return `${amount} ${amount === 1 ? one : many}`;
}
