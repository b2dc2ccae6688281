/**
 * Finds what each option is set to: command line before environment, before files (later ones first, in each the
 * option's own name before its older ones, of equals the last), before the default. Pure; the text is not judged here.
 */
import type { IniDocument, IniEntry } from './ini.ts';
import { environmentVariable, flagName, normalSection, placeText } from './option.ts';
import { type OptionId, optionSpec } from './options.ts';
import type { Origin } from './origin.ts';

export interface Setting {
  readonly text: string;
  readonly origin: Origin;
  /** Present when an older name or section was used: what to write instead. */
  readonly deprecated?: string;
}

export interface SettingSources {
  /** In order of reading. */
  readonly documents: readonly IniDocument[];
  /** Texts given on the command line. */
  readonly overrides: ReadonlyMap<OptionId, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Prepares the search; the returned function answers for one option. */
export function settingFinder(sources: SettingSources): (id: OptionId) => Setting {
  const newestFirst = sources.documents.map(indexed).toReversed();
  return (id) => {
    const spec = optionSpec(id);
    const override = sources.overrides.get(id);
    if (override !== undefined) {
      return { text: override, origin: { kind: 'command-line', flag: `--${flagName(spec)}` } };
    }
    const variable = environmentVariable(spec);
    const fromEnvironment = sources.environment[variable];
    if (fromEnvironment !== undefined) {
      return { text: fromEnvironment, origin: { kind: 'environment', variable } };
    }
    for (const { file, entries } of newestFirst) {
      for (const place of [spec, ...spec.aliases]) {
        const entry = entries.get(entryKey(place.section, place.name));
        if (entry === undefined) continue;
        const origin: Origin = { kind: 'file', file, line: entry.line, place: placeText(place) };
        return { text: entry.value, origin, ...(place === spec ? {} : { deprecated: placeText(spec) }) };
      }
    }
    return { text: spec.default, origin: { kind: 'default' } };
  };
}

function indexed(document: IniDocument): { file: string; entries: ReadonlyMap<string, IniEntry> } {
  const entries = new Map<string, IniEntry>();
  for (const entry of document.entries) entries.set(entryKey(entry.section, entry.key), entry);
  return { file: document.file, entries };
}

function entryKey(section: string, name: string): string {
  return `${normalSection(section)}\n${name}`;
}
