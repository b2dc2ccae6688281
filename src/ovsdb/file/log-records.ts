/**
 * The log that ovsdb-server writes, cut into records (ovsdb(5)): a line `OVSDB <magic> <length> <sha1>`, then that many
 * bytes of JSON, and so on.
 *
 * In: the bytes of a file. Out: its records, each with its hash checked. What is damaged at the end was left there by a
 * crash, or by a copy made while the file was written: as a server does, it is left out, with a warning. Damage that a
 * good record follows is something else, and what a server would make of it has lost transactions: it throws an
 * `OvsdbFileError` that names record and byte.
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
    const found = recordAt(bytes, at, magic);
    if (typeof found === 'string') {
      // Without the first record there is no schema, so nothing that could be served.
      if (records.length === 0 && !INCOMPLETE.has(found))
        throw new OvsdbFileError('corrupt', `${where} ${found}`);
      if (hasGoodRecord(bytes, at)) {
        throw new OvsdbFileError('corrupt', `${where} ${found}, and good records follow`);
      }
      const following = INCOMPLETE.has(found) ? '' : `, with all that follows (${bytes.length - at} bytes)`;
      return { magic, records, warnings: [`${where} ${found}; it is left out${following}`] };
    }
    const { body, end } = found;
    records.push({ where, json: () => parseBody(body, where) });
    at = end;
  }
  return { magic, records, warnings: [] };
}

const CUT = 'is not complete (the file was copied while it was written?)';
const ZEROS = 'and all that follows are zeros (the machine crashed?)';
const INCOMPLETE: ReadonlySet<string> = new Set([CUT, ZEROS]);

/** The record that begins here, or what is wrong with it. */
function recordAt(
  bytes: Buffer,
  at: number,
  magic: LogMagic,
): { readonly body: Buffer; readonly end: number } | string {
  const lineEnd = bytes.subarray(at, at + MAX_HEADER).indexOf(LINE_FEED);
  const line = bytes.toString('latin1', at, lineEnd < 0 ? at + MAX_HEADER : at + lineEnd);
  if (lineEnd < 0 && bytes.length - at < MAX_HEADER && beginsHeader(line, magic)) return CUT;
  if (isZero(bytes.subarray(at))) return ZEROS;
  const [, found, length = '', hash] = HEADER.exec(line) ?? [];
  if (found !== magic) return `does not begin with "OVSDB ${magic} LENGTH HASH"`;
  const start = at + lineEnd + 1;
  const end = start + Number(length);
  if (end > bytes.length) return CUT;
  const body = bytes.subarray(start, end);
  if (createHash('sha1').update(body).digest('hex') === hash) return { body, end };
  return `is damaged: its SHA-1 is not ${hash}`;
}

/** Headers that are looked at behind a damaged record: enough for any real file, few enough for a made one. */
const MOST_HEADERS = 64;

/** Whether there is a whole record, of either kind, in what cannot be read on. */
function hasGoodRecord(bytes: Buffer, damaged: number): boolean {
  let at = damaged;
  for (let looked = 0; looked < MOST_HEADERS; looked++) {
    at = bytes.indexOf('OVSDB ', at, 'latin1');
    if (at < 0) return false;
    const magic = logMagic(bytes.subarray(at, at + MAX_HEADER));
    if (magic !== undefined && typeof recordAt(bytes, at, magic) !== 'string') return true;
    at += 1;
  }
  // More headers than that, none of them good, are not what a crash leaves.
  return true;
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
