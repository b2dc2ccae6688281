/**
 * The steps of a file done over: what a server that has read the file would hold.
 *
 * In: steps in the order of the file, the declared tables. Out: the same tables, views and indexes as a replica has.
 * Tables that are not declared are passed over. A transaction that contradicts what is there throws.
 *
 * The log of a cluster does not record that a deleted row takes the weak references to it along: a server does that itself
 * whenever it reads, and so does this at the end.
 */
import type { CollectedTable } from '../collector.ts';
import { Contents } from '../contents.ts';
import { newCounters } from '../counters.ts';
import { OvsdbFileError } from '../errors.ts';
import type { OvsdbLogger } from '../logger.ts';
import type { DatabaseSpec, Uuid } from '../types.ts';
import { asObject, asUuid, located, type Step, type Warn } from './content.ts';

export class Replay {
  readonly contents: Contents;
  /** Of the last transaction that says when it was, in milliseconds since 1970. */
  dateMs: number | undefined;
  /** The rows of tables that are not declared, but referred to from declared columns. */
  readonly #targets = new Map<string, Set<Uuid>>();
  #begun = false;

  constructor(spec: DatabaseSpec, source: string, warn: Warn) {
    const ignore = (): void => undefined;
    const note = (fields: Readonly<Record<string, unknown>>, message: string): void => {
      const { table, column, what } = fields;
      const of = typeof table === 'string' ? `${table}.${String(column)}: ` : '';
      warn(`${source}: ${of}${message}${typeof what === 'string' ? ` (${what})` : ''}`);
    };
    const logger: OvsdbLogger = { debug: ignore, info: ignore, warn: note, error: note };
    this.contents = new Contents(spec, { logger, counters: newCounters() });
  }

  apply(step: Step): void {
    if (step.kind === 'transaction') this.#commit(step.transaction, step.where);
    else this.#convert(step);
  }

  /** After the last step. */
  finish(): void {
    const { tables } = this.contents;
    const exists = (table: string, uuid: Uuid): boolean => {
      const rows = tables.get(table)?.view.data.rows ?? this.#targets.get(table);
      // Of a table that came to be a target on the way not all rows are known.
      return rows === undefined || rows.has(uuid);
    };
    for (const { codec, view } of tables.values()) {
      if (codec.weakTables.length === 0) continue;
      const { data } = view;
      for (const row of data.rows.values()) data.put(codec.withoutDangling(row, exists));
    }
  }

  #convert({ schema, rows }: Extract<Step, { kind: 'schema' }>): void {
    const before = this.contents.tables;
    this.contents.compile(schema);
    for (const [name, table] of this.contents.tables) {
      const old = before.get(name);
      if (old === undefined || (rows === 'keep' && old === table)) continue;
      const data = table.newData();
      if (rows === 'keep' && table.codec.present) {
        for (const row of table.view.data.rows.values()) data.put(table.codec.adopt(row, old.codec));
      }
      table.view.data = data;
    }
    if (rows === 'drop') this.#targets.clear();
    if (rows === 'drop' || !this.#begun) {
      for (const table of this.contents.codecs.flatMap((codec) => codec.weakTables)) {
        if (!this.contents.tables.has(table)) this.#targets.set(table, new Set());
      }
    }
    this.#begun = true;
  }

  #commit(transaction: Readonly<Record<string, unknown>>, where: string): void {
    const { _date: date, _is_diff: isDiff } = transaction;
    if (typeof date === 'number') this.dateMs = date;
    for (const [name, rows] of Object.entries(transaction)) {
      const targets = this.#targets.get(name);
      if (targets !== undefined) {
        for (const [uuid, row] of Object.entries(asObject(rows, `${where}: ${name}`))) {
          if (row === null) targets.delete(uuid);
          else targets.add(uuid);
        }
      }
      const table = this.contents.tables.get(name);
      if (table?.codec.present !== true) continue;
      for (const [uuid, row] of Object.entries(asObject(rows, `${where}: ${name}`))) {
        const place = `${where}: row ${uuid.slice(0, 36)} of ${name}`;
        located(place, () => change(table, asUuid(uuid, place), row, isDiff === true, place));
      }
    }
  }
}

function change(table: CollectedTable, uuid: string, wire: unknown, isDiff: boolean, place: string): void {
  const { codec, view } = table;
  const old = view.data.rows.get(uuid);
  if (wire === null) {
    if (old === undefined) throw new OvsdbFileError('corrupt', `${place} is deleted, but was never there`);
    view.data.delete(uuid);
  } else if (old === undefined) view.data.put(codec.decode(uuid, wire));
  else view.data.put(isDiff ? codec.merge(old, wire) : codec.overwrite(old, wire));
}
