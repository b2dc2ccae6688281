/**
 * The invariants of the whole loop, over random databases of both kinds and a node in memory: it reaches the desired
 * state, a second pass and a restart write nothing, the order of events does not show, nothing of ours is left behind,
 * and nothing foreign is touched.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AgentConfig } from '../config/types.ts';
import { CLOUD_KINDS, type CloudKind, finalRows, type Step } from '../exposures/random-cloud.ts';
import { testTenant } from '../exposures/testing.ts';
import type { FakeNode } from '../node/fake-node.ts';
import type { Topology } from '../ovn/topology.ts';
import { BRIDGE, bareNode, TestAgent } from './testing.ts';

const RUNS = { numRuns: 60 };

/** What the node holds, without what the fake kernel counts up as devices are made. */
function stateOf(node: FakeNode): unknown {
  return {
    kernel: node.netlink
      .dumpText()
      .map((line) => line.replaceAll(/"(?:index|parent|master)":\d+|"mac":"02:[^"]*"/g, ''))
      .sort(),
    flows: node.ovs
      .allFlows(BRIDGE)
      .map((flow) => JSON.stringify(flow))
      .sort(),
    ports: [...(node.ovs.snapshot()?.bridges.get(BRIDGE)?.ports.keys() ?? [])].sort(),
  };
}

/** What passes between two steps: so many turns of the event loop's microtasks, or all that the agent needs to settle. */
type Pause = number | null;

const pauses: fc.Arbitrary<readonly Pause[]> = fc.array(fc.option(fc.nat(40)));

async function runSteps(
  kind: CloudKind,
  steps: readonly Step[],
  config: Partial<AgentConfig>,
  pauses: readonly Pause[] = [],
): Promise<{ readonly edge: FakeNode; readonly topology: Topology }> {
  const cloud = kind.create();
  const edge = bareNode();
  const agent = new TestAgent(edge, cloud.topology, config);
  await agent.settle();
  for (const [index, step] of steps.entries()) {
    agent.reconciler.topologyChanged(cloud.apply(step), 'update');
    const turns = pauses[index];
    if (turns === undefined || turns === null) await agent.settle();
    else for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  }
  await agent.settle();
  await agent.stop();
  return { edge, topology: cloud.fresh() };
}

const configs: fc.Arbitrary<Partial<AgentConfig>> = fc.record({
  advertiseVia: fc.constantFrom('vrf', 'main'),
  tenant: fc.constantFrom(
    testTenant(),
    testTenant({ exposeNetworks: true }),
    testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' }),
  ),
  exposeExternalPorts: fc.boolean(),
});

describe.each(CLOUD_KINDS)('the loop over a $name database', (kind) => {
  it('ends where a fresh start over the final rows ends, whatever happened on the way', async () => {
    await fc.assert(
      fc.asyncProperty(kind.steps, configs, pauses, async (steps, config, between) => {
        const { edge } = await runSteps(kind, steps, config, between);
        // The same rows at once, in another order, on another node.
        const reversed = await runSteps(kind, [finalRows(steps).toReversed()], config);
        expect(stateOf(edge)).toEqual(stateOf(reversed.edge));
      }),
      RUNS,
    );
  });

  it('writes nothing in a second pass, an audit and a restart', async () => {
    await fc.assert(
      fc.asyncProperty(kind.steps, configs, async (steps, config) => {
        const { edge, topology } = await runSteps(kind, steps, config);
        const writes = edge.writes();
        const again = new TestAgent(edge, topology, config);
        await again.settle();
        again.reconciler.audit();
        await again.settle();
        await again.stop();
        expect(edge.writes()).toBe(writes);
      }),
      RUNS,
    );
  });

  it('leaves nothing but the base when everything is gone, and touches nothing foreign', async () => {
    await fc.assert(
      fc.asyncProperty(kind.steps, configs, async (steps, config) => {
        const edge = bareNode();
        const foreign = addForeignObjects(edge);
        const cloud = kind.create();
        const agent = new TestAgent(edge, cloud.topology, config);
        await agent.settle();
        const base = stateOf(edge);
        for (const step of steps) agent.reconciler.topologyChanged(cloud.apply(step), 'update');
        await agent.settle();
        const all = finalRows(steps).map(({ table, uuid }) => ({ table, uuid, values: undefined }));
        agent.reconciler.topologyChanged(cloud.apply(all), 'update');
        await agent.settle();
        await agent.stop();
        expect(stateOf(edge)).toEqual(base);
        const kernel = edge.netlink.dumpText();
        for (const object of foreign) expect(kernel).toContain(object);
      }),
      RUNS,
    );
  });

  it('repairs what somebody removes, and only that', async () => {
    await fc.assert(
      fc.asyncProperty(kind.steps, configs, fc.nat(), async (steps, config, pick) => {
        const { edge, topology } = await runSteps(kind, steps, config);
        const before = stateOf(edge);
        const agent = new TestAgent(edge, topology, config);
        await agent.settle();
        const rules = await edge.netlink.rules();
        const routes = (await edge.netlink.routes()).filter((route) => route.protocol === 179);
        const rule = rules[pick % Math.max(1, rules.length)];
        const route = routes[pick % Math.max(1, routes.length)];
        if (rule !== undefined) edge.netlink.foreign({ type: 'rule', op: 'delete', rule });
        if (route !== undefined) edge.netlink.foreign({ type: 'route', op: 'delete', route });
        await agent.settle();
        await agent.stop();
        expect(stateOf(edge)).toEqual(before);
      }),
      RUNS,
    );
  });
});

/** An operator's rule, routes, neighbour and address that look much like ours. */
function addForeignObjects(edge: FakeNode): string[] {
  const { netlink } = edge;
  const before = new Set(netlink.dumpText());
  const index = netlink.linkNamed(BRIDGE)?.index ?? 0;
  netlink.foreign(
    { type: 'link', op: 'set', link: { name: BRIDGE, up: true } },
    { type: 'address', op: 'add', address: { family: 4, index, address: '1.1.1.1/32' } },
    { type: 'rule', op: 'add', rule: { family: 4, priority: 31000, table: 77, to: '172.24.4.10/32' } },
    {
      type: 'route',
      op: 'add',
      route: { family: 4, table: 254, destination: '172.24.4.0/24', protocol: 4, index },
    },
    {
      type: 'route',
      op: 'add',
      route: {
        family: 4,
        table: 254,
        destination: '172.24.4.10/32',
        type: 'blackhole',
        protocol: 4,
        metric: 5,
      },
    },
    {
      type: 'route',
      op: 'add',
      route: { family: 6, table: 254, destination: '2001:db8::10/128', protocol: 186, index },
    },
  );
  return netlink.dumpText().filter((line) => !before.has(line) && !line.includes('"mtu"'));
}
