/**
 * The cloud of the `hwol` scenario: nodes whose devices are inside Open vSwitch, Neutron's rows of every kind of address,
 * machines, the nodes' own OVN and agents with `exposing_method = ovn`. Every wait polls until the state is there.
 */
import { LabAgent } from '../../../lab/agent-process.ts';
import { Content, FLAT_NETWORK, VLAN_NETWORK } from '../../../lab/content.ts';
import { type Addressing, linkBetween, UPLINKS } from '../../../lab/hwol.ts';
import { Lab } from '../../../lab/lab.ts';
import { CHASSIS_AS, CHASSIS_NAMES, type ChassisName } from '../../../lab/layout.ts';
import type { Network, PortSpec } from '../../../lab/neutron-rows.ts';
import type { LabNode, NodeProcess } from '../../../lab/node.ts';
import { RouterContent } from '../../../lab/router-content.ts';
import type { FloatingIpSpec, LoadBalancerSpec, RouterSpec } from '../../../lab/router-rows.ts';
import { type Seen, until } from '../../../lab/until.ts';
import { bootVirtualMachine, type VirtualMachine } from '../../../lab/vm.ts';
import { bootVm, type Cloud, portSpec } from '../fixture.ts';

/** Behind a router that translates: floating IPs and a load balancer lead in. */
const PRIVATE_NETWORK: Network = tenantNetwork(1, 'private', '192.168.100');
/** Behind a router that does not: its addresses are reachable as they are. */
const OPEN_NETWORK: Network = tenantNetwork(2, 'open', '192.168.200');

const ROUTER: RouterSpec = router(1, 'router1', '172.24.4.50', PRIVATE_NETWORK, true);
const OPEN_ROUTER: RouterSpec = router(2, 'router2', '172.24.4.51', OPEN_NETWORK, false);

export const GATEWAY_ADDRESSES = ROUTER.gateway.addresses;
export const OPEN_PREFIX = '192.168.200.0/24';

export const AGENT_SETTINGS = {
  DEFAULT: {
    exposing_method: 'ovn',
    expose_tenant_networks: 'true',
    require_snat_disabled_for_tenant_networks: 'true',
  },
  local_ovn_cluster: {
    ovn_nb_connection: 'unix:/run/ovn-bgp/ovnnb_db.sock',
    external_nics: UPLINKS.map(({ nic }) => nic).join(','),
  },
} as const;

export interface HwolCloud extends Cloud {
  /** Flat provider network, on compute1. */
  readonly flat: VirtualMachine;
  /** Flat provider network, on compute2. */
  readonly neighbour: VirtualMachine;
  /** VLAN provider network, on compute2. */
  readonly vlan: VirtualMachine;
  /** Tenant network, on compute2, with the floating IP. */
  readonly web: VirtualMachine;
  /** Tenant network, on compute1, without. */
  readonly data: VirtualMachine;
  /** The tenant network without translation, on compute1. */
  readonly open: VirtualMachine;
  readonly floatingIp: FloatingIpSpec;
  readonly balancer: LoadBalancerSpec;
  readonly agents: ReadonlyMap<ChassisName, LabAgent>;
  readonly supervisors: ReadonlyMap<ChassisName, NodeProcess>;
}

/** Lab, rows and machines; agents and the nodes' own OVN come with `startMethod`. */
export async function bringUpHwol(
  name: string,
  addressing: Addressing,
): Promise<Omit<HwolCloud, 'agents' | 'supervisors'>> {
  await Lab.down(name);
  const lab = await Lab.up({ name, fabric: 'hwol', addressing });
  const content = new Content(lab);
  const cloud = { lab, content };
  for (const network of [FLAT_NETWORK, VLAN_NETWORK, PRIVATE_NETWORK, OPEN_NETWORK]) {
    await content.addNetwork(network);
  }
  const routers = new RouterContent(content);
  await routers.addRouter(ROUTER);
  await routers.addRouter(OPEN_ROUTER);
  const flat = await bootVm(cloud, portSpec('flat', FLAT_NETWORK, 'compute1', 10));
  const neighbour = await bootVm(cloud, portSpec('neighbour', FLAT_NETWORK, 'compute2', 11));
  const vlan = await bootVm(cloud, portSpec('vlan', VLAN_NETWORK, 'compute2', 10));
  const web = await bootTenant(cloud, tenantPort('a1', 'web', PRIVATE_NETWORK, 'compute2', '192.168.100.20'));
  const data = await bootTenant(
    cloud,
    tenantPort('a2', 'data', PRIVATE_NETWORK, 'compute1', '192.168.100.30'),
  );
  const open = await bootTenant(cloud, tenantPort('a3', 'open', OPEN_NETWORK, 'compute1', '192.168.200.20'));
  const floatingIp: FloatingIpSpec = {
    id: '55555555-0000-4000-8000-000000000001',
    address: '172.24.4.120',
    mac: 'fa:16:3e:00:01:20',
    portId: web.port.id,
    logicalAddress: '192.168.100.20',
  };
  await routers.addFloatingIp(ROUTER, floatingIp);
  const balancer: LoadBalancerSpec = {
    id: '66666666-0000-4000-8000-000000000001',
    vip: '172.24.4.60',
    vipPort: {
      id: '44444444-0000-4000-8000-000000000160',
      mac: 'fa:16:3e:00:01:60',
      network: FLAT_NETWORK,
    },
    port: 80,
    members: ['192.168.100.20', '192.168.100.30'],
    memberPort: 8080,
    memberNetwork: PRIVATE_NETWORK,
  };
  await routers.addLoadBalancer(ROUTER, balancer);
  for (const machine of [web, data]) await serve(machine);
  return { ...cloud, flat, neighbour, vlan, web, data, open, floatingIp, balancer };
}

/**
 * Settings of a node for the shape compatible, with the leafs' addresses as peers where the links have some. The pool holds
 * the flat provider network and no tenant network.
 */
export function compatibleSettings(node: ChassisName, addressing: Addressing): Settings {
  const links = UPLINKS.map(({ leaf }) => linkBetween(node, leaf)).filter((link) => link !== undefined);
  const peers = links.flatMap((link) => [link[4].peer, link[6].peer]);
  return {
    ...AGENT_SETTINGS,
    local_ovn_cluster: {
      ...AGENT_SETTINGS.local_ovn_cluster,
      shape: 'compatible',
      provider_networks_pool_prefixes: '172.24.4.0/24,2001:db8:4::/64',
      ...(addressing === 'numbered' ? { peer_ips: peers.join(',') } : {}),
    },
  };
}

/** Takes BFD away from the FRR of the nodes, for an OVN that runs it on the same addresses; the leafs keep it. */
export async function leaveBfdToOvn(lab: Lab): Promise<void> {
  for (const name of CHASSIS_NAMES) {
    const lines = ['uplink-ipv4', 'uplink-ipv6'].flatMap((group) => [
      `no neighbor ${group} bfd profile fabric`,
      `no neighbor ${group} bfd`,
    ]);
    const commands = ['configure terminal', `router bgp ${CHASSIS_AS}`, ...lines];
    await lab.node(name).exec(['vtysh', ...commands.flatMap((command) => ['-c', command])]);
  }
}

type Settings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The nodes' own OVN, supervised, and an agent on every node. */
export async function startMethod(
  lab: Lab,
  settingsOf: (node: ChassisName) => Settings = () => AGENT_SETTINGS,
): Promise<Pick<HwolCloud, 'agents' | 'supervisors'>> {
  const agents = new Map<ChassisName, LabAgent>();
  const supervisors = new Map<ChassisName, NodeProcess>();
  for (const name of CHASSIS_NAMES) {
    const agent = new LabAgent(lab, name);
    await agent.configure(lab, name, { driver: 'nb', settings: settingsOf(name) });
    supervisors.set(name, await agent.superviseLocalOvn());
    agents.set(name, agent);
  }
  for (const agent of agents.values()) {
    await awaitLocalOvn(agent);
    await agent.run();
  }
  return { agents, supervisors };
}

/** Waits until the node's own OVN is complete. */
export async function awaitLocalOvn(agent: LabAgent): Promise<void> {
  const probe = async (): Promise<Seen<true>> => {
    const { code, stdout, stderr } = await agent.localOvn(['status'], { check: false });
    return code === 0 ? { value: true } : { seen: `${stdout}${stderr}` };
  };
  await until("the node's own OVN to be up", probe, { timeoutMs: 120_000, everyMs: 500 });
}

/** Asks the load balancer's address from outside until the wanted members have answered. */
export async function awaitMembers(from: LabNode, address: string, names: readonly string[]): Promise<void> {
  const answered = new Set<string>();
  const probe = async (): Promise<Seen<true>> => {
    const script = `exec 3<>/dev/tcp/${address}/80; cat <&3`;
    const { stdout, stderr } = await from.exec(['timeout', '3', 'bash', '-c', script], { check: false });
    if (stdout !== '') answered.add(stdout.trim());
    return names.every((name) => answered.has(name))
      ? { value: true }
      : { seen: `${[...answered].join(', ') || 'nobody'}; ${stderr}` };
  };
  await until(`${names.join(' and ')} to answer at ${address}`, probe, { timeoutMs: 60_000 });
}

/** A server that says the machine's name to everybody. */
async function serve(machine: VirtualMachine): Promise<void> {
  const program = `require('node:net').createServer((s) => s.end('${machine.name}\\n')).listen(8080)`;
  await machine.host.spawn('server', [process.execPath, '-e', program]);
}

async function bootTenant({ lab, content }: Cloud, port: PortSpec): Promise<VirtualMachine> {
  await content.addPort(port);
  const machine = await bootVirtualMachine(lab, port.name, port);
  await content.awaitPortUp(port.id, port.host);
  return machine;
}

function tenantNetwork(number: number, name: string, prefix: string): Network {
  return {
    id: `22222222-0000-4000-8000-00000000000${number}`,
    name,
    subnets: [
      {
        id: `22222222-0000-4000-8000-0000000000a${number}`,
        prefix: `${prefix}.0`,
        length: 24,
        gateway: `${prefix}.1`,
      },
    ],
  };
}

function tenantPort(
  number: string,
  name: string,
  network: Network,
  host: ChassisName,
  address: string,
): PortSpec {
  return {
    id: `44444444-0000-4000-8000-0000000001${number}`,
    name,
    network,
    mac: `fa:16:3e:00:01:${number}`,
    addresses: [address],
    host,
    deviceId: `aaaaaaaa-0000-4000-8000-0000000001${number}`,
  };
}

function router(
  number: number,
  name: string,
  gateway: string,
  inside: Network,
  sourceNat: boolean,
): RouterSpec {
  const last = gateway.split('.').at(-1) ?? '';
  return {
    id: `33333333-0000-4000-8000-00000000000${number}`,
    name,
    sourceNat,
    gatewayNodes: ['gw1'],
    gateway: {
      portId: `44444444-0000-4000-8000-0000000000f${number}`,
      network: FLAT_NETWORK,
      mac: `fa:16:3e:00:02:f${number}`,
      addresses: [gateway, `2001:db8:4::${last}`],
    },
    interfaces: [
      {
        portId: `44444444-0000-4000-8000-0000000000e${number}`,
        network: inside,
        mac: `fa:16:3e:00:02:e${number}`,
        addresses: [inside.subnets[0]?.gateway ?? ''],
      },
    ],
  };
}
