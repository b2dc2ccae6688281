/**
 * Finds the messages in the byte stream. JSON-RPC over OVSDB has no delimiter: one object simply follows the other
 * (RFC 7047 4), so a byte state machine counts braces outside strings. Brackets need no counting, because every message
 * is an object, and a chunk may end anywhere, also inside a character.
 *
 * In: chunks. Out: parsed messages, pulled one by one so that the caller can wait between them; the rows of big ones go
 * to a row sink while they arrive (row-slicer.ts). Bytes between messages other than white space throw.
 */
import { OvsdbProtocolError } from './errors.ts';
import { parseObject, type RowSinkChooser, RowSlicer } from './row-slicer.ts';

export interface FramerLimits {
  /** A message beyond this size is cut into rows while it arrives. */
  readonly sliceAboveBytes: number;
  /** A message, or with slicing a skeleton or a row, can never be longer than a string of V8 (about 2^29). */
  readonly maxMessageBytes: number;
}

export const DEFAULT_FRAMER_LIMITS: FramerLimits = {
  sliceAboveBytes: 256 * 1024,
  maxMessageBytes: 400 * 1024 * 1024,
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const EMPTY = Buffer.alloc(0);

export class Framer {
  readonly #limits: FramerLimits;
  readonly #choose: RowSinkChooser;
  #chunk: Buffer = EMPTY;
  #at = 0;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #slicer: RowSlicer | undefined;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(choose: RowSinkChooser, limits: FramerLimits = DEFAULT_FRAMER_LIMITS) {
    this.#choose = choose;
    this.#limits = limits;
  }

  /** Gives the next chunk; only after `next` has returned `undefined`. */
  feed(chunk: Buffer): void {
    if (this.#at < this.#chunk.length) throw new Error('the previous chunk is not used up');
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next complete message in what was fed, or `undefined` when more bytes are needed. */
  next(): Record<string, unknown> | undefined {
    if (this.#slicer !== undefined) return this.#slice(this.#slicer, this.#at);
    const start = this.#depth === 0 ? this.#skipBlank() : this.#at;
    const end = this.#scan(start);
    if (end >= 0) {
      const last = this.#chunk.subarray(start, end);
      const bytes = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
      this.#parts = [];
      this.#partsBytes = 0;
      this.#at = end;
      return parseObject(bytes.toString('utf8'));
    }
    const rest = this.#chunk.subarray(start);
    this.#at = this.#chunk.length;
    if (rest.length > 0) this.#parts.push(rest);
    this.#partsBytes += rest.length;
    if (this.#partsBytes <= this.#limits.sliceAboveBytes) return undefined;
    const slicer = new RowSlicer(this.#choose, this.#limits.maxMessageBytes);
    for (const part of this.#parts) slicer.scan(part, 0);
    this.#parts = [];
    this.#partsBytes = 0;
    this.#slicer = slicer;
    return undefined;
  }

  /** True when what was fed ends inside a message. */
  get midMessage(): boolean {
    return this.#parts.length > 0 || this.#slicer !== undefined;
  }

  #slice(slicer: RowSlicer, from: number): Record<string, unknown> | undefined {
    if (from >= this.#chunk.length) return undefined;
    const end = slicer.scan(this.#chunk, from);
    if (end < 0) {
      this.#at = this.#chunk.length;
      return undefined;
    }
    this.#at = end;
    this.#slicer = undefined;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    return slicer.finish();
  }

  #skipBlank(): number {
    let at = this.#at;
    for (; at < this.#chunk.length; at++) {
      const byte = this.#chunk[at] as number;
      if (byte === OPEN) break;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        const shown = this.#chunk.toString('latin1', at, at + 40);
        throw new OvsdbProtocolError(`expected a JSON-RPC message, received ${JSON.stringify(shown)}`);
      }
    }
    this.#at = at;
    return at;
  }

  /** The offset after the brace that closes the message, or -1. */
  #scan(from: number): number {
    const chunk = this.#chunk;
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) inString = true;
      else if (byte === OPEN) depth += 1;
      else if (byte === CLOSE && --depth === 0) {
        this.#depth = 0;
        this.#inString = false;
        this.#escaped = false;
        return at + 1;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return -1;
  }
}
