/**
 * The frames between a command's two ends: the terminal on the machine and the process in the guest. Pure.
 *
 * A frame is one byte that says what it is, four bytes of length (big-endian), and so many bytes. One connection carries
 * one command, so nothing has to be told apart: `start` first, then input, signals and output, `exit` last.
 */

/** What a frame is; the numbers go over the wire. */
export const FRAME = {
  /** JSON `StartRequest`, to the guest; the first frame of a connection and there only. */
  start: 1,
  /** Bytes of standard input, to the guest; an empty frame is its end. */
  input: 2,
  /** Name of a signal for the command's process group, to the guest. */
  signal: 3,
  /** Bytes of standard output and standard error, from the guest. */
  output: 4,
  error: 5,
  /** JSON `ExitReport`, from the guest; the last frame. */
  exit: 6,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export interface StartRequest {
  readonly argv: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** With a terminal of this size; its output has no second stream. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
}

export interface ExitReport {
  /** 128 plus the number of the signal that ended the command, as in a shell. */
  readonly code: number;
  /** Why the command could not be started. */
  readonly problem?: string;
}

export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

const HEADER = 5;
/** Far more than any sender puts in one frame: what claims to be longer is no frame. */
const LONGEST = 16 * 1024 * 1024;

export function encodeFrame(type: FrameType, body: Buffer | string = ''): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Puts frames together from whatever pieces a stream delivers; throws on what cannot be a frame. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #length = 0;

  /** The frames that are complete with this piece. */
  push(piece: Buffer): readonly Frame[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const frames: Frame[] = [];
    for (let frame = this.#take(); frame !== undefined; frame = this.#take()) frames.push(frame);
    return frames;
  }

  #take(): Frame | undefined {
    if (this.#length < HEADER) return undefined;
    const length = this.#joined().readUInt32BE(1);
    if (length > LONGEST) throw new RangeError(`a frame of ${length} bytes`);
    if (this.#length < HEADER + length) return undefined;
    const all = this.#joined();
    const rest = all.subarray(HEADER + length);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return { type: all.readUInt8(0), body: all.subarray(HEADER, HEADER + length) };
  }

  /** Many pieces are joined only when somebody has to look across their borders. */
  #joined(): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first !== undefined) return first;
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all;
  }
}
