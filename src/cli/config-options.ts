/**
 * The configuration on the command line: `--config-file`, `--config-dir`, and a flag for every option of the file, made
 * from the option table. Flags are spelled with `-` or `_`; booleans are `--name` and `--noname`, as in oslo.config.
 */
import { type Command, Option } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { type LoadedConfig, type LoadInput, loadConfig } from '../config/load.ts';
import { flagName, type OptionSpec } from '../config/option.ts';
import { OPTION_IDS, type OptionId, optionSpec } from '../config/options.ts';
import { unsupported } from '../config/unsupported.ts';
import { booleanType } from '../config/value-types.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';

const FILES_GROUP = 'Configuration files:';

/** What commander collected, by attribute name. */
type ParsedOptions = Readonly<Record<string, unknown>>;

/** What is read besides the command line; absent: the process's environment and the default files. */
export type ConfigSurroundings = Pick<LoadInput, 'environment' | 'defaultFiles' | 'defaultDirectories'>;

interface Flag {
  readonly option: Option;
  readonly id: OptionId;
  /** Present for flags without an argument: the value they stand for. */
  readonly implied?: string;
}

/** Registers the flags; what was given is read by `configInput`. */
export function addConfigOptions(command: Command): Command {
  command.addOption(
    new Option('--config-file <file>', 'configuration file; repeatable, later ones win')
      .argParser(collected)
      .helpGroup(FILES_GROUP),
  );
  command.addOption(
    new Option('--config-dir <directory>', 'directory of *.conf files, read after all files; repeatable')
      .argParser(collected)
      .helpGroup(FILES_GROUP),
  );
  for (const { option } of configFlags()) command.addOption(option);
  return command;
}

/** Loads the configuration that a command's options ask for; throws `ConfigError`. */
export async function configFromOptions(
  options: ParsedOptions,
  surroundings: ConfigSurroundings = {},
): Promise<LoadedConfig> {
  return await loadConfig({ ...surroundings, ...configInput(options) });
}

/**
 * Loads the configuration for a command that works with it. What is wrong goes to standard error with exit code 64, and
 * `undefined` comes back. What the configuration asks for and this version does not do is among the warnings, or wrong
 * too where the agent would do something else than asked and `refuseUnsupported` is set.
 */
export async function loadFromOptions(
  command: Command,
  io: CommandIo,
  settings: { readonly refuseUnsupported: boolean } & ConfigSurroundings,
): Promise<LoadedConfig | undefined> {
  const { refuseUnsupported, ...surroundings } = settings;
  const checked = await checkOptions(command.opts(), surroundings);
  const problems = [...checked.problems];
  const warnings = [...checked.warnings];
  (refuseUnsupported ? problems : warnings).push(...checked.unsupported);
  if (checked.loaded !== undefined && problems.length === 0) return { ...checked.loaded, warnings };
  for (const warning of warnings) io.stderr(`warning: ${warning}\n`);
  for (const problem of problems) io.stderr(`error: ${problem}\n`);
  io.setExitCode(EXIT.usage);
  return undefined;
}

export interface CheckedConfig {
  /** Absent when there are problems. */
  readonly loaded: LoadedConfig | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Why the agent would refuse to run with a configuration that is right in itself. */
  readonly unsupported: readonly string[];
}

/** Loads and judges the configuration; wrong ones are values here. */
export async function checkOptions(
  options: ParsedOptions,
  surroundings: ConfigSurroundings = {},
): Promise<CheckedConfig> {
  try {
    const loaded = await configFromOptions(options, surroundings);
    const missing = unsupported(loaded.config);
    const messages = (severity: 'fatal' | 'warning'): string[] =>
      missing.filter((item) => item.severity === severity).map(({ message }) => message);
    return {
      loaded,
      problems: [],
      warnings: [...loaded.warnings, ...messages('warning')],
      unsupported: messages('fatal'),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { loaded: undefined, problems: error.problems, warnings: error.warnings, unsupported: [] };
  }
}

export function configInput(
  options: ParsedOptions,
): Required<Pick<LoadInput, 'files' | 'directories' | 'overrides'>> {
  const overrides = new Map<OptionId, string>();
  for (const { option, id, implied } of configFlags()) {
    const given = options[option.attributeName()];
    if (typeof given === 'string') overrides.set(id, given);
    else if (given === true && implied !== undefined) overrides.set(id, implied);
  }
  return { files: texts(options.configFile), directories: texts(options.configDir), overrides };
}

/** All flags; the first of an option is the one that help shows. */
function configFlags(): Flag[] {
  return OPTION_IDS.flatMap((id) => {
    const spec = optionSpec(id);
    const names = [...new Set([flagName(spec), underscored(spec)])];
    const boolean = spec.type === booleanType;
    const flags = names.flatMap((name): Flag[] =>
      boolean
        ? [
            { id, option: new Option(`--${name}`, help(spec)), implied: 'true' },
            { id, option: new Option(`--no${name}`), implied: 'false' },
          ]
        : [{ id, option: new Option(`--${name} <value>`, help(spec)) }],
    );
    for (const [index, { option }] of flags.entries()) {
      option.helpGroup(`Options of the file, [${spec.section}]:`).hideHelp(index > 0);
    }
    return flags;
  });
}

function underscored(spec: OptionSpec<unknown>): string {
  return spec.section === 'DEFAULT' ? spec.name : `${spec.section}-${spec.name}`;
}

/** The first sentence; the rest is in the reference. */
function help(spec: OptionSpec<unknown>): string {
  const [sentence = ''] = spec.help.split(/\.(?:\s|$)/);
  return spec.default === '' ? sentence : `${sentence} (default: ${spec.default})`;
}

function collected(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
