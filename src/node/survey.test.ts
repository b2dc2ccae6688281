/** Whose a table is, told by the whole picture: one world a case. */
import { describe, expect, it } from 'vitest';
import type { Address, Link, LinkData, Route, Rule } from '../netlink/types.ts';
import type { RtTableEntry } from './edge.ts';
import { FakeRtnetlink } from './fake-rtnetlink.ts';
import { surveyNode } from './survey.ts';

const BRIDGE = 'br-ex';

class World {
  readonly netlink = new FakeRtnetlink();
  names: RtTableEntry[] = [];
  stanza = false;

  constructor() {
    this.link(BRIDGE, { kind: 'openvswitch' });
    this.link('up0');
  }

  link(name: string, changes: Partial<Link> & { readonly data?: LinkData } = {}): this {
    this.netlink.addLink({ name, up: true, ...changes });
    return this;
  }

  vlan(name: string, alias?: string): this {
    const parent = this.at(BRIDGE);
    const tag = Number(name.split('.')[1]);
    const data: LinkData = { kind: 'vlan', id: tag };
    return this.link(name, { kind: 'vlan', data, parent, ...(alias === undefined ? {} : { alias }) });
  }

  name(number: number, name: string): this {
    this.names.push({ number, name });
    return this;
  }

  route(
    table: number,
    destination: string,
    changes: Partial<Route> & { readonly device?: string } = {},
  ): this {
    const { device = BRIDGE, ...rest } = changes;
    const family = destination.includes(':') ? 6 : 4;
    const index = this.at(device);
    this.netlink.addRoute({
      family,
      table,
      destination,
      type: 'unicast',
      protocol: 3,
      scope: 0,
      metric: 0,
      index,
      ...rest,
    });
    return this;
  }

  rule(table: number, to: string, changes: Partial<Rule> = {}): this {
    this.netlink.addRule({ family: 4, priority: 32000, table, action: 1, to, other: false, ...changes });
    return this;
  }

  address(device: string, address: string, changes: Partial<Address> = {}): this {
    const family = address.includes(':') ? 6 : 4;
    this.netlink.addAddress({ family, index: this.at(device), address, scope: 0, flags: 0x80, ...changes });
    return this;
  }

  at(device: string): number {
    return this.netlink.linkNamed(device)?.index ?? 0;
  }

  async survey(bridges: readonly string[] = [BRIDGE]): Promise<{
    readonly taken: Record<number, string>;
    readonly held: Record<string, number>;
    readonly used: number[];
    readonly worked: string[];
    readonly tables: number[];
    readonly devices: string[];
    readonly vrf: boolean;
    readonly markVrf: boolean;
  }> {
    const { taken, held, used, worked, adopted } = await surveyNode({
      netlink: this.netlink,
      bridges,
      names: this.names,
      bgpVrf: 'bgp-vrf',
      bgpNic: 'bgp-nic',
      bgpVrfTable: 10,
      hasStanza: async () => this.stanza,
    });
    return {
      taken: Object.fromEntries(taken),
      held: Object.fromEntries(held),
      used: [...used].sort((a, b) => a - b),
      worked: [...worked],
      tables: [...adopted.tables],
      devices: [...adopted.devices].sort(),
      vrf: adopted.vrf,
      markVrf: adopted.markVrf === true,
    };
  }
}

const OURS = { protocol: 179 } as const;

describe('a node that neither the agent nor its predecessor came to', () => {
  it('has nothing that is adopted, whatever an operator put there', async () => {
    const world = new World()
      .name(200, BRIDGE)
      .vlan('br-ex.100')
      .link('bgp-vrf', { kind: 'vrf', data: { kind: 'vrf', table: 10 } });
    world.link('bgp-nic', { kind: 'dummy', master: world.at('bgp-vrf') });
    world
      .address(BRIDGE, '169.254.10.1/32')
      .address(BRIDGE, '169.254.3.3/32')
      .address(BRIDGE, 'fd53:d91e:400:7f17::4:4/128')
      .address('bgp-nic', '10.0.0.5/32')
      .route(1, '0.0.0.0/0', { device: 'up0', via: '10.0.0.1' })
      .rule(1, '10.77.0.0/16')
      .rule(99, '10.78.0.0/16');
    expect(await world.survey()).toMatchObject({
      worked: [],
      tables: [],
      devices: [],
      vrf: false,
      held: {},
      used: [1, 10, 99],
    });
  });

  it.each([
    ['a default route elsewhere', (world: World) => world.route(200, '0.0.0.0/0', { device: 'up0' })],
    ['a static default route', (world: World) => world.route(200, '0.0.0.0/0', { protocol: 4 })],
    ['a rule by source', (world: World) => world.rule(200, '10.0.0.0/8', { from: '10.0.0.1/32' })],
    ['a rule of another priority', (world: World) => world.rule(200, '10.0.0.0/8', { priority: 100 })],
  ])('a table with the name of the bridge and %s is in use', async (_name, use) => {
    const world = new World().name(200, BRIDGE);
    use(world);
    const { taken, worked, tables } = await world.survey();
    expect(taken[200]).toMatch(/^somebody else \(r/);
    expect([worked, tables]).toEqual([[], []]);
  });

  it('tells who has the tables of VRFs', async () => {
    const world = new World().link('mgmt', { kind: 'vrf', data: { kind: 'vrf', table: 5 } });
    expect((await world.survey()).taken).toEqual({ 5: 'the VRF mgmt', 10: 'the VRF bgp-vrf' });
  });
});

describe("a node of the agent's", () => {
  it('has marks in its tables, and adopts nothing', async () => {
    const world = new World()
      .name(2, BRIDGE)
      .vlan('br-ex.100', 'ovn-bgp-agent')
      .route(2, '0.0.0.0/0', OURS)
      .route(2, '172.24.4.10/32', OURS)
      .rule(2, '172.24.4.10/32', OURS)
      .address(BRIDGE, '169.254.1.1/32', OURS)
      .address(BRIDGE, 'fd53:d91e:400:7f17::1:1/128', OURS)
      // An operator came later.
      .rule(2, '10.77.0.0/16')
      .route(2, '10.50.0.0/16', { via: '172.24.4.9' })
      .route(2, '10.51.0.0/16', { device: 'up0' });
    expect(await world.survey()).toMatchObject({ worked: [BRIDGE], tables: [], devices: [], vrf: false });
  });

  it('keeps a table that lost its name', async () => {
    const world = new World()
      .link('br-two', { kind: 'openvswitch' })
      .route(7, '172.24.4.10/32', OURS)
      .route(8, '0.0.0.0/0', OURS)
      .route(9, '::/0', { ...OURS, device: 'br-two' })
      .rule(8, '172.24.4.10/32', OURS);
    expect(await world.survey([BRIDGE, 'br-two'])).toMatchObject({
      held: { 'br-ex': 8, 'br-two': 9 },
      used: [10],
    });
  });

  it('has lost a table that somebody named or made the VRF of', async () => {
    const world = new World()
      .name(8, 'mgmt')
      .route(8, '0.0.0.0/0', OURS)
      .link('red', { kind: 'vrf', data: { kind: 'vrf', table: 9 } })
      .route(9, '::/0', OURS);
    expect((await world.survey()).held).toEqual({});
  });

  it('is recognised by an address alone', async () => {
    const world = new World().address(BRIDGE, '169.254.1.1/32', OURS);
    expect(await world.survey()).toMatchObject({ worked: [BRIDGE], devices: [] });
  });
});

describe('a node of the Python agent', () => {
  const predecessor = (table: number): World =>
    new World()
      .route(table, '0.0.0.0/0', { scope: 253 })
      .route(table, '172.24.4.10/32')
      .rule(table, '172.24.4.10/32');

  it('is recognised by its default route in the table with the name', async () => {
    const world = predecessor(200)
      .name(200, BRIDGE)
      .vlan('br-ex.100')
      .vlan('br-ex.101')
      .vlan('br-ex.102', 'uplink');
    world.link('bgp-nic', { kind: 'dummy' });
    world.address('br-ex.100', 'fe80::1/64').address('br-ex.101', '10.1.1.1/24');
    expect(await world.survey()).toMatchObject({
      tables: [200],
      devices: ['br-ex', 'br-ex.100'],
      vrf: true,
      markVrf: false,
      worked: [BRIDGE],
    });
  });

  it('is recognised by rules when its routes went with the device', async () => {
    const world = new World().name(200, BRIDGE).rule(200, '172.24.4.10/32');
    expect(await world.survey()).toMatchObject({ tables: [200], devices: ['br-ex'] });
  });

  it('is recognised in a table without a name', async () => {
    expect(await predecessor(137).survey()).toMatchObject({
      tables: [137],
      held: { 'br-ex': 137 },
      used: [10],
    });
    // Beside the one that has the name.
    const twice = predecessor(137).name(200, BRIDGE).route(200, '0.0.0.0/0', OURS);
    expect(await twice.survey()).toMatchObject({ tables: [137], held: {}, devices: ['br-ex'] });
  });

  it.each([
    ['a name of its own', (world: World) => world.name(137, 'mgmt')],
    ['a static route', (world: World) => world.route(137, '10.9.0.0/16', { protocol: 4 })],
    ['a route elsewhere', (world: World) => world.route(137, '10.9.0.0/16', { device: 'up0' })],
    ['a rule by source', (world: World) => world.rule(137, '10.0.0.0/8', { from: '10.0.0.1/32' })],
    ['a VRF', (world: World) => world.link('red', { kind: 'vrf', data: { kind: 'vrf', table: 137 } })],
  ])('is not taken for one when the table without a name has %s', async (_name, use) => {
    const world = predecessor(137);
    use(world);
    expect(await world.survey()).toMatchObject({ tables: [], devices: [], held: {} });
  });

  it('keeps its rules when the agent made the default routes anew', async () => {
    const world = new World()
      .name(200, BRIDGE)
      .route(200, '0.0.0.0/0', OURS)
      .rule(200, '172.24.4.10/32')
      .rule(200, '172.24.4.11/32', OURS)
      .address(BRIDGE, '169.254.1.1/32');
    expect((await world.survey()).tables).toEqual([200]);
  });

  it.each([
    ['both addresses of a bridge', '169.254.1.1/32', 'fd53:d91e:400:7f17::1:1/128', ['br-ex']],
    ['both addresses of version 4.0', '169.254.0.2/32', 'fd53:d91e:400:7f17::2/128', ['br-ex']],
    ['addresses of two places', '169.254.1.1/32', 'fd53:d91e:400:7f17::2:2/128', []],
    ['addresses of another form', '169.254.1.2/32', 'fd53:d91e:400:7f17::1:2/128', []],
  ])('is told by %s', async (_name, ipv4, ipv6, devices) => {
    const world = new World().address(BRIDGE, ipv4).address(BRIDGE, ipv6);
    expect((await world.survey()).devices).toEqual(devices);
  });

  it('that had no provider bridges is told by its VRF, its addresses and FRR together', async () => {
    const world = new World().link('bgp-vrf', { kind: 'vrf', data: { kind: 'vrf', table: 10 } });
    world.link('bgp-nic', { kind: 'dummy', master: world.at('bgp-vrf') });
    world.stanza = true;
    expect((await world.survey()).vrf).toBe(false);
    world.address('bgp-nic', '172.16.5.5/32');
    expect(await world.survey()).toMatchObject({ vrf: true, markVrf: true });
    world.stanza = false;
    expect((await world.survey()).vrf).toBe(false);
    world.stanza = true;
    // The agent works with devices that an operator made.
    world.address('bgp-nic', '172.16.5.6/32', OURS);
    expect((await world.survey()).vrf).toBe(false);
  });
});
