/**
 * The standalone format of ovsdb(5), which is also what `ovsdb-client backup` writes: the schema, then transactions.
 *
 * In: the records of a log. Out: its contents. A file whose schema is not complete throws.
 */
import { OvsdbFileError } from '../errors.ts';
import { type FileContent, schemaAt } from './content.ts';
import type { Log } from './log-records.ts';

export function standaloneContent(log: Log, source: string): FileContent {
  const [first, ...rest] = log.records;
  if (first === undefined) throw new OvsdbFileError('incomplete', `${source} ends inside the schema`);
  const schema = schemaAt(first.json(), first.where);
  return {
    format: 'standalone',
    name: schema.name,
    version: schema.version,
    warnings: log.warnings,
    *steps() {
      yield { kind: 'schema', schema, rows: 'drop', where: first.where };
      for (const record of rest) {
        yield { kind: 'transaction', transaction: record.json(), where: record.where };
      }
    },
  };
}
