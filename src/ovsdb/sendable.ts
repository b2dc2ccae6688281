/**
 * What an ovsdb-server can parse. JSON allows more than its parser does, and a server that cannot parse a message ends the
 * connection, with everything that runs over it: so values are looked at before they are sent.
 *
 * Not for the server are the character U+0000, half a surrogate pair (which has no UTF-8), nesting without end, and
 * numbers at the ends of what a double holds: servers write 15 digits, into their files too, and what the smallest and
 * the biggest become by that, nobody reads back.
 */
import { OvsdbConfigurationError } from './errors.ts';

/** The parser of Open vSwitch stops at 1000. */
const MAX_DEPTH = 200;
/** With 15 digits still normal: anything below is "out of range" for strtod(). */
const SMALLEST = 2.23e-308;
/** With 15 digits still finite. */
const BIGGEST = 1.797e308;
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Throws an `OvsdbConfigurationError` that names the place of what a server could not parse. */
export function assertSendable(value: unknown, where: string): void {
  const path: (string | number)[] = [];
  const why = refusal(value, path);
  if (why === undefined) return;
  const place = path.length === 0 ? '' : `, ${path.toReversed().join('.')}`;
  throw new OvsdbConfigurationError(`${where}${place}: ${why}`);
}

/** Why not; the way to the place is put into `path`, innermost first. */
function refusal(value: unknown, path: (string | number)[], depth = 0): string | undefined {
  if (typeof value === 'string') return refusedText(value);
  if (typeof value === 'number') return refusedNumber(value);
  if (typeof value === 'boolean' || value === undefined) return undefined;
  if (typeof value !== 'object') return `a ${typeof value} cannot be sent`;
  if (value === null) return undefined;
  if (depth === MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) {
      const why = refusal(each, path, depth + 1);
      if (why === undefined) continue;
      path.push(index);
      return why;
    }
    return undefined;
  }
  for (const [name, each] of Object.entries(value)) {
    const why = refusedText(name) ?? refusal(each, path, depth + 1);
    if (why === undefined) continue;
    path.push(name);
    return why;
  }
  return undefined;
}

function refusedText(text: string): string | undefined {
  const half = HALF_PAIR.exec(text)?.[0];
  if (half === undefined && !text.includes('\0')) return undefined;
  const what =
    half === undefined
      ? 'the character U+0000'
      : `half a surrogate pair (U+${half.charCodeAt(0).toString(16).toUpperCase()})`;
  return `${JSON.stringify(text.slice(0, 60))} has ${what}, which no OVSDB server can parse`;
}

function refusedNumber(number: number): string | undefined {
  if (!Number.isFinite(number)) return `${number} is no number of JSON`;
  const size = Math.abs(number);
  if (size !== 0 && size < SMALLEST) return `${number} is too small for an OVSDB server to read back`;
  if (size > BIGGEST) return `${number} is too big for an OVSDB server to read back`;
  return undefined;
}
