/** Where the value of an option came from, for messages and for `config check`. */

export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly place: string }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'command-line'; readonly flag: string };

/** The effective value of an option, printed canonically, and its origin. */
export interface OptionSource {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
}

/** In a word, for lists. */
export function originText(origin: Origin): string {
  if (origin.kind === 'file') return `${origin.file}:${origin.line}`;
  if (origin.kind === 'environment') return `environment ${origin.variable}`;
  return origin.kind === 'command-line' ? `command line ${origin.flag}` : 'default';
}

/** How a message about the value begins: with the place where one would correct it. */
export function originPrefix(origin: Origin, place: string): string {
  if (origin.kind === 'file') return `${origin.file}:${origin.line}: ${origin.place}`;
  if (origin.kind === 'environment') return origin.variable;
  return origin.kind === 'command-line' ? origin.flag : place;
}
