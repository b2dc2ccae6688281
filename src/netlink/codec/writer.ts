/**
 * Builds netlink messages in one growing buffer: numbers in host order, headers and attributes with their lengths
 * filled in when they are closed, everything padded to 4 bytes.
 *
 * The buffer is reused after `clear`, so a batch costs no allocation once it has grown. A number outside its width
 * throws NetlinkEncodeError.
 */
import os from 'node:os';
import { NetlinkEncodeError } from '../errors.ts';

/** Netlink is in host order: little endian nearly everywhere, big endian on s390x. */
export const LITTLE_ENDIAN = os.endianness() === 'LE';

export const MESSAGE_HEADER_BYTES = 16;
export const ATTRIBUTE_HEADER_BYTES = 4;

export function align(length: number): number {
  return (length + 3) & ~3;
}

export function readU16(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
}

export function readU32(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

export function readI32(bytes: Buffer, at: number): number {
  return readU32(bytes, at) | 0;
}

export class MessageWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.alloc(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far; valid until the next write. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Forgets everything from `length` on: a message that turned out not to be encodable. */
  truncate(length: number): void {
    this.#length = length;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#buffer[at] = checked(value, 0xff);
  }

  u16(value: number): void {
    this.#setU16(this.#reserve(2), checked(value, 0xffff));
  }

  u16be(value: number): void {
    const at = this.#reserve(2);
    this.#buffer.writeUInt16BE(checked(value, 0xffff), at);
  }

  u32(value: number): void {
    this.#setU32(this.#reserve(4), checked(value, 0xffffffff));
  }

  /** For kernel fields declared `int`; interface indexes. */
  i32(value: number): void {
    this.#setU32(this.#reserve(4), checked(value, 0x7fffffff));
  }

  append(bytes: ArrayLike<number>): void {
    const at = this.#reserve(bytes.length);
    // A call to `set` costs more than the four bytes that most are.
    if (bytes.length > 16) this.#buffer.set(bytes, at);
    else for (let index = 0; index < bytes.length; index++) this.#buffer[at + index] = bytes[index] ?? 0;
  }

  /** Writes `nlmsghdr`; the result goes to `endMessage`. */
  beginMessage(type: number, flags: number, sequence: number): number {
    const start = this.#reserve(MESSAGE_HEADER_BYTES);
    this.#setU32(start, 0);
    this.#setU16(start + 4, checked(type, 0xffff));
    this.#setU16(start + 6, checked(flags, 0xffff));
    this.#setU32(start + 8, checked(sequence, 0xffffffff));
    this.#setU32(start + 12, 0);
    return start;
  }

  endMessage(start: number): void {
    this.#pad();
    this.#setU32(start, this.#length - start);
  }

  /** Sets further flags in the header of an already written message. */
  addFlags(start: number, flags: number): void {
    this.#setU16(start + 6, readU16(this.#buffer, start + 6) | flags);
  }

  /** Writes `nlattr` (also the layout of `rtattr`); the result goes to `endAttribute`. */
  beginAttribute(type: number): number {
    const start = this.#reserve(ATTRIBUTE_HEADER_BYTES);
    this.#setU16(start, 0);
    this.#setU16(start + 2, checked(type, 0xffff));
    return start;
  }

  endAttribute(start: number): void {
    this.setLength16(start);
    this.#pad();
  }

  /** A whole attribute with a 32-bit number, which every object has several of. */
  u32Attribute(type: number, value: number): void {
    const at = this.#reserve(8);
    this.#setU16(at, 8);
    this.#setU16(at + 2, type);
    this.#setU32(at + 4, checked(value, 0xffffffff));
  }

  /** Fills in a 16-bit length field at `start` that counts from itself to here. */
  setLength16(start: number): void {
    this.#setU16(start, checked(this.#length - start, 0xffff));
  }

  #pad(): void {
    while ((this.#length & 3) !== 0) {
      const at = this.#reserve(1);
      this.#buffer[at] = 0;
    }
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }

  // Values are checked and the place is reserved: Buffer's own methods would check both again.
  #setU16(at: number, value: number): void {
    const buffer = this.#buffer;
    buffer[LITTLE_ENDIAN ? at : at + 1] = value;
    buffer[LITTLE_ENDIAN ? at + 1 : at] = value >>> 8;
  }

  #setU32(at: number, value: number): void {
    const buffer = this.#buffer;
    if (LITTLE_ENDIAN) {
      buffer[at] = value;
      buffer[at + 1] = value >>> 8;
      buffer[at + 2] = value >>> 16;
      buffer[at + 3] = value >>> 24;
    } else {
      buffer[at] = value >>> 24;
      buffer[at + 1] = value >>> 16;
      buffer[at + 2] = value >>> 8;
      buffer[at + 3] = value;
    }
  }
}

function checked(value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new NetlinkEncodeError(`number out of range 0..${max}: ${value}`);
}
