/**
 * What the readers of the file formats have in common: a file is a schema and transactions in the form of ovsdb(5),
 * whatever they are wrapped in. `replay.ts` turns them into tables.
 */
import { OvsdbFileError, OvsdbProtocolError } from '../errors.ts';
import { type DatabaseSchema, parseSchema } from '../schema.ts';
import type { DatabaseSpec, Uuid } from '../types.ts';

export type FileFormat = 'standalone' | 'cluster' | 'dump';

/** One thing that happened to the database, in the order of the file; `where` is for messages. */
export type Step =
  /** `rows: keep`: the database was converted in place. */
  | {
      readonly kind: 'schema';
      readonly schema: DatabaseSchema;
      readonly rows: 'keep' | 'drop';
      readonly where: string;
    }
  /** `{TABLE: {UUID: {COLUMN: value} | null}}`, and members that begin with an underscore. */
  | {
      readonly kind: 'transaction';
      readonly transaction: Readonly<Record<string, unknown>>;
      readonly where: string;
    };

export type Warn = (message: string) => void;

export interface FileContent {
  readonly format: FileFormat;
  /** Absent in a dump, which does not say. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** What was noticed while the file was opened. */
  readonly warnings: readonly string[];
  /** Parsed while it is walked over, because a whole file as objects may not fit into memory. */
  steps(spec: DatabaseSpec, warn: Warn): Iterable<Step>;
}

export function asObject(json: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json))
    return json as Record<string, unknown>;
  throw new OvsdbFileError('corrupt', `${where} is not a JSON object`);
}

export function schemaAt(json: unknown, where: string): DatabaseSchema {
  return located(where, () => parseSchema(json));
}

/** Does `work`; what it finds wrong with the data becomes an error of this file. */
export function located<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OvsdbProtocolError) {
      throw new OvsdbFileError('corrupt', `${where}: ${error.message}`, { cause: error });
    }
    // What is nested without end overflows the stack of whoever prints it.
    if (!(error instanceof RangeError)) throw error;
    throw new OvsdbFileError('corrupt', `${where} is nested too deep, or too big`, { cause: error });
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The name of a row (RFC 7047 5.1 `<uuid>`); what is none throws. */
export function asUuid(text: unknown, where: string): Uuid {
  if (typeof text === 'string' && UUID.test(text)) return text;
  throw new OvsdbFileError('corrupt', `${where} is named by what is no UUID`);
}
