import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import type { FakeNode } from './fake-node.ts';
import { keyOf } from './keys.ts';
import { Node } from './node.ts';
import type { ChangeOutcome, DesiredObject, NodeObjectKind, ObjectKey } from './objects.ts';
import { ip, mac, operatorNode, prefix, SCOPE, settled, want } from './testing.ts';

const VM = { address: ip('172.24.4.50'), mac: mac('fa:16:3e:00:00:01'), bridge: 'br-ex' };
const VM6 = {
  address: ip('2001:db8:4::50'),
  mac: mac('fa:16:3e:00:00:01'),
  bridge: 'br-ex',
  vlan: 100,
  proxyNdp: [ip('2001:db8:4::')],
};

interface Bench {
  readonly fake: FakeNode;
  readonly node: Node;
  readonly clock: VirtualClock;
  readonly drifts: NodeObjectKind[][];
}

const open: Node[] = [];

afterEach(() => {
  for (const node of open.splice(0)) node.close();
});

function attach(fake: FakeNode): Bench {
  const clock = new VirtualClock();
  const node = new Node(fake, silentLogger, { clock });
  open.push(node);
  node.setScope(SCOPE);
  const drifts: NodeObjectKind[][] = [];
  node.onDrift((kinds) => drifts.push([...kinds].sort()));
  return { fake, node, clock, drifts };
}

async function bench(): Promise<Bench> {
  const made = attach(await operatorNode());
  expect(await made.node.read()).toEqual([]);
  return made;
}

function problems(outcomes: readonly ChangeOutcome[]): string[] {
  return outcomes.flatMap(({ problem }) =>
    problem === undefined ? [] : [`${problem.code}: ${problem.message}`],
  );
}

async function reach({ node }: Bench, desired: ReadonlyMap<ObjectKey, DesiredObject>): Promise<void> {
  const plan = node.plan(desired);
  expect(plan.blocked).toEqual([]);
  expect(problems(await node.apply(plan))).toEqual([]);
}

/** Delivers what the fakes have queued and lets the node judge it. */
async function judge({ clock }: Bench): Promise<void> {
  await settled();
  clock.advance(1000);
  await settled();
}

function advertised(fake: FakeNode, address: string): boolean {
  return fake.netlink.dumpText().some((line) => line.includes(`"address":"${address}"`));
}

describe('Node', () => {
  it('puts everything in place, then has nothing left to do', async () => {
    const made = await bench();
    const desired = want([VM, VM6]);
    await reach(made, desired);
    const writes = made.fake.writes();
    expect(made.node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
    // A restart finds it right, too.
    const again = attach(made.fake);
    await again.node.read();
    expect(again.node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
    expect(made.fake.writes()).toBe(writes);
  });

  it('does not take its own echoes for drift', async () => {
    const made = await bench();
    await reach(made, want([VM, VM6]));
    await judge(made);
    await reach(made, want([VM]));
    await judge(made);
    expect(made.drifts).toEqual([]);
    expect([...made.node.staleKinds()]).toEqual([]);
  });

  it('waits for the echo of a write before it believes what was notified earlier', async () => {
    const late: (() => void)[] = [];
    let isLate = false;
    const schedule = (notify: () => void): void => {
      if (isLate) late.push(notify);
      else setImmediate(notify);
    };
    const deliver = async (): Promise<void> => {
      for (const each of late.splice(0)) each();
      await settled();
    };
    const made = attach(await operatorNode({ schedule }));
    await made.node.read();
    await reach(made, want([VM]));
    await judge(made);
    isLate = true;
    const neighbour = { ...VM, address: ip('172.24.4.51') };
    await reach(made, want([VM, neighbour]));
    await deliver();
    made.clock.advance(10);
    // Taken away while the notifications of its coming wait to be judged; the new ones come only after the judgement.
    await reach(made, want([VM]));
    made.clock.advance(15);
    await settled();
    expect(made.drifts).toEqual([]);
    await deliver();
    await judge(made);
    expect(made.drifts).toEqual([]);
    // With no echo of its own on the way, the last word counts.
    const rule = { family: 4, priority: 32000, table: 200, to: '172.24.4.50/32' } as const;
    made.fake.netlink.foreign({ type: 'rule', op: 'delete', rule });
    await deliver();
    await judge(made);
    expect(made.drifts).toEqual([['rule']]);
  });

  it('hears at last of what others did to an object right after it was written', async () => {
    const made = await bench();
    await reach(made, want([VM]));
    const rule = { family: 4, priority: 32000, table: 200, to: '172.24.4.50/32' } as const;
    made.fake.netlink.foreign({ type: 'rule', op: 'delete', rule });
    await judge(made);
    await judge(made);
    expect(made.drifts).toEqual([['rule']]);
  });

  it('hears of what others do to its objects, once until it has read again', async () => {
    const made = await bench();
    const desired = want([VM]);
    await reach(made, desired);
    await judge(made);
    const gone = { family: 4, priority: 32000, table: 200, to: '172.24.4.50/32' } as const;
    made.fake.netlink.foreign({ type: 'rule', op: 'delete', rule: gone });
    await judge(made);
    made.fake.netlink.foreign({ type: 'rule', op: 'add', rule: { ...gone, to: '172.24.4.51/32' } });
    await judge(made);
    expect(made.drifts).toEqual([['rule']]);
    await made.node.read(['rule']);
    const plan = made.node.plan(desired);
    expect(
      plan.stages.map(({ name, changes }) => [name, changes.map(({ op, key }) => `${op} ${key}`)]),
    ).toEqual([
      ['rules', ['add rule 172.24.4.50/32 200']],
      ['remove rules', ['remove rule 172.24.4.51/32 200']],
    ]);
    expect(problems(await made.node.apply(plan))).toEqual([]);
  });

  it('does not care for the churn of a full table in main', async () => {
    const made = await bench();
    await reach(made, want([VM], { advertiseVia: 'main' }));
    await judge(made);
    const dumps = made.fake.netlink.dumps;
    const index = made.fake.netlink.linkNamed('br-ex')?.index ?? 0;
    for (let i = 0; i < 1000; i++) {
      made.fake.netlink.addRoute({
        family: 4,
        table: 254,
        destination: `10.${i >> 8}.${i & 255}.0/24`,
        type: 'unicast',
        protocol: 186,
        scope: 0,
        metric: 20,
        index,
      });
    }
    await judge(made);
    expect(made.drifts).toEqual([]);
    expect(made.fake.netlink.dumps).toBe(dumps);
  });

  it('hears of an advertised route that another program replaced', async () => {
    const made = await bench();
    await reach(made, want([VM], { advertiseVia: 'main' }));
    await judge(made);
    const route = {
      family: 4,
      table: 254,
      destination: '172.24.4.50/32',
      type: 'blackhole',
      protocol: 4,
      metric: 17900,
    } as const;
    made.fake.netlink.foreign({ type: 'route', op: 'replace', route });
    await judge(made);
    expect(made.drifts).toEqual([['route']]);
  });

  it('reads what was on a device again when that is made anew', async () => {
    const made = await bench();
    const desired = want([VM6]);
    await reach(made, desired);
    await judge(made);
    made.fake.netlink.foreign({ type: 'link', op: 'delete', link: { name: 'br-ex.100' } });
    await judge(made);
    expect(made.drifts).toEqual([['address', 'link', 'neighbor', 'proxy-ndp', 'route', 'sysctl']]);
    await made.node.read(made.drifts[0]);
    await reach(made, desired);
    expect(made.fake.netlink.linkNamed('br-ex.100')?.alias).toBe('ovn-bgp-agent');
    expect(made.node.plan(desired).stages).toEqual([]);
  });

  it('hears of a device that was made anew before it looked at the devices for another reason', async () => {
    const made = await bench();
    await reach(made, want([VM]));
    await judge(made);
    made.fake.netlink.foreign({ type: 'link', op: 'delete', link: { name: 'br-ex' } });
    made.fake.netlink.addLink({ name: 'br-ex', kind: 'openvswitch', mac: mac('02:ee:00:00:00:99') });
    // The events of both are still on their way.
    await made.node.read(['link']);
    await judge(made);
    expect(made.drifts.flat()).toEqual(expect.arrayContaining(['link', 'sysctl', 'route']));
  });

  it('keeps no device in mind whose port it removed', async () => {
    const made = await bench();
    const desired = want([VM6], { vlanBy: 'ovs' });
    await reach(made, desired);
    await judge(made);
    await reach(made, want([VM]));
    expect(made.node.plan(desired).blocked).toEqual([]);
    await reach(made, desired);
    expect(made.fake.netlink.linkNamed('br-ex.100')).toBeDefined();
  });

  it('sees at a look that a proxy entry is missing, which the kernel does not tell', async () => {
    const made = await bench();
    await reach(made, want([VM6]));
    await judge(made);
    const proxies = await made.fake.netlink.neighbors({ family: 6, proxy: true });
    expect(proxies).not.toEqual([]);
    await made.node.look('proxy-ndp');
    expect(made.drifts).toEqual([]);
    const [neighbor] = proxies;
    if (neighbor !== undefined) made.fake.netlink.foreign({ type: 'neighbor', op: 'delete', neighbor });
    await judge(made);
    expect(made.drifts).toEqual([]);
    await made.node.look('proxy-ndp');
    expect(made.drifts).toEqual([['proxy-ndp']]);
    // It is known and told; whoever reads it next will see.
    await made.node.look('proxy-ndp');
    expect(made.drifts).toEqual([['proxy-ndp']]);
  });

  it('hears when the vswitchd lost its flows and when FRR lost its stanzas', async () => {
    const made = await bench();
    const desired = want([VM]);
    await reach(made, desired);
    await judge(made);
    made.fake.ovs.restart();
    await judge(made);
    expect(made.drifts).toEqual([['flow']]);
    made.fake.frr.kill();
    made.fake.frr.start();
    await judge(made);
    expect(made.drifts).toEqual([['flow'], ['frr']]);
    await made.node.read(['flow', 'frr']);
    await reach(made, desired);
    expect(made.fake.ovs.allFlows('br-ex')).toHaveLength(2);
  });

  it('takes an overrun for a change of everything in the kernel', async () => {
    const made = await bench();
    made.fake.netlink.overrun();
    await judge(made);
    expect(made.drifts).toEqual([['address', 'link', 'neighbor', 'proxy-ndp', 'route', 'rule', 'sysctl']]);
  });

  it('does not advertise what could not be wired, and lets the rest go on', async () => {
    const made = await bench();
    const other = { ...VM, address: ip('172.24.4.51') };
    const desired = want([VM, other]);
    made.fake.netlink.fail = (request) =>
      request.type === 'neighbor' && request.neighbor.address === VM.address ? 'EPERM' : undefined;
    const outcomes = await made.node.apply(made.node.plan(desired));
    expect(problems(outcomes)).toEqual([
      expect.stringMatching(/^failed: cannot add neighbour 172\.24\.4\.50 .*EPERM/),
      expect.stringMatching(/^skipped: requires neighbor br-ex 172\.24\.4\.50: cannot add/),
    ]);
    expect(advertised(made.fake, '172.24.4.50/32')).toBe(false);
    expect(advertised(made.fake, '172.24.4.51/32')).toBe(true);
    made.fake.netlink.fail = undefined;
    await reach(made, desired);
    expect(advertised(made.fake, '172.24.4.50/32')).toBe(true);
  });

  it('withdraws what lost its wire for good, and puts it back with it', async () => {
    const made = await bench();
    const desired = want([VM]);
    await reach(made, desired);
    const rule = { family: 4, priority: 32000, table: 200, to: '172.24.4.50/32' } as const;
    made.fake.netlink.foreign({ type: 'rule', op: 'delete', rule });
    await made.node.read(['rule']);
    made.fake.netlink.fail = (request) => (request.type === 'rule' ? 'EPERM' : undefined);
    const outcomes = await made.node.apply(made.node.plan(desired));
    expect(advertised(made.fake, '172.24.4.50/32')).toBe(false);
    // The keys of what has a problem are enough to repair everything.
    const keys = new Set(
      outcomes.filter(({ problem }) => problem !== undefined).map(({ change }) => change.key),
    );
    made.fake.netlink.fail = undefined;
    expect(problems(await made.node.apply(made.node.plan(desired, keys)))).toEqual([]);
    expect(made.node.plan(desired).stages).toEqual([]);
    expect(advertised(made.fake, '172.24.4.50/32')).toBe(true);
  });

  it('keeps the wire of an address that it could not withdraw', async () => {
    const made = await bench();
    const other = { ...VM, address: ip('172.24.4.51') };
    await reach(made, want([VM, other]));
    made.fake.netlink.fail = (request) =>
      request.type === 'address' && request.address.address === '172.24.4.50/32' ? 'EPERM' : undefined;
    const outcomes = await made.node.apply(made.node.plan(new Map()));
    expect(problems(outcomes)).toContainEqual(
      expect.stringMatching(/^skipped: 172\.24\.4\.50\/32 could not be withdrawn.*rule to 172\.24\.4\.50/),
    );
    expect(made.node.observed('rule 172.24.4.50/32 200')).toBeDefined();
    expect(made.node.observed('link br-ex')).toBeDefined();
    expect(made.node.observed('rule 172.24.4.51/32 200')).toBeUndefined();
    made.fake.netlink.fail = undefined;
    expect(problems(await made.node.apply(made.node.plan(new Map())))).toEqual([]);
    expect(made.fake.netlink.linkNamed('bgp-vrf')).toBeUndefined();
  });

  it('looks again when the answer to a batch was lost', async () => {
    const made = await bench();
    const desired = want([VM]);
    await reach(made, want([]));
    made.fake.netlink.breakNextBatch();
    const outcomes = await made.node.apply(made.node.plan(desired));
    expect(problems(outcomes).length).toBeGreaterThan(0);
    await made.node.apply(made.node.plan(desired));
    expect(made.node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
  });

  it('leaves FRR alone while it cannot be read, and finishes when it is back', async () => {
    const fake = await operatorNode();
    fake.frr.kill();
    const made = attach(fake);
    expect((await made.node.read()).map(({ kind }) => kind)).toEqual(['frr']);
    const desired = want([VM]);
    const plan = made.node.plan(desired);
    expect(plan.blocked.map(({ key }) => key)).toEqual(['address bgp-nic 172.24.4.50/32', 'frr leak']);
    expect(problems(await made.node.apply(plan))).toEqual([]);
    fake.frr.start();
    await judge(made);
    expect(made.drifts).toEqual([['frr']]);
    await made.node.read(['frr']);
    await reach(made, desired);
    expect(advertised(fake, '172.24.4.50/32')).toBe(true);
  });

  it('keeps what is advertised while FRR is away', async () => {
    const made = await bench();
    const desired = want([VM]);
    await reach(made, desired);
    made.fake.frr.kill();
    expect((await made.node.read()).map(({ kind }) => kind)).toEqual(['frr']);
    expect(made.node.plan(desired).stages).toEqual([]);
  });

  it('withdraws the prefix behind a gateway before the address of the gateway, and the kernel tells of it', async () => {
    const made = await bench();
    const desired = want([]);
    const behind = prefix('192.168.100.0/24');
    const gateway = { kind: 'address', device: SCOPE.bgpNic, prefix: prefix('172.24.4.2/32') } as const;
    const subnet = {
      kind: 'route',
      family: 4,
      table: SCOPE.bgpVrfTable,
      destination: behind,
      target: { type: 'device', device: SCOPE.bgpNic, via: ip('172.24.4.2') },
      metric: 0,
    } as const;
    const because = 'a test';
    desired.set(keyOf(gateway), { object: gateway, requires: [], role: 'advertise', because });
    desired.set(keyOf(subnet), {
      object: subnet,
      requires: [keyOf(gateway)],
      role: 'advertise',
      because,
    });
    await reach(made, desired);
    await judge(made);
    const told: string[] = [];
    made.fake.netlink.subscribe((events) => {
      for (const event of events)
        if (event.type === 'route' && event.gone) told.push(event.route.destination);
    });
    await reach(made, want([]));
    await judge(made);
    expect(told).toContain(behind);
    expect(advertised(made.fake, '172.24.4.2')).toBe(false);
  });

  it('makes the VRF anew when its table changes, without an address advertised in between', async () => {
    const made = await bench();
    await reach(made, want([VM]));
    await judge(made);
    const desired = want([VM], { vrfTable: 11 });
    const names = made.node.plan(desired).stages.map(({ name }) => name);
    expect(names).toEqual(['withdraw', 'clear', 'VRF', 'dummy', 'advertise']);
    await reach(made, desired);
    await made.node.read();
    expect(made.node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
  });

  it.each([
    ['kernel', 'ovs'],
    ['ovs', 'kernel'],
  ] as const)('hands a VLAN over from %s to %s', async (before, after) => {
    const made = await bench();
    await reach(made, want([VM6], { vlanBy: before }));
    await judge(made);
    const desired = want([VM6], { vlanBy: after });
    await reach(made, desired);
    await made.node.read();
    expect(made.node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
    expect(made.fake.netlink.linkNamed('br-ex.100')?.kind).toBe(after === 'ovs' ? 'openvswitch' : 'vlan');
  });

  it('does not touch a device of another kind under its name', async () => {
    const fake = await operatorNode();
    fake.netlink.addLink({ name: 'bgp-nic', kind: 'veth' });
    const made = attach(fake);
    await made.node.read();
    const before = fake.netlink.linkNamed('bgp-nic');
    const plan = made.node.plan(want([VM]));
    expect(plan.blocked.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
      'address bgp-nic 172.24.4.50/32: requires link bgp-nic: bgp-nic is a device of type veth',
      'link bgp-nic: bgp-nic is a device of type veth',
    ]);
    await made.node.apply(plan);
    expect(fake.netlink.linkNamed('bgp-nic')).toEqual(before);
  });

  it('uses and marks a VLAN device of its predecessor', async () => {
    const fake = await operatorNode();
    const parent = fake.netlink.linkNamed('br-ex');
    fake.netlink.addLink({
      name: 'br-ex.100',
      kind: 'vlan',
      data: { kind: 'vlan', id: 100 },
      parent: parent?.index ?? 0,
      up: false,
    });
    const index = fake.netlink.linkNamed('br-ex.100')?.index;
    const made = attach(fake);
    await made.node.read();
    await reach(made, want([VM6]));
    expect(fake.netlink.linkNamed('br-ex.100')).toMatchObject({ index, alias: 'ovn-bgp-agent', up: true });
  });

  it('writes rules with host bits anew, the right one first', async () => {
    const fake = await operatorNode();
    fake.netlink.addRule({
      family: 4,
      priority: 32000,
      table: 200,
      action: 1,
      to: '192.168.1.1/26',
      other: false,
    });
    const made = attach(fake);
    await made.node.read();
    const rule = { kind: 'rule', to: prefix('192.168.1.0/26'), table: 200 } as const;
    const item: DesiredObject = { object: rule, role: 'wire', requires: [], because: 'a test' };
    const desired = new Map([['rule 192.168.1.0/26 200', item]]);
    await reach(made, desired);
    expect(
      fake.netlink.log.map((request) => request.type === 'rule' && `${request.op} ${request.rule.to}`),
    ).toEqual(['add 192.168.1.0/26', 'delete 192.168.1.1/26']);
    await judge(made);
    expect(made.drifts).toEqual([]);
    await made.node.read();
    expect(made.node.plan(desired).stages).toEqual([]);
  });

  it('looks only at the keys given and at what they need', async () => {
    const made = await bench();
    const desired = want([VM, { ...VM, address: ip('172.24.4.51') }]);
    const key = 'address bgp-nic 172.24.4.50/32';
    const plan = made.node.plan(desired, new Set([key]));
    const keys = plan.stages.flatMap(({ changes }) => changes.map((change) => change.key));
    expect(keys).toContain('rule 172.24.4.50/32 200');
    expect(keys).not.toContain('rule 172.24.4.51/32 200');
    expect(problems(await made.node.apply(plan))).toEqual([]);
    expect(advertised(made.fake, '172.24.4.50/32')).toBe(true);
  });

  it('has everything read again when another scope makes other things visible', async () => {
    const made = await bench();
    made.node.setScope({ ...SCOPE, tables: new Set([201, 200]) });
    await settled();
    expect(made.drifts).toEqual([]);
    made.node.setScope({ ...SCOPE, tables: new Set([200, 201, 202]) });
    await settled();
    expect(made.drifts).toHaveLength(1);
    expect(made.drifts[0]).toContain('rule');
  });

  it('does not advertise what requires something that nobody wants or has', async () => {
    const made = await bench();
    await reach(made, want([]));
    const item: DesiredObject = {
      object: { kind: 'address', device: 'bgp-nic', prefix: prefix('172.24.4.50/32') },
      role: 'advertise',
      requires: ['rule 172.24.4.50/32 200'],
      because: 'a test',
    };
    const desired = new Map(want([])).set('address bgp-nic 172.24.4.50/32', item);
    expect(problems(await made.node.apply(made.node.plan(desired)))).toEqual([
      'skipped: requires rule 172.24.4.50/32 200, which is not in place',
    ]);
  });

  it('ends in the middle when it is aborted, and knows what it did', async () => {
    const made = await bench();
    const desired = want([VM]);
    const abort = new AbortController();
    made.fake.netlink.fail = (request) => {
      if (request.type === 'rule') abort.abort();
      return undefined;
    };
    await expect(made.node.apply(made.node.plan(desired), abort.signal)).rejects.toThrow('aborted');
    expect(made.node.observed('link bgp-nic')).toBeDefined();
    expect(made.node.observed('address bgp-nic 172.24.4.50/32')).toBeUndefined();
    made.fake.netlink.fail = undefined;
    await reach(made, desired);
    expect(made.node.plan(desired).stages).toEqual([]);
  });

  it('costs what it looks at: a few keys of 20,000 exposures at once, all of them in a moment', async () => {
    const made = await bench();
    const many = Array.from({ length: 20_000 }, (_, n) => ({
      ...VM,
      address: ip(`10.0.${n >> 8}.${n & 255}`),
    }));
    const desired = want(many);
    const batches: number[] = [];
    const batch = made.fake.netlink.batch.bind(made.fake.netlink);
    made.fake.netlink.batch = (requests) => {
      batches.push(requests.length);
      return batch(requests);
    };
    await reach(made, desired);
    // 80,000 changes of the kernel: no more than a few at a time would be a batch in name only.
    expect(batches.filter((size) => size < 1000).length).toBeLessThan(20);
    const lookups: ObjectKey[] = [];
    const counting = new Map(desired);
    counting.get = (key) => {
      lookups.push(key);
      return desired.get(key);
    };
    made.node.plan(counting, new Set(['address bgp-nic 10.0.0.1/32']));
    expect(lookups.length).toBeLessThan(100);
    expect(made.node.plan(desired).stages).toEqual([]);
  });
});
