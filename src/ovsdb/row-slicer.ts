/**
 * Cuts the rows out of one big monitor reply or update while its bytes arrive.
 *
 * Every such message has the same nesting of objects, whatever the method: message 1, table updates 2, table 3, row
 * update 4 (RFC 7047 4.1.5 and 4.1.6, ovsdb-server(7) 4.1.12 to 4.1.16), and only rows have UUIDs as keys. So an object
 * that opens at depth 4 under a UUID key is a row: it is parsed by itself and handed on, and the rest of the message,
 * the skeleton, is parsed at the end with its tables empty. This bounds both the memory and the time of one step.
 *
 * In: buffers. Out: rows to a sink, the skeleton as parsed message. What is not JSON throws a protocol error.
 */
import { OvsdbProtocolError } from './errors.ts';

/** Receives the rows of one message; `update` is the parsed row update as it came. */
export type RowSink = (table: string, uuid: string, update: unknown) => void;

/**
 * Chooses the sink when the first row of a message appears. `envelope` is the message as far as it is known, with empty
 * tables. Without a sink the rows are put back into the message.
 */
export type RowSinkChooser = (envelope: Readonly<Record<string, unknown>>) => RowSink | undefined;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Byte classes: 1 for the four bytes that matter, 0 for all others. UTF-8 continuation bytes never equal them. */
const MATTERS = new Uint8Array(256);
for (const byte of [QUOTE, BACKSLASH, OPEN, CLOSE]) MATTERS[byte] = 1;

type Region = 'skeleton' | 'key' | 'row' | 'gap';

export class RowSlicer {
  readonly #choose: RowSinkChooser;
  readonly #skeleton: Buffer[] = [];
  readonly #held: (readonly [table: string, uuid: string, update: unknown])[] = [];
  #sink: RowSink | undefined;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #region: Region = 'skeleton';
  /** Earlier buffers' bytes of the key or row being read. */
  #pieces: Buffer[] = [];
  #uuid = '';
  #table = '';
  /** Bytes of the last string at depth 2, the candidate for a table's name. */
  #tableToken: Buffer[] | undefined;

  readonly #maxBytes: number;
  #keptBytes = 0;

  constructor(choose: RowSinkChooser, maxBytes: number) {
    this.#choose = choose;
    this.#maxBytes = maxBytes;
  }

  /** Scans `buffer` from `from`; returns the offset after the message's last byte, or -1 when more is needed. */
  scan(buffer: Buffer, from: number): number {
    let start = from;
    let tokenStart = from;
    for (let at = from; at < buffer.length; at++) {
      const byte = buffer[at] as number;
      if (MATTERS[byte] === 0) {
        if (this.#escaped) this.#escaped = false;
        continue;
      }
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) {
          this.#inString = false;
          if (this.#depth === 2) this.#tableToken?.push(buffer.subarray(tokenStart, at + 1));
        }
        continue;
      }
      if (byte === QUOTE) {
        this.#inString = true;
        if (this.#depth === 2) {
          this.#tableToken = [];
          tokenStart = at;
        } else if (this.#depth === 3 && (this.#region === 'skeleton' || this.#region === 'gap')) {
          this.#leave(buffer, start, at);
          this.#region = 'key';
          start = at;
        }
      } else if (byte === OPEN) {
        this.#depth += 1;
        if (this.#depth === 3) this.#table = this.#tableName();
        else if (this.#depth === 4 && this.#region === 'key') start = this.#open(buffer, start, at);
      } else if (byte === CLOSE) {
        this.#depth -= 1;
        if (this.#depth === 3 && this.#region === 'row') {
          this.#emit(Buffer.concat([...this.#pieces, buffer.subarray(start, at + 1)]));
          this.#pieces = [];
          this.#keptBytes = 0;
          this.#region = 'gap';
          start = at + 1;
        } else if (this.#depth === 2 && this.#region !== 'skeleton') {
          this.#leave(buffer, start, at);
          this.#skeleton.push(...this.#pieces);
          this.#pieces = [];
          this.#region = 'skeleton';
          start = at;
        } else if (this.#depth === 0) {
          this.#skeleton.push(buffer.subarray(start, at + 1));
          return at + 1;
        }
      }
    }
    this.#leave(buffer, start, buffer.length);
    if (this.#inString && this.#depth === 2) this.#tableToken?.push(buffer.subarray(tokenStart));
    return -1;
  }

  /** The message without its rows, or with them when nobody took them. */
  finish(): Record<string, unknown> {
    const message = parseObject(Buffer.concat(this.#skeleton).toString('utf8'));
    if (this.#held.length > 0) {
      const tables = tableUpdatesOf(message);
      if (tables === undefined) throw new OvsdbProtocolError('rows in a message that is no update');
      for (const [table, uuid, update] of this.#held) {
        tables[table] ??= {};
        (tables[table] as Record<string, unknown>)[uuid] = update;
      }
    }
    return message;
  }

  /** Stores the bytes since `start` where their region wants them. */
  #leave(buffer: Buffer, start: number, end: number): void {
    if (end <= start) return;
    const part = buffer.subarray(start, end);
    this.#keptBytes += part.length;
    if (this.#keptBytes > this.#maxBytes) {
      throw new OvsdbProtocolError(`a message has a part of more than ${this.#maxBytes} bytes`);
    }
    if (this.#region === 'skeleton') this.#skeleton.push(part);
    else if (this.#region !== 'gap') this.#pieces.push(part);
  }

  /** At the brace that opens a value at depth 4: a row when its key is a UUID, else part of the skeleton. */
  #open(buffer: Buffer, start: number, at: number): number {
    const bytes = [...this.#pieces, buffer.subarray(start, at)];
    const key = Buffer.concat(bytes).toString('utf8');
    const uuid = key.slice(1, key.indexOf('"', 1));
    this.#pieces = [];
    if (!UUID.test(uuid)) {
      this.#skeleton.push(...bytes);
      this.#region = 'skeleton';
      return at;
    }
    this.#uuid = uuid;
    this.#region = 'row';
    return at;
  }

  #emit(bytes: Buffer): void {
    const update = parseObject(bytes.toString('utf8'));
    if (this.#sink === undefined && this.#held.length === 0) this.#sink = this.#choose(this.#envelope());
    if (this.#sink === undefined) this.#held.push([this.#table, this.#uuid, update]);
    else this.#sink(this.#table, this.#uuid, update);
  }

  #tableName(): string {
    const token = this.#tableToken === undefined ? '""' : Buffer.concat(this.#tableToken).toString('utf8');
    return String(parse(token));
  }

  /** The skeleton so far ends inside a table; closing it gives all that came before the rows. */
  #envelope(): Record<string, unknown> {
    const text = Buffer.concat(this.#skeleton).toString('utf8');
    for (const closing of ['}}]}', '}}}']) {
      try {
        return JSON.parse(text + closing) as Record<string, unknown>;
      } catch {
        // The other kind of message: `result` is an object in replies to monitor and monitor_cond, else a list.
      }
    }
    return {};
  }
}

/** The `<table-updates>` object inside a reply or notification. */
function tableUpdatesOf(message: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const holder = message.params ?? message.result;
  const updates: unknown = Array.isArray(holder) ? holder.at(-1) : holder;
  return typeof updates === 'object' && updates !== null ? (updates as Record<string, unknown>) : undefined;
}

/** Parses a JSON text that must be an object. */
export function parseObject(text: string): Record<string, unknown> {
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OvsdbProtocolError(`expected a JSON object, received ${text.slice(0, 80)}`);
  }
  return value as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new OvsdbProtocolError(`received what is not JSON: ${text.slice(0, 80)}`, { cause: error });
  }
}
