/**
 * What was read to answer a question, so that a change names the questions whose answers it can alter.
 *
 * Two kinds of question. A *query* (a network, a router) is answered once and remembered; when something that it read
 * changes, it is answered again, and only another answer counts as a change for those that read it. A *root* (a
 * candidate) is answered by the caller each time; only what it read is remembered. Reads are pairs of a space (a table,
 * an index of it) and a key in it. The cost of a change is that of the questions which read what changed.
 *
 * Answers must be plain data (they are compared by their JSON text), and a question must read everything that its answer
 * depends on through the graph: `tracked-views.ts` does it for tables.
 */

/** Reads of answers of queries live in this space. */
const ANSWERS = 'query';

interface Question {
  readonly key: string;
  readonly compute: (() => unknown) | undefined;
  answer: unknown;
  text: string;
  stale: boolean;
  /** Space and key in turns. */
  reads: string[];
}

type Readers = string | Set<string>;

export class QueryGraph {
  readonly #questions = new Map<string, Question>();
  /** By space, then by key: the keys of the questions that read it. */
  readonly #readers = new Map<string, Map<string, Readers>>();
  #reading: string[] | undefined;
  #changed: string[] = [];

  /** Something was read for the question that is being answered; without effect outside one. */
  read(space: string, key: string): void {
    this.#reading?.push(space, key);
  }

  /** The remembered answer; computed when it is asked for the first time or is stale. */
  query<T>(key: string, compute: () => T): T {
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = { key, compute, answer: undefined, text: '', stale: true, reads: [] };
      this.#questions.set(key, question);
    }
    if (question.stale) this.#answer(question);
    this.read(ANSWERS, question.key);
    return question.answer as T;
  }

  /** Answers a root: computed now, remembered are its reads alone. */
  root<T>(key: string, compute: () => T): T {
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = { key, compute: undefined, answer: undefined, text: '', stale: false, reads: [] };
      this.#questions.set(key, question);
    }
    return this.#record(question, compute);
  }

  /** A root that exists no longer. */
  forget(key: string): void {
    const question = this.#questions.get(key);
    if (question === undefined) return;
    this.#unlink(question);
    this.#questions.delete(key);
  }

  /** Roots that read this. */
  *rootsReading(space: string, key: string): Iterable<string> {
    for (const reader of keysOf(this.#readers.get(space)?.get(key))) {
      if (this.#questions.get(reader)?.compute === undefined) yield reader;
    }
  }

  /** These reads would give something else now. Returns the keys of the roots that they can alter. */
  touch(reads: Iterable<readonly [space: string, key: string]>): Set<string> {
    const roots = new Set<string>();
    let stale = new Set<Question>();
    const mark = (space: string, key: string): void => {
      for (const reader of keysOf(this.#readers.get(space)?.get(key))) {
        const question = this.#questions.get(reader);
        if (question === undefined) continue;
        if (question.compute === undefined) {
          roots.add(reader);
        } else {
          question.stale = true;
          stale.add(question);
        }
      }
    };
    for (const [space, key] of reads) mark(space, key);
    while (stale.size > 0) {
      this.#changed = [];
      for (const question of stale) if (question.stale) this.#answer(question);
      stale = new Set();
      for (const key of this.#changed) mark(ANSWERS, key);
    }
    this.#changed = [];
    return roots;
  }

  clear(): void {
    this.#questions.clear();
    this.#readers.clear();
  }

  #answer(question: Question): void {
    const { compute } = question;
    if (compute === undefined) return;
    // Before the computation: a question that leads back to itself gets its last answer instead of no end.
    question.stale = false;
    try {
      question.answer = this.#record(question, compute);
    } catch (error) {
      question.stale = true;
      throw error;
    }
    const text = JSON.stringify(question.answer) ?? '';
    if (text === question.text) return;
    question.text = text;
    this.#changed.push(question.key);
  }

  #record<T>(question: Question, compute: () => T): T {
    const outer = this.#reading;
    const reads: string[] = [];
    this.#reading = reads;
    try {
      return compute();
    } finally {
      this.#reading = outer;
      this.#unlink(question);
      question.reads = reads;
      for (let i = 0; i + 1 < reads.length; i += 2)
        this.#link(reads[i] ?? '', reads[i + 1] ?? '', question.key);
    }
  }

  #link(space: string, key: string, reader: string): void {
    let byKey = this.#readers.get(space);
    if (byKey === undefined) {
      byKey = new Map();
      this.#readers.set(space, byKey);
    }
    const readers = byKey.get(key);
    if (readers === undefined) byKey.set(key, reader);
    else if (typeof readers !== 'string') readers.add(reader);
    else if (readers !== reader) byKey.set(key, new Set([readers, reader]));
  }

  #unlink(question: Question): void {
    const { reads, key: reader } = question;
    for (let i = 0; i + 1 < reads.length; i += 2) {
      const byKey = this.#readers.get(reads[i] ?? '');
      const key = reads[i + 1] ?? '';
      const readers = byKey?.get(key);
      if (readers === reader) byKey?.delete(key);
      else if (readers !== undefined && typeof readers !== 'string') {
        readers.delete(reader);
        if (readers.size === 0) byKey?.delete(key);
      }
    }
    question.reads = [];
  }
}

function keysOf(readers: Readers | undefined): Iterable<string> {
  if (readers === undefined) return [];
  return typeof readers === 'string' ? [readers] : [...readers];
}
