/**
 * The format of a member of a RAFT cluster (ovsdb(5), "Clustered Service Database Format"): a header with the snapshot,
 * then log entries and what the member noted about votes, terms and commits.
 *
 * In: the records of a log. Out: the snapshot and the entries that the member knew to be committed; a later entry of
 * the same index replaces an earlier one and all that follow it, as in RAFT. Entries beyond the last known commit are
 * left out with a warning: the cluster may have given them up. A member that was still joining has no contents: an error.
 */
import { OvsdbFileError } from '../errors.ts';
import { asObject, type FileContent, type Step, schemaAt } from './content.ts';
import type { Log, LogRecord } from './log-records.ts';

interface Entries {
  /** Entries after the snapshot, without gaps, as far as they are committed. */
  readonly committed: readonly LogRecord[];
  readonly warnings: readonly string[];
}

export function clusterContent(log: Log, source: string): FileContent {
  const [header, ...rest] = log.records;
  if (header === undefined) throw new OvsdbFileError('incomplete', `${source} ends inside the snapshot`);
  const { prev_data: snapshot, prev_index: index, name } = header.json();
  if (snapshot === undefined) {
    throw new OvsdbFileError(
      'incomplete',
      `${source} is of a member that had not joined its cluster yet, and has no contents; take the file of another member`,
    );
  }
  const base = integer(index, 'prev_index', header);
  const [schemaJson] = dataOf(snapshot, header);
  const entries = committedEntries(rest, base, source);
  return {
    format: 'cluster',
    name: typeof name === 'string' ? name : schemaAt(schemaJson, header.where).name,
    version: schemaAt(schemaJson, header.where).version,
    warnings: [...log.warnings, ...entries.warnings],
    *steps() {
      yield* stepsOf(header.json().prev_data, header);
      for (const record of entries.committed) yield* stepsOf(record.json().data, record);
    },
  };
}

function committedEntries(records: readonly LogRecord[], base: number, source: string): Entries {
  const first = base + 1;
  const entries: LogRecord[] = [];
  const warnings: string[] = [];
  let commit = base;
  for (const record of records) {
    const { index: indexJson, commit_index: commitJson, note } = record.json();
    if (indexJson !== undefined) {
      const index = integer(indexJson, 'index', record);
      if (index <= commit || index > first + entries.length) {
        throw new OvsdbFileError(
          'corrupt',
          `${record.where} has index ${index}, where ${commit + 1} to ${first + entries.length} would be possible`,
        );
      }
      entries.length = index - first;
      entries.push(record);
    } else if (commitJson !== undefined) {
      const index = integer(commitJson, 'commit_index', record);
      if (index < commit || index >= first + entries.length) {
        throw new OvsdbFileError(
          'corrupt',
          `${record.where} commits index ${index}, where ${commit} to ${first + entries.length - 1} would be possible`,
        );
      }
      commit = index;
    } else if (note === 'left') {
      warnings.push(`${record.where}: the member left its cluster; later changes are not in its file`);
    }
  }
  const committed = entries.slice(0, commit - base);
  const open = entries.length - committed.length;
  if (open > 0) {
    warnings.push(
      `${source}: ${open} of ${entries.length} log entries are left out: the member did not know them to be committed`,
    );
  }
  return { committed, warnings };
}

/** An entry without data is about the cluster itself; one with a schema converts the database, or replaces it whole. */
function* stepsOf(data: unknown, record: LogRecord): Iterable<Step> {
  if (data === undefined) return;
  const { where } = record;
  const [schema, transaction] = dataOf(data, record);
  if (schema !== null) {
    const rows = transaction === null ? 'keep' : 'drop';
    yield { kind: 'schema', schema: schemaAt(schema, where), rows, where };
  }
  if (transaction !== null) yield { kind: 'transaction', transaction: asObject(transaction, where), where };
}

function dataOf(json: unknown, { where }: LogRecord): readonly unknown[] {
  if (Array.isArray(json) && json.length === 2) return json as readonly unknown[];
  throw new OvsdbFileError('corrupt', `${where} has data other than [schema, transaction]`);
}

function integer(json: unknown, what: string, { where }: LogRecord): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw new OvsdbFileError('corrupt', `${where} has no usable ${what}`);
}
