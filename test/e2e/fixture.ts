/**
 * What the end-to-end scenarios share: one lab with agents on its OVN nodes, virtual machines, and the questions that
 * are asked of routes and nodes. Every wait polls until the state is there.
 */
import { AGENT_LOG, type AgentDriver, LabAgent } from '../../lab/agent-process.ts';
import { Content, FLAT_NETWORK, VLAN_NETWORK } from '../../lab/content.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName, type NodeName } from '../../lab/layout.ts';
import type { Network, PortSpec } from '../../lab/neutron-rows.ts';
import { type Seen, until, untilTrue } from '../../lab/until.ts';
import { bootVirtualMachine, pingUntil, type VirtualMachine } from '../../lab/vm.ts';

export const LEAFS = ['leaf1', 'leaf2'] as const;
export const PING_TIMEOUT_MS = 60_000;
export const ROUTE_TIMEOUT_MS = 60_000;
/** The promise for repairs on the node itself. */
export const REPAIR_MS = 1000;

/** Settings of the agents in this suite: the Southbound driver answers only for configured IPv6 gateways. */
const SETTINGS = { DEFAULT: { proxy_ndp_addresses: '2001:db8:4::,2001:db8:5::' } };

export interface Cloud {
  readonly lab: Lab;
  readonly content: Content;
}

export async function bringUp(name: string): Promise<Cloud> {
  await Lab.down(name);
  const lab = await Lab.up({ name });
  const content = new Content(lab);
  await content.addNetwork(FLAT_NETWORK);
  await content.addNetwork(VLAN_NETWORK);
  return { lab, content };
}

export async function startAgents(
  lab: Lab,
  driver: AgentDriver,
  settings: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<ChassisName, LabAgent>> {
  const agents = new Map<ChassisName, LabAgent>();
  const options = { driver, settings: { DEFAULT: { ...SETTINGS.DEFAULT, ...settings } } };
  for (const node of CHASSIS_NAMES) agents.set(node, await LabAgent.start(lab, node, options));
  for (const agent of agents.values()) await awaitSettled(agent);
  return agents;
}

export async function stopAgents(agents: ReadonlyMap<ChassisName, LabAgent>): Promise<void> {
  for (const agent of agents.values()) await agent.stop();
}

const STATE = /^(?:the node holds what it should$|waiting for others: |degraded: )/;

/**
 * Waits until the run that `agent.run()` started last says how it is after its first complete pass: that the node holds what
 * it should, or what is still missing. What earlier runs said is in the same log, and right after a start nothing else is.
 */
export async function awaitSettled(agent: LabAgent): Promise<void> {
  await until(
    'the agent to have settled',
    async (): Promise<Seen<true>> => {
      const log = await agent.runLog();
      const settled = log.some((line) => STATE.test(String(line.fields?.msg)));
      return settled ? { value: true } : { seen: log.at(-1)?.text ?? '' };
    },
    { timeoutMs: 180_000 },
  );
}

/** Where the agent's log ends now, to look later only at what came after. */
export async function logLength(agent: LabAgent): Promise<number> {
  return (await agent.log()).length;
}

/** Waits until a line of the log has all of these words. */
export async function awaitLogLine(agent: LabAgent, words: readonly string[]): Promise<void> {
  await untilTrue(`a line with ${words.join(' and ')} in the agent's log`, async () =>
    (await agent.log()).some(({ text }) => words.every((word) => text.includes(word))),
  );
}

/** The changes to the node that the agent logged since `from`. */
export async function changesSince(agent: LabAgent, from: number): Promise<string[]> {
  const log = await agent.log();
  return log
    .slice(from)
    .flatMap(({ text, fields }) => (fields !== undefined && 'op' in fields ? [text] : []));
}

let nextPort = 0x10;

export function portSpec(name: string, network: Network, host: ChassisName, last: number): PortSpec {
  const number = (nextPort++).toString(16).padStart(2, '0');
  const [v4, v6] = network.subnets;
  return {
    id: `44444444-0000-4000-8000-0000000000${number}`,
    name,
    network,
    mac: `fa:16:3e:00:00:${number}`,
    addresses: [`${v4?.prefix.replace(/0$/, '')}${last}`, `${v6?.prefix}${last}`],
    host,
    deviceId: `aaaaaaaa-0000-4000-8000-0000000000${number}`,
  };
}

/** Adds the port and a machine for it, and waits until OVN has bound it. */
export async function bootVm({ lab, content }: Cloud, port: PortSpec): Promise<VirtualMachine> {
  await content.addPort(port);
  const vm = await bootVirtualMachine(lab, port.name, port);
  await content.awaitPortUp(port.id, port.host);
  return vm;
}

/** Waits until both leafs and the spine reach the address where they should; returns the time in milliseconds. */
export async function awaitRoute(
  lab: Lab,
  address: string,
  where: ChassisName | readonly ChassisName[],
): Promise<number> {
  const nodes = [where].flat().join();
  const { elapsedMs } = await until(
    `${address} to be reachable through ${nodes}`,
    async (): Promise<Seen<true>> => {
      const seen: string[] = [];
      for (const leaf of LEAFS) {
        const hops = await nextHops(lab, leaf, address);
        if (hops.join() !== nodes) seen.push(`${leaf}: ${hops.join(' ') || 'no route'}`);
      }
      const spine = await nextHops(lab, 'spine', address);
      if (spine.join() !== LEAFS.join()) seen.push(`spine: ${spine.join(' ') || 'no route'}`);
      return seen.length === 0 ? { value: true } : { seen: seen.join('; ') };
    },
    { timeoutMs: ROUTE_TIMEOUT_MS },
  );
  return elapsedMs;
}

/** Waits until neither leafs nor spine have a route to the address. */
export async function awaitNoRoute(lab: Lab, address: string): Promise<number> {
  const { elapsedMs } = await until(
    `${address} to be withdrawn`,
    async (): Promise<Seen<true>> => {
      const seen: string[] = [];
      for (const node of [...LEAFS, 'spine'] as const) {
        const hops = await nextHops(lab, node, address);
        if (hops.length > 0) seen.push(`${node}: ${hops.join(' ')}`);
      }
      return seen.length === 0 ? { value: true } : { seen: seen.join('; ') };
    },
    { timeoutMs: ROUTE_TIMEOUT_MS },
  );
  return elapsedMs;
}

async function nextHops(lab: Lab, node: NodeName, address: string): Promise<string[]> {
  const routes = await lab.fabric.routes(node, address);
  return routes.flatMap((route) => route.nextHops.map((hop) => hop.node ?? hop.device)).sort();
}

/** From outside to the machine and back out, for each of its addresses. */
export async function pingBothWays({ lab }: Cloud, vm: VirtualMachine): Promise<void> {
  const outside = { 4: '10.255.0.2', 6: '2001:db8:ff::2' } as const;
  for (const address of vm.addresses) {
    await pingUntil(lab.node('ext'), address, { timeoutMs: PING_TIMEOUT_MS });
    await pingUntil(vm.host, outside[address.includes(':') ? 6 : 4], { timeoutMs: PING_TIMEOUT_MS });
  }
}

/** Everything on the node that mentions one of the addresses, in the words of `ip` and `ovs-ofctl`. */
export async function traces(lab: Lab, node: ChassisName, addresses: readonly string[]): Promise<string[]> {
  const commands = [
    'ip -4 rule',
    'ip -6 rule',
    'ip -4 route show table all',
    'ip -6 route show table all',
    'ip neigh show nud permanent',
    'ip -6 neigh show proxy',
    'ip -4 addr',
    'ip -6 addr',
    'ovs-ofctl dump-flows br-ex',
  ];
  const { stdout } = await lab.node(node).script(commands.join('\n'));
  const mentions = (line: string): boolean =>
    addresses.some((address) => line.split(/[\s/]+/).includes(address)) &&
    // What BGP learned back from the fabric is not the agent's.
    !/proto bgp|nexthop|nhid/.test(line);
  return stdout.split('\n').filter(mentions);
}

/** Polls quickly until the command's output satisfies the test; returns the milliseconds that it took. */
export async function awaitOutput(
  lab: Lab,
  node: ChassisName,
  what: string,
  command: string,
  test: (output: string) => boolean,
  timeoutMs = 10_000,
): Promise<number> {
  const { elapsedMs } = await until(
    what,
    async (): Promise<Seen<true>> => {
      const { stdout } = await lab.node(node).script(command);
      return test(stdout) ? { value: true } : { seen: stdout };
    },
    { timeoutMs, everyMs: 20 },
  );
  return elapsedMs;
}

/** State of the nodes, for the report of a failed scenario. */
export async function describeNodes(lab: Lab): Promise<string> {
  const parts: string[] = [];
  for (const node of CHASSIS_NAMES) {
    const { stdout } = await lab.node(node).script(
      // Nothing found is no reason to say nothing of the rest.
      `set +e; ip -4 rule | grep 32000; ip -6 rule | grep 32000; ip route show proto 179 table all; ip -6 route show proto 179 table all
ip neigh show nud permanent; ovs-ofctl dump-flows --no-stats br-ex; vtysh -c 'show bgp summary' | tail -8; tail -n 15 ${AGENT_LOG}`,
      { check: false },
    );
    parts.push(`== ${node}\n${stdout}`);
  }
  return parts.join('\n');
}
