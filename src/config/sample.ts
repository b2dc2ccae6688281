/** Prints the sample configuration file: every option, commented out, with its default. Pure. */
import { type OptionSpec, SECTIONS } from './option.ts';
import { optionsOf } from './options.ts';
import { wrapped } from './wrap.ts';

const WIDTH = 100;

const HEADER = `# Configuration of ovn-bgp-agent. Every option stands here with its default; remove the "#" to change it.
# Generated from the option table: \`ovn-bgp-agent config sample\` prints it, \`ovn-bgp-agent config check\` checks a file.
# A comment needs a line of its own, and a line that begins with white space continues the value above it.
`;

export function sampleFile(): string {
  const sections = SECTIONS.map(
    (section) => `[${section}]\n\n${optionsOf(section).map(sampleOption).join('\n')}`,
  );
  return `${HEADER}\n${sections.join('\n')}`;
}

function sampleOption(spec: OptionSpec<unknown>): string {
  const notes = [spec.help, ...statusNote(spec), `Accepted: ${spec.type.accepts}.`];
  const comment = notes.flatMap((note) => wrapped(note, WIDTH - 2)).map((line) => `# ${line}\n`);
  return `${comment.join('')}#${`${spec.name} = ${spec.default}`.trimEnd()}\n`;
}

function statusNote({ status }: OptionSpec<unknown>): string[] {
  if (status === 'planned') return ['Read and checked, but without effect in this version.'];
  return status === 'ignored' ? ['Accepted for files of the Python agent, and ignored.'] : [];
}
