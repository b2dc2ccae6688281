/** The state of a lab as lines of text: nodes with their programs, BGP sessions, chassis and virtual machines. */
import type { BgpSession } from './fabric.ts';
import type { Lab } from './lab.ts';
import { isRouterName, type NodeName } from './layout.ts';
import { table } from './terminal.ts';
import { seconds } from './until.ts';

/** Helpers of the name spaces and of these very questions, not programs of a node. */
const PLUMBING = new Set(['sleep', 'bash', 'nsenter', 'setsid', 'ip', 'ovn-sbctl', 'vtysh']);

export interface LabStatus {
  readonly lines: readonly string[];
  /** False when a session is not established or a chassis is missing. */
  readonly healthy: boolean;
}

export async function labStatus(lab: Lab): Promise<LabStatus> {
  const { datapath, advertiseVia, bridges, upMs } = lab.blueprint;
  const [chassis, missing, hosts, nodes] = await Promise.all([
    lab.fabric.chassis(),
    lab.fabric.missingChassis(),
    lab.hosts(),
    Promise.all(lab.nodes.map((node) => nodeRow(lab, node.name as NodeName))),
  ]);
  const registered = chassis.map(({ hostname }) => hostname).join(', ');
  const lines = [
    `lab "${lab.name}": up in ${seconds(upMs)}; data path ${datapath}; addresses advertised via ${advertiseVia}; bridges ${bridges.join(', ')}`,
    '',
    ...table([['NODE', 'PID', 'BGP SESSIONS', 'PROGRAMS'], ...nodes.map(({ cells }) => cells)]),
    '',
    `chassis: ${registered || 'none'}${missing.length === 0 ? '' : `; MISSING: ${missing.join(', ')}`}`,
    `virtual machines: ${hosts.join(', ') || 'none'}`,
  ];
  return { lines, healthy: missing.length === 0 && nodes.every(({ healthy }) => healthy) };
}

async function nodeRow(
  lab: Lab,
  name: NodeName,
): Promise<{ readonly cells: readonly string[]; readonly healthy: boolean }> {
  const node = lab.node(name);
  const sessions = isRouterName(name) ? await sessionsOf(lab, name) : undefined;
  const programs = (await node.programs()).filter((program) => !PLUMBING.has(program));
  const established = sessions?.filter(({ state }) => state === 'Established').length ?? 0;
  const cells = [
    name,
    `${node.pid}`,
    sessions === undefined ? '-' : `${established} of ${sessions.length} up`,
    countRepeated(programs).join(' ') || '-',
  ];
  return {
    cells,
    healthy: sessions === undefined || (sessions.length > 0 && established === sessions.length),
  };
}

async function sessionsOf(lab: Lab, name: NodeName): Promise<readonly BgpSession[]> {
  if (!isRouterName(name)) return [];
  // A node whose FRR is down is exactly what the status is asked for.
  return lab.fabric.bgpSessions(name).catch(() => []);
}

/** `['a', 'a', 'b']` as `['a x2', 'b']`; in order of first appearance. */
export function countRepeated(names: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} x${count}`));
}
