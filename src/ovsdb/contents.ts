/**
 * The tables of a replica, and how they fit the schema of the server that is connected.
 *
 * Views live as long as the replica. Codecs are compiled again for each connection, but kept where the server's types are
 * the same, because they remember what lies behind the rows they made.
 */
import type { CollectedTable } from './collector.ts';
import type { ValueReports } from './column.ts';
import type { OvsdbCounters } from './counters.ts';
import { checkDeclaration } from './declaration.ts';
import { errorMessage } from './errors.ts';
import type { OvsdbLogger } from './logger.ts';
import { RowCodec } from './row-codec.ts';
import type { DatabaseSchema, SchemaProblem } from './schema.ts';
import { ReplicaTable, TableData } from './table.ts';
import type { KeyFunction } from './table-index.ts';
import type { DatabaseSpec, TableSpec } from './types.ts';

export interface ReportTargets {
  readonly logger: OvsdbLogger;
  readonly counters: OvsdbCounters;
}

export class Contents {
  readonly views: ReadonlyMap<string, ReplicaTable>;
  readonly #spec: DatabaseSpec;
  readonly #targets: ReportTargets;
  readonly #reports: ValueReports;
  #tables: ReadonlyMap<string, CollectedTable> = new Map();

  /** Throws an `OvsdbConfigurationError` for a declaration that cannot be meant. */
  constructor(spec: DatabaseSpec, targets: ReportTargets) {
    checkDeclaration(spec);
    this.#spec = spec;
    this.#targets = targets;
    this.#reports = this.#newReports();
    this.views = new Map(
      Object.entries(spec.tables).map(([name, table]) => [
        name,
        new ReplicaTable(this.#newData(name, table)),
      ]),
    );
  }

  /** Every declared table as the server's schema has it; empty before the first `compile`. */
  get tables(): ReadonlyMap<string, CollectedTable> {
    return this.#tables;
  }

  get codecs(): readonly RowCodec[] {
    return [...this.#tables.values()].map((table) => table.codec);
  }

  get problems(): readonly SchemaProblem[] {
    return this.codecs.flatMap((codec) => codec.problems);
  }

  /** Prepares for the rows of a server with this schema. */
  compile(schema: DatabaseSchema): void {
    const tables = new Map<string, CollectedTable>();
    for (const [name, view] of this.views) {
      const spec = this.#spec.tables[name];
      if (spec === undefined) continue;
      const codec = new RowCodec(name, spec.columns, schema, this.#reports);
      const before = this.#tables.get(name);
      if (before?.codec.present === codec.present && before.codec.signature === codec.signature) {
        tables.set(name, before);
        continue;
      }
      tables.set(name, { codec, view, newData: () => this.#newData(name, spec) });
      for (const problem of codec.problems) {
        this.#targets.logger.info({ database: this.#spec.name, ...problem }, problem.detail);
      }
    }
    this.#tables = tables;
  }

  /** Counts and logs an exception in a function of the caller. */
  callerError(what: string, error: unknown): void {
    const { counters, logger } = this.#targets;
    counters.callerErrors += 1;
    logger.error(
      { database: this.#spec.name, what, error: errorMessage(error) },
      'an exception in a callback',
    );
  }

  #newData(name: string, spec: TableSpec): TableData {
    const definitions = Object.entries(spec.indexes ?? {}).map(
      ([index, keysOf]) => [index, keysOf as unknown as KeyFunction] as const,
    );
    return new TableData(definitions, (what, error) => this.callerError(`${name}: ${what}`, error));
  }

  #newReports(): ValueReports {
    const { logger, counters } = this.#targets;
    const reported = new Set<string>();
    const once = (table: string, column: string, message: string): void => {
      const key = `${table}.${column}`;
      if (reported.has(key)) return;
      reported.add(key);
      logger.warn({ database: this.#spec.name, table, column }, message);
    };
    return {
      unsafeInteger: (table, column) => {
        counters.unsafeIntegers += 1;
        once(table, column, 'an integer beyond 2^53 was rounded');
      },
      ambiguousValue: (table, column) => {
        counters.ambiguousValues += 1;
        once(table, column, 'a column that should hold one value holds several and reads as empty');
      },
    };
  }
}
