/** The shape of an entry of the option table, and where an option is found and set from. */
import type { ValueType } from './value-types.ts';

export const SECTIONS = ['DEFAULT', 'agent', 'ovn', 'local_ovn_cluster'] as const;
export type SectionName = (typeof SECTIONS)[number];

/**
 * `active`: has its effect. `planned`: read and checked, but what it asks for is not part of this version.
 * `ignored`: known from the Python agent and without meaning here.
 */
export type OptionStatus = 'active' | 'planned' | 'ignored';

export interface OptionSpec<T> {
  readonly section: SectionName;
  /** As written in files; case counts. */
  readonly name: string;
  readonly type: ValueType<T>;
  /** As one would write it in a file; empty for "not set" and for the empty list. */
  readonly default: string;
  /** `python`: from the Python agent, same name and default. `own`: this agent's. `log`: from oslo.log. */
  readonly origin: 'python' | 'own' | 'log';
  readonly status: OptionStatus;
  /** One paragraph of whole sentences. */
  readonly help: string;
  /** Older places that still count, in order of preference. */
  readonly aliases: readonly OptionPlace[];
}

export interface OptionPlace {
  readonly section: SectionName;
  readonly name: string;
}

/** `[section] name`, as in messages. */
export function placeText(place: OptionPlace): string {
  return `[${place.section}] ${place.name}`;
}

/** oslo.config ignores the case of section names, but not of `DEFAULT`. */
export function normalSection(section: string): string {
  return section === 'DEFAULT' ? section : section.toLowerCase();
}

/** The environment variable that sets an option between file and command line, as oslo.config names it. */
export function environmentVariable(place: OptionPlace): string {
  return `OS_${place.section.toUpperCase()}__${place.name.toUpperCase()}`;
}

/** The command line flag of an option without its dashes, in the spelling of oslo.config with `-` throughout. */
export function flagName(place: OptionPlace): string {
  const name = place.section === 'DEFAULT' ? place.name : `${place.section}-${place.name}`;
  return name.replaceAll('_', '-');
}
