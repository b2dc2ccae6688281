/** Prints the reference of the configuration file in Markdown. Pure. */
import { environmentVariable, flagName, type OptionSpec, SECTIONS, type SectionName } from './option.ts';
import { optionsOf } from './options.ts';

const INTRODUCTION = `# Configuration reference

<!-- Generated from src/config/options.ts by \`npm run docs\`; do not edit. -->

The agent reads the configuration file of the Python agent of the same name. Options that this agent adds are marked;
what the Python agent's libraries read from the same file (oslo.log, oslo.privsep, oslo.concurrency, oslo.service) is
passed over in silence.

## Files

\`--config-file FILE\` names a file and \`--config-dir DIRECTORY\` a directory whose \`*.conf\` are read in the order of their
names, after all files. Both may be given several times; what is read later wins. Without \`--config-file\` the agent takes
the first \`bgp-agent.conf\` of \`~/.bgp-agent\`, \`~\`, \`/etc/bgp-agent\` and \`/etc\`, and likewise the first
\`ovn-bgp-agent.conf\`; if there is none, \`/etc/ovn-bgp-agent/bgp-agent.conf\`. Without \`--config-dir\` it takes
\`bgp-agent.conf.d\` and \`ovn-bgp-agent.conf.d\` from the same four places. A file that was asked for must be readable.

The command line wins over the environment, the environment over files, and files over defaults.

## Format

- \`[section]\`, then \`option = value\` or \`option: value\`. If an option stands twice, the last one counts. Case counts in
  names of options (\`bgp_AS\`), but not in names of sections other than \`DEFAULT\`.
- A comment is a line that begins with \`#\` or \`;\`. Behind a value there is no comment: it would become part of the value.
- A line that begins with a blank or a tab continues the value above it.
- A value in quotes loses them. Lists are separated by commas.
- \`$name\` and \`\${section.name}\` stand for the value of another option; a dollar sign is written \`$$\`.

An unknown option or section is a warning that names the line and the most similar known name. A value that is not
accepted is an error; \`ovn-bgp-agent config check\` prints all of them at once, and otherwise every option with its value
and where it came from.
`;

const SECTION_TEXTS: Readonly<Record<SectionName, string>> = {
  DEFAULT: 'The agent, its place in the node, and logging.',
  agent: 'Privileges of the Python agent.',
  ovn: "The cloud's OVN databases. The options of this section also count in `[DEFAULT]`, where they are deprecated.",
  local_ovn_cluster: "The node's own OVN cluster of `exposing_method = ovn`.",
};

export function configurationReference(): string {
  const sections = SECTIONS.map((section) => {
    const options = optionsOf(section).map(referenceOption).join('\n');
    return `## [${section}]\n\n${SECTION_TEXTS[section]}\n\n${options}`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function referenceOption(spec: OptionSpec<unknown>): string {
  const facts = [
    `Accepted: ${escaped(spec.type.accepts)}.`,
    spec.default === '' ? 'Default: empty.' : `Default: \`${spec.default}\`.`,
    ...statusFacts(spec),
    ...spec.aliases.map(
      ({ section, name }) => `Also read from, though deprecated: \`[${section}] ${name}\`.`,
    ),
    `Command line: \`--${flagName(spec)}\`. Environment: \`${environmentVariable(spec)}\`.`,
  ];
  return `### \`${spec.name}\`\n\n${escaped(spec.help)}\n\n${facts.map((fact) => `- ${fact}\n`).join('')}`;
}

function statusFacts({ status, origin }: OptionSpec<unknown>): string[] {
  const facts: string[] = [];
  if (status === 'planned') facts.push('Read and checked, but without effect in this version.');
  if (status === 'ignored') facts.push('Accepted for files of the Python agent, and ignored.');
  if (origin === 'own') facts.push('The Python agent does not have this option.');
  return facts;
}

/** Underscores inside words do not begin emphasis in CommonMark; these characters do something. */
function escaped(text: string): string {
  return text.replaceAll(/[*<>[\]`|\\]/g, '\\$&');
}
