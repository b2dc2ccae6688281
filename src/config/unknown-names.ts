/**
 * Warnings about options and sections that nothing reads: misspelt, misplaced, or of another program. Never fatal, for
 * files of the Python agent may hold anything. Pure.
 */
import { FOREIGN_SECTION_NAMES, isForeignOption, isForeignSection } from './foreign-options.ts';
import type { IniDocument, IniEntry } from './ini.ts';
import { nearestName } from './nearest.ts';
import { normalSection, type OptionPlace, SECTIONS, type SectionName } from './option.ts';
import { OPTION_IDS, optionSpec } from './options.ts';

export function unknownNameWarnings(document: IniDocument): readonly string[] {
  const found: { readonly line: number; readonly text: string }[] = [];
  const reported = new Set<string>();
  for (const { name, line } of document.sections) {
    if (isOwnSection(normalSection(name)) || isForeignSection(name) || reported.has(name)) continue;
    reported.add(name);
    const meant = nearestName(name, [...SECTIONS, ...FOREIGN_SECTION_NAMES]);
    const suggestion = meant === undefined ? '' : `; did you mean [${meant}]?`;
    found.push({ line, text: `[${name}]: unknown section, nothing in it counts${suggestion}` });
  }
  for (const entry of document.entries) {
    const text = unknownOption(entry);
    if (text !== undefined) found.push({ line: entry.line, text });
  }
  return found.sort((a, b) => a.line - b.line).map(({ line, text }) => `${document.file}:${line}: ${text}`);
}

function unknownOption(entry: IniEntry): string | undefined {
  const section = normalSection(entry.section);
  if (!isOwnSection(section) || isForeignOption(section, entry.key)) return undefined;
  const places = knownPlaces();
  if (places.some((place) => place.section === section && place.name === entry.key)) return undefined;
  const start = `[${section}] ${entry.key}: unknown option, it does not count`;
  const elsewhere = places.find((place) => place.name === entry.key);
  if (elsewhere !== undefined) return `${start}; it belongs to [${elsewhere.section}]`;
  const inSection = places.filter((place) => place.section === section).map(({ name }) => name);
  const meant = nearestName(entry.key, inSection);
  if (meant !== undefined) return `${start}; did you mean ${meant}?`;
  const elsewhereName = nearestName(
    entry.key,
    places.map(({ name }) => name),
  );
  const place = places.find(({ name }) => name === elsewhereName);
  return place === undefined ? start : `${start}; did you mean [${place.section}] ${place.name}?`;
}

/** Current places first, so that suggestions never name an old one that has a new name. */
function knownPlaces(): readonly OptionPlace[] {
  const specs = OPTION_IDS.map(optionSpec);
  return [...specs, ...specs.flatMap((spec) => spec.aliases)];
}

function isOwnSection(section: string): section is SectionName {
  return (SECTIONS as readonly string[]).includes(section);
}
