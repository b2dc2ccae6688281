/**
 * Turns settings into checked values: substitutes references between options, parses, and collects every problem and
 * note instead of stopping at the first. Pure.
 */
import { quote } from '../base/quote.ts';
import { nearestName } from './nearest.ts';
import { normalSection, placeText, type SectionName } from './option.ts';
import { OPTION_IDS, type OptionId, type OptionValues, optionSpec } from './options.ts';
import { type OptionSource, originPrefix } from './origin.ts';
import type { Setting } from './settings.ts';
import { substitute } from './substitute.ts';
import type { ValueType } from './value-types.ts';

export interface Resolution {
  /** Present when there is no problem. */
  readonly values: OptionValues | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** In the order of the option table; without options that have a problem. */
  readonly sources: readonly OptionSource[];
}

export function resolveOptions(settingOf: (id: OptionId) => Setting): Resolution {
  const resolver = new Resolver(settingOf);
  const values: Partial<Record<OptionId, unknown>> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  const sources: OptionSource[] = [];
  for (const id of OPTION_IDS) {
    const spec = optionSpec(id);
    const setting = settingOf(id);
    const prefix = originPrefix(setting.origin, placeText(spec));
    if (setting.deprecated !== undefined) {
      warnings.push(`${prefix}: an old place for this option; write it as ${setting.deprecated}`);
    }
    const text = resolver.text(id);
    if (!text.ok) {
      problems.push(`${prefix}: ${text.problem}`);
      continue;
    }
    const parsed = spec.type.parse(text.text);
    if (!parsed.ok) {
      problems.push(
        `${prefix}: ${parsed.problem}; accepted: ${spec.type.accepts}${hint(text.text, spec.type)}`,
      );
      continue;
    }
    if (parsed.note !== undefined) warnings.push(`${prefix}: ${parsed.note}`);
    // As in oslo.config: taken as it is, and seldom meant.
    if (COMMENT.test(text.text)) {
      warnings.push(
        `${prefix}: ${quote(text.text)} is taken as it is, with what looks like a comment${COMMENT_HINT}`,
      );
    }
    values[id] = parsed.value;
    const value = spec.type.format(parsed.value);
    sources.push({ section: spec.section, name: spec.name, value, origin: setting.origin });
  }
  // Complete: without a problem every option of the table has put its value in.
  return {
    values: problems.length === 0 ? (values as OptionValues) : undefined,
    problems,
    warnings,
    sources,
  };
}

type Text = ReturnType<typeof substitute>;

/** Texts of options after substitution; each is computed once, references that run in a circle are found. */
class Resolver {
  readonly #settingOf: (id: OptionId) => Setting;
  readonly #texts = new Map<OptionId, Text>();
  readonly #open: OptionId[] = [];

  constructor(settingOf: (id: OptionId) => Setting) {
    this.#settingOf = settingOf;
  }

  text(id: OptionId): Text {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    let circle: string | undefined;
    this.#open.push(id);
    const text = substitute(this.#settingOf(id).text, (name) => {
      const target = findOption(name, optionSpec(id).section);
      if (target === undefined) return undefined;
      if (this.#open.includes(target)) {
        circle = `refers to itself through $${name}`;
        return '';
      }
      const referenced = this.text(target);
      if (!referenced.ok) circle ??= `refers to $${name}, which has no usable value`;
      return referenced.ok ? referenced.text : '';
    });
    this.#open.pop();
    const result: Text = circle === undefined ? text : { ok: false, problem: circle };
    this.#texts.set(id, result);
    return result;
  }
}

/** A name without a dot is looked for in the option's own section, then in [DEFAULT]. */
function findOption(name: string, section: SectionName): OptionId | undefined {
  const dot = name.indexOf('.');
  const at = (wanted: string, option: string): OptionId | undefined =>
    OPTION_IDS.find((id) => optionSpec(id).section === wanted && optionSpec(id).name === option);
  return dot < 0
    ? (at(section, name) ?? at('DEFAULT', name))
    : at(normalSection(name.slice(0, dot)), name.slice(dot + 1));
}

const COMMENT = /\s[#;]/;
const COMMENT_HINT = ' (a comment must have a line of its own)';

/** The slips that the file format invites, and misspelt members of a closed set. */
function hint(text: string, type: ValueType<unknown>): string {
  if (text.includes('\n')) return ' (lines that begin with white space continue the value above them)';
  if (COMMENT.test(text)) return COMMENT_HINT;
  const meant = type.choices === undefined ? undefined : nearestName(text, type.choices);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}
