/**
 * Virtual machines as the network sees them: a network namespace with one interface, whose other end is a tap-like
 * veth device on `br-int` of a node. They can be moved between nodes without losing their configuration.
 */
import type { Content } from './content.ts';
import type { Lab } from './lab.ts';
import { bridgeMac, type ChassisName, chassisNamed, isChassisName } from './layout.ts';
import { LabError } from './machine.ts';
import { enterNetwork } from './namespaces.ts';
import { isProviderNetwork, type PortSpec, type ProviderNetwork, withLength } from './neutron-rows.ts';
import type { LabNode } from './node.ts';
import { type Seen, type UntilOptions, until } from './until.ts';

/** As large as geneve lets it through a link of 1500. */
const MTU = 1400;

/**
 * What a machine has as its IPv6 gateway: the subnet's (an address that the node must answer for), or the link-local
 * address of the node's provider bridge, as a router advertisement would tell it.
 */
export type Gateway6 = 'subnet' | 'link-local';

export interface BootOptions {
  readonly gateway6?: Gateway6;
}

export class VirtualMachine {
  readonly port: PortSpec;
  readonly host: LabNode;
  readonly #gateway6: Gateway6;
  readonly #lab: Lab;
  #node: ChassisName;

  constructor(lab: Lab, host: LabNode, port: PortSpec, node: ChassisName, gateway6: Gateway6) {
    this.#gateway6 = gateway6;
    this.#lab = lab;
    this.host = host;
    this.port = port;
    this.#node = node;
  }

  get name(): string {
    return this.host.name;
  }

  get addresses(): readonly string[] {
    return this.port.addresses;
  }

  /** The OVN node that it runs on. */
  get node(): ChassisName {
    return this.#node;
  }

  /** Name of the device on `br-int`, cut as Nova cuts it. */
  get tap(): string {
    return tapName(this.port.id);
  }

  /** Plugs the device into `br-int` of its node: OVN binds the port. */
  async plug(): Promise<void> {
    await this.#plugAt(this.#node);
  }

  async #plugAt(node: ChassisName): Promise<void> {
    const set = [
      `external_ids:iface-id=${this.port.id}`,
      `external_ids:attached-mac="${this.port.mac}"`,
      'external_ids:iface-status=active',
      `external_ids:vm-id=${this.port.deviceId}`,
    ];
    await this.#lab
      .node(node)
      .exec(['ovs-vsctl', 'add-port', 'br-int', this.tap, '--', 'set', 'Interface', this.tap, ...set]);
  }

  /** Takes the device off `br-int`: OVN releases the port. The machine itself stays. */
  async unplug(): Promise<void> {
    await this.#lab.node(this.#node).exec(['ovs-vsctl', '--if-exists', 'del-port', 'br-int', this.tap]);
  }

  /** Moves it to another node as a migration does: port and device go, addresses and neighbours stay. */
  async move(content: Content, to: ChassisName): Promise<void> {
    await content.migratePort(this.port.id, to);
    await this.unplug();
    const target = this.#lab.node(to);
    // The machine's other end does not notice: the device keeps its peer when it changes its namespace.
    const move = ['ip', 'link', 'set', this.tap, 'netns', `${target.pid}`];
    await this.#lab.machine.run(enterNetwork(this.#lab.node(this.#node).pid, move));
    await target.ip([`link set ${this.tap} up`]);
    this.#node = to;
    await this.plug();
    if (this.#gateway6 === 'link-local') await this.setRoutes();
  }

  /**
   * The first part of a live migration: another device on the target, where the machine will continue. The port is to be
   * requested on both nodes by then.
   */
  async prepareMove(to: ChassisName): Promise<void> {
    const target = this.#lab.node(to);
    const pair = `${this.tap} mtu ${MTU} type veth peer name eth1 address ${this.port.mac} mtu ${MTU} netns ${this.host.pid}`;
    await this.#lab.machine.run(enterNetwork(target.pid, ['ip', '-batch', '-']), {
      input: `link add name ${pair}\nlink set ${this.tap} up\n`,
    });
    await this.host.exec(['ethtool', '-K', 'eth1', 'tx', 'off']);
    await this.#plugAt(to);
  }

  /** The moment at which the machine continues on the target: it announces itself there, as QEMU does. */
  async continueAt(to: ChassisName): Promise<void> {
    const announce = ['ipv4/conf/eth0/arp_notify', 'ipv6/conf/eth0/ndisc_notify'];
    await this.host.ip(['link set eth0 down', 'link set eth0 name old0', 'link set eth1 name eth0']);
    await this.host.script(announce.map((name) => `echo 1 >/proc/sys/net/${name}`).join('\n'));
    await this.host.ip([
      ...this.addresses.map((address) => {
        const nodad = address.includes(':') ? ' nodad' : '';
        return `address add ${withLength(this.port.network, address)} dev eth0${nodad}`;
      }),
      'link set eth0 up',
    ]);
    this.#node = to;
    await this.setRoutes();
  }

  /** The last part: the device on the source goes. */
  async leave(from: ChassisName): Promise<void> {
    const source = this.#lab.node(from);
    await source.exec(['ovs-vsctl', '--if-exists', 'del-port', 'br-int', this.tap]);
    await source.exec(['ip', 'link', 'delete', this.tap]);
  }

  /** Sets the default routes of the machine, as they are right on the node that it runs on. */
  async setRoutes(): Promise<void> {
    const { network, addresses } = this.port;
    const lines = network.subnets
      .filter(({ gateway }) => addresses.some((address) => address.includes(':') === gateway.includes(':')))
      .map(({ gateway }) => {
        if (!gateway.includes(':')) return `route replace 0.0.0.0/0 via ${gateway} dev eth0`;
        // A tenant network's gateway is a router's port, which answers for itself.
        const own = this.#gateway6 === 'subnet' || !isProviderNetwork(network);
        const via = own ? gateway : linkLocal(this.#bridgeMac(network));
        return `route replace ::/0 via ${via} dev eth0`;
      });
    await this.host.ip(lines);
  }

  #bridgeMac(network: ProviderNetwork): string {
    const index = Number(network.physicalNetwork.replace('physnet', '')) - 1;
    return bridgeMac(chassisNamed(this.#node), index);
  }

  /** Adds an address and announces it by gratuitous ARP and neighbour advertisement, as VRRP does. */
  async claim(address: string): Promise<void> {
    const prefix = `${address}/${address.includes(':') ? 128 : 32}`;
    await this.host.script(
      `ip address replace ${prefix} dev eth0 nodad
echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify
echo 1 >/proc/sys/net/ipv6/conf/eth0/ndisc_notify
# Setting the address that it has already makes the kernel announce all of the interface's addresses.
ip link set eth0 address ${this.port.mac}`,
    );
  }

  async disclaim(address: string): Promise<void> {
    const prefix = `${address}/${address.includes(':') ? 128 : 32}`;
    await this.host.exec(['ip', 'address', 'delete', prefix, 'dev', 'eth0']);
  }

  /** Ends it: device, namespace and processes. Its rows in the databases are the caller's. */
  async destroy(): Promise<void> {
    await this.unplug();
    await this.#lab.node(this.#node).exec(['ip', 'link', 'delete', this.tap], { check: false });
    await this.#lab.removeHost(this.name);
  }
}

/** Starts a virtual machine for a port and plugs it in on the port's host. */
export async function bootVirtualMachine(
  lab: Lab,
  name: string,
  port: PortSpec,
  options: BootOptions = {},
): Promise<VirtualMachine> {
  const { host: node } = port;
  if (!isChassisName(node)) throw new LabError('node', `${node} cannot run a virtual machine`);
  const host = await lab.addHost(name);
  const tap = tapName(port.id);
  const pair = `${tap} mtu ${MTU} type veth peer name eth0 address ${port.mac} mtu ${MTU} netns ${host.pid}`;
  await lab.machine.run(enterNetwork(lab.node(node).pid, ['ip', '-batch', '-']), {
    input: `link add name ${pair}\nlink set ${tap} up\n`,
  });
  await host.ip([
    'link set eth0 up',
    ...port.addresses.map(
      (address) =>
        `address add ${withLength(port.network, address)} dev eth0${address.includes(':') ? ' nodad' : ''}`,
    ),
  ]);
  // The user space data path hands packets on as they are: checksums must be right when they leave the machine.
  await host.exec(['ethtool', '-K', 'eth0', 'tx', 'off']);
  const machine = new VirtualMachine(lab, host, port, node, options.gateway6 ?? 'subnet');
  await machine.setRoutes();
  await machine.plug();
  return machine;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Average round trip; absent when nothing came back. */
  readonly averageMs: number | undefined;
  readonly output: string;
}

export interface PingOptions {
  readonly count?: number;
  readonly intervalSec?: number;
  /** Source address or device. */
  readonly from?: string;
}

/** Pings once or more and reports; that nothing comes back is a result, not an error. */
export async function ping(from: LabNode, to: string, options: PingOptions = {}): Promise<PingResult> {
  const { count = 3, intervalSec = 0.2 } = options;
  const source = options.from === undefined ? [] : ['-I', options.from];
  const argv = ['ping', '-n', '-c', `${count}`, '-i', `${intervalSec}`, '-W', '1', ...source, to];
  const { stdout, stderr } = await from.exec(argv, { check: false, timeoutMs: 10_000 + count * 1500 });
  return parsePing(`${stdout}${stderr}`, count);
}

/** Pings until an answer comes; returns how long that took. */
export async function pingUntil(
  from: LabNode,
  to: string,
  options: UntilOptions & Pick<PingOptions, 'from'> = {},
): Promise<number> {
  const source = options.from === undefined ? {} : { from: options.from };
  const probe = async (): Promise<Seen<true>> => {
    const { received, output } = await ping(from, to, { count: 1, ...source });
    return received > 0 ? { value: true } : { seen: output };
  };
  return (await until(`an answer from ${to} to a ping from ${from.name}`, probe, options)).elapsedMs;
}

/** Parses the summary of iputils' ping. */
export function parsePing(output: string, count: number): PingResult {
  const summary = /(\d+) packets transmitted, (\d+) received/.exec(output);
  const times = /= [\d.]+\/([\d.]+)\//.exec(output);
  return {
    sent: Number(summary?.[1] ?? count),
    received: Number(summary?.[2] ?? 0),
    averageMs: times?.[1] === undefined ? undefined : Number(times[1]),
    output: output.trim(),
  };
}

/** The address that the kernel gives a device from its MAC address: RFC 4291, appendix A. */
export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
}

function tapName(portId: string): string {
  return `tap${portId.slice(-11)}`;
}
