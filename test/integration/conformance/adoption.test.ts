/**
 * The swap on a live node: this agent starts on what the Python agent left. Only listed differences are changed, what
 * stays exposed is never withdrawn in between, and afterwards there is nothing left to do.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dryRun } from '../../../src/agent/dry-run.ts';
import { TestAgent } from '../../../src/agent/testing.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Request } from '../../../src/netlink/types.ts';
import type { FakeNode } from '../../../src/node/fake-node.ts';
import { Node } from '../../../src/node/node.ts';
import { AGENT_PROTOCOL } from '../../../src/node/objects.ts';
import { BGP_NIC, BGP_VRF, BRIDGE, TABLE, VRF_TABLE } from './captured-objects.ts';
import { CASES, type CapturedCloud, compute, NODES, startCloud, withTopology } from './captures.ts';
import { adoptionChanges, changeLines } from './expected-states.ts';

describe.each(CASES)('starting on a node of the Python agent (%s) with %s', (scenario, driver) => {
  let cloud: CapturedCloud;
  beforeAll(async () => {
    cloud = await startCloud(scenario, driver);
  });
  afterAll(() => cloud.stop());

  it.each(NODES)(
    '%s: changes what is listed, in an order that keeps its addresses reachable',
    async (name) => {
      const edge = await cloud.node(name);
      const { desired, scope } = await compute(edge, cloud.config);
      const strangers = strangersOf(edge);
      expect(strangers.length).toBeGreaterThan(10);
      const node = new Node(edge, silentLogger);
      node.setScope(scope);
      expect(await node.read()).toEqual([]);
      const plan = node.plan(desired);
      expect(plan.blocked).toEqual([]);
      expect(changeLines(plan)).toEqual(adoptionChanges(scenario, name, driver));

      const outcomes = await node.apply(plan);
      expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
      expect(withdrawals(edge)).toEqual([]);
      expectAddedBeforeRemoved(edge.netlink.log);
      // What differs is in the kernel alone: FRR and the flows hear nothing.
      expect([edge.frr.applied, edge.ovs.bundles, edge.ovs.portChanges, edge.files.log]).toEqual([
        [],
        [],
        [],
        [],
      ]);
      expect(protocolsWritten(edge.netlink.log)).toEqual(new Set([AGENT_PROTOCOL]));
      expect(strangersOf(edge)).toEqual(strangers);

      expect(await node.read()).toEqual([]);
      expect(node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
      node.close();
    },
  );

  it.each(NODES)('%s: a dry run says so beforehand, and touches nothing', async (name) => {
    const edge = await cloud.node(name);
    const before = edge.netlink.dumpText();
    const parts = { config: cloud.config, edge, log: silentLogger, osHostname: 'not-the-host-name' };
    const run = await dryRun(parts, AbortSignal.timeout(15_000));
    expect(run.identity.hostname).toBe(name);
    expect(changeLines(run.plan)).toEqual(adoptionChanges(scenario, name, driver));
    expect([edge.writes(), edge.netlink.dumpText()]).toEqual([0, before]);
  });

  it.each(NODES)('%s: the whole agent ends there, and its next start writes nothing', async (name) => {
    const planned = await cloud.node(name);
    const { desired, scope } = await compute(planned, cloud.config);
    const node = new Node(planned, silentLogger);
    node.setScope(scope);
    await node.read();
    await node.apply(node.plan(desired));
    node.close();

    const edge = await cloud.node(name);
    await withTopology(edge, cloud.config, async (topology) => {
      const first = new TestAgent(edge, topology, cloud.config);
      await first.settle();
      await first.stop();
      expect(edge.netlink.dumpText()).toEqual(planned.netlink.dumpText());
      const writes = edge.writes();
      const second = new TestAgent(edge, topology, cloud.config);
      await second.settle();
      await second.stop();
      expect(edge.writes()).toBe(writes);
    });
  });
});

describe('starting on a node of the Python agent where others work, too', () => {
  let cloud: CapturedCloud;
  beforeAll(async () => {
    cloud = await startCloud('nb-underlay');
  });
  afterAll(() => cloud.stop());

  async function adopt(edge: FakeNode): Promise<void> {
    const { desired, scope } = await compute(edge, cloud.config);
    const node = new Node(edge, silentLogger);
    node.setScope(scope);
    expect(await node.read()).toEqual([]);
    const outcomes = await node.apply(node.plan(desired));
    expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(await node.read()).toEqual([]);
    expect(node.plan(desired)).toMatchObject({ stages: [], blocked: [] });
    node.close();
  }

  it('leaves alone what an operator put beside it', async () => {
    const edge = await cloud.node('compute1');
    const { netlink } = edge;
    const bridge = netlink.linkNamed(BRIDGE)?.index ?? 0;
    netlink.foreign(
      {
        type: 'link',
        op: 'add',
        link: { name: `${BRIDGE}.200`, data: { kind: 'vlan', id: 200 }, parent: bridge, up: true },
      },
      { type: 'address', op: 'add', address: { family: 4, index: bridge, address: '1.1.1.1/32' } },
      { type: 'address', op: 'add', address: { family: 4, index: bridge, address: '172.24.4.1/24' } },
      { type: 'rule', op: 'add', rule: { family: 4, priority: 100, table: TABLE, to: '192.0.2.0/24' } },
    );
    const before = operatorState(edge);
    expect(before).toHaveLength(4);
    await adopt(edge);
    expect(operatorState(edge)).toEqual(before);
  });

  it('removes stale routes of the VRF and nothing else there', async () => {
    const edge = await cloud.node('compute1');
    const nic = edge.netlink.linkNamed(BGP_NIC)?.index ?? 0;
    const route = { family: 4, table: VRF_TABLE, scope: 253, index: nic } as const;
    edge.netlink.foreign(
      { type: 'route', op: 'add', route: { ...route, destination: '192.168.100.0/24', protocol: 3 } },
      { type: 'route', op: 'add', route: { ...route, destination: '192.0.2.0/24', protocol: 4 } },
      { type: 'route', op: 'add', route: { ...route, destination: '198.51.100.0/24', protocol: 186 } },
    );
    await adopt(edge);
    const left = edge.netlink
      .dumpText()
      .filter((line) => /"(?:192\.168\.100|192\.0\.2|198\.51\.100)\.0\/24"/.test(line));
    expect(new Set(left.map((line) => /"protocol":(\d+)/.exec(line)?.[1]))).toEqual(new Set(['4', '186']));
  });
});

function operatorState(edge: FakeNode): string[] {
  return edge.netlink
    .dumpText()
    .filter((line) => /"(?:br-ex\.200|1\.1\.1\.1\/32|172\.24\.4\.1\/24|192\.0\.2\.0\/24)"/.test(line));
}

/** What the kernel and routing daemons hold for themselves, by protocol; less the kernel's routes to exposed addresses. */
function strangersOf(edge: FakeNode): string[] {
  return edge.netlink
    .dumpText()
    .filter((line) => /"protocol":(?:2|11|186)\b/.test(line))
    .filter((line) => !line.includes(`"table":${VRF_TABLE},"destination"`));
}

/** Advertised addresses that were taken away at any time, in order; a touched VRF or dummy counts as all of them. */
function withdrawals(edge: FakeNode): string[] {
  const nic = edge.netlink.linkNamed(BGP_NIC)?.index;
  return edge.netlink.log.flatMap((request) => {
    if (request.type === 'link' && isAdvertising(edge, request)) return ['all'];
    if (request.type !== 'address' || request.op !== 'delete' || request.address.index !== nic) return [];
    return [request.address.address.replace(/\/\d+$/, '')];
  });
}

function isAdvertising(edge: FakeNode, { link }: Extract<Request, { readonly type: 'link' }>): boolean {
  return [BGP_NIC, BGP_VRF].some(
    (name) => link.name === name || link.index === edge.netlink.linkNamed(name)?.index,
  );
}

/** A device that loses its last IPv4 address loses its IPv4 routes: the new address must be there first. */
function expectAddedBeforeRemoved(log: readonly Request[]): void {
  const at = (op: Request['op'], block: string): number =>
    log.findIndex(
      (request) =>
        request.type === 'address' && request.op === op && request.address.address.startsWith(block),
    );
  for (const block of ['169.254.', 'fd53:']) {
    expect(at('add', block)).toBeGreaterThanOrEqual(0);
    expect(at('add', block)).toBeLessThan(at('delete', block));
  }
}

function protocolsWritten(log: readonly Request[]): Set<number | undefined> {
  const protocols = new Set<number | undefined>();
  for (const request of log) {
    if (request.op === 'delete') continue;
    if (request.type === 'address') protocols.add(request.address.protocol);
    if (request.type === 'rule') protocols.add(request.rule.protocol);
    if (request.type === 'route') protocols.add(request.route.protocol);
    if (request.type === 'neighbor') protocols.add(request.neighbor.protocol);
  }
  return protocols;
}
