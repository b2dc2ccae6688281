/**
 * A node full of things of others that look like the agent's: plan, run, change of what is exposed, restart and cleanup leave
 * every one of them as it was, and on a node where the agent never ran cleanup finds nothing.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { defaultConfig } from '../config/assemble.ts';
import { CLOUD_KINDS, finalRows } from '../exposures/random-cloud.ts';
import type { Link, Request } from '../netlink/types.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { planCleanup } from './cleanup.ts';
import { changeCount } from './plan-tools.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

const RUNS = { numRuns: 60 };
const NAMED = 200;
const VRF = { kind: 'vrf', table: 10 } as const;

/** Puts something there, as other programs do. */
type Foreign = (node: FakeNode) => void;

function edit(make: (index: (device: string) => number) => Request | undefined): Foreign {
  return (node) => {
    const request = make((device) => node.netlink.linkNamed(device)?.index ?? 0);
    try {
      if (request !== undefined) node.netlink.foreign(request);
    } catch (error) {
      // There already, or its device is not there.
      if (typeof (error as { errno?: unknown }).errno !== 'number') throw error;
    }
  };
}

const address = fc.constantFrom('172.24.4.10', '172.24.4.11', '172.24.4.12', '192.0.2.7');
const address6 = fc.constantFrom('2001:db8::10', '2001:db8::11', '2001:db8:9::7');
/** 200 may have the name of the bridge: what is in it as the Python agent leaves it is the Python agent's. */
const table = fc.constantFrom(1, 2, 10, 77, NAMED, 300);
/** Unspecified, boot, static, and a number of nobody's. */
const protocol = fc.constantFrom(0, 3, 4, 99);
const device = fc.constantFrom('up0', BRIDGE, `${BRIDGE}.100`, 'bgp-nic');
/** With the last IPv4 address of a device the kernel drops its routes, whoever made them: devices of others have one. */
const LASTING = '203.0.113.1/24';

const rule = fc
  .tuple(
    address,
    table,
    fc.constantFrom(100, 32_000, 32_765),
    fc.constantFrom(undefined, 3, 4, 11),
    fc.nat(2),
  )
  .filter(
    ([, number, priority, from, form]) =>
      number !== NAMED || priority !== 32_000 || form === 0 || (from !== undefined && from !== 3),
  )
  .map(([to, number, priority, from, form]) =>
    edit(() => ({
      type: 'rule',
      op: 'add',
      rule: {
        family: 4,
        priority,
        table: number,
        ...(form === 0 ? { from: '10.0.0.21/32' } : { to: form === 1 ? `${to}/32` : '10.77.0.0/16' }),
        ...(from === undefined ? {} : { protocol: from }),
      },
    })),
  );

const route = fc
  .tuple(
    fc.oneof(
      address.map((host) => `${host}/32`),
      fc.constantFrom('10.50.0.0/16', '0.0.0.0/0'),
    ),
    table,
    protocol,
    device,
    fc.constantFrom(0, 100),
  )
  .filter(
    ([destination, number, from, name]) =>
      !name.startsWith(BRIDGE) || from !== 3 || (number !== NAMED && destination !== '0.0.0.0/0'),
  )
  .map(([destination, number, from, name, metric]) =>
    edit((index) => ({
      type: 'route',
      op: 'add',
      route: { family: 4, table: number, destination, protocol: from, metric, index: index(name) },
    })),
  );

const advertised = fc.tuple(address, protocol).map(([to, from]) =>
  edit(() => ({
    type: 'route',
    op: 'add',
    route: {
      family: 4,
      table: 254,
      destination: `${to}/32`,
      type: 'blackhole',
      protocol: from,
      metric: 17900,
    },
  })),
);

const neighbor = fc
  .tuple(fc.oneof(address, address6), device, fc.constantFrom(undefined, 3, 11), fc.boolean())
  .map(([to, name, from, proxy]) =>
    edit((index) => ({
      type: 'neighbor',
      op: 'add',
      neighbor: {
        family: to.includes(':') ? 6 : 4,
        index: index(name),
        address: to,
        state: 0x80,
        ...(proxy && to.includes(':') ? { proxy: true } : { mac: '02:00:00:00:00:07' }),
        ...(from === undefined ? {} : { protocol: from }),
      },
    })),
  );

const deviceAddress = fc
  .tuple(
    fc.oneof(
      address.map((text) => `${text}/32`),
      address6.map((text) => `${text}/64`),
      fc.constantFrom('169.254.10.1/32', '169.254.1.2/32', '169.254.0.0/16', '172.24.4.1/24'),
      fc.constantFrom('fd53:d91e:400:7f17::9/128', 'fd53:d91e:400:7f17::1:2/128'),
    ),
    device,
    fc.constantFrom(undefined, 4),
  )
  .map(([text, name, from]) =>
    edit((index) => ({
      type: 'address',
      op: 'add',
      address: {
        family: text.includes(':') ? 6 : 4,
        index: index(name),
        address: text,
        ...(from === undefined ? {} : { protocol: from }),
      },
    })),
  );

function link(make: (node: FakeNode) => Partial<Link> & { readonly name: string }): Foreign {
  return (node) => {
    const made = make(node);
    if (node.netlink.linkNamed(made.name) !== undefined) return;
    const { index } = node.netlink.addLink(made);
    node.netlink.addAddress({ family: 4, index, address: LASTING, scope: 0, flags: 0x80 });
  };
}

const links = fc
  .record({ up: fc.boolean(), alias: fc.constantFrom(undefined, 'rack 7') })
  .chain(({ up, alias }) => {
    const more = { up, ...(alias === undefined ? {} : { alias }) };
    const parent = (node: FakeNode): number => node.netlink.linkNamed(BRIDGE)?.index ?? 0;
    return fc.constantFrom<Foreign>(
      link((node) => ({
        name: `${BRIDGE}.100`,
        kind: 'vlan',
        data: { kind: 'vlan', id: 100 },
        parent: parent(node),
        ...more,
      })),
      link((node) => ({
        name: `${BRIDGE}.100`,
        kind: 'vlan',
        data: { kind: 'vlan', id: 7 },
        parent: parent(node),
        ...more,
      })),
      link(() => ({ name: `${BRIDGE}.100`, kind: 'dummy', ...more })),
      link(() => ({ name: 'bgp-nic', kind: 'dummy', ...more })),
      link(() => ({ name: 'bgp-vrf', kind: 'vrf', data: VRF, ...more })),
      link(() => ({ name: 'bgp-vrf', kind: 'vrf', data: { kind: 'vrf', table: 77 }, ...more })),
      link(() => ({ name: 'red', kind: 'vrf', data: { kind: 'vrf', table: 1 }, ...more })),
      link((node) => {
        link(() => ({ name: 'bgp-vrf', kind: 'vrf', data: VRF, ...more }))(node);
        return {
          name: 'bgp-nic',
          kind: 'dummy',
          master: node.netlink.linkNamed('bgp-vrf')?.index ?? 0,
          ...more,
        };
      }),
    );
  });

const flow = fc
  .tuple(fc.constantFrom(900, 1000, 5), fc.constantFrom('ip,in_port=1', 'ipv6,in_port=2', 'arp'))
  .map(
    ([priority, match]): Foreign =>
      (node) =>
        node.ovs.tamper(BRIDGE, [{ op: 'add', flow: { cookie: 7, priority, match, actions: 'drop' } }]),
  );

const port: fc.Arbitrary<Foreign> = fc.constantFrom(`${BRIDGE}.100`, 'mgmt0').map((name) => (node) => {
  if (node.netlink.linkNamed(name) !== undefined) return;
  node.ovs.setPort(BRIDGE, { name, type: 'internal', tag: 100, ofport: 77, externalIds: new Map() });
  const index = node.netlink.linkNamed(name)?.index;
  if (index !== undefined)
    node.netlink.addAddress({ family: 4, index, address: LASTING, scope: 0, flags: 0x80 });
});

const names = fc.constantFrom('1 mgmt', '200 br-ex', '10 br-ex', '77 seven', '2 br-data').map(
  (line): Foreign =>
    (node) => {
      node.files.rtTables = `${node.files.rtTables}${line}\n`;
    },
);

/** Devices first: the rest needs them. */
const world = fc.tuple(
  fc.array(fc.oneof(links, port), { maxLength: 4 }),
  fc.array(
    fc.oneof(rule, rule, route, route, advertised, neighbor, deviceAddress, deviceAddress, flow, names),
    { maxLength: 16 },
  ),
);

/** What an operator puts into the agent's own table, and beside its things, later. */
async function intrude(node: FakeNode): Promise<void> {
  const [own] = (await node.netlink.routes({ protocol: 179 })).filter(
    ({ table: number, index }) => number <= 252 && index === node.netlink.linkNamed(BRIDGE)?.index,
  );
  if (own === undefined) return;
  const { table: number } = own;
  const later = [
    edit(() => ({
      type: 'rule',
      op: 'add',
      rule: { family: 4, priority: 32_000, table: number, to: '10.78.0.0/16', protocol: 3 },
    })),
    edit((index) => ({
      type: 'route',
      op: 'add',
      route: { family: 4, table: number, destination: '10.79.0.0/16', protocol: 3, index: index(BRIDGE) },
    })),
    edit((index) => ({
      type: 'neighbor',
      op: 'add',
      neighbor: {
        family: 4,
        index: index(BRIDGE),
        address: '198.51.100.7',
        mac: '02:00:00:00:00:07',
        state: 0x80,
      },
    })),
  ];
  for (const put of later) put(node);
}

/** Everything on the node, without its settings. */
function everything(node: FakeNode): Set<string> {
  return new Set([
    ...node.netlink.dumpText(),
    ...node.ovs.allFlows(BRIDGE).map((each) => `flow ${JSON.stringify(each)}`),
    ...[...(node.ovs.snapshot()?.bridges.get(BRIDGE)?.ports.values() ?? [])].map(
      (each) => `port ${each.name} ${each.tag}`,
    ),
    ...(node.files.rtTables ?? '').split('\n'),
  ]);
}

async function cleanUp(node: FakeNode): Promise<{ readonly changes: number; readonly text: string }> {
  const config = defaultConfig({ advertiseVia: 'main' });
  const cleanup = await planCleanup({ config, edge: node, log: silentLogger }, AbortSignal.timeout(5000));
  const changes = changeCount(cleanup.plan);
  const text = JSON.stringify(cleanup.plan.stages, undefined, 1);
  await cleanup.apply(AbortSignal.timeout(5000));
  cleanup.close();
  return { changes, text };
}

/** A bridge that is up, as the agent would set it, and a NIC. */
async function emptyNode(): Promise<FakeNode> {
  const node = bareNode();
  node.netlink.addLink({ name: 'up0', up: true });
  const index = node.netlink.linkNamed(BRIDGE)?.index ?? 0;
  node.netlink.foreign(
    { type: 'link', op: 'set', link: { name: BRIDGE, up: true } },
    { type: 'address', op: 'add', address: { family: 4, index, address: LASTING } },
  );
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  return node;
}

describe.each(CLOUD_KINDS)('a node full of things of others, over a $name database', (kind) => {
  it('keeps every one of them, whatever the agent does', async () => {
    await fc.assert(
      fc.asyncProperty(
        world,
        kind.steps,
        fc.constantFrom('vrf' as const, 'main' as const),
        async ([devices, things], steps, advertiseVia) => {
          const edge = await emptyNode();
          const own = everything(edge);
          for (const put of [...devices, ...things]) put(edge);
          const foreign = [...everything(edge)].filter((line) => !own.has(line));
          const expectUntouched = (counts: (line: string) => boolean = () => true): void => {
            const now = everything(edge);
            expect(foreign.filter((line) => counts(line) && !now.has(line))).toEqual([]);
          };
          expect(await cleanUp(edge)).toEqual({ changes: 0, text: '[]' });
          expectUntouched();

          const cloud = kind.create();
          const first = new TestAgent(edge, cloud.topology, { advertiseVia });
          await first.settle();
          for (const step of steps) {
            first.reconciler.topologyChanged(cloud.apply(step), 'update');
            await first.settle();
          }
          await first.stop();
          expectUntouched();
          const ran = everything(edge);
          await intrude(edge);
          foreign.push(...[...everything(edge)].filter((line) => !ran.has(line)));
          // What is in the way is said once, not written again and again.
          const second = new TestAgent(edge, cloud.topology, { advertiseVia });
          await second.settle();
          const writes = edge.writes();
          second.reconciler.audit();
          await second.settle();
          expect(edge.writes()).toBe(writes);
          const all = finalRows(steps).map(({ table: of, uuid }) => ({ table: of, uuid, values: undefined }));
          second.reconciler.topologyChanged(cloud.apply(all), 'update');
          await second.settle();
          await second.stop();
          expectUntouched();
          await cleanUp(edge);
          // A line that the agent worked with cannot be told from one that it wrote.
          expectUntouched((line) => !line.endsWith(` ${BRIDGE}`));
          expect((await cleanUp(edge)).changes).toBe(0);
        },
      ),
      RUNS,
    );
  });
});
