import { afterEach, describe, expect, it } from 'vitest';
import { type Prefix, parsePrefix } from '../base/address.ts';
import type { AgentConfig } from '../config/types.ts';
import { macOf } from '../exposures/testing.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { type MemoryDatabase, memoryDatabase } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import type { IncrementalTopology } from '../ovn/topology.ts';
import type { ChangeSet } from '../ovsdb/types.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

type Northbound = MemoryDatabase<typeof NORTHBOUND>;

/** A cloud with one flat provider network, and the agent of node cmp-1. */
class Cloud {
  readonly database: Northbound = memoryDatabase(NORTHBOUND);
  readonly topology: IncrementalTopology<typeof NORTHBOUND>;
  readonly edge: FakeNode = bareNode();
  agent: TestAgent;
  readonly #config: Partial<AgentConfig>;

  constructor(config: Partial<AgentConfig> = {}) {
    this.#config = config;
    this.database.insert(
      'Logical_Switch_Port',
      {
        name: 'provnet-flat',
        type: 'localnet',
        options: new Map([['network_name', 'physnet1']]),
      },
      'localnet',
    );
    this.database.insert('Logical_Switch', { name: 'neutron-pub', ports: ['localnet'] }, 'switch');
    this.topology = createNorthboundTopology(this.database.views, { hostname: 'cmp-1', systemId: 'C1' });
    this.agent = this.start();
  }

  start(): TestAgent {
    this.agent = new TestAgent(this.edge, this.topology, this.#config);
    return this.agent;
  }

  port(number: number, host = 'cmp-1', up = true): ChangeSet<typeof NORTHBOUND> {
    const address = `172.24.${4 + (number >> 8)}.${number & 255}`;
    return this.database.insert(
      'Logical_Switch_Port',
      {
        name: `vm-${number}`,
        addresses: [
          `fa:16:3e:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')} ${address}`,
        ],
        up,
        options: new Map([['requested-chassis', host]]),
        external_ids: new Map([['neutron:network_name', 'neutron-pub']]),
      },
      `port-${number}`,
    );
  }

  update(number: number, values: Parameters<Northbound['update']>[2]): ChangeSet<typeof NORTHBOUND> {
    return this.database.update('Logical_Switch_Port', `port-${number}`, values);
  }

  async tell(changes: ChangeSet<typeof NORTHBOUND>, cause: 'snapshot' | 'update' = 'update'): Promise<void> {
    this.agent.reconciler.topologyChanged(this.topology.affected(changes), cause);
    await this.agent.settle();
  }

  /** Destinations of the advertised blackhole routes. */
  async advertised(): Promise<string[]> {
    const routes = await this.edge.netlink.routes();
    return routes.flatMap((route) => (route.type === 'blackhole' ? [route.destination] : [])).sort();
  }

  async rules(): Promise<string[]> {
    return (await this.edge.netlink.rules()).flatMap((rule) => rule.to ?? []).sort();
  }
}

let cloud: Cloud;
afterEach(() => cloud.agent.stop());

function prefixes(...texts: string[]): Prefix[] {
  return texts.flatMap((text) => parsePrefix(text) ?? []);
}

describe('the loop', () => {
  it('exposes a port of this node and withdraws it', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    expect(await cloud.rules()).toEqual(['172.24.4.10/32']);
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'port-10'));
    expect(await cloud.advertised()).toEqual([]);
    expect(await cloud.rules()).toEqual([]);
  });

  it('makes nothing of a network with 802.1ad tags, and takes back what it made before', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    const options = (ethtype: string) =>
      new Map([
        ['network_name', 'physnet1'],
        ['ethtype', ethtype],
      ]);
    const retag = (ethtype: string) =>
      cloud.tell(
        cloud.database.update('Logical_Switch_Port', 'localnet', { tag: 100, options: options(ethtype) }),
      );
    const devices = async () => (await cloud.edge.netlink.links()).map(({ name }) => name);
    await cloud.tell(cloud.port(10));
    await retag('802.11q');
    expect(await devices()).toContain('br-ex.100');
    for (const ethtype of ['802.11ad', '802.1ad', '802.1AD']) {
      await retag(ethtype);
      expect(await cloud.advertised()).toEqual([]);
      expect(await devices()).not.toContain('br-ex.100');
      expect([...cloud.agent.planner.denials()].map(({ code }) => code)).toEqual(['ethertype']);
    }
    // What OVN does not know it tags as usual.
    await retag('802.1ah');
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    expect(await devices()).toContain('br-ex.100');
  });

  it('asks the kernel for nothing but the changed row', async () => {
    cloud = new Cloud();
    for (let number = 1; number <= 40; number++) cloud.port(number);
    await cloud.agent.settle();
    const { dumps } = cloud.edge.netlink;
    const requests = cloud.edge.netlink.log.length;
    await cloud.tell(cloud.port(99));
    expect(cloud.edge.netlink.dumps).toBe(dumps);
    // Rule, route, neighbour, advertisement.
    expect(cloud.edge.netlink.log.length - requests).toBe(4);
  });

  it('waits for a patch port without announcing, and completes by itself', async () => {
    cloud = new Cloud();
    cloud.edge.ovs.deletePort(BRIDGE, 'patch-provnet-flat-to-br-int');
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10));
    expect(await cloud.advertised()).toEqual([]);
    expect(await cloud.rules()).toEqual(['172.24.4.10/32']);
    expect(cloud.agent.planner.pending().map((item) => item.subject)).toContain('172.24.4.10/32');
    cloud.edge.ovs.setPort(BRIDGE, {
      name: 'patch-provnet-flat-to-br-int',
      type: 'patch',
      tag: undefined,
      ofport: 7,
      externalIds: new Map(),
    });
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    expect(cloud.edge.ovs.allFlows(BRIDGE).map((flow) => flow.match)).toContain('ip,in_port=7');
    expect(cloud.agent.planner.pending()).toEqual([]);
  });

  it('does not advertise what could not be wired, goes on with the others, and tries again', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    let broken = true;
    cloud.edge.netlink.fail = (request) =>
      broken && request.type === 'rule' && request.rule.to === '172.24.4.10/32' ? 'ENOBUFS' : undefined;
    await cloud.tell(cloud.port(10));
    await cloud.tell(cloud.port(11));
    expect(await cloud.advertised()).toEqual(['172.24.4.11/32']);
    expect(cloud.agent.reconciler.counters.failedChanges).toBeGreaterThan(0);
    broken = false;
    cloud.agent.clock.advance(60_000);
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32', '172.24.4.11/32']);
  });

  it('works on while FRR is away, and enters its stanza when it is back', async () => {
    cloud = new Cloud();
    cloud.edge.frr.kill();
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    expect(cloud.edge.frr.applied).toEqual([]);
    cloud.edge.frr.start();
    await cloud.agent.settle();
    expect(cloud.edge.frr.applied.map((call) => call.id)).toEqual(['kernel-routes']);
  });

  it('repairs the FRR stanza at the next look when an operator took it out', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    cloud.edge.frr.tamper('kernel-routes', undefined);
    cloud.agent.reconciler.recheck(['frr']);
    await cloud.agent.settle();
    expect(cloud.edge.frr.applied).toHaveLength(2);
  });

  it('repairs settings and proxy entries at the next look, which changes nothing else', async () => {
    cloud = new Cloud();
    await cloud.tell(cloud.port(10));
    const path = 'net/ipv4/conf/br-ex/proxy_arp';
    cloud.edge.files.tamper(path, '0');
    const before = cloud.edge.writes();
    cloud.agent.reconciler.recheck(['frr', 'proxy-ndp', 'sysctl']);
    await cloud.agent.settle();
    expect(await cloud.edge.files.readSysctl(path)).toBe('1');
    expect(cloud.edge.writes()).toBe(before + 1);
  });

  it('keeps a migrating port for the grace period while it is down, and no longer', async () => {
    cloud = new Cloud({ migrationGraceSec: 10 });
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10, 'cmp-0,cmp-1'));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    await cloud.tell(cloud.update(10, { up: false }));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    await cloud.tell(cloud.update(10, { options: new Map([['requested-chassis', 'cmp-1']]) }));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    cloud.agent.clock.advance(10_000);
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual([]);
    await cloud.tell(cloud.update(10, { up: true }));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
  });

  it('has bgpd register again when it does not hear of the first address after a start', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    cloud.edge.frr.loseRegistration();
    await cloud.tell(cloud.port(10));
    cloud.agent.clock.advance(1000);
    await cloud.agent.settle();
    // Once may be a matter of time.
    expect(cloud.edge.frr.registered).toBe(false);
    cloud.agent.clock.advance(2000);
    await cloud.agent.settle();
    expect(cloud.edge.frr.registered).toBe(true);
    cloud.edge.frr.loseRegistration();
    await cloud.tell(cloud.port(11));
    cloud.agent.clock.advance(60_000);
    await cloud.agent.settle();
    // A running agent sees zebra return.
    expect(cloud.edge.frr.registered).toBe(false);
  });

  it('keeps the floating IP of a port that leaves, with its MAC address, when it starts in the middle', async () => {
    cloud = new Cloud();
    const gateway = { name: 'lrp-gw', mac: 'fa:16:3e:aa:aa:aa', networks: ['172.24.4.1/24'] };
    cloud.database.insert('Logical_Router_Port', { ...gateway, gateway_chassis: ['elsewhere'] }, 'gw');
    cloud.database.insert('Logical_Router', { name: 'r', ports: ['gw'], nat: ['fip'] }, 'router');
    const ids = [
      ['neutron:fip_id', 'fip'],
      ['neutron:fip_network_id', 'pub'],
    ] as const;
    const row = {
      type: 'dnat_and_snat',
      external_ip: '172.24.4.210',
      external_mac: 'fa:16:3e:ff:ff:10',
      logical_ip: '172.24.4.10',
      logical_port: 'vm-10',
      external_ids: new Map(ids),
    };
    cloud.database.insert('NAT', row, 'fip');
    cloud.port(10);
    await cloud.agent.stop();
    cloud.start();
    await cloud.agent.settle();
    await cloud.tell(
      cloud.update(10, { options: new Map([['requested-chassis', 'cmp-1,cmp-2']]), up: false }),
    );
    await cloud.tell(cloud.database.update('NAT', 'fip', { external_mac: undefined }));
    const advertised = ['172.24.4.10/32', '172.24.4.210/32'];
    expect(await cloud.advertised()).toEqual(advertised);
    const writes = cloud.edge.writes();
    await cloud.agent.stop();
    cloud.start();
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual(advertised);
    expect(cloud.edge.writes()).toBe(writes);
  });

  it('announces the floating IP of a migrating port once OVN translates it here, with the MAC address it had', async () => {
    cloud = new Cloud({ migrationGraceSec: 10 });
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10, 'cmp-0,cmp-1'));
    const gateway = { name: 'lrp-gw', mac: 'fa:16:3e:aa:aa:aa', networks: ['172.24.4.1/24'] };
    await cloud.tell(
      cloud.database.insert('Logical_Router_Port', { ...gateway, gateway_chassis: ['elsewhere'] }, 'gw'),
    );
    await cloud.tell(
      cloud.database.insert('Logical_Router', { name: 'r', ports: ['gw'], nat: ['fip'] }, 'router'),
    );
    await cloud.tell(
      cloud.database.insert(
        'NAT',
        {
          type: 'dnat_and_snat',
          external_ip: '172.24.4.210',
          external_mac: 'fa:16:3e:ff:ff:10',
          logical_ip: '172.24.4.10',
          logical_port: 'vm-10',
          external_ids: new Map([
            ['neutron:fip_id', 'fip'],
            ['neutron:fip_network_id', 'pub'],
          ]),
        },
        'fip',
      ),
    );
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    await cloud.tell(cloud.update(10, { up: false }));
    await cloud.tell(cloud.database.update('NAT', 'fip', { external_mac: undefined }));
    await cloud.tell(cloud.update(10, { options: new Map([['requested-chassis', 'cmp-1']]) }));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32', '172.24.4.210/32']);
    const neighbours = await cloud.edge.netlink.neighbors();
    expect(neighbours.find(({ address }) => address === '172.24.4.210')?.mac).toBe('fa:16:3e:ff:ff:10');
    cloud.agent.clock.advance(10_000);
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual([]);
  });

  it('holds back a database that came back nearly empty, but not what it adds', async () => {
    cloud = new Cloud({ withdrawGuardPercent: 50, withdrawGuardMinimum: 10, withdrawGuardHoldSec: 60 });
    for (let number = 1; number <= 20; number++) cloud.port(number);
    await cloud.agent.settle();
    const emptied = cloud.database.transact((transaction) => {
      for (let number = 1; number <= 20; number++)
        transaction.delete('Logical_Switch_Port', `port-${number}`);
    });
    await cloud.tell(emptied, 'snapshot');
    expect(await cloud.advertised()).toHaveLength(20);
    expect(cloud.agent.guard.holds).toBe(1);
    await cloud.tell(cloud.port(99));
    expect(await cloud.advertised()).toHaveLength(21);
    cloud.agent.clock.advance(60_000);
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual(['172.24.4.99/32']);
    expect(await cloud.rules()).toEqual(['172.24.4.99/32']);
  });

  it('holds back the same at a start', async () => {
    cloud = new Cloud();
    for (let number = 1; number <= 20; number++) cloud.port(number);
    await cloud.agent.settle();
    await cloud.agent.stop();
    cloud.database.transact((transaction) => {
      for (let number = 1; number <= 20; number++)
        transaction.delete('Logical_Switch_Port', `port-${number}`);
    });
    cloud.start();
    cloud.agent.reconciler.topologyChanged('all', 'snapshot');
    await cloud.agent.settle();
    expect(await cloud.advertised()).toHaveLength(20);
    cloud.agent.clock.advance(60_000);
    await cloud.agent.settle();
    expect(await cloud.advertised()).toEqual([]);
  });

  it('believes at once a snapshot that withdraws little, and an update that withdraws all', async () => {
    cloud = new Cloud();
    for (let number = 1; number <= 20; number++) cloud.port(number);
    await cloud.agent.settle();
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'port-1'), 'snapshot');
    expect(await cloud.advertised()).toHaveLength(19);
    const emptied = cloud.database.transact((transaction) => {
      for (let number = 2; number <= 20; number++)
        transaction.delete('Logical_Switch_Port', `port-${number}`);
    });
    await cloud.tell(emptied);
    expect(await cloud.advertised()).toEqual([]);
  });

  it('writes routes anew that zebra missed in a burst, and only those', async () => {
    cloud = new Cloud();
    for (let number = 1; number <= 40; number++) cloud.port(number);
    cloud.edge.frr.report({
      zebra: prefixes(...Array.from({ length: 39 }, (_, index) => `172.24.4.${index + 1}/32`)),
    });
    await cloud.agent.settle();
    const before = cloud.edge.netlink.log.length;
    // Looked at once, and once more: zebra may still be at it.
    for (let second = 0; second < 2; second += 1) {
      cloud.agent.clock.advance(1000);
      await cloud.agent.settle();
    }
    const written = cloud.edge.netlink.log.slice(before);
    expect(written.map((request) => [request.type, request.op])).toEqual([
      ['route', 'delete'],
      ['route', expect.stringMatching(/add|replace/)],
    ]);
    expect(await cloud.advertised()).toHaveLength(40);
    // zebra never takes it: that has an end.
    for (let second = 0; second < 120; second += 1) {
      cloud.agent.clock.advance(1000);
      await cloud.agent.settle();
    }
    expect(cloud.edge.netlink.log).toHaveLength(before + 2 * 4);
    expect(await cloud.advertised()).toHaveLength(40);
  });

  /** What a bgpd announces that was never told: the address is gone once zebra saw it come and go. */
  function bgpdHolding(address: string): () => readonly Prefix[] {
    return () => {
      const ops = cloud.edge.netlink.log.flatMap((request) =>
        request.type === 'route' && request.route.destination === address ? [request.op] : [],
      );
      return ops.some((op) => op !== 'delete') ? [] : prefixes(address);
    };
  }

  it('has an address come and go that bgpd was not told of while zebra was away, and touches nothing else', async () => {
    cloud = new Cloud();
    cloud.port(1);
    await cloud.agent.settle();
    const before = cloud.edge.netlink.log.length;
    cloud.edge.frr.returnZebra(bgpdHolding('172.24.4.99/32'));
    await cloud.agent.settle();
    // It may be a withdrawal on its way: seen once is not enough.
    expect(cloud.edge.netlink.log).toHaveLength(before);
    cloud.agent.clock.advance(1000);
    await cloud.agent.settle();
    const written = cloud.edge.netlink.log.slice(before);
    expect(written.map((request) => [request.type, request.op])).toEqual([
      ['route', expect.stringMatching(/add|replace/)],
      ['route', 'delete'],
    ]);
    expect(await cloud.advertised()).toEqual(['172.24.4.1/32']);
    cloud.agent.clock.advance(60_000);
    await cloud.agent.settle();
    expect(cloud.edge.netlink.log).toHaveLength(before + 2);
  });

  it('leaves what bgpd announces by itself alone after some attempts', async () => {
    cloud = new Cloud();
    cloud.port(1);
    await cloud.agent.settle();
    const before = cloud.edge.netlink.log.length;
    const orphans = prefixes('172.24.4.99/32');
    // zebra holds it while it is written, and nothing helps.
    const isWritten = (): boolean => {
      const { length } = cloud.edge.netlink.log;
      return length > before && cloud.edge.netlink.log.at(-1)?.op !== 'delete';
    };
    cloud.edge.frr.returnZebra(() => (isWritten() ? [] : orphans));
    for (let round = 0; round < 40; round++) {
      await cloud.agent.settle();
      cloud.agent.clock.advance(250);
    }
    const count = cloud.edge.netlink.log.length;
    expect(count).toBeGreaterThan(before + 2);
    expect(count).toBeLessThan(before + 20);
    expect(cloud.agent.clock.pendingTimers).toBe(0);
    expect(await cloud.advertised()).toEqual(['172.24.4.1/32']);
  });

  it('announces only what the allowed prefixes let through', async () => {
    cloud = new Cloud({ allowedPrefixes: prefixes('172.24.4.0/28') });
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10));
    await cloud.tell(cloud.port(20));
    expect(await cloud.advertised()).toEqual(['172.24.4.10/32']);
    expect([...cloud.agent.planner.denials()].map((denial) => denial.code)).toContain('not-allowed');
  });

  it('gives an address to one of two claimants, and to the other when that one goes', async () => {
    cloud = new Cloud();
    await cloud.agent.settle();
    await cloud.tell(cloud.port(10));
    const twin = cloud.database.insert(
      'Logical_Switch_Port',
      {
        name: 'vm-0-twin',
        addresses: ['fa:16:3e:ff:ff:ff 172.24.4.10'],
        up: true,
        options: new Map([['requested-chassis', 'cmp-1']]),
        external_ids: new Map([['neutron:network_name', 'neutron-pub']]),
      },
      'twin',
    );
    await cloud.tell(twin);
    const mac = (): string | undefined =>
      macOf(cloud.agent.planner.exposures.get('172.24.4.10/32' as Prefix));
    expect(mac()).toBe('fa:16:3e:ff:ff:ff');
    expect([...cloud.agent.planner.denials()].map((denial) => denial.code)).toContain('conflict');
    await cloud.tell(cloud.database.delete('Logical_Switch_Port', 'twin'));
    expect(mac()).toBe('fa:16:3e:00:00:0a');
    const neighbors = await cloud.edge.netlink.neighbors();
    expect(neighbors.map((neighbor) => neighbor.mac)).toEqual(['fa:16:3e:00:00:0a']);
  });
});
