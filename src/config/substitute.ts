/**
 * Replaces `$name`, `${name}`, `$section.name` and `${section.name}` in a value, as oslo.config does. `$$` and `\$`
 * stand for a dollar sign, and a dollar sign that begins none of these stays as it is. Pure; the values come from
 * `lookup`, which answers `undefined` for names that are no options.
 */

/** A dot belongs to the name: `$log_dir.old` asks for the option `old` of a section `log_dir`. */
const REFERENCE = /\$(?:(?<escaped>\$)|(?<plain>[_a-z][._a-z0-9]*)|\{(?<braced>[_a-z][._a-z0-9]*)\})/gi;

export type Substitution =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

export function substitute(text: string, lookup: (name: string) => string | undefined): Substitution {
  if (!text.includes('$')) return { ok: true, text };
  const unknown: string[] = [];
  const result = text.replaceAll('\\$', '$$$$').replace(REFERENCE, (...match) => {
    const groups = match.at(-1) as Partial<Record<'escaped' | 'plain' | 'braced', string>>;
    if (groups.escaped !== undefined) return '$';
    const name = groups.plain ?? groups.braced ?? '';
    const value = lookup(name);
    if (value === undefined) unknown.push(name);
    return value ?? '';
  });
  if (unknown.length === 0) return { ok: true, text: result };
  return {
    ok: false,
    problem: `refers to ${unknown.map((name) => `$${name}`).join(', ')}, which is no option (a dollar sign is written $$)`,
  };
}
