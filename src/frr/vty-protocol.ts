/**
 * The protocol of FRR's vty sockets, the one that vtysh speaks (lib/vty.c `vtysh_read`, vtysh/vtysh.c).
 *
 * A request is the command's text and one NUL byte. A reply is text, three NUL bytes and a status byte (the CMD_* values
 * of lib/command.h). Pure: bytes in, bytes and replies out. What is not a command of one line is refused before it is
 * sent; a reply longer than the limit is an error, because nothing after it can be trusted.
 */
import { FrrError } from './errors.ts';

/** CMD_SUCCESS. */
export const STATUS_OK = 0;
/** CMD_WARNING: what `show` commands answer when there is nothing to show. */
export const STATUS_WARNING = 1;
/** CMD_ERR_NO_MATCH: the daemon does not know the command. */
export const STATUS_UNKNOWN_COMMAND = 2;

export interface VtyReply {
  readonly status: number;
  readonly text: string;
}

/** FRR's own limit on a line is 4096 bytes (VTY_BUFSIZ). */
const MAX_COMMAND_BYTES = 4000;

export function encodeCommand(command: string): Buffer {
  // A line feed or NUL would start another command, `?` and tab are the interactive help keys.
  if (!/^[\x21-\x3e\x40-\x7e](?:[\x20-\x3e\x40-\x7e]*[\x21-\x3e\x40-\x7e])?$/.test(command)) {
    throw new FrrError('invalid', `not one printable command line: ${JSON.stringify(command)}`, { command });
  }
  if (command.length > MAX_COMMAND_BYTES) {
    throw new FrrError('invalid', `command of ${command.length} bytes is too long for FRR`, { command });
  }
  return Buffer.from(`${command}\0`, 'latin1');
}

/** Collects the bytes of one reply at a time. */
export class ReplyParser {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;
  /** NUL bytes seen in a row at the end of what was collected. */
  #nuls = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Takes in received bytes; gives the replies that they complete. */
  push(chunk: Buffer): readonly VtyReply[] {
    const replies: VtyReply[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      if (this.#nuls < 3) {
        this.#nuls = chunk[i] === 0 ? this.#nuls + 1 : 0;
        if (this.#nuls > 0) continue;
        // Text has no NUL bytes, so the next thing of interest is the next NUL.
        const next = chunk.indexOf(0, i);
        i = (next < 0 ? chunk.length : next) - 1;
        continue;
      }
      this.#collect(chunk.subarray(start, i));
      replies.push(this.#finish(chunk[i] ?? 0));
      start = i + 1;
    }
    this.#collect(chunk.subarray(start));
    return replies;
  }

  #collect(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#length > this.#limit + 3) {
      throw new FrrError('protocol', `FRR's reply is longer than ${this.#limit} bytes`, {
        limitBytes: this.#limit,
      });
    }
    if (bytes.length > 0) this.#chunks.push(bytes);
  }

  #finish(status: number): VtyReply {
    const text = Buffer.concat(this.#chunks, this.#length).toString('utf8', 0, this.#length - 3);
    this.#chunks = [];
    this.#length = 0;
    this.#nuls = 0;
    return { status, text };
  }
}
