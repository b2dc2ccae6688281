/**
 * Whatever the node holds at the start (nothing, things of ours, of the predecessor, of strangers) and whatever is
 * wanted: it is reached, in an order that never advertises what cannot be carried, and nothing foreign is touched.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import type { NetlinkFailure, Request } from '../netlink/types.ts';
import type { FakeNode } from './fake-node.ts';
import { keyOf } from './keys.ts';
import { Node } from './node.ts';
import type { DesiredObject, NodeObject, ObjectKey } from './objects.ts';
import {
  deviceName,
  ip,
  ManualClock,
  mac,
  operatorNode,
  prefix,
  SCOPE,
  settled,
  type TestExposure,
  type WantOptions,
  want,
} from './testing.ts';

const RUNS = 150;

const exposure: fc.Arbitrary<TestExposure> = fc
  .record({
    host: fc.integer({ min: 1, max: 6 }),
    v6: fc.boolean(),
    bridge: fc.constantFrom('br-ex', 'br-data'),
    vlan: fc.constantFrom(undefined, undefined, 100, 101),
    mac: fc.constantFrom(undefined, 'fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'),
  })
  .map(({ host, v6, bridge, vlan, mac: text }) => ({
    address: ip(v6 ? `2001:db8::${host}` : `172.24.4.${host}`),
    bridge,
    ...(vlan === undefined ? {} : { vlan }),
    ...(text === undefined ? {} : { mac: mac(text) }),
    ...(v6 ? { proxyNdp: [ip('2001:db8::')] } : {}),
  }));

const exposures = fc.uniqueArray(exposure, { maxLength: 8, selector: ({ address }) => address });

const options: fc.Arbitrary<WantOptions> = fc.record({
  advertiseVia: fc.constantFrom('vrf', 'main'),
  vlanBy: fc.constantFrom('kernel', 'ovs'),
  vrfTable: fc.constantFrom(10, 10, 10, 11),
});

/** Edits of other programs and of the predecessor, by what they leave behind. */
type Leftover = (fake: FakeNode, chosen: WantOptions) => void;

function onDevice(fake: FakeNode, name: string, make: (index: number) => Request): void {
  const index = fake.netlink.linkNamed(name)?.index;
  if (index !== undefined) tolerate(() => fake.netlink.foreign(make(index)));
}

/** Other programs meet errors, too. */
function tolerate(edit: () => void): void {
  try {
    edit();
  } catch (error) {
    if (typeof (error as NetlinkFailure).errno !== 'number') throw error;
  }
}

const device = fc.constantFrom('br-ex', 'br-data', 'br-ex.100');
const host = fc.integer({ min: 1, max: 9 });

/** What the predecessor may have left: no marks, no protocol. */
const adopted: fc.Arbitrary<Leftover> = fc.oneof(
  fc.tuple(host, fc.constantFrom(200, 201)).map(
    ([n, table]): Leftover =>
      (fake) =>
        tolerate(() =>
          fake.netlink.foreign({
            type: 'rule',
            op: 'add',
            rule: { family: 4, priority: 32000, table, to: `172.24.4.${n}/32` },
          }),
        ),
  ),
  host.map(
    (n): Leftover =>
      (fake) =>
        tolerate(() =>
          fake.netlink.foreign({
            type: 'rule',
            op: 'add',
            rule: { family: 4, priority: 32000, table: 200, to: `192.168.${n}.1/26` },
          }),
        ),
  ),
  fc.tuple(host, device).map(
    ([n, name]): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'neighbor',
          op: 'replace',
          neighbor: { family: 4, index, address: `172.24.4.${n}`, mac: 'fa:16:3e:00:00:09', state: 0x80 },
        })),
  ),
  fc.tuple(host, device).map(
    ([n, name]): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'route',
          op: 'add',
          route: { family: 4, table: 200, destination: `172.24.4.${n}/32`, protocol: 3, scope: 253, index },
        })),
  ),
  device.map(
    (name): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'route',
          op: 'add',
          route: { family: 6, table: 201, destination: '::/0', protocol: 3, index, via: 'fe80::1' },
        })),
  ),
  device.map(
    (name): Leftover =>
      (fake) =>
        onDevice(fake, name, (index) => ({
          type: 'neighbor',
          op: 'add',
          neighbor: { family: 6, index, address: '2001:db8::', proxy: true },
        })),
  ),
  host.map(
    (n): Leftover =>
      (fake) =>
        onDevice(fake, 'br-ex', (index) => ({
          type: 'address',
          op: 'add',
          address: { family: 4, index, address: `169.254.0.${n}/32` },
        })),
  ),
  fc.constant<Leftover>((fake, { vlanBy }) => {
    // A kernel without VLAN devices has none from before either.
    if (vlanBy === 'ovs') return;
    const parent = fake.netlink.linkNamed('br-ex')?.index ?? 0;
    tolerate(() =>
      fake.netlink.foreign({
        type: 'link',
        op: 'add',
        link: { name: 'br-ex.100', parent, data: { kind: 'vlan', id: 100 } },
      }),
    );
  }),
  fc.constant<Leftover>((fake) => fake.netlink.foreign(...predecessorVrf(fake))),
);

function predecessorVrf(fake: FakeNode): Request[] {
  if (fake.netlink.linkNamed('bgp-vrf') !== undefined) return [];
  const add = (name: string, data: { kind: 'vrf'; table: number } | { kind: 'dummy' }): Request => ({
    type: 'link',
    op: 'add',
    link: { name, data, up: true },
  });
  return [add('bgp-vrf', { kind: 'vrf', table: 10 }), add('bgp-nic', { kind: 'dummy' })];
}

/** What must be there afterwards exactly as before. */
function strangers(fake: FakeNode): void {
  const { netlink } = fake;
  const index = netlink.linkNamed('br-ex')?.index ?? 0;
  netlink.addLink({ name: 'eth0', up: true });
  netlink.addAddress({ family: 4, index, address: '172.24.4.1/24', scope: 0, flags: 0x80 });
  netlink.addAddress({ family: 6, index, address: 'fe80::1/64', scope: 253, flags: 0x80, protocol: 3 });
  netlink.addAddress({ family: 4, index, address: '1.1.1.1/32', scope: 0, flags: 0x80 });
  netlink.addRule({
    family: 4,
    priority: 32000,
    table: 200,
    action: 1,
    to: '172.24.4.1/32',
    from: '10.0.0.0/8',
    other: false,
  });
  netlink.addRule({ family: 4, priority: 32000, table: 200, action: 1, to: '172.24.4.2/32', other: true });
  netlink.addRule({ family: 4, priority: 100, table: 200, action: 1, to: '172.24.4.3/32', other: false });
  netlink.addRule({ family: 4, priority: 32000, table: 77, action: 1, to: '172.24.4.4/32', other: false });
  const route = { family: 4, type: 'unicast', scope: 0, metric: 5, index } as const;
  netlink.addRoute({ ...route, table: 200, destination: '9.9.9.9/32', protocol: 186 });
  netlink.addRoute({ ...route, table: 200, destination: '9.9.9.8/32', protocol: 4 });
  netlink.addRoute({ ...route, table: 254, destination: '172.24.4.1/32', protocol: 186 });
  netlink.addRoute({ ...route, table: 254, destination: '0.0.0.0/0', protocol: 3 });
  netlink.addRoute({ ...route, table: 10, destination: '9.9.9.7/32', protocol: 186 });
  netlink.addRoute({
    family: 4,
    type: 'blackhole',
    scope: 0,
    metric: 0,
    table: 254,
    destination: '10.66.0.0/16',
    protocol: 3,
  });
  netlink.addNeighbor({
    family: 4,
    index,
    address: '172.24.4.99',
    mac: 'aa:00:00:00:00:01',
    state: 2,
    proxy: false,
    flags: 0,
  });
  netlink.addNeighbor({
    family: 4,
    index,
    address: '172.24.4.98',
    mac: 'aa:00:00:00:00:02',
    state: 0x80,
    proxy: false,
    flags: 0,
    protocol: 11,
  });
  netlink.addNeighbor({ family: 4, index, address: '172.24.4.97', state: 0, proxy: true, flags: 8 });
  fake.ovs.tamper('br-ex', [{ op: 'add', flow: { cookie: 0, priority: 0, match: '', actions: 'NORMAL' } }]);
  fake.files.rtTables = `# mine\n${fake.files.rtTables}77 seven # lucky\n`;
}

/** What no plan may change, as text. */
function foreignText(fake: FakeNode): string {
  const marks = [
    '1.1.1.1',
    '172.24.4.1/24',
    'fe80::1',
    '"from"',
    '"other":true',
    '"priority":100',
    '"table":77',
  ];
  const routes = ['9.9.9.', '"table":254', '10.66.0.0', '"table":10,'];
  const neighbors = ['"172.24.4.99"', '"172.24.4.98"', '"172.24.4.97"'];
  const ours = ['"protocol":179', '"gw"'];
  return JSON.stringify([
    fake.netlink
      .dumpText()
      .filter((line) => [...marks, ...routes, ...neighbors].some((mark) => line.includes(mark)))
      .filter((line) => !ours.some((mark) => line.includes(mark))),
    fake.netlink.linkNamed('eth0'),
    fake.ovs.allFlows('br-ex').filter(({ cookie }) => cookie !== 999),
    (fake.files.rtTables ?? '').split('\n').filter((line) => !/^20[01] /.test(line)),
  ]);
}

/** Follows every write and says when something is advertised whose wire is not there. */
class OrderWatch {
  readonly violations: string[] = [];
  readonly #present: Set<ObjectKey>;
  readonly #desired: ReadonlyMap<ObjectKey, DesiredObject>[];

  constructor(present: Iterable<ObjectKey>, ...desired: ReadonlyMap<ObjectKey, DesiredObject>[]) {
    this.#present = new Set(present);
    this.#desired = desired;
  }

  wrote(op: 'add' | 'remove', key: ObjectKey): void {
    if (op === 'add') this.#present.add(key);
    else this.#present.delete(key);
    for (const desired of this.#desired) {
      if (op === 'add' && desired.get(key)?.role === 'advertise') this.#check(desired, key, `added ${key}`);
      if (op === 'remove') {
        for (const [other, { role }] of desired) {
          if (role === 'advertise' && this.#needs(desired, other, key))
            this.#check(desired, other, `removed ${key}`);
        }
      }
    }
  }

  /** Only one of the states has to be satisfied: the one before, or the one after. */
  #check(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey, doing: string): void {
    if (!this.#present.has(key)) return;
    const satisfied = this.#desired.some(
      (other) => other.has(key) && this.#missing(other, key) === undefined,
    );
    if (!satisfied) this.violations.push(`${doing}: ${key} lacks ${this.#missing(desired, key)}`);
  }

  #needs(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey, wanted: ObjectKey): boolean {
    return (desired.get(key)?.requires ?? []).some(
      (required) => required === wanted || this.#needs(desired, required, wanted),
    );
  }

  #missing(desired: ReadonlyMap<ObjectKey, DesiredObject>, key: ObjectKey): ObjectKey | undefined {
    for (const required of desired.get(key)?.requires ?? []) {
      if (!this.#present.has(required)) return required;
      const below = this.#missing(desired, required);
      if (below !== undefined) return below;
    }
    return undefined;
  }
}

/** The edge with every successful write reported under its object's key. */
function watched(fake: FakeNode, wrote: (op: 'add' | 'remove', key: ObjectKey) => void): void {
  const batch = fake.netlink.batch.bind(fake.netlink);
  const names = new Map<number, string>();
  fake.netlink.batch = async (requests) => {
    const results: (NetlinkFailure | undefined)[] = [];
    for (const request of requests) {
      for (const { index, name } of fake.netlink.allLinks()) names.set(index, name);
      const object = objectOf(request, names);
      const [failure] = await batch([request]);
      results.push(failure);
      if (failure === undefined && object !== undefined && request.op !== 'set') {
        wrote(request.op === 'delete' ? 'remove' : 'add', keyOf(object));
      }
    }
    return results;
  };
  const applyFlows = fake.ovs.applyFlows.bind(fake.ovs);
  fake.ovs.applyFlows = async (bridge, changes, signal) => {
    await applyFlows(bridge, changes, signal);
    for (const { op, flow } of changes) wrote(op, keyOf({ kind: 'flow', bridge, flow }));
  };
  const applyFrr = fake.frr.apply.bind(fake.frr);
  fake.frr.apply = async (scope, from, to, signal) => {
    await applyFrr(scope, from, to, signal);
    wrote(to === undefined ? 'remove' : 'add', `frr ${(to ?? from)?.id}`);
  };
  const ensure = fake.ovs.ensureInternalPort.bind(fake.ovs);
  fake.ovs.ensureInternalPort = async (bridge, port, signal) => {
    await ensure(bridge, port, signal);
    wrote('add', `ovs-port ${bridge} ${port.name}`);
    wrote('add', `link ${port.name}`);
  };
  const remove = fake.ovs.removePort.bind(fake.ovs);
  fake.ovs.removePort = async (bridge, port, signal) => {
    await remove(bridge, port, signal);
    wrote('remove', `ovs-port ${bridge} ${port}`);
    wrote('remove', `link ${port}`);
  };
}

function objectOf(request: Request, names: ReadonlyMap<number, string>): NodeObject | undefined {
  const at = (index: number | undefined): string => names.get(index ?? 0) ?? '?';
  switch (request.type) {
    case 'link': {
      const name = request.link.name ?? at(request.link.index);
      return { kind: 'link', name, link: { type: 'existing' }, up: true };
    }
    case 'address':
      return { kind: 'address', device: at(request.address.index), prefix: prefix(request.address.address) };
    case 'rule':
      return { kind: 'rule', to: prefix(request.rule.to ?? '::/0'), table: request.rule.table };
    case 'route': {
      const { family, table, destination, metric = 0 } = request.route;
      return {
        kind: 'route',
        family,
        table,
        destination: prefix(destination),
        metric,
        target: { type: 'blackhole' },
      };
    }
    case 'neighbor': {
      const { index, address = '::', proxy } = request.neighbor;
      return proxy === true
        ? { kind: 'proxy-ndp', device: at(index), address: ip(address) }
        : { kind: 'neighbor', device: at(index), address: ip(address), mac: mac('00:00:00:00:00:00') };
    }
    default:
      return request satisfies never;
  }
}

function attach(fake: FakeNode, clock = new ManualClock()): Node {
  const node = new Node(fake, silentLogger, { clock });
  node.setScope(SCOPE);
  return node;
}

/** As the agent does it: until nothing is left, and not more often than there can be reasons for. */
async function converge(node: Node, desired: ReadonlyMap<ObjectKey, DesiredObject>): Promise<number> {
  for (let round = 1; round <= 4; round++) {
    await node.read();
    const plan = node.plan(desired);
    if (plan.stages.length === 0) {
      expect(plan.blocked).toEqual([]);
      return round;
    }
    await node.apply(plan);
    await settled();
  }
  const plan = node.plan(desired);
  throw new Error(`does not converge: ${JSON.stringify(plan, undefined, 1)}`);
}

describe('Node, whatever it finds', () => {
  it('reaches what is wanted in the right order, has nothing left to do, and takes everything back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(adopted, { maxLength: 12 }),
        exposures,
        exposures,
        options,
        async (leftovers, first, second, chosen) => {
          const fake = await operatorNode();
          for (const leave of leftovers) leave(fake, chosen);
          strangers(fake);
          const before = foreignText(fake);
          const desired = [want(first, chosen), want(second, chosen)] as const;
          const node = attach(fake);
          await node.read();
          const present = [...desired[0].keys(), ...desired[1].keys()].filter((key) => node.observed(key));
          const watch = new OrderWatch([...present, ...always()], ...desired);
          watched(fake, (op, key) => watch.wrote(op, key));

          await converge(node, desired[0]);
          await converge(node, desired[1]);
          const writes = fake.writes();
          expect(await converge(node, desired[1])).toBe(1);
          expect(fake.writes()).toBe(writes);
          node.close();
          // A restart finds everything right.
          const again = attach(fake);
          expect(await converge(again, desired[1])).toBe(1);
          await converge(again, new Map());
          expect(watch.violations).toEqual([]);
          expect(foreignText(fake)).toBe(before);
          expect(oursLeft(fake)).toEqual([]);
          again.close();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('never adds an advertisement without its wire when writes fail, and finishes when they no longer do', async () => {
    await fc.assert(
      fc.asyncProperty(
        exposures,
        exposures,
        options,
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        async (first, second, chosen, dice) => {
          const fake = await operatorNode();
          strangers(fake);
          const before = foreignText(fake);
          const desired = [want(first, chosen), want(second, chosen)] as const;
          const node = attach(fake);
          await node.read();
          const watch = new OrderWatch(always(), ...desired);
          watched(fake, (op, key) => watch.wrote(op, key));
          fake.netlink.fail = () => (dice.next().value === 0 ? 'EPERM' : undefined);
          fake.files.fail = () => (dice.next().value === 0 ? 'injected' : undefined);
          for (const state of [desired[0], desired[1], desired[0]]) {
            if (dice.next().value < 3) fake.frr.failNextApply();
            if (dice.next().value < 3) fake.ovs.failNext();
            await node.apply(node.plan(state));
            await settled();
          }
          expect(watch.violations).toEqual([]);
          fake.netlink.fail = undefined;
          fake.files.fail = undefined;
          await converge(node, desired[1]);
          expect(foreignText(fake)).toBe(before);
          node.close();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('hears of what others do to its objects, and repairs that only', async () => {
    const vandalism = fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(exposures, options, vandalism, async (wanted, chosen, acts) => {
        const fake = await operatorNode();
        strangers(fake);
        const desired = want(wanted, chosen);
        const clock = new ManualClock();
        const node = attach(fake, clock);
        const stale = new Set<string>();
        node.onDrift((kinds) => {
          for (const kind of kinds) stale.add(kind);
        });
        await converge(node, desired);
        await settled();
        clock.pass(1000);
        await settled();
        expect([...stale]).toEqual([]);
        const before = foreignText(fake);
        let harmed = false;
        for (const [pick, destroy] of acts) harmed = vandalise(fake, pick, destroy) || harmed;
        await settled();
        clock.pass(1000);
        await settled();
        expect(stale.size > 0).toBe(harmed);
        for (let round = 0; round < 4 && stale.size > 0; round++) {
          const kinds = [...stale] as Parameters<Node['read']>[0];
          stale.clear();
          await node.read(kinds);
          await node.apply(node.plan(desired));
          await settled();
          clock.pass(1000);
          await settled();
        }
        // Nothing that events do not tell of is left: a complete look finds nothing to do.
        await node.read();
        expect(node.plan(desired)).toEqual({ stages: [], blocked: [] });
        expect(foreignText(fake)).toBe(before);
        node.close();
      }),
      { numRuns: RUNS },
    );
  });
});

/** Deletes or changes something marked as ours; false when there is nothing of the kind. */
function vandalise(fake: FakeNode, pick: number, destroy: boolean): boolean {
  const ours = fake.netlink.log.filter((request) => request.type !== 'link' && request.op !== 'delete');
  const request = ours[pick % Math.max(1, ours.length)];
  // The kernel tells nobody of proxy entries: the slow audit finds them.
  if (request === undefined || (request.type === 'neighbor' && request.neighbor.proxy === true)) return false;
  const undo = { ...request, op: 'delete' } as Request;
  try {
    if (!destroy && request.type === 'route' && request.route.type === 'blackhole') {
      fake.netlink.foreign({ ...undo } as Request);
    } else if (!destroy && request.type === 'neighbor') {
      fake.netlink.foreign({
        type: 'neighbor',
        op: 'replace',
        neighbor: { ...request.neighbor, mac: 'aa:aa:aa:aa:aa:aa' },
      });
    } else fake.netlink.foreign(undo);
    return true;
  } catch {
    return false;
  }
}

/** Keys that are there whatever the agent does. */
function always(): ObjectKey[] {
  return SCOPE.bridges.map((bridge) => `link ${bridge}`);
}

function oursLeft(fake: FakeNode): string[] {
  const names = ['bgp-vrf', 'bgp-nic', deviceName('br-ex', 101), deviceName('br-data', 100)];
  return [
    ...fake.netlink.dumpText().filter((line) => line.includes('"protocol":179')),
    ...names.filter((name) => fake.netlink.linkNamed(name) !== undefined),
    ...fake.netlink.dumpText().filter((line) => line.includes('"alias":"ovn-bgp-agent"')),
    ...SCOPE.bridges
      .flatMap((bridge) => fake.ovs.allFlows(bridge).filter(({ cookie }) => cookie === 999))
      .map((flow) => flow.match),
    ...(fake.files.rtTables ?? '').split('\n').filter((line) => /^20[01] /.test(line)),
  ];
}
