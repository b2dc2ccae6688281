/** What to look at first when an address is not reachable: the state of an OVN node, as the usual programs print it. */
import type { Lab } from './lab.ts';
import type { ChassisName } from './layout.ts';

const LOG_LINES = 25;

const QUESTIONS: readonly (readonly [title: string, script: string])[] = [
  ['advertised routes (protocol 179)', 'ip -4 route show proto 179; ip -6 route show proto 179'],
  ['rules', 'ip -4 rule show pref 32000; ip -6 rule show pref 32000'],
  ['routes of the provider bridge', 'ip -4 route show table br-ex; ip -6 route show table br-ex'],
  ['proxy entries', 'ip neighbor show proxy; ip -6 neighbor show proxy'],
  ['flows on br-ex', 'ovs-ofctl --no-stats dump-flows br-ex'],
  ['Open vSwitch', 'ovs-vsctl show'],
  [
    'FRR: lines about redistribution',
    "vtysh -c 'show running-config' | grep -E 'redistribute|import vrf|route-map'",
  ],
  ['FRR: sessions', "vtysh -c 'show bgp summary'"],
];

export async function diagnoseNode(
  lab: Lab,
  node: ChassisName,
  agentLog: readonly string[],
): Promise<readonly string[]> {
  const lines = [`--- ${node}`];
  const section = (title: string, text: readonly string[]): void => {
    lines.push(`  ${title}:`, ...(text.length === 0 ? ['    (nothing)'] : text.map((line) => `    ${line}`)));
  };
  section("end of the agent's log", agentLog.slice(-LOG_LINES));
  for (const [title, script] of QUESTIONS) {
    // Each question is asked even if another one cannot be answered: that is what is being looked for.
    const { stdout, stderr } = await lab
      .node(node)
      .exec(['bash', '-c', script], { check: false })
      .catch((error: unknown) => ({ stdout: '', stderr: String(error) }));
    section(
      title,
      `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== ''),
    );
  }
  return lines;
}
