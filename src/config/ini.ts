/**
 * Reads the INI dialect of oslo.config into a flat list of assignments.
 *
 * In: a file's bytes. Out: assignments and sections in file order with their lines, and every line that does not parse
 * (the rest is still returned, so that one run names all mistakes). Meaning is not judged here.
 *
 * The dialect, where it differs from what one may expect:
 * - `key = value` or `key: value`; whichever of `=` and `:` comes first separates.
 * - A comment is a line whose first character is `#` or `;`. Nothing is cut off behind a value.
 * - A line that begins with a blank or a tab continues the value above it, also when it looks like a comment or a
 *   section. An empty line, a comment or a section ends the value, after which there is nothing to continue.
 * - A first line's value in quotes loses them; the lines of a continued value are joined with line feeds.
 * - Section names keep their case here; assignments before the first section are errors.
 */

export interface IniEntry {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** 1-based line of the key. */
  readonly line: number;
}

export interface IniSection {
  readonly name: string;
  readonly line: number;
}

export interface IniDocument {
  readonly file: string;
  readonly entries: readonly IniEntry[];
  readonly sections: readonly IniSection[];
  /** `FILE:LINE: what is wrong`, one for each line that does not parse. */
  readonly problems: readonly string[];
}

interface OpenEntry {
  readonly key: string;
  readonly values: string[];
  readonly line: number;
}

export function parseIni(file: string, bytes: Uint8Array): IniDocument {
  const parser = new IniParser(file);
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    parser.problem(firstUndecodableLine(bytes), 'not UTF-8 text');
    return parser.document();
  }
  // The line ends that Python's text mode knows; a decoder has already taken a byte order mark away.
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) parser.line(line.trimEnd(), index + 1);
  parser.closeEntry();
  return parser.document();
}

class IniParser {
  readonly #file: string;
  readonly #entries: IniEntry[] = [];
  readonly #sections: IniSection[] = [];
  readonly #problems: string[] = [];
  #section: string | undefined;
  #open: OpenEntry | undefined;
  /** A broken line was reported: lines that continue it are part of the same mistake. */
  #skipContinuation = false;

  constructor(file: string) {
    this.#file = file;
  }

  document(): IniDocument {
    return {
      file: this.#file,
      entries: this.#entries,
      sections: this.#sections,
      problems: this.#problems,
    };
  }

  problem(line: number, message: string): void {
    this.#problems.push(`${this.#file}:${line}: ${message}`);
  }

  line(text: string, line: number): void {
    if (text === '') {
      this.closeEntry();
      return;
    }
    if (text.startsWith(' ') || text.startsWith('\t')) {
      this.#continuation(text.trimStart(), line);
      return;
    }
    this.closeEntry();
    if (text.startsWith('[')) this.#sectionLine(text, line);
    else if (!text.startsWith('#') && !text.startsWith(';')) this.#assignment(text, line);
  }

  closeEntry(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#skipContinuation = false;
    if (open === undefined) return;
    if (this.#section === undefined) {
      this.problem(open.line, `${JSON.stringify(open.key)} stands before the first [section]`);
      return;
    }
    const value = open.values.join('\n');
    this.#entries.push({ section: this.#section, key: open.key, value, line: open.line });
  }

  #continuation(text: string, line: number): void {
    if (this.#open !== undefined) this.#open.values.push(text);
    else if (!this.#skipContinuation) {
      this.problem(line, 'begins with white space, but there is no value above that it could continue');
      this.#skipContinuation = true;
    }
  }

  #sectionLine(text: string, line: number): void {
    if (!text.endsWith(']')) {
      this.problem(
        line,
        `a section must be written as [name] with nothing behind it: ${JSON.stringify(text)}`,
      );
    } else if (text.length <= 2) {
      this.problem(line, 'a section needs a name: []');
    } else {
      this.#section = text.slice(1, -1);
      this.#sections.push({ name: this.#section, line });
    }
  }

  #assignment(text: string, line: number): void {
    const at = text.search(/[:=]/);
    const key = at < 0 ? '' : text.slice(0, at).trim();
    if (at < 0 || key === '') {
      const missing = at < 0 ? 'neither "=" nor ":"' : 'no option name before the separator';
      this.problem(line, `${missing} in ${JSON.stringify(text)}`);
      this.#skipContinuation = true;
      return;
    }
    this.#open = { key, values: [unquoted(text.slice(at + 1).trim())], line };
  }
}

/** The reference reader also turns a lone quote into nothing. */
function unquoted(value: string): string {
  const first = value.at(0);
  return (first === '"' || first === "'") && value.at(-1) === first ? value.slice(1, -1) : value;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A line feed is never part of a longer UTF-8 sequence, so lines can be judged one by one. */
function firstUndecodableLine(bytes: Uint8Array): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || decodeUtf8(bytes.subarray(start, end)) === undefined) return line;
    start = end + 1;
  }
}
