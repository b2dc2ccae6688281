/**
 * Text of unknown origin made fit for a log line, a terminal or a web page: short, printable and visibly a quotation.
 *
 * In: any string. Out: plain ASCII in double quotes; what is not printable ASCII is escaped (no terminal sequences, no
 * text that runs backwards, no look-alikes), and what is too long is cut with its real length told.
 */

const DEFAULT_LIMIT = 64;
/** Printable ASCII without quotation mark and backslash. */
const HARMLESS = /^[ !#-[\]-~]*$/;

/** Quotes `text`, showing at most `limit` of its characters. */
export function quote(text: string, limit: number = DEFAULT_LIMIT): string {
  if (text.length <= limit && HARMLESS.test(text)) return `"${text}"`;
  let shown = '';
  for (let i = 0; i < Math.min(text.length, limit); i++) shown += escaped(text, i);
  return text.length <= limit ? `"${shown}"` : `"${shown}..." (${text.length} characters)`;
}

function escaped(text: string, index: number): string {
  const character = text.charAt(index);
  if (character === '"' || character === '\\') return `\\${character}`;
  const code = text.charCodeAt(index);
  return code >= 0x20 && code <= 0x7e ? character : `\\u${code.toString(16).padStart(4, '0')}`;
}
