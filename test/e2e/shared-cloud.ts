/**
 * What the scenarios about routers share: one lab for all their files, emptied by each of them; a router with a gateway
 * on the provider network and a tenant network behind it; the whole state of a node, to compare before and after.
 */
import { inject } from 'vitest';
import { type AgentDriver, LabAgent } from '../../lab/agent-process.ts';
import { Content, FLAT_NETWORK, TENANT_NETWORK, VLAN_NETWORK } from '../../lab/content.ts';
import { Lab } from '../../lab/lab.ts';
import { CHASSIS_NAMES, type ChassisName, EXTERNAL, routerNamed } from '../../lab/layout.ts';
import { LabError } from '../../lab/machine.ts';
import type { LabNode } from '../../lab/node.ts';
import { RouterContent } from '../../lab/router-content.ts';
import type { RouterSpec } from '../../lab/router-rows.ts';
import { type Seen, until } from '../../lab/until.ts';
import { pingUntil } from '../../lab/vm.ts';
import { type Cloud, PING_TIMEOUT_MS, ROUTE_TIMEOUT_MS, startAgents } from './fixture.ts';

export interface RoutedCloud extends Cloud {
  readonly routers: RouterContent;
}

export const OUTSIDE = { 4: EXTERNAL.address4, 6: EXTERNAL.address6 } as const;

/** gw1 is preferred, compute2 takes over. */
export const ROUTER: RouterSpec = {
  id: '33333333-0000-4000-8000-000000000001',
  name: 'router1',
  gateway: {
    portId: '44444444-0000-4000-8000-00000000f0f0',
    mac: 'fa:16:3e:00:f0:f0',
    network: FLAT_NETWORK,
    addresses: ['172.24.4.200', '2001:db8:4::200'],
  },
  gatewayNodes: ['gw1', 'compute2'],
  interfaces: [
    {
      portId: '44444444-0000-4000-8000-00000000f0f1',
      mac: 'fa:16:3e:00:f0:f1',
      network: TENANT_NETWORK,
      addresses: ['192.168.100.1', '2001:db8:100::1'],
    },
  ],
  sourceNat: true,
};

/** The shared lab with an empty cloud of two provider networks and a tenant network; no agent runs. */
export async function sharedCloud(): Promise<RoutedCloud> {
  const lab = await standingLab(inject('sharedLab'));
  for (const node of CHASSIS_NAMES) {
    await new LabAgent(lab, node).stop();
    await lab.node(node).script(UNPLUG_MACHINES);
  }
  for (const host of await lab.hosts()) await lab.removeHost(host);
  const content = new Content(lab);
  await content.transact(
    ['Load_Balancer', 'Logical_Router', 'Logical_Switch', 'HA_Chassis_Group'].map((table) => ({
      op: 'delete',
      table,
      where: [],
    })),
  );
  for (const network of [FLAT_NETWORK, VLAN_NETWORK, TENANT_NETWORK]) await content.addNetwork(network);
  return { lab, content, routers: new RouterContent(content) };
}

/** Devices of machines that a failed scenario left. */
const UNPLUG_MACHINES = `
for tap in $(ovs-vsctl list-ports br-int | grep '^tap'); do
  ovs-vsctl --no-wait del-port br-int "$tap"
  ip link delete "$tap" 2>/dev/null || true
done`;

async function standingLab(name: string): Promise<Lab> {
  try {
    return await Lab.attach(name);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    await Lab.down(name);
    return Lab.up({ name });
  }
}

/** Agents on all nodes, none of them left from a scenario that failed, and what the nodes hold while nothing is exposed. */
export async function startOnEmptyCloud(
  lab: Lab,
  driver: AgentDriver,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly agents: ReadonlyMap<ChassisName, LabAgent>; readonly empty: NodeStates }> {
  for (const node of CHASSIS_NAMES) await new LabAgent(lab, node).stop();
  await forgetPatchPorts(lab);
  const agents = await startAgents(lab, driver, settings);
  return { agents, empty: await restingStates(lab) };
}

/** OVN keeps a network's patch port, which the agent's flows follow, until it computes everything anew. */
async function forgetPatchPorts(lab: Lab): Promise<void> {
  for (const node of CHASSIS_NAMES) {
    await until(`OVN to let go of the patch ports of ${node}`, async (): Promise<Seen<true>> => {
      await lab.node(node).exec(['ovn-appctl', '-t', 'ovn-controller', 'inc-engine/recompute']);
      const { stdout } = await lab.node(node).exec(['ovs-vsctl', 'list-ports', 'br-ex']);
      return stdout.includes('patch-') ? { seen: stdout } : { value: true };
    });
  }
}

export type NodeStates = Readonly<Record<ChassisName, readonly string[]>>;

/** What the nodes hold once it has ceased to change: vswitchd takes a moment to let go of what an earlier cloud needed. */
async function restingStates(lab: Lab): Promise<NodeStates> {
  let last: NodeStates | undefined;
  const probe = async (): Promise<Seen<NodeStates>> => {
    const states = await nodeStates(lab);
    const changes = last === undefined ? ['asked once'] : differences(states, last, ['appeared', 'went']);
    last = states;
    return changes.length === 0 ? { value: states } : { seen: changes.join('\n') };
  };
  return (await until('the nodes to rest', probe, { timeoutMs: ROUTE_TIMEOUT_MS, everyMs: 500 })).value;
}

/** All rules, routes, neighbours, proxy entries, addresses, flows, ports and FRR lines of every node. */
export async function nodeStates(lab: Lab): Promise<NodeStates> {
  const states = await Promise.all(
    CHASSIS_NAMES.map(async (node) => [node, await nodeState(lab.node(node))] as const),
  );
  return Object.fromEntries(states) as NodeStates;
}

/** Waits until the nodes hold exactly what they held before: not one object more, not one less. */
export async function awaitStates(lab: Lab, expected: NodeStates): Promise<void> {
  await forgetPatchPorts(lab);
  await until(
    'the nodes to hold what they held before',
    async (): Promise<Seen<true>> => {
      const found = differences(await nodeStates(lab), expected, ['left', 'lost']);
      return found.length === 0 ? { value: true } : { seen: found.join('\n') };
    },
    { timeoutMs: ROUTE_TIMEOUT_MS, everyMs: 250 },
  );
}

/** What one state has more or less than another, each line with the word for it. */
function differences(
  states: NodeStates,
  others: NodeStates,
  [more, less]: readonly [string, string],
): readonly string[] {
  return CHASSIS_NAMES.flatMap((node) => [
    ...without(states[node], others[node]).map((line) => `${node} ${more}: ${line}`),
    ...without(others[node], states[node]).map((line) => `${node} ${less}: ${line}`),
  ]);
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return lines.filter((line) => !known.has(line));
}

const STATE_COMMANDS = [
  'ip -4 rule',
  'ip -6 rule',
  'ip -4 route show table all',
  'ip -6 route show table all',
  'ip neigh show nud permanent',
  'ip -4 neigh show proxy',
  'ip -6 neigh show proxy',
  'ip -o -4 addr | cut -c1-200',
  'ip -o -6 addr | cut -c1-200',
  'ovs-ofctl dump-flows --no-stats br-ex',
  'ovs-vsctl list-ports br-ex',
  'sysctl -a -r "proxy_arp|proxy_ndp|forwarding" 2>/dev/null | grep -E "br-ex|bgp"',
  "vtysh -c 'show running-config'",
];

async function nodeState(node: LabNode): Promise<readonly string[]> {
  const { stdout } = await node.script(STATE_COMMANDS.map((command) => `${command} || true`).join('\n'));
  return (
    stdout
      .split('\n')
      .map((line) => line.trim())
      // What BGP learned from the fabric is not the agent's, and comes and goes with the other nodes' addresses.
      .filter((line) => line !== '' && !/proto bgp|nexthop |nhid/.test(line))
  );
}

/** Waits for answers to pings from outside. */
export async function pingFromOutside({ lab }: Cloud, address: string): Promise<void> {
  await pingUntil(lab.node('ext'), address, { timeoutMs: PING_TIMEOUT_MS });
}

/** Waits for answers to pings of a node itself: what it announces, it delivers. */
export async function pingFromNode({ lab }: Cloud, node: ChassisName, address: string): Promise<void> {
  const { loopback4, loopback6 } = routerNamed(node);
  const from = address.includes(':') ? loopback6 : loopback4;
  await pingUntil(lab.node(node), address, { from, timeoutMs: PING_TIMEOUT_MS });
}

/** Waits until a TCP connection from outside gets the text that the server sends. */
export async function awaitAnswer(lab: Lab, address: string, port: number, text: string): Promise<void> {
  const read = `exec 3<>/dev/tcp/${address}/${port}; cat <&3`;
  await until(
    `${text} from ${address} port ${port}`,
    async (): Promise<Seen<true>> => {
      const { stdout, stderr } = await lab
        .node('ext')
        .exec(['timeout', '3', 'bash', '-c', read], { check: false });
      return stdout === text ? { value: true } : { seen: `${stdout}${stderr}` };
    },
    { timeoutMs: PING_TIMEOUT_MS },
  );
}

/** A TCP server that sends a text and closes; ends with its host. */
export async function serve(host: LabNode, port: number, text: string): Promise<void> {
  const program = `require('net').createServer((socket) => { socket.on('error', () => {}); socket.end(${JSON.stringify(text)}); }).listen(${port}, '::')`;
  await host.script(
    `setsid '${process.execPath}' -e "$PROGRAM" </dev/null >/dev/null 2>&1 &`.replace(
      '"$PROGRAM"',
      shellQuote(program),
    ),
  );
  await until(
    `a server on port ${port} of ${host.name}`,
    async (): Promise<Seen<true>> => {
      const { code } = await host.exec(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`], {
        check: false,
      });
      return code === 0 ? { value: true } : { seen: 'refused' };
    },
    { timeoutMs: PING_TIMEOUT_MS },
  );
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
