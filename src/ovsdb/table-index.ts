/**
 * One declared index of a table: from key to rows, kept up to date row by row.
 *
 * Most keys have one row, so a bucket is made only for the second. Keys come from a function of the caller, which must be
 * pure; when it throws, the row has no key and the exception is reported.
 */
import type { AnyRow } from './row-codec.ts';
import type { Uuid } from './types.ts';

export type KeyFunction = (row: AnyRow) => string | readonly string[] | undefined;
export type CallerErrorReport = (what: string, error: unknown) => void;

class Bucket {
  readonly rows = new Map<Uuid, AnyRow>();
  list: readonly AnyRow[] | undefined;
}

/** Up to here a walk over the keys is cheaper than a set of them. */
const FEW_KEYS = 8;
const NO_KEYS: readonly string[] = Object.freeze([]);
const NO_ROWS: readonly AnyRow[] = Object.freeze([]);

export class TableIndex {
  readonly #name: string;
  readonly #keysOf: KeyFunction;
  readonly #report: CallerErrorReport;
  readonly #entries = new Map<string, AnyRow | Bucket>();

  constructor(name: string, keysOf: KeyFunction, report: CallerErrorReport) {
    this.#name = name;
    this.#keysOf = keysOf;
    this.#report = report;
  }

  find(key: string): readonly AnyRow[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return NO_ROWS;
    if (!(entry instanceof Bucket)) return [entry];
    entry.list ??= Object.freeze([...entry.rows.values()]);
    return entry.list;
  }

  add(row: AnyRow): void {
    for (const key of this.#keys(row)) this.#put(key, row);
  }

  remove(row: AnyRow): void {
    for (const key of this.#keys(row)) this.#drop(key, row);
  }

  replace(old: AnyRow, row: AnyRow): void {
    const keys = this.#keys(row);
    // A switch has as many keys as ports: thousands.
    const kept = keys.length > FEW_KEYS ? new Set(keys) : undefined;
    for (const key of this.#keys(old)) {
      if (!(kept?.has(key) ?? keys.includes(key))) this.#drop(key, old);
    }
    for (const key of keys) this.#put(key, row);
  }

  #keys(row: AnyRow): readonly string[] {
    try {
      const keys = this.#keysOf(row);
      if (keys === undefined) return NO_KEYS;
      return typeof keys === 'string' ? [keys] : keys;
    } catch (error) {
      this.#report(`index ${this.#name} of row ${row._uuid}`, error);
      return NO_KEYS;
    }
  }

  #put(key: string, row: AnyRow): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || (!(entry instanceof Bucket) && entry._uuid === row._uuid)) {
      this.#entries.set(key, row);
      return;
    }
    const bucket = entry instanceof Bucket ? entry : new Bucket();
    if (!(entry instanceof Bucket)) {
      bucket.rows.set(entry._uuid, entry);
      this.#entries.set(key, bucket);
    }
    bucket.rows.set(row._uuid, row);
    bucket.list = undefined;
  }

  #drop(key: string, row: AnyRow): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (!(entry instanceof Bucket)) {
      if (entry._uuid === row._uuid) this.#entries.delete(key);
      return;
    }
    entry.rows.delete(row._uuid);
    entry.list = undefined;
    if (entry.rows.size === 0) this.#entries.delete(key);
  }
}
