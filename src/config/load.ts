/**
 * Loads the configuration: finds and reads the files, checks everything, and returns it with what deserves a warning
 * and where each value came from. Throws `ConfigError` with every problem found when it cannot be used.
 */
import { assembleConfig } from './assemble.ts';
import { ConfigError } from './config-error.ts';
import {
  type DefaultPlaces,
  findDefaultPlaces,
  listConfigDirectory,
  readConfigFile,
} from './config-files.ts';
import { type IniDocument, parseIni } from './ini.ts';
import type { OptionId, OptionValues } from './options.ts';
import { type OptionSource, originPrefix } from './origin.ts';
import { resolveOptions } from './resolve.ts';
import { type Setting, settingFinder } from './settings.ts';
import type { AgentConfig } from './types.ts';
import { unknownNameWarnings } from './unknown-names.ts';

export interface LoadInput {
  /** Files that were asked for, in order, later ones win; empty: the default ones. All must be readable. */
  readonly files?: readonly string[];
  /** Directories that were asked for, their `*.conf` count after all files; empty: the default ones. */
  readonly directories?: readonly string[];
  /** What to read when no file was asked for; absent: what is found in the default places. */
  readonly defaultFiles?: readonly string[];
  readonly defaultDirectories?: readonly string[];
  /** Values of single options from the command line, which win over everything. */
  readonly overrides?: ReadonlyMap<OptionId, string>;
  /** Variables `OS_<SECTION>__<OPTION>` win over files; absent: those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface LoadedConfig {
  readonly config: AgentConfig;
  /** One line each, with file and line where there is one. */
  readonly warnings: readonly string[];
  /** Every option in the order of the option table. */
  readonly sources: readonly OptionSource[];
  /** The files that were read, in order. */
  readonly files: readonly string[];
}

export async function loadConfig(input: LoadInput = {}): Promise<LoadedConfig> {
  const problems: string[] = [];
  const files = await filesToRead(input, problems);
  const documents: IniDocument[] = [];
  for (const file of files) {
    const read = await readConfigFile(file);
    if (read.ok) documents.push(parseIni(read.path, read.bytes));
    else problems.push(read.problem);
  }
  const settingOf = settingFinder({
    documents,
    overrides: input.overrides ?? new Map(),
    environment: input.environment ?? process.env,
  });
  const resolution = resolveOptions(settingOf);
  problems.push(...documents.flatMap((document) => document.problems), ...resolution.problems);
  if (resolution.values !== undefined) problems.push(...contradictions(resolution.values, settingOf));
  const warnings = [...documents.flatMap(unknownNameWarnings), ...resolution.warnings];
  if (resolution.values === undefined || problems.length > 0) throw new ConfigError(problems, warnings);
  return {
    config: assembleConfig(resolution.values),
    warnings,
    sources: resolution.sources,
    files: documents.map(({ file }) => file),
  };
}

async function filesToRead(input: LoadInput, problems: string[]): Promise<string[]> {
  const places = await defaultPlaces(input);
  const files = [...(input.files?.length ? input.files : places.files)];
  for (const directory of input.directories?.length ? input.directories : places.directories) {
    const listed = await listConfigDirectory(directory);
    if (listed.ok) files.push(...listed.files);
    else problems.push(listed.problem);
  }
  return files;
}

async function defaultPlaces(input: LoadInput): Promise<DefaultPlaces> {
  const { defaultFiles, defaultDirectories } = input;
  if (defaultFiles !== undefined && defaultDirectories !== undefined) {
    return { files: defaultFiles, directories: defaultDirectories };
  }
  const found = await findDefaultPlaces();
  return { files: defaultFiles ?? found.files, directories: defaultDirectories ?? found.directories };
}

/** Values that are right each by itself and wrong together. */
function contradictions(values: OptionValues, settingOf: (id: OptionId) => Setting): string[] {
  if (values.bgpNic !== values.bgpVrf) return [];
  const blamed: OptionId = settingOf('bgpNic').origin.kind === 'default' ? 'bgpVrf' : 'bgpNic';
  const prefix = originPrefix(settingOf(blamed).origin, '[DEFAULT] bgp_nic');
  return [
    `${prefix}: bgp_nic and bgp_vrf name the same device ${JSON.stringify(values.bgpNic)}; accepted: two different names`,
  ];
}
