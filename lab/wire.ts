/**
 * Hosts that OVN does not plug in: one on the wire of a provider network, and the inside of a VM that tags its frames.
 *
 * A `WireHost` is bare metal or the virtual function of an SR-IOV NIC: its frames reach the provider bridge of some nodes
 * directly. Its rows in the databases are the caller's. `remove` takes device and host away again.
 */
import type { Lab } from './lab.ts';
import type { ChassisName } from './layout.ts';
import { enterNetwork } from './namespaces.ts';
import { type PortSpec, withLength } from './neutron-rows.ts';
import type { LabNode } from './node.ts';

/** The end of a segment in a node, in the bridge of physnet1. */
const WIRE_DEVICE = 'wire0';
const PROVIDER_BRIDGE = 'br-ex';
/** The switch inside a VM that tags. */
const TRUNK_BRIDGE = 'br-trunk';
/** Any VLAN id that no subport has: frames of the parent leave the VM untagged. */
const NATIVE_TAG = 4000;

export class WireHost {
  readonly host: LabNode;
  readonly port: PortSpec;
  readonly #lab: Lab;
  readonly #nodes: readonly ChassisName[];

  private constructor(lab: Lab, host: LabNode, port: PortSpec, nodes: readonly ChassisName[]) {
    this.#lab = lab;
    this.host = host;
    this.port = port;
    this.#nodes = nodes;
  }

  /** A host with the port's MAC address and addresses, on a segment that the provider bridges of these nodes are on. */
  static async connect(
    lab: Lab,
    name: string,
    port: PortSpec,
    nodes: readonly ChassisName[],
  ): Promise<WireHost> {
    const host = await lab.addHost(name);
    // The segment is a bridge in the host itself, whose own device is the NIC.
    await host.ip([`link add eth0 address ${port.mac} type bridge`, 'link set eth0 up']);
    for (const node of nodes) {
      await lab.machine.run(enterNetwork(lab.node(node).pid, ['ip', '-batch', '-']), {
        input: `link add name ${WIRE_DEVICE} type veth peer name to-${node} netns ${host.pid}\nlink set ${WIRE_DEVICE} up\n`,
      });
      await host.ip([`link set to-${node} master eth0 up`]);
      for (const [where, device] of [
        [host, `to-${node}`],
        [lab.node(node), WIRE_DEVICE],
      ] as const) {
        await where.exec(['ethtool', '-K', device, 'tx', 'off']);
      }
      await lab.node(node).exec(['ovs-vsctl', 'add-port', PROVIDER_BRIDGE, WIRE_DEVICE]);
    }
    await host.exec(['ethtool', '-K', 'eth0', 'tx', 'off'], { check: false });
    await host.ip([
      ...port.addresses.map(
        (address) =>
          `address add ${withLength(port.network, address)} dev eth0${address.includes(':') ? ' nodad' : ''}`,
      ),
      ...port.network.subnets.map(
        ({ gateway }) =>
          `route replace ${gateway.includes(':') ? '::/0' : '0.0.0.0/0'} via ${gateway} dev eth0`,
      ),
    ]);
    return new WireHost(lab, host, port, nodes);
  }

  async remove(): Promise<void> {
    for (const node of this.#nodes) {
      await this.#lab.node(node).exec(['ovs-vsctl', '--if-exists', 'del-port', PROVIDER_BRIDGE, WIRE_DEVICE]);
      await this.#lab.node(node).exec(['ip', 'link', 'delete', WIRE_DEVICE], { check: false });
    }
    await this.#lab.removeHost(this.host.name);
  }
}

/**
 * A VM with a trunk: `eth0` is the parent port, `eth1` the subport's VLAN device. Kernels without 802.1Q have no such
 * device, so a small switch of Open vSwitch on the node does the tagging that the VM's kernel would do.
 */
export class TrunkVm {
  readonly host: LabNode;
  readonly subport: PortSpec;
  readonly #lab: Lab;
  readonly #node: ChassisName;

  private constructor(lab: Lab, host: LabNode, subport: PortSpec, node: ChassisName) {
    this.#lab = lab;
    this.host = host;
    this.subport = subport;
    this.#node = node;
  }

  get addresses(): readonly string[] {
    return this.subport.addresses;
  }

  /** Plugs the parent in on a node; the subport follows it. */
  static async boot(
    lab: Lab,
    name: string,
    parent: PortSpec,
    subport: PortSpec,
    node: ChassisName,
  ): Promise<TrunkVm> {
    const host = await lab.addHost(name);
    const on = lab.node(node);
    const { trunk } = subport;
    if (trunk === undefined) throw new TypeError(`${subport.name} is no subport`);
    await lab.machine.run(enterNetwork(on.pid, ['ip', '-batch', '-']), {
      input: [
        'link add name tap-trunk type veth peer name trunk',
        `link add name trunk-p type veth peer name eth0 address ${parent.mac} netns ${host.pid}`,
        `link add name trunk-s type veth peer name eth1 address ${subport.mac} netns ${host.pid}`,
        ...TRUNK_DEVICES.map((device) => `link set ${device} up`),
        '',
      ].join('\n'),
    });
    await host.ip(['link set eth0 up', 'link set eth1 up']);
    for (const device of TRUNK_DEVICES) await on.exec(['ethtool', '-K', device, 'tx', 'off']);
    for (const device of ['eth0', 'eth1']) await host.exec(['ethtool', '-K', device, 'tx', 'off']);
    await on.script(`ovs-vsctl add-br ${TRUNK_BRIDGE} -- set bridge ${TRUNK_BRIDGE} datapath_type=${lab.blueprint.datapath} \
  -- add-port ${TRUNK_BRIDGE} trunk -- set port trunk vlan_mode=native-untagged tag=${NATIVE_TAG} trunks=${NATIVE_TAG},${trunk.tag} \
  -- add-port ${TRUNK_BRIDGE} trunk-p tag=${NATIVE_TAG} -- add-port ${TRUNK_BRIDGE} trunk-s tag=${trunk.tag} \
  -- add-port br-int tap-trunk -- set interface tap-trunk external_ids:iface-id=${parent.id}`);
    await host.ip([
      ...subport.addresses.map(
        (address) =>
          `address add ${withLength(subport.network, address)} dev eth1${address.includes(':') ? ' nodad' : ''}`,
      ),
      ...subport.network.subnets.map(
        ({ gateway }) =>
          `route replace ${gateway.includes(':') ? '::/0' : '0.0.0.0/0'} via ${gateway} dev eth1`,
      ),
    ]);
    return new TrunkVm(lab, host, subport, node);
  }

  async destroy(): Promise<void> {
    const on = this.#lab.node(this.#node);
    await on.exec([
      'ovs-vsctl',
      '--if-exists',
      'del-port',
      'br-int',
      'tap-trunk',
      '--',
      'del-br',
      TRUNK_BRIDGE,
    ]);
    for (const device of TRUNK_DEVICES) await on.exec(['ip', 'link', 'delete', device], { check: false });
    await this.#lab.removeHost(this.host.name);
  }
}

const TRUNK_DEVICES = ['tap-trunk', 'trunk', 'trunk-p', 'trunk-s'] as const;
