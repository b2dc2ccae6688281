/**
 * Declarative layout of netlink messages: fixed structures and sets of attributes.
 *
 * A structure names its fields with their widths, an attribute set names its attributes with number and type; both
 * then read and write plain objects. Reading is bounded by the given range, skips attributes it does not know, and
 * throws NetlinkDecodeError when lengths contradict each other. Writing skips absent values and throws
 * NetlinkEncodeError for what does not fit.
 */
import { NetlinkDecodeError, NetlinkEncodeError } from '../errors.ts';
import { formatAddress, formatMac, parseAddress, parseMac } from '../ip-text.ts';
import { NLA_F_NESTED, NLA_TYPE_MASK } from '../kernel-numbers.ts';
import { ATTRIBUTE_HEADER_BYTES, align, type MessageWriter, readI32, readU16, readU32 } from './writer.ts';

type Width = 'u8' | 'u16' | 'u32' | 'i32';

const WIDTH_BYTES: Readonly<Record<Width, number>> = { u8: 1, u16: 2, u32: 4, i32: 4 };

export interface Struct<F extends Readonly<Record<string, Width>>> {
  readonly size: number;
  /** Where a field begins; for what is read so often that an object for each would tell. */
  readonly offsets: { readonly [K in keyof F]: number };
  read(bytes: Buffer, start: number, end: number): { [K in keyof F]: number };
  /** Fields that are not given are zero. */
  write(writer: MessageWriter, values: { readonly [K in keyof F]?: number | undefined }): void;
}

/** A C structure without holes: the fields in order, padding as fields of its own. */
export function struct<const F extends Readonly<Record<string, Width>>>(name: string, fields: F): Struct<F> {
  const layout: { readonly field: keyof F; readonly width: Width; readonly offset: number }[] = [];
  let size = 0;
  for (const [field, width] of Object.entries(fields)) {
    layout.push({ field, width, offset: size });
    size += WIDTH_BYTES[width];
  }
  return {
    size,
    offsets: Object.fromEntries(layout.map(({ field, offset }) => [field, offset])) as {
      [K in keyof F]: number;
    },
    read(bytes, start, end) {
      if (start + size > end) {
        throw new NetlinkDecodeError(`${name}: ${Math.max(0, end - start)} bytes, needs ${size}`);
      }
      const values: Partial<Record<keyof F, number>> = {};
      for (const { field, width, offset } of layout) values[field] = READ[width](bytes, start + offset);
      return values as { [K in keyof F]: number };
    },
    write(writer, values) {
      for (const { field, width } of layout) writer[width](values[field] ?? 0);
    },
  };
}

const READ: Readonly<Record<Width, (bytes: Buffer, at: number) => number>> = {
  u8: (bytes, at) => bytes.readUInt8(at),
  u16: readU16,
  u32: readU32,
  i32: readI32,
};

/** How the payload of one attribute is read and written. `undefined` from `read`: present, but not of that form. */
export interface AttributeType<T> {
  read(bytes: Buffer, start: number, end: number): T | undefined;
  write(writer: MessageWriter, value: T): void;
  readonly nested?: boolean;
}

function number(size: number, read: AttributeType<number>['read'], write: AttributeType<number>['write']) {
  return {
    // Longer payloads are legal: the kernel may extend an attribute at its end.
    read(bytes, start, end) {
      if (end - start < size)
        throw new NetlinkDecodeError(`attribute of ${end - start} bytes, needs ${size}`);
      return read(bytes, start, end);
    },
    write,
  } satisfies AttributeType<number>;
}

export const u8: AttributeType<number> = number(
  1,
  (bytes, start) => bytes.readUInt8(start),
  (writer, value) => writer.u8(value),
);
export const u16: AttributeType<number> = number(
  2,
  (bytes, start) => readU16(bytes, start),
  (writer, value) => writer.u16(value),
);
/** Network order: ports and EtherTypes. */
export const u16be: AttributeType<number> = number(
  2,
  (bytes, start) => bytes.readUInt16BE(start),
  (writer, value) => writer.u16be(value),
);
export const u32: AttributeType<number> = number(
  4,
  (bytes, start) => readU32(bytes, start),
  (writer, value) => writer.u32(value),
);

/** Text up to the first zero byte. */
export const text: AttributeType<string> = {
  read(bytes, start, end) {
    let stop = start;
    while (stop < end && bytes.readUInt8(stop) !== 0) stop++;
    return bytes.toString('utf8', start, stop);
  },
  write(writer, value) {
    if (value.includes('\0')) throw new NetlinkEncodeError(`text with a zero byte: ${JSON.stringify(value)}`);
    writer.append(Buffer.from(value, 'utf8'));
  },
};

/** An IPv4 or IPv6 address, told apart by its length. */
export const ip: AttributeType<string> = {
  read(bytes, start, end) {
    const length = end - start;
    if (length !== 4 && length !== 16) throw new NetlinkDecodeError(`IP address of ${length} bytes`);
    return formatAddress(bytes, start, length);
  },
  write: (writer, value) => writer.append(parseAddress(value)),
};

/** EUI-48; hardware addresses of other lengths (tunnels, InfiniBand) are skipped. */
export const mac: AttributeType<string> = {
  read: (bytes, start, end) => (end - start === 6 ? formatMac(bytes, start) : undefined),
  write: (writer, value) => writer.append(parseMac(value)),
};

/** The payload as it is; the result shares memory with the message. */
export const raw: AttributeType<Uint8Array> = {
  read: (bytes, start, end) => bytes.subarray(start, end),
  write: (writer, value) => writer.append(value),
};

/** For requests: bytes that were made of text already. */
export const made: AttributeType<ArrayLike<number>> = {
  read: (bytes, start, end) => bytes.subarray(start, end),
  write: (writer, value) => writer.append(value),
};

export interface AttributeSpec<T> {
  readonly code: number;
  readonly type: AttributeType<T>;
}

export function attribute<T>(code: number, type: AttributeType<T>): AttributeSpec<T> {
  return { code, type };
}

type Specs = Readonly<Record<string, AttributeSpec<unknown>>>;

/** The values of an attribute set; an attribute that the message does not have is absent. */
export type ValuesOf<S extends Specs> = {
  -readonly [K in keyof S]?: (S[K] extends AttributeSpec<infer T> ? T : never) | undefined;
};

export interface AttributeSet<S extends Specs> {
  /** `unknown` collects the numbers of attributes that the set does not name. */
  read(bytes: Buffer, start: number, end: number, unknown?: number[]): ValuesOf<S>;
  /** Writes the given values in the order of the declaration. */
  write(writer: MessageWriter, values: Readonly<ValuesOf<S>>): void;
}

export function attributes<const S extends Specs>(specs: S): AttributeSet<S> {
  const byCode: ([name: keyof S, type: AttributeType<unknown>] | undefined)[] = [];
  const inOrder: { readonly name: keyof S; readonly code: number; readonly type: AttributeType<unknown> }[] =
    [];
  for (const [name, { code, type }] of Object.entries(specs)) {
    byCode[code] = [name, type];
    inOrder.push({ name, code: type.nested === true ? code | NLA_F_NESTED : code, type });
  }
  return {
    read(bytes, start, end, unknown) {
      const values: Partial<Record<keyof S, unknown>> = {};
      let at = start;
      // Fewer bytes than a header at the end are padding.
      while (at + ATTRIBUTE_HEADER_BYTES <= end) {
        const length = readU16(bytes, at);
        if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) {
          throw new NetlinkDecodeError(`attribute of length ${length} with ${end - at} bytes left`);
        }
        const code = readU16(bytes, at + 2) & NLA_TYPE_MASK;
        const known = byCode[code];
        if (known === undefined) unknown?.push(code);
        else values[known[0]] = known[1].read(bytes, at + ATTRIBUTE_HEADER_BYTES, at + length);
        at += align(length);
      }
      return values as ValuesOf<S>;
    },
    write(writer, values) {
      for (const { name, code, type } of inOrder) {
        const value = values[name];
        if (value === undefined) continue;
        if (type === u32) {
          writer.u32Attribute(code, value as number);
          continue;
        }
        const start = writer.beginAttribute(code);
        type.write(writer, value);
        writer.endAttribute(start);
      }
    },
  };
}

/** An attribute whose payload is again a set of attributes. */
export function nested<S extends Specs>(set: AttributeSet<S>): AttributeType<ValuesOf<S>> {
  return {
    nested: true,
    read: (bytes, start, end) => set.read(bytes, start, end),
    write: (writer, value) => set.write(writer, value),
  };
}
