/** The text of docs/reference/support.md, made from its table. Pure. */
import { type Cell, SUPPORT } from './support.ts';

const INTRODUCTION = `<!-- Generated from test/integration/conformance/support.ts, by its test: npx vitest run --project integration test/integration/conformance/support.test.ts -u -->
# What is announced

Kinds of address by exposing method and driver. The number behind a cell is that of the test which shows it, in the list
below the table: in the lab, by the route at the leafs and the spine and by pings or connections through the data plane;
where it says *decision*, from the rows of the databases alone.

Whatever is not announced leaves a denial with its reason: \`ovn-bgp-agent plan --verbose\`.

| Kind | \`underlay\`, Northbound | \`underlay\`, Southbound | \`ovn\` (Northbound) |
|---|---|---|---|`;

export function supportPage(): string {
  const cells = SUPPORT.flatMap(({ northbound, southbound, ovn }) => [northbound, southbound, ovn]);
  const tests = [...new Set(cells.map(testOf))];
  const text = (cell: Cell): string => `${cell.says} [${tests.indexOf(testOf(cell)) + 1}]`;
  const rows = SUPPORT.map(
    ({ kind, northbound, southbound, ovn }) =>
      `| ${[kind, text(northbound), text(southbound), text(ovn)].join(' | ')} |`,
  );
  const list = tests.map((test, index) => `${index + 1}. ${test}`);
  return `${[INTRODUCTION, ...rows].join('\n')}\n\n## The tests\n\n${list.join('\n')}\n`;
}

function testOf({ shown, proof }: Cell): string {
  return `${shown === 'lab' ? '' : '*decision*: '}\`${proof.file}\`: ${proof.title}`;
}
