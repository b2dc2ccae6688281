/**
 * One declared index of a table: from key to rows, kept up to date row by row.
 *
 * An entry names rows by UUID and finds them in the table, so that a new version of a row with thousands of keys (a
 * switch, by its ports) costs the keys that came or went, not all of them. Most keys have one row, so a bucket is made
 * only for the second. Keys come from a function of the caller, which must be pure; when it throws, the row has no key
 * and the exception is reported.
 */
import { differentParts } from './different-parts.ts';
import type { AnyRow } from './row-codec.ts';
import type { Uuid } from './types.ts';

export type KeyFunction = (row: AnyRow) => string | readonly string[] | undefined;
export type CallerErrorReport = (what: string, error: unknown) => void;

class Bucket {
  readonly uuids = new Set<Uuid>();
  list: readonly AnyRow[] | undefined;
  /** The index's `#manyKeysReplaced` when the list was made. */
  listedAt = 0;
}

/** A row with more keys is not looked up under each of them when it is replaced. */
const FEW_KEYS = 8;
const NO_KEYS: readonly string[] = Object.freeze([]);
const NO_ROWS: readonly AnyRow[] = Object.freeze([]);

export class TableIndex {
  readonly #name: string;
  readonly #keysOf: KeyFunction;
  readonly #rows: ReadonlyMap<Uuid, AnyRow>;
  readonly #report: CallerErrorReport;
  readonly #entries = new Map<string, Uuid | Bucket>();
  /** Replaced rows with many keys; any bucket may have listed the old version. */
  #manyKeysReplaced = 0;

  /** `rows` are those of the table; a row must be in it, or gone from it, before the index hears of that. */
  constructor(name: string, keysOf: KeyFunction, rows: ReadonlyMap<Uuid, AnyRow>, report: CallerErrorReport) {
    this.#name = name;
    this.#keysOf = keysOf;
    this.#rows = rows;
    this.#report = report;
  }

  find(key: string): readonly AnyRow[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return NO_ROWS;
    if (typeof entry === 'string') return this.#listOf([entry]);
    if (entry.list === undefined || entry.listedAt !== this.#manyKeysReplaced) {
      entry.list = Object.freeze(this.#listOf(entry.uuids));
      entry.listedAt = this.#manyKeysReplaced;
    }
    return entry.list;
  }

  add(row: AnyRow): void {
    for (const key of this.#keys(row)) this.#put(key, row._uuid);
  }

  remove(row: AnyRow): void {
    for (const key of this.#keys(row)) this.#drop(key, row._uuid);
  }

  /** Both versions have the same UUID. */
  replace(old: AnyRow, row: AnyRow): void {
    let [before, after] = [this.#keys(old), this.#keys(row)];
    const wanted = after;
    if (Math.max(before.length, after.length) > FEW_KEYS) {
      this.#manyKeysReplaced += 1;
      [before, after] = differentParts(before, after);
    }
    const kept = before.length > FEW_KEYS ? new Set(wanted) : undefined;
    for (const key of before) {
      if (!(kept?.has(key) ?? wanted.includes(key))) this.#drop(key, row._uuid);
    }
    for (const key of after) this.#put(key, row._uuid);
  }

  #listOf(uuids: Iterable<Uuid>): AnyRow[] {
    const rows: AnyRow[] = [];
    for (const uuid of uuids) {
      const row = this.#rows.get(uuid);
      if (row !== undefined) rows.push(row);
    }
    return rows;
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

  #put(key: string, uuid: Uuid): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry === uuid) {
      this.#entries.set(key, uuid);
      return;
    }
    const bucket = typeof entry === 'string' ? new Bucket() : entry;
    if (typeof entry === 'string') {
      bucket.uuids.add(entry);
      this.#entries.set(key, bucket);
    }
    bucket.uuids.add(uuid);
    bucket.list = undefined;
  }

  #drop(key: string, uuid: Uuid): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (typeof entry === 'string') {
      if (entry === uuid) this.#entries.delete(key);
      return;
    }
    entry.uuids.delete(uuid);
    entry.list = undefined;
    if (entry.uuids.size === 0) this.#entries.delete(key);
  }
}
