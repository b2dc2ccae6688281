/**
 * Types of option values: how a value's text is read, checked, printed and described. General ones are here, those of
 * networks in `network-values.ts`. Pure; a value that is not accepted is a `problem`, never an exception.
 */

export type Parsed<T> =
  | { readonly ok: true; readonly value: T /** What was changed on the way in. */; readonly note?: string }
  | { readonly ok: false /** What is wrong, without what would be right. */; readonly problem: string };

export interface ValueType<T> {
  /** Kind of value in a word or two: "integer", "list of prefixes". */
  readonly label: string;
  /** What is accepted, as the end of the sentence "accepted: ...". */
  readonly accepts: string;
  /** Present for a closed set; the text of each member. */
  readonly choices?: readonly string[];
  parse(text: string): Parsed<T>;
  /** The inverse of `parse`, in canonical form. */
  format(value: T): string;
}

/** Booleans of oslo.config, and the one-letter forms that other OpenStack tools take. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', '1', 'on', 'yes', 't', 'y'].map((text) => [text, true] as const),
  ...['false', '0', 'off', 'no', 'f', 'n'].map((text) => [text, false] as const),
]);

export const booleanType: ValueType<boolean> = {
  label: 'boolean',
  accepts: 'true or false (also 1/0, on/off, yes/no, t/f, y/n, in any case)',
  parse: (text) => {
    const value = BOOLEANS.get(text.toLowerCase());
    return value === undefined ? rejected(text, 'is not a boolean') : { ok: true, value };
  },
  format: String,
};

/** A decimal integer between `minimum` and `maximum`, both included. */
export function integerType(minimum: number, maximum: number, unit?: string): ValueType<number> {
  return {
    label: 'integer',
    accepts: `a whole number from ${minimum} to ${maximum}${unit === undefined ? '' : ` (${unit})`}`,
    parse: (text) => {
      const trimmed = text.trim();
      if (!/^[+-]?[0-9]+$/.test(trimmed)) return rejected(text, 'is not a whole number');
      const value = Number(trimmed);
      return value < minimum || value > maximum
        ? rejected(text, 'is out of range')
        : { ok: true, value: value === 0 ? 0 : value };
    },
    format: String,
  };
}

/** One of a closed set, spelled exactly as here. */
export function choiceType<const T extends string>(choices: readonly T[]): ValueType<T> {
  return {
    label: 'choice',
    accepts: `one of ${choices.join(', ')}`,
    choices,
    parse: (text) => {
      const value = choices.find((choice) => choice === text);
      return value === undefined ? rejected(text, 'is not known') : { ok: true, value };
    },
    format: (value) => value,
  };
}

/** Text that matches `pattern` entirely. */
export function textType(label: string, accepts: string, pattern: RegExp): ValueType<string> {
  return {
    label,
    accepts,
    parse: (text) =>
      pattern.test(text) ? { ok: true, value: text } : rejected(text, `is not a valid ${label}`),
    format: (value) => value,
  };
}

/** `type`, or nothing: an empty value counts as not set. */
export function optional<T>(type: ValueType<T>): ValueType<T | undefined> {
  return {
    label: type.label,
    accepts: `${type.accepts}; empty: not set`,
    ...(type.choices === undefined ? {} : { choices: type.choices }),
    parse: (text) => (text.trim() === '' ? { ok: true, value: undefined } : type.parse(text)),
    format: (value) => (value === undefined ? '' : type.format(value)),
  };
}

/**
 * Items separated by commas, white space around them dropped, a comma at the end allowed. An item may stand in quotes
 * and then contain commas.
 */
export function listOf<T>(item: ValueType<T>, plural: string): ValueType<readonly T[]> {
  return {
    label: `list of ${plural}`,
    accepts: `${plural} separated by commas, each ${item.accepts}`,
    parse: (text) => {
      const texts = splitList(text);
      if (texts === undefined) return rejected(text, 'has a quote that is not closed');
      const values: T[] = [];
      const notes: string[] = [];
      for (const itemText of texts) {
        if (itemText === '') return rejected(text, 'has an empty item');
        const parsed = item.parse(itemText);
        if (!parsed.ok) return parsed;
        values.push(parsed.value);
        if (parsed.note !== undefined) notes.push(parsed.note);
      }
      return { ok: true, value: values, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
    },
    format: (values) => values.map((value) => item.format(value)).join(','),
  };
}

/** `undefined` when a quote that opens an item is not closed at the end of one. */
function splitList(text: string): string[] | undefined {
  const body = text.trim().replace(/,+$/, '');
  if (body === '') return [];
  const items: string[] = [];
  let open: string | undefined;
  for (const piece of body.split(',')) {
    const candidate: string = (open === undefined ? piece : `${open},${piece}`).trim();
    const quote = candidate.at(0);
    if (quote !== '"' && quote !== "'") items.push(candidate);
    else if (candidate.length > 1 && candidate.endsWith(quote)) items.push(candidate.slice(1, -1));
    else {
      open = candidate;
      continue;
    }
    open = undefined;
  }
  return open === undefined ? items : undefined;
}

export function rejected(text: string, problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem: `${JSON.stringify(text)} ${problem}` };
}
