/**
 * What was read to answer a question, so that a change names the questions whose answers it can alter.
 *
 * Two kinds of question. A *query* (a network, a router) is answered once and remembered; when something that it read
 * changes, it is answered again, and only another answer counts as a change for those that read it. A *root* (a
 * candidate) is answered by the caller each time; only what it read is remembered. Reads are pairs of a space (a table,
 * an index of it) and a key in it. A change costs the questions that read what changed, each at most once.
 *
 * A question must read everything that its answer depends on through the graph (`tracked-views.ts` does it for tables),
 * and answers of queries must be plain data: objects, arrays, maps and primitive values, which nobody alters. A query
 * that throws is remembered like an answer: whoever asks gets the exception, until something that the query read
 * changes. A query that leads back to itself throws. Queries that nobody reads any more are forgotten with the next
 * change: until then a question that is answered because of the last one may still come to them.
 */
import { sameValue } from './same-value.ts';

/** Something that can be read. It exists as long as anybody remembers to have read it. */
interface Cell {
  readonly key: string;
  readonly space: Map<string, Cell>;
  /** One reader needs no set: most cells are rows that belong to one candidate. */
  readers: Question | Set<Question> | undefined;
  /** Present in cells that stand for the answer of a query. */
  readonly query: Query | undefined;
}

/** A root; its reads are the only thing to know of it. */
class Question {
  readonly key: string;
  reads: readonly Cell[] = [];

  constructor(key: string) {
    this.key = key;
  }
}

type QueryState =
  | 'fresh'
  /** Something that it depends on may have another answer now. */
  | 'suspect'
  | 'stale'
  | 'running';

class Query extends Question {
  readonly compute: () => unknown;
  readonly cell: Cell;
  state: QueryState = 'stale';
  answer: unknown;
  failure: { readonly error: unknown } | undefined;
  /** The run of `touch` that gave it another answer. */
  changedIn = 0;

  constructor(key: string, compute: () => unknown, space: Map<string, Cell>) {
    super(key);
    this.compute = compute;
    this.cell = { key, space, readers: undefined, query: this };
  }
}

export class QueryGraph {
  readonly #roots = new Map<string, Question>();
  readonly #queries = new Map<string, Cell>();
  readonly #spaces = new Map<string, Map<string, Cell>>();
  /** Cells that lost their last reader. Those that found none by the next change go. */
  readonly #orphans = new Set<Cell>();
  /** What the question that is being answered read so far. */
  #reading: Set<Cell> | undefined;
  #run = 0;

  /** How much is remembered; for tests and metrics. */
  get size(): { readonly roots: number; readonly queries: number; readonly cells: number } {
    let cells = 0;
    for (const space of this.#spaces.values()) cells += space.size;
    return { roots: this.#roots.size, queries: this.#queries.size, cells };
  }

  /** Something was read for the question that is being answered; without effect outside one. */
  read(space: string, key: string): void {
    if (this.#reading === undefined) return;
    let cells = this.#spaces.get(space);
    if (cells === undefined) {
      cells = new Map();
      this.#spaces.set(space, cells);
    }
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = { key, space: cells, readers: undefined, query: undefined };
      cells.set(key, cell);
    }
    this.#reading.add(cell);
  }

  /**
   * The remembered answer; computed when it is asked for the first time. Outside a question nothing is remembered.
   * `compute` is kept, so all that it takes from where it was made must be in the key.
   */
  query<T>(key: string, compute: () => T): T {
    let query = this.#queries.get(key)?.query;
    if (query === undefined) {
      if (this.#reading === undefined) return compute();
      query = new Query(key, compute, this.#queries);
      this.#queries.set(key, query.cell);
    }
    this.#reading?.add(query.cell);
    this.#refresh(query);
    if (query.state === 'running') throw new Error(`the question ${key} leads back to itself`);
    if (query.failure !== undefined) throw query.failure.error;
    return query.answer as T;
  }

  /** Answers a root: computed now, remembered are its reads alone, also when it throws. */
  root<T>(key: string, compute: () => T): T {
    let root = this.#roots.get(key);
    if (root === undefined) {
      root = new Question(key);
      this.#roots.set(key, root);
    }
    return this.#record(root, compute);
  }

  /** A root that exists no longer. */
  forget(key: string): void {
    const root = this.#roots.get(key);
    if (root === undefined) return;
    this.#roots.delete(key);
    this.#setReads(root, []);
  }

  /** Roots that read this themselves. */
  *rootsReading(space: string, key: string): Iterable<string> {
    const cell = this.#spaces.get(space)?.get(key);
    for (const reader of readersOf(cell)) if (!(reader instanceof Query)) yield reader.key;
  }

  /** These reads would give something else now. Returns the keys of the roots that they can alter. */
  touch(reads: Iterable<readonly [space: string, key: string]>): Set<string> {
    this.#run += 1;
    this.#sweep();
    const roots = new Set<string>();
    const marked: Query[] = [];
    for (const [space, key] of reads) {
      for (const reader of readersOf(this.#spaces.get(space)?.get(key))) {
        if (!(reader instanceof Query)) roots.add(reader.key);
        else {
          if (reader.state === 'fresh') marked.push(reader);
          reader.state = 'stale';
        }
      }
    }
    // The list grows while it is walked.
    for (const query of marked) {
      for (const reader of readersOf(query.cell)) {
        if (!(reader instanceof Query) || reader.state !== 'fresh') continue;
        reader.state = 'suspect';
        marked.push(reader);
      }
    }
    for (const query of marked) {
      // Nobody needs it any more.
      if (query.cell.readers === undefined) continue;
      this.#refresh(query);
      if (query.changedIn !== this.#run) continue;
      for (const reader of readersOf(query.cell)) if (!(reader instanceof Query)) roots.add(reader.key);
    }
    return roots;
  }

  /** Forgets everything. */
  clear(): void {
    this.#roots.clear();
    this.#queries.clear();
    this.#spaces.clear();
    this.#orphans.clear();
  }

  /** Makes the answer fresh, unless the query is being answered right now. Never throws. */
  #refresh(query: Query): void {
    if (query.state === 'suspect') {
      // In the order in which they were read: what a later one stands for may depend on an earlier one.
      for (const { query: source } of query.reads) {
        if (source === undefined) continue;
        this.#refresh(source);
        if (source.state === 'fresh' && source.changedIn !== this.#run) continue;
        query.state = 'stale';
        break;
      }
      if (query.state === 'suspect') query.state = 'fresh';
    }
    if (query.state === 'stale') this.#answer(query);
  }

  #answer(query: Query): void {
    query.state = 'running';
    let answer: unknown;
    let failure: Query['failure'];
    try {
      answer = this.#record(query, query.compute);
    } catch (error) {
      failure = { error };
    }
    query.state = 'fresh';
    const same =
      failure === undefined
        ? query.failure === undefined && sameValue(answer, query.answer)
        : query.failure !== undefined && String(failure.error) === String(query.failure.error);
    // The old answer stays if it is equal: comparisons of answers that contain it are quick then.
    if (same) return;
    query.answer = answer;
    query.failure = failure;
    query.changedIn = this.#run;
  }

  #record<T>(question: Question, compute: () => T): T {
    const outer = this.#reading;
    const reading = new Set<Cell>();
    this.#reading = reading;
    try {
      return compute();
    } finally {
      this.#reading = outer;
      this.#setReads(question, [...reading]);
    }
  }

  #setReads(question: Question, reads: readonly Cell[]): void {
    const before = question.reads;
    question.reads = reads;
    if (before.length === reads.length && before.every((cell, i) => cell === reads[i])) return;
    for (const cell of reads) addReader(cell, question);
    const kept = before.length > 0 ? new Set(reads) : undefined;
    for (const cell of before) {
      if (kept?.has(cell) === true) continue;
      removeReader(cell, question);
      if (cell.readers === undefined) this.#orphans.add(cell);
    }
  }

  #sweep(): void {
    for (const cell of this.#orphans) {
      // One that found a reader may lose it further down: it is then put behind those that are still to be looked at.
      this.#orphans.delete(cell);
      if (cell.readers !== undefined) continue;
      cell.space.delete(cell.key);
      if (cell.query !== undefined) this.#setReads(cell.query, []);
    }
  }
}

function addReader(cell: Cell, question: Question): void {
  const { readers } = cell;
  if (readers === undefined) cell.readers = question;
  else if (readers instanceof Set) readers.add(question);
  else if (readers !== question) cell.readers = new Set([readers, question]);
}

function removeReader(cell: Cell, question: Question): void {
  const { readers } = cell;
  if (readers === question) cell.readers = undefined;
  else if (readers instanceof Set && readers.delete(question) && readers.size === 0) cell.readers = undefined;
}

function readersOf(cell: Cell | undefined): Iterable<Question> {
  if (cell?.readers === undefined) return [];
  return cell.readers instanceof Set ? [...cell.readers] : [cell.readers];
}
