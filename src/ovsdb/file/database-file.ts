/**
 * A database read from a file instead of a server: as it lies on disk, standalone or of a cluster member, or as
 * `ovsdb-client backup` or `ovsdb-client dump -f json` wrote it, compressed by gzip or not.
 *
 * In: a file, and the declared tables. Out: the same read access as a replica gives. Columns and tables that the file
 * lacks read as empty and are listed as problems. Throws `OvsdbFileError`; what can be lived with is a warning.
 *
 * Ephemeral columns (ovsdb(7)) are in dumps only. The whole file is held in memory, one record at a time as objects.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { errorMessage, OvsdbFileError } from '../errors.ts';
import type { SchemaProblem } from '../schema.ts';
import type { DatabaseSpec, Views } from '../types.ts';
import { clusterContent } from './cluster-log.ts';
import type { FileContent, FileFormat } from './content.ts';
import { dumpContent } from './dump.ts';
import { logMagic, readLog } from './log-records.ts';
import { Replay } from './replay.ts';
import { standaloneContent } from './standalone-log.ts';

export interface DatabaseFile {
  /** How messages call it: its path. */
  readonly source: string;
  readonly format: FileFormat;
  /** Name and version of the schema; absent in a dump. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Reads the declared tables; throws when it is another database or damaged. */
  contents<D extends DatabaseSpec>(spec: D): FileContents<D>;
}

export interface FileContents<D extends DatabaseSpec = DatabaseSpec> {
  readonly tables: Views<D>;
  /** What of the declaration the file does not have. */
  readonly problems: readonly SchemaProblem[];
  /** What a reader of the contents should know of the file. */
  readonly warnings: readonly string[];
  /** When the last transaction was, in milliseconds since 1970; absent when the file does not say. */
  readonly dateMs: number | undefined;
  has(table: keyof D['tables'] & string, column?: string): boolean;
}

/** Decompressed size up to which a file is taken for what it says it is. */
const MAX_BYTES = 2 ** 31 - 1;

export async function openDatabaseFile(path: string): Promise<DatabaseFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new OvsdbFileError('unreadable', `${path} cannot be read: ${errorMessage(cause)}`, { cause });
  }
  return databaseFile(bytes, path);
}

export function databaseFile(given: Buffer, source: string): DatabaseFile {
  const content = contentOf(decompressed(given, source), source);
  return {
    source,
    format: content.format,
    name: content.name,
    version: content.version,
    contents: (spec) => contentsOf(content, spec, source),
  };
}

function decompressed(bytes: Buffer, source: string): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw new OvsdbFileError('corrupt', `${source} cannot be decompressed: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

function contentOf(bytes: Buffer, source: string): FileContent {
  const magic = logMagic(bytes);
  if (magic === 'JSON') return standaloneContent(readLog(bytes, magic, source), source);
  if (magic === 'CLUSTER') return clusterContent(readLog(bytes, magic, source), source);
  if (bytes.toString('latin1', 0, 64).trimStart().startsWith('{')) return dumpContent(bytes, source);
  if (bytes.length === 0) throw new OvsdbFileError('incomplete', `${source} is empty`);
  throw new OvsdbFileError(
    'unrecognized',
    `${source} is no OVSDB file: neither a log ("OVSDB JSON ..." or "OVSDB CLUSTER ...") nor JSON of ovsdb-client dump -f json`,
  );
}

function contentsOf<D extends DatabaseSpec>(content: FileContent, spec: D, source: string): FileContents<D> {
  if (content.name !== undefined && content.name !== spec.name) {
    throw new OvsdbFileError('wrong-database', `${source} holds ${content.name}, not ${spec.name}`);
  }
  const warnings = [...content.warnings];
  const warn = (message: string): void => void warnings.push(message);
  const replay = new Replay(spec, source, warn);
  for (const step of content.steps(spec, warn)) replay.apply(step);
  replay.finish();
  const { contents } = replay;
  return {
    tables: Object.fromEntries(contents.views) as unknown as Views<D>,
    problems: contents.problems,
    warnings,
    dateMs: replay.dateMs,
    has: (table, column) => {
      const codec = contents.tables.get(table)?.codec;
      return codec?.present === true && (column === undefined || codec.has(column));
    },
  };
}
