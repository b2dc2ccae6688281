/**
 * The log that ovsdb-server writes, cut into records (ovsdb(5)): a line `OVSDB <magic> <length> <sha1>`, then that many
 * bytes of JSON, and so on.
 *
 * In: the bytes of a file. Out: its records, each with its hash checked. A last record that is not complete belongs to a
 * file that was copied while it was written: it is left out with a warning, and so are the zeros that a crash leaves at
 * the end. Anything else that does not fit throws an `OvsdbFileError` that names record and byte.
 */
import { createHash } from 'node:crypto';
import { OvsdbFileError } from '../errors.ts';
import { asObject } from './content.ts';

export type LogMagic = 'JSON' | 'CLUSTER';

export interface LogRecord {
  /** File, number and place of the record, for messages. */
  readonly where: string;
  json(): Readonly<Record<string, unknown>>;
}

export interface Log {
  readonly magic: LogMagic;
  readonly records: readonly LogRecord[];
  readonly warnings: readonly string[];
}

const HEADER = /^OVSDB (JSON|CLUSTER) (\d{1,15}) ([0-9a-f]{40})$/;
/** Longer than any header line with its line feed. */
const MAX_HEADER = 96;
const LINE_FEED = 0x0a;

/** Which kind of log begins with these bytes; `undefined`: none. */
export function logMagic(bytes: Buffer): LogMagic | undefined {
  const start = bytes.toString('latin1', 0, 16);
  if (start.startsWith('OVSDB JSON ')) return 'JSON';
  return start.startsWith('OVSDB CLUSTER ') ? 'CLUSTER' : undefined;
}

export function readLog(bytes: Buffer, magic: LogMagic, source: string): Log {
  const records: LogRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const where = `${source}: record ${records.length + 1} at byte ${at}`;
    const cut = (what: string): Log => ({ magic, records, warnings: [`${where} ${what}; it is left out`] });
    const lineEnd = bytes.subarray(at, at + MAX_HEADER).indexOf(LINE_FEED);
    const line = bytes.toString('latin1', at, lineEnd < 0 ? at + MAX_HEADER : at + lineEnd);
    if (lineEnd < 0 && bytes.length - at < MAX_HEADER && beginsHeader(line, magic)) {
      return cut('is not complete (the file was copied while it was written?)');
    }
    if (isZero(bytes.subarray(at))) return cut('and all that follows are zeros (the machine crashed?)');
    const [, found, length = '', hash] = HEADER.exec(line) ?? [];
    if (found !== magic) {
      throw new OvsdbFileError('corrupt', `${where} does not begin with "OVSDB ${magic} LENGTH HASH"`);
    }
    const start = at + lineEnd + 1;
    const end = start + Number(length);
    if (end > bytes.length) return cut('is not complete (the file was copied while it was written?)');
    const body = bytes.subarray(start, end);
    if (createHash('sha1').update(body).digest('hex') !== hash) {
      throw new OvsdbFileError('corrupt', `${where} is damaged: its SHA-1 is not ${hash}`);
    }
    records.push({ where, json: () => parseBody(body, where) });
    at = end;
  }
  return { magic, records, warnings: [] };
}

/** The whole of a line that is cut off could become a header. */
function beginsHeader(line: string, magic: LogMagic): boolean {
  const fixed = `OVSDB ${magic} `;
  return line.length < fixed.length
    ? fixed.startsWith(line)
    : /^\d*(?: [0-9a-f]*)?$/.test(line.slice(fixed.length));
}

function isZero(bytes: Buffer): boolean {
  return bytes[0] === 0 && bytes.every((byte) => byte === 0);
}

function parseBody(body: Buffer, where: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new OvsdbFileError('corrupt', `${where} is not JSON`, { cause });
    throw new OvsdbFileError('too-big', `${where} is too big (${body.length} bytes)`, { cause });
  }
  return asObject(json, where);
}
