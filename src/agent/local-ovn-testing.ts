/**
 * A node with an OVN of its own, in memory: two fabric bridges and a provider bridge, BGP unnumbered, one VM. Handles do
 * what FRR, the kernel and the node's own ovn-controller do.
 */
import type { AgentConfig } from '../config/types.ts';
import { FakeLocalOvn } from '../localnb/fake-local-ovn.ts';
import { rowKey } from '../localnb/rows.ts';
import { FakeNode } from '../node/fake-node.ts';
import type { OvsPort } from '../openvswitch/types.ts';
import { type MemoryDatabase, memoryDatabase } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import type { IncrementalTopology } from '../ovn/topology.ts';
import { TestAgent } from './testing.ts';

const LEAF_1 = '02:aa:00:00:00:01';
const LEAF_2 = '02:aa:00:00:00:02';

export function ovsPort(name: string, type: string, ofport: number): OvsPort {
  return { name, type, tag: undefined, ofport, externalIds: new Map() };
}

/** A node with two fabric bridges and a provider bridge, BGP unnumbered, and one VM. */
export class OvnNode {
  readonly local = new FakeLocalOvn();
  readonly edge = new FakeNode({ localOvn: this.local });
  readonly database: MemoryDatabase<typeof NORTHBOUND> = memoryDatabase(NORTHBOUND);
  readonly topology: IncrementalTopology<typeof NORTHBOUND>;
  agent: TestAgent | undefined;
  #nextOfport = 7;

  constructor() {
    const { netlink, ovs } = this.edge;
    ovs.set({
      systemId: 'C1',
      hostname: 'cmp-1',
      bridgeMappings: 'physnet1:br-osp',
      externalIds: new Map([
        ['ovn-bridge-mappings-bgp', 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp'],
        ['ct-zone-range-bgp', '60000-64000'],
      ]),
    });
    for (const [index, name] of ['br-ex', 'br-ex-2', 'br-osp'].entries()) {
      netlink.addLink({ name, kind: 'openvswitch', mac: `52:54:00:00:00:0${index + 1}`, up: true });
    }
    netlink.addLink({ name: 'nic1', up: true });
    netlink.addLink({ name: 'nic2', up: true });
    ovs.setBridge('br-ex', [ovsPort('nic1', '', 1)], 'netdev');
    ovs.setBridge('br-ex-2', [ovsPort('nic2', '', 1)], 'netdev');
    ovs.setBridge('br-osp', [ovsPort('patch-provnet-1-to-br-int', 'patch', 3)], 'netdev');
    for (const [device, mac] of [
      ['br-ex', LEAF_1],
      ['br-ex-2', LEAF_2],
    ] as const) {
      const neighbor = { family: 6, index: this.index(device), address: 'fe80::1', mac } as const;
      netlink.addNeighbor({ ...neighbor, state: 0x02, proxy: false, flags: 0x80 });
    }
    this.routeOver('br-ex', 'br-ex-2');
    this.database.insert(
      'Logical_Switch_Port',
      { name: 'provnet-1', type: 'localnet', options: new Map([['network_name', 'physnet1']]) },
      'localnet',
    );
    this.database.insert('Logical_Switch', { name: 'neutron-pub', ports: ['localnet'] }, 'switch');
    this.topology = createNorthboundTopology(this.database.views, { hostname: 'cmp-1', systemId: 'C1' });
    this.vm(10);
  }

  index(device: string): number {
    return this.edge.netlink.linkNamed(device)?.index ?? 0;
  }

  /** FRR's default routes. */
  routeOver(...devices: readonly string[]): void {
    for (const family of [4, 6] as const) {
      const destination = family === 4 ? '0.0.0.0/0' : '::/0';
      this.edge.netlink.addRoute({
        family,
        table: 254,
        destination,
        type: 'unicast',
        protocol: 186,
        scope: 0,
        metric: 20,
        nextHops: devices.map((device) => ({ index: this.index(device), via: 'fe80::1', weight: 1 })),
      });
    }
  }

  setCarrier(device: string, running: boolean): void {
    this.edge.netlink.changeLink(device, { running });
  }

  vm(number: number): ReturnType<MemoryDatabase<typeof NORTHBOUND>['insert']> {
    const last = number.toString(16).padStart(2, '0');
    return this.database.insert(
      'Logical_Switch_Port',
      {
        name: `vm-${number}`,
        addresses: [`fa:16:3e:00:00:${last} 172.24.4.${number} 2001:db8:4::${number}`],
        up: true,
        options: new Map([['requested-chassis', 'cmp-1']]),
        external_ids: new Map([['neutron:network_name', 'neutron-pub']]),
      },
      `port-${number}`,
    );
  }

  /** A tenant network behind a router whose gateway port is on this node: 10.0.0.0/24 through 172.24.4.2. Before the start. */
  tenant(): void {
    const ids = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
      new Map(Object.entries(entries));
    const port = (name: string, routerPort: string, network: string, owner: string): void => {
      const external = { 'neutron:network_name': network, 'neutron:device_owner': `network:${owner}` };
      const interfaceOf = { 'neutron:device_id': 'r', 'neutron:cidrs': '10.0.0.1/24' };
      this.database.insert(
        'Logical_Switch_Port',
        {
          name,
          type: 'router',
          up: true,
          options: ids({ 'router-port': routerPort }),
          external_ids: ids(owner === 'router_interface' ? { ...external, ...interfaceOf } : external),
        },
        name,
      );
    };
    port('pub-router', 'lrp-gw', 'neutron-pub', 'router_gateway');
    port('attachment', 'lrp-in', 'neutron-tenant', 'router_interface');
    this.database.insert(
      'Logical_Switch_Port',
      {
        name: 'inside',
        addresses: ['fa:16:3e:00:00:08 10.0.0.8'],
        up: true,
        external_ids: ids({ 'neutron:network_name': 'neutron-tenant' }),
      },
      'inside',
    );
    this.database.update('Logical_Switch', 'switch', { ports: ['localnet', 'pub-router'] });
    this.database.insert(
      'Logical_Switch',
      { name: 'neutron-tenant', ports: ['attachment', 'inside'] },
      'tenant',
    );
    this.database.insert(
      'Logical_Router_Port',
      { name: 'lrp-in', mac: 'fa:16:3e:00:00:a1', networks: ['10.0.0.1/24'] },
      'in',
    );
    this.database.insert(
      'Logical_Router_Port',
      {
        name: 'lrp-gw',
        mac: 'fa:16:3e:00:00:a0',
        networks: ['172.24.4.2/24'],
        gateway_chassis: ['gc'],
        status: ids({ 'hosting-chassis': 'C1' }),
        external_ids: ids({ 'neutron:network_name': 'neutron-pub' }),
      },
      'gw',
    );
    this.database.insert('Logical_Router', { name: 'neutron-r', ports: ['gw', 'in'] }, 'router');
  }

  start(changes: Partial<AgentConfig> = {}): TestAgent {
    this.agent = new TestAgent(this.edge, this.topology, { exposingMethod: 'ovn', ...changes });
    return this.agent;
  }

  async settle(): Promise<void> {
    await this.agent?.settle();
  }

  /** Settles while time passes: what waits for the OVN of the node waits in vain. */
  async settleLate(): Promise<void> {
    const pass = this.settle();
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.agent?.clock.advance(100);
    }
    await pass;
  }

  /** What the node's own ovn-controller does with localnet ports: patch ports, with new numbers each time. */
  makePatchPorts(): void {
    for (const [network, bridge] of [
      ['bgp-ex', 'br-ex'],
      ['bgp-ex-2', 'br-ex-2'],
      ['bgp-osp', 'br-osp'],
    ] as const) {
      if (!this.rows('Logical_Switch_Port').includes(`Logical_Switch_Port ${network}-localnet`)) continue;
      const name = `patch-${network}-localnet-to-br-bgp`;
      this.edge.ovs.setPort(bridge, ovsPort(name, 'patch', this.#nextOfport++));
    }
  }

  async ready(changes: Partial<AgentConfig> = {}): Promise<void> {
    this.start(changes);
    await this.settle();
    this.makePatchPorts();
    await this.settle();
  }

  rows(table?: string): string[] {
    const rows = this.local.snapshot()?.rows ?? [];
    return rows
      .map(({ row }) => rowKey(row))
      .filter((key) => table === undefined || key.startsWith(`${table} `));
  }

  defaultRoutes(): string[] {
    return this.rows('Logical_Router_Static_Route').filter((key) => / (?:0\.0\.0\.0|::)\/0 /.test(key));
  }

  flows(bridge: string): string[] {
    return this.edge.ovs
      .allFlows(bridge)
      .map(({ priority, match, actions }) => `${priority} ${match} ${actions}`);
  }

  async fdb(bridge: string): Promise<string[]> {
    return (await this.edge.ovs.staticFdb(bridge)).map(({ mac }) => mac);
  }

  async advertised(): Promise<string[]> {
    const routes = await this.edge.netlink.routes();
    return routes.flatMap((route) => (route.type === 'blackhole' ? [route.destination] : [])).sort();
  }
}
