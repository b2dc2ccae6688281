/**
 * The agent's job done by hand, so that the lab itself can be tested: a loop that reads what OVN has bound to a node and
 * puts the routes, rules, flows and FRR lines in place with the usual command line programs. Slow and trusting.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../../lab/lab.ts';
import { CHASSIS_AS, type ChassisName, chassisNamed } from '../../lab/layout.ts';
import { LabError } from '../../lab/machine.ts';
import type { LabNode } from '../../lab/node.ts';

const FRR_LINES = [
  'configure terminal',
  'route-map STAND-IN permit 10',
  'match metric 17900',
  'exit',
  `router bgp ${CHASSIS_AS}`,
  'address-family ipv4 unicast',
  'redistribute kernel route-map STAND-IN',
  'exit',
  'address-family ipv6 unicast',
  'redistribute kernel route-map STAND-IN',
];

interface Wanted {
  readonly address: string;
  readonly device: string;
  readonly networks: readonly string[];
}

export class StandInAgent {
  readonly #lab: Lab;
  readonly #node: LabNode;
  readonly #name: ChassisName;
  readonly #abort = new AbortController();
  readonly #standing = new Map<string, Wanted>();
  readonly #tweaked = new Set<string>();
  readonly #devices = new Set<string>();
  #loop: Promise<void> = Promise.resolve();

  private constructor(lab: Lab, name: ChassisName) {
    this.#lab = lab;
    this.#node = lab.node(name);
    this.#name = name;
  }

  static async start(lab: Lab, name: ChassisName): Promise<StandInAgent> {
    const agent = new StandInAgent(lab, name);
    await agent.#node.exec(['vtysh', ...FRR_LINES.flatMap((line) => ['-c', line])]);
    await agent.#prepareDevice('br-ex', '169.254.1.1');
    agent.#loop = agent.#run();
    return agent;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      await this.#reconcile();
      await delay(50, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
  }

  async #prepareDevice(device: string, address: string): Promise<void> {
    this.#devices.add(device);
    await this.#node.script(`ip address replace ${address}/32 dev ${device}
ip link set ${device} up
echo 1 >/proc/sys/net/ipv4/conf/${device}/proxy_arp
echo 1 >/proc/sys/net/ipv6/conf/${device}/proxy_ndp
ip route replace default dev br-ex table 200
ip -6 route replace default dev br-ex table 200`);
  }

  async #reconcile(): Promise<void> {
    await this.#tweakFlows();
    const wanted = new Map((await this.#bound()).map((item) => [item.address, item]));
    for (const [address, item] of this.#standing) {
      if (wanted.get(address)?.device === item.device) continue;
      await this.#node.script(withdrawScript(item));
      this.#standing.delete(address);
    }
    for (const [address, item] of wanted) {
      if (this.#standing.has(address)) continue;
      if (item.device === 'br-ex.100' && !this.#devices.has(item.device)) await this.#addVlan();
      await this.#node.script(exposeScript(item));
      this.#standing.set(address, item);
    }
  }

  async #addVlan(): Promise<void> {
    const mac = (await this.#node.exec(['cat', '/sys/class/net/br-ex/address'])).stdout.trim();
    const set = ['--', 'set', 'Interface', 'br-ex.100', 'type=internal', `mac="${mac}"`];
    await this.#node.exec(['ovs-vsctl', 'add-port', 'br-ex', 'br-ex.100', 'tag=100', ...set]);
    await this.#prepareDevice('br-ex.100', '169.254.1.2');
  }

  /** What comes out of OVN is sent to the kernel, whatever MAC address it was sent to. */
  async #tweakFlows(): Promise<void> {
    const ports = (await this.#node.exec(['ovs-vsctl', 'list-ports', 'br-ex'])).stdout.split('\n');
    for (const port of ports.filter((name) => name.startsWith('patch-') && !this.#tweaked.has(name))) {
      const get = await this.#node.exec(['ovs-vsctl', 'get', 'Interface', port, 'ofport']);
      const ofport = Number(get.stdout);
      if (!(ofport > 0)) continue;
      const mac = (await this.#node.exec(['cat', '/sys/class/net/br-ex/address'])).stdout.trim();
      const flow = (family: string): string =>
        `cookie=999,priority=900,${family},in_port=${ofport},actions=mod_dl_dst:${mac},NORMAL`;
      const input = `${flow('ip')}\n${flow('ipv6')}\n`;
      await this.#node.exec(['ovs-ofctl', 'add-flows', 'br-ex', '-'], { input });
      this.#tweaked.add(port);
    }
  }

  async #bound(): Promise<readonly Wanted[]> {
    const where = [['up', '==', true]];
    const columns = ['mac', 'type', 'chassis', 'external_ids'];
    const request = [
      'OVN_Southbound',
      { op: 'select', table: 'Port_Binding', where, columns },
      {
        op: 'select',
        table: 'Chassis',
        where: [['name', '==', chassisNamed(this.#name).systemId]],
        columns: ['_uuid'],
      },
    ];
    const argv = ['ovsdb-client', 'transact', 'unix:/run/ovn/ovnsb_db.sock', JSON.stringify(request)];
    const { stdout } = await this.#lab.node('central').exec(argv);
    const [ports, chassis] = JSON.parse(stdout) as [
      {
        rows: { mac: unknown; type: string; chassis: string[]; external_ids: [string, [string, string][]] }[];
      },
      { rows: { _uuid: string[] }[] },
    ];
    const own = chassis.rows.map(({ _uuid: uuid }) => uuid[1])[0];
    if (own === undefined) throw new LabError('absent', `${this.#name} is no chassis`);
    return ports.rows.flatMap((row) => {
      if (row.chassis[1] !== own || !['', 'virtual'].includes(row.type) || typeof row.mac !== 'string')
        return [];
      const cidrs = (new Map(row.external_ids[1]).get('neutron:cidrs') ?? '').split(' ');
      return row.mac
        .split(' ')
        .slice(1)
        .map((address) => ({
          address,
          device: /^172\.25\.|^2001:db8:5:/.test(address) ? 'br-ex.100' : 'br-ex',
          networks: cidrs.filter((cidr) => cidr.includes(':')).map((cidr) => cidr.replace(/::.*$/, '::')),
        }));
    });
  }
}

function exposeScript({ address, device, networks }: Wanted): string {
  const family = address.includes(':') ? '-6' : '-4';
  return `ip ${family} route replace ${address} dev ${device} table 200
ip ${family} rule add to ${address} priority 32000 table 200
${networks.map((network) => `ip -6 neighbor replace proxy ${network} dev ${device}`).join('\n')}
ip ${family} route add blackhole ${address} proto 179 metric 17900`;
}

function withdrawScript({ address, device }: Wanted): string {
  const family = address.includes(':') ? '-6' : '-4';
  return `ip ${family} route delete blackhole ${address} proto 179 metric 17900
ip ${family} rule delete to ${address} priority 32000 table 200
ip ${family} route delete ${address} dev ${device} table 200`;
}
