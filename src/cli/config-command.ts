/**
 * `config sample` prints the sample file. `config check` prints the effective configuration and where each value came
 * from; it ends with 64 when the agent would refuse to run with it, and names every reason.
 */
import { type Command, Option } from 'commander';
import { SECTIONS } from '../config/option.ts';
import { type OptionSource, originText } from '../config/origin.ts';
import { sampleFile } from '../config/sample.ts';
import { addConfigOptions, type ConfigSurroundings, checkOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';

export function registerConfigCommand(
  program: Command,
  io: CommandIo,
  surroundings: ConfigSurroundings = {},
): void {
  const config = program.command('config').description('Sample and check of the configuration file');
  config
    .command('sample')
    .description('Print a configuration file with every option and its default')
    .action(() => io.stdout(sampleFile()));
  const check = config
    .command('check')
    .description('Check the configuration and print the value of every option and where it came from')
    .addOption(
      new Option('--output <format>', 'form of the answer').choices(['text', 'json']).default('text'),
    );
  addConfigOptions(check).action(async (options: Readonly<Record<string, unknown>>) => {
    const report = await checked(options, surroundings);
    const json = options.output === 'json';
    if (json) io.stdout(`${JSON.stringify(report, undefined, 2)}\n`);
    else printText(report, io);
    io.setExitCode(report.problems.length === 0 ? EXIT.ok : EXIT.usage);
  });
}

interface CheckReport {
  /** Why the agent would not run; empty: it would. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly files: readonly string[];
  /** Absent when the configuration could not be read to its end. */
  readonly options?: readonly OptionSource[];
}

async function checked(
  options: Readonly<Record<string, unknown>>,
  surroundings: ConfigSurroundings,
): Promise<CheckReport> {
  const { loaded, problems, warnings, unsupported } = await checkOptions(options, surroundings);
  return {
    problems: [...problems, ...unsupported],
    warnings,
    files: loaded?.files ?? [],
    ...(loaded === undefined ? {} : { options: loaded.sources }),
  };
}

function printText(report: CheckReport, io: CommandIo): void {
  if (report.options !== undefined) {
    io.stdout(report.files.length === 0 ? 'no configuration file\n' : `read: ${report.files.join(', ')}\n`);
    io.stdout(optionTable(report.options));
  }
  for (const warning of report.warnings) io.stderr(`warning: ${warning}\n`);
  for (const problem of report.problems) io.stderr(`error: ${problem}\n`);
}

/** One table for each section: name, value, origin. */
function optionTable(options: readonly OptionSource[]): string {
  const nameWidth = Math.max(...options.map(({ name }) => name.length));
  const valueWidth = Math.max(...options.map(({ value }) => value.length));
  const lines = SECTIONS.flatMap((section) => [
    '',
    `[${section}]`,
    ...options
      .filter((option) => option.section === section)
      .map(
        ({ name, value, origin }) =>
          `${name.padEnd(nameWidth)} = ${value.padEnd(valueWidth)}  (${originText(origin)})`,
      ),
  ]);
  return `${lines.join('\n')}\n`;
}
