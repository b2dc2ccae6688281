/** The text of docs/differences.md, made from the tables that the conformance tests use. Pure. */
import {
  ADOPTION_DIFFERENCES,
  type Difference,
  DRIVER_DIFFERENCES,
  EXPOSURE_DIFFERENCES,
  NODE_DIFFERENCES,
  PROCESS_DIFFERENCES,
  STATE_DIFFERENCES,
} from './differences.ts';

const INTRODUCTION = `<!-- Generated from test/integration/conformance/differences.ts, by its test: npx vitest run --project integration test/integration/conformance/differences.test.ts -u -->
# Differences from the Python agent

This agent takes the same \`bgp-agent.conf\` and puts the same things on a node. This page lists every deliberate
difference.

The lists are also what the conformance tests let pass. They run on states captured from the Python agent 4.0.0 on OVN
25.03, with either driver: the same databases must give the same node, but for the lines under "In the state of a node",
and those under "Between the drivers" when the other driver reads them; and starting on such a node must change these
lines and nothing else. Every other row names a test that shows it.

\`ovn-bgp-agent plan\` prints the differences for your node without changing anything.`;

const NOT_YET = `## Not in this version

The drivers \`ovn_evpn_driver\` and \`ovn_stretched_l2_bgp_driver\`, and the exposing methods other than
\`underlay\` and \`ovn\`, are refused at the start. [methods/ovn.md](methods/ovn.md) says what method \`ovn\` does otherwise.`;

export function differencesPage(): string {
  return `${[
    INTRODUCTION,
    '## In the state of a node',
    'Found by comparing the captured states.',
    table([...STATE_DIFFERENCES, ...ADOPTION_DIFFERENCES]),
    '## Between the drivers',
    'Found by reading each captured cloud with the driver that had not made it.',
    table(DRIVER_DIFFERENCES),
    '## On a node',
    'Found in situations that the captures do not have.',
    table(NODE_DIFFERENCES),
    '## Which addresses are exposed',
    table(EXPOSURE_DIFFERENCES),
    '## How it goes about it',
    table(PROCESS_DIFFERENCES),
    NOT_YET,
  ].join('\n\n')}\n`;
}

function table(rows: readonly Difference[]): string {
  const lines = rows.map(
    ({ what, python, agent, why }) => `| ${[what, python, agent, why].map(cell).join(' | ')} |`,
  );
  return ['| What | Python agent | This agent | Why |', '|---|---|---|---|', ...lines].join('\n');
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
