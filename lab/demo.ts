/**
 * The demonstration: a fabric comes up, agents start, virtual machines on provider networks become reachable from
 * outside, one moves, one goes; then a router with a tenant network and a floating IP, whose gateway moves. Everything that is claimed is checked: routes at leaf and spine, pings through the data
 * plane in both directions.
 *
 * In: how to start the agents. Out: true when every check passed. On failure prints the state of the OVN nodes.
 */
import { Checks } from './checks.ts';
import { Content, FLAT_NETWORK, TENANT_NETWORK, VLAN_NETWORK } from './content.ts';
import { diagnoseNode } from './diagnosis.ts';
import { Lab } from './lab.ts';
import { CHASSIS_NAMES, type ChassisName, EXTERNAL, type NodeName } from './layout.ts';
import { isProviderNetwork, type Network, type PortSpec } from './neutron-rows.ts';
import { PingWatch } from './ping-watch.ts';
import { RouterContent } from './router-content.ts';
import type { FloatingIpSpec, RouterSpec } from './router-rows.ts';
import { explain, type Print, progressPrinter, table } from './terminal.ts';
import { type Seen, seconds, until } from './until.ts';
import { bootVirtualMachine, type Gateway6, ping, type VirtualMachine } from './vm.ts';

/** What advertises addresses on the nodes. */
export interface DemoAgents {
  readonly description: string;
  /** The Southbound driver answers for no subnet's IPv6 gateway: machines use the node's own address. */
  readonly gateway6: Gateway6;
  /** Whether they expose what is behind routers; if not, that part is left out. */
  readonly routers: boolean;
  start(lab: Lab, node: ChassisName): Promise<void>;
  stop(lab: Lab, node: ChassisName): Promise<void>;
  log(lab: Lab, node: ChassisName): Promise<readonly string[]>;
}

export interface DemoOptions {
  readonly name: string;
  /** Leave the lab standing, agents and machines included. */
  readonly keep: boolean;
  readonly agents: DemoAgents;
  /** How long a route may take to appear or to go. */
  readonly routeTimeoutMs?: number;
}

/** Only a failure takes so long. */
const ROUTE_TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 30_000;

const WEB = demoPort(1, 'web', FLAT_NETWORK, ['172.24.4.10', '2001:db8:4::10'], 'compute1');
const DATA = demoPort(2, 'data', VLAN_NETWORK, ['172.25.0.10', '2001:db8:5::10'], 'compute2');
const MAIL = demoPort(3, 'mail', FLAT_NETWORK, ['172.24.4.11', '2001:db8:4::11'], 'gw1');

const APP = demoPort(4, 'app', TENANT_NETWORK, ['192.168.100.10', '2001:db8:100::10'], 'compute1');
const ROUTER: RouterSpec = {
  id: '33333333-0000-4000-8000-000000000001',
  name: 'router1',
  gateway: {
    portId: '44444444-0000-4000-8000-0000000000f0',
    mac: 'fa:16:3e:00:00:f0',
    network: FLAT_NETWORK,
    addresses: ['172.24.4.200', '2001:db8:4::200'],
  },
  gatewayNodes: ['gw1', 'compute2'],
  interfaces: [
    {
      portId: '44444444-0000-4000-8000-0000000000f1',
      mac: 'fa:16:3e:00:00:f1',
      network: TENANT_NETWORK,
      addresses: ['192.168.100.1', '2001:db8:100::1'],
    },
  ],
  // The tenant's machines are known outside by their own addresses.
  sourceNat: false,
};
const FLOATING_IP: FloatingIpSpec = {
  id: '55555555-0000-4000-8000-000000000001',
  address: '172.24.4.120',
  logicalAddress: '192.168.100.10',
  portId: APP.id,
  mac: 'fa:16:3e:00:00:e0',
};

export async function runDemo(options: DemoOptions, print: Print): Promise<boolean> {
  const begin = performance.now();
  const checks = new Checks(print);
  const { agents, name } = options;
  print('Fabric: spine, 2 leafs, 3 OVN nodes, OVN central, and "ext", a host outside');
  const lab = await Lab.up({ name }, progressPrinter(print));
  try {
    await tell(lab, options, checks, print);
  } catch (error) {
    await checks.run('the demonstration', () => Promise.reject(error));
  }
  const passed = checks.failed === 0 && checks.passed > 0;
  if (!passed) await printDiagnosis(lab, agents, print);
  if (options.keep) printInvitation(name, print);
  else {
    await Promise.all(CHASSIS_NAMES.map((node) => agents.stop(lab, node))).catch((error: unknown) => {
      print(`  the agents did not stop in an orderly way: ${explain(error)}`);
    });
    await lab.down();
  }
  print('');
  print(checks.verdict(performance.now() - begin));
  return passed;
}

async function tell(lab: Lab, options: DemoOptions, checks: Checks, print: Print): Promise<void> {
  const { agents, routeTimeoutMs = ROUTE_TIMEOUT_MS } = options;
  print('');
  print(`Agents: ${agents.description} on ${CHASSIS_NAMES.join(', ')}`);
  await Promise.all(CHASSIS_NAMES.map((node) => agents.start(lab, node)));

  print('');
  print('Virtual machines on provider networks, IPv4 and IPv6');
  const content = new Content(lab);
  await content.addNetwork(FLAT_NETWORK);
  await content.addNetwork(VLAN_NETWORK);
  const [web, data, mail] = await Promise.all([
    boot(lab, content, WEB, agents.gateway6),
    boot(lab, content, DATA, agents.gateway6),
    boot(lab, content, MAIL, agents.gateway6),
  ]);
  const machines = [web, data, mail];
  for (const machine of machines) {
    await checks.run(
      `${machine.name} (${networkText(machine.port.network)}) runs on ${machine.node}`,
      async () => {
        await content.awaitPortUp(machine.port.id, machine.node);
        return machine.addresses.join(', ');
      },
    );
  }

  print('');
  print('Host routes reach the fabric');
  const arrived = await Promise.all(
    machines.flatMap((machine) =>
      machine.addresses.map((address) =>
        checks.run(`${address} at leaf1 and spine`, () =>
          awaitRoute(lab, address, machine.node, routeTimeoutMs),
        ),
      ),
    ),
  );
  await printRoutes(lab, machines, print);
  if (arrived.includes(false)) {
    print('  Everything after this needs these routes and is left out.');
    return;
  }

  print('');
  print('Traffic: outside -> machine, machine -> outside');
  for (const machine of machines) await pingBothWays(lab, machine, checks);

  print('');
  print('web moves from compute1 to compute2');
  const moved = performance.now();
  await web.move(content, 'compute2');
  for (const address of web.addresses) {
    await checks.run(`${address} at leaf1 and spine`, async () => {
      await awaitRoute(lab, address, 'compute2', routeTimeoutMs);
      return `leads to compute2 ${seconds(performance.now() - moved)} after the move began`;
    });
  }
  await pingBothWays(lab, web, checks);

  print('');
  print('mail is deleted');
  const deleted = performance.now();
  await content.deletePort(MAIL);
  await mail.destroy();
  for (const address of mail.addresses) {
    await checks.run(`${address} is withdrawn`, async () => {
      await awaitNoRoute(lab, address, routeTimeoutMs);
      return `gone from leaf1 and spine ${seconds(performance.now() - deleted)} after the deletion began`;
    });
  }
  await checks.run('the others stand', async () => {
    for (const machine of [web, data]) {
      for (const address of machine.addresses) await awaitRoute(lab, address, machine.node, routeTimeoutMs);
    }
    return [...web.addresses, ...data.addresses].join(', ');
  });
  if (agents.routers) await tellOfRouter({ lab, content, checks, print, routeTimeoutMs });
}

interface Stage {
  readonly lab: Lab;
  readonly content: Content;
  readonly checks: Checks;
  readonly print: Print;
  readonly routeTimeoutMs: number;
}

async function tellOfRouter({ lab, content, checks, print, routeTimeoutMs }: Stage): Promise<void> {
  print('');
  print(
    'A router with its gateway on gw1, a tenant network behind it, a machine with a floating IP on compute1',
  );
  const routers = new RouterContent(content);
  await content.addNetwork(TENANT_NETWORK);
  await routers.addRouter(ROUTER);
  const app = await boot(lab, content, APP, 'subnet');
  await content.awaitPortUp(APP.id, app.node);
  await routers.addFloatingIp(ROUTER, FLOATING_IP);
  await checks.run('gw1 has the gateway, and the other gateway node knows that', async () => {
    await routers.awaitSteadyGateway(lab, ROUTER, 'gw1');
    return '';
  });
  const behind = [...ROUTER.gateway.addresses, ...app.addresses];
  for (const [address, node] of [
    ...ROUTER.gateway.addresses.map((own) => [own, 'gw1'] as const),
    ...app.addresses.map((own) => [own, 'gw1'] as const),
    [FLOATING_IP.address, app.node] as const,
  ]) {
    const route = `${address} at leaf1 and spine, over ${node}`;
    const arrived = await checks.run(route, () => awaitRoute(lab, address, node, routeTimeoutMs));
    if (arrived) await checks.run(`ext -> ${address}`, () => pinged(lab.node('ext'), address));
  }

  print('');
  print('The gateway moves from gw1 to compute2');
  await checks.run('everything behind it follows', async () => {
    const watch = await PingWatch.start(lab.node('ext'), APP.addresses[0] ?? '');
    await routers.orderGateways(ROUTER, ['compute2', 'gw1']);
    for (const address of behind) await awaitRoute(lab, address, 'compute2', routeTimeoutMs);
    await watch.awaitAnswers(3);
    const { answers, lost, outageMs } = await watch.stop();
    return `${lost} of ${answers + lost} pings to app lost, no answer for ${seconds(outageMs)}`;
  });
  for (const address of behind) await checks.run(`ext -> ${address}`, () => pinged(lab.node('ext'), address));
}

async function boot(lab: Lab, content: Content, port: PortSpec, gateway6: Gateway6): Promise<VirtualMachine> {
  await content.addPort(port);
  return bootVirtualMachine(lab, port.name, port, { gateway6 });
}

/** At the leaf by way of the node alone, at the spine by way of both leafs. */
async function awaitRoute(lab: Lab, address: string, node: ChassisName, timeoutMs: number): Promise<string> {
  const leadsTo = (at: NodeName, expected: readonly NodeName[]): Promise<unknown> =>
    until(
      `a route to ${address} over ${expected.join(' and ')} on ${at}`,
      async (): Promise<Seen<true>> => {
        const found = await nextNodes(lab, at, address);
        return found.join() === expected.join() ? { value: true } : { seen: found.join(', ') || 'no route' };
      },
      { timeoutMs },
    );
  const begin = performance.now();
  await leadsTo('leaf1', [node]);
  await leadsTo('spine', ['leaf1', 'leaf2']);
  return `after ${seconds(performance.now() - begin)}`;
}

async function awaitNoRoute(lab: Lab, address: string, timeoutMs: number): Promise<void> {
  for (const at of ['leaf1', 'spine'] as const) {
    await until(
      `no route to ${address} on ${at}`,
      async (): Promise<Seen<true>> => {
        const found = await nextNodes(lab, at, address);
        return found.length === 0 ? { value: true } : { seen: `a route over ${found.join(', ')}` };
      },
      { timeoutMs },
    );
  }
}

async function nextNodes(lab: Lab, at: NodeName, address: string): Promise<readonly string[]> {
  const routes = await lab.fabric.routes(at, address);
  return routes.flatMap((route) => route.nextHops.map(({ node, device }) => node ?? device));
}

async function printRoutes(lab: Lab, machines: readonly VirtualMachine[], print: Print): Promise<void> {
  const rows = [['ADDRESS', 'MACHINE', 'ADVERTISED BY', 'LEAF1 SENDS TO', 'SPINE SENDS TO']];
  for (const machine of machines) {
    for (const address of machine.addresses) {
      const origins: string[] = [];
      for (const node of CHASSIS_NAMES) {
        const paths = await lab.fabric.bgpPaths(node, address);
        if (paths.some(({ from }) => from === undefined)) origins.push(node);
      }
      const hops = await Promise.all((['leaf1', 'spine'] as const).map((at) => nextNodes(lab, at, address)));
      rows.push([address, machine.name, origins.join(', '), ...hops.map((names) => names.join(', '))]);
    }
  }
  for (const line of table(rows)) print(`        ${line}`);
}

async function pingBothWays(lab: Lab, machine: VirtualMachine, checks: Checks): Promise<void> {
  const external = lab.node('ext');
  for (const address of machine.addresses) {
    const outside = address.includes(':') ? EXTERNAL.address6 : EXTERNAL.address4;
    await checks.run(`ext -> ${machine.name} ${address}`, () => pinged(external, address));
    await checks.run(`${machine.name} -> ext ${outside}`, () => pinged(machine.host, outside));
  }
}

/** The first answers may take a moment (neighbours are resolved): three in a row must come back. */
async function pinged(from: VirtualMachine['host'], to: string): Promise<string> {
  const probe = async (): Promise<Seen<string>> => {
    const { sent, received, averageMs, output } = await ping(from, to);
    if (received < sent) return { seen: output };
    return { value: `${received} of ${sent} answers, ${averageMs?.toFixed(2) ?? '?'} ms` };
  };
  const { value } = await until(`answers from ${to} to pings from ${from.name}`, probe, {
    timeoutMs: PING_TIMEOUT_MS,
  });
  return value;
}

async function printDiagnosis(lab: Lab, agents: DemoAgents, print: Print): Promise<void> {
  print('');
  print('State of the OVN nodes at the time of the failure');
  for (const node of CHASSIS_NAMES) {
    const log = await agents.log(lab, node).catch((error: unknown) => [explain(error)]);
    for (const line of await diagnoseNode(lab, node, log)) print(line);
  }
}

function printInvitation(name: string, print: Print): void {
  const lab = name === 'lab' ? 'npm run lab --' : `npm run lab -- --name ${name}`;
  print('');
  print('The lab stands. Look around, change things, watch the routes follow:');
  for (const line of [
    `${lab} status`,
    `${lab} exec compute1 -- ovn-bgp-agent plan`,
    `${lab} exec leaf1 -- vtysh -c 'show bgp ipv4 unicast'`,
    `${lab} exec ext -- ping ${WEB.addresses[0] ?? ''}`,
    `${lab} exec central -- ovn-nbctl show`,
    `${lab} sh compute1`,
    `${lab} logs compute1 ovn-bgp-agent/agent.log`,
    `${lab} down`,
  ]) {
    print(`  ${line}`);
  }
}

function networkText(network: Network): string {
  if (!isProviderNetwork(network)) return 'tenant network';
  return network.vlan === undefined ? 'flat network' : `VLAN ${network.vlan}`;
}

function demoPort(
  number: number,
  name: string,
  network: Network,
  addresses: readonly string[],
  host: ChassisName,
): PortSpec {
  return {
    id: `44444444-0000-4000-8000-00000000000${number}`,
    name,
    network,
    mac: `fa:16:3e:00:00:0${number}`,
    addresses,
    host,
    deviceId: `aaaaaaaa-0000-4000-8000-00000000000${number}`,
  };
}
