/** That the lines of `plan` are true: what is announced, what waits, what is in the way, and for which address. */
import { describe, expect, it } from 'vitest';
import { desiredNode } from '../agent/desired-node.ts';
import { type DryRun, dryRunOf } from '../agent/dry-run.ts';
import { FactsReader } from '../agent/facts-reader.ts';
import { BRIDGE, bareNode } from '../agent/testing.ts';
import { silentLogger } from '../base/logger.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { AgentConfig } from '../config/types.ts';
import type { FakeNode } from '../node/fake-node.ts';
import { Node } from '../node/node.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { northboundCloud } from '../ovn/testing.ts';
import { routerCloud } from '../ovn/testing-routers.ts';
import type { Topology } from '../ovn/topology.ts';
import { planText } from './plan-format.ts';
import { planExitCode } from './plan-summary.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };

function cloud(...ports: readonly (readonly [name: string, address: string, host: string])[]): Topology {
  const made = northboundCloud();
  made.addNetwork({ name: 'PUB', localnet: 'provnet-1', physicalNetwork: 'physnet1' });
  for (const [name, address, requestedChassis] of ports) {
    made.addPort({ name, network: 'PUB', addresses: `fa:16:3e:00:00:01 ${address}`, requestedChassis });
  }
  return createNorthboundTopology(made.db.views, IDENTITY);
}

/** A router whose floating IP has a port that is not up. */
function idleCloud(): Topology {
  const made = routerCloud();
  made.change((tx) => tx.update('Logical_Switch_Port', 'vm', { up: false }));
  return made.topology;
}

async function run(
  edge: FakeNode,
  topology: Topology,
  settings: Partial<AgentConfig> = {},
  use: (node: Node, dry: DryRun) => Promise<void> = () => Promise.resolve(),
): Promise<DryRun> {
  const config = defaultConfig({ advertiseVia: 'main', ...settings });
  const reader = new FactsReader(edge, config, silentLogger);
  const facts = await reader.read(AbortSignal.timeout(5000));
  const node = new Node(edge, silentLogger);
  try {
    node.setScope(reader.scope(facts));
    await node.read();
    const dry = dryRunOf(IDENTITY, desiredNode(config, topology, facts, node), node);
    await use(node, dry);
    return dry;
  } finally {
    node.close();
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

const TWO = [
  ['vm-1', '172.24.4.10', 'cmp-1'],
  ['vm-2', '172.24.4.11', 'cmp-1'],
] as const;

describe('the last line of a live plan', () => {
  it('says what the changes bring, and then that nothing is to be done', async () => {
    const edge = bareNode();
    const before = await run(edge, cloud(...TWO), {}, async (node, { plan }) => {
      await node.apply(plan);
    });
    expect(lastLine(planText(before, false))).toMatch(
      /^\d+ changes: 0 of 2 addresses are announced on cmp-1, 2 will be by these changes\.$/,
    );
    const after = await run(edge, cloud(...TWO));
    expect(lastLine(planText(after, false))).toBe('Nothing to do: 2 addresses are announced on cmp-1.');
    expect([planExitCode(before), planExitCode(after)]).toEqual([2, 0]);
  });

  it('counts nothing as announced that waits', async () => {
    const edge = bareNode();
    edge.ovs.setBridge(BRIDGE, []);
    await run(edge, cloud(...TWO), {}, async (node, { plan }) => {
      await node.apply(plan);
    });
    const dry = await run(edge, cloud(...TWO));
    const text = planText(dry, true);
    expect(planExitCode(dry)).toBe(3);
    expect(lastLine(text)).toBe('Nothing can be done now: 0 of 2 addresses are announced on cmp-1, 2 wait.');
    expect(text).toContain('172.24.4.10 on PUB, waits and is not announced: ');
  });

  it('counts what something foreign keeps from being announced as blocked', async () => {
    const edge = bareNode();
    edge.netlink.addLink({ name: 'bgp-nic', kind: 'veth', mac: '02:00:00:00:00:01' });
    const text = planText(await run(edge, cloud(...TWO), { advertiseVia: 'vrf' }), false);
    expect(lastLine(text)).toMatch(/: 0 of 2 addresses are announced on cmp-1, 2 are blocked\.$/);
  });

  it('does not count subnets that only hosts in them are announced for, and prints prefixes with their length', async () => {
    const { topology } = routerCloud();
    const tenant = { ...defaultConfig({}).tenant, exposeNetworks: true };
    const hosts = planText(await run(bareNode(), topology, { tenant }), true);
    expect(hosts).toContain('10.0.0.0/24 on neutron-pub, routed for the addresses inside it: ');
    const exposed = hosts
      .slice(hosts.indexOf('# exposed'), hosts.indexOf('# not exposed'))
      .split('\n')
      .slice(1, -1);
    const routed = exposed.filter((line) => line.includes(', routed for'));
    expect(lastLine(hosts)).toContain(`0 of ${exposed.length - routed.length} addresses are announced`);
  });
});

it.each([
  ['a port elsewhere', '172.24.4.12', cloud(['vm-3', '172.24.4.12', 'cmp-2'])],
  ['a floating IP', '172.24.4.100', idleCloud()],
  ['a tenant subnet', '10.0.0.0/24', idleCloud()],
])('the denial of %s names its address', async (_, address, topology) => {
  const text = planText(await run(bareNode(), topology), true);
  const denied = text.slice(text.indexOf('# not exposed')).split('\n');
  const named = denied.filter((line) => line.includes(address));
  expect(named).toHaveLength(1);
});

it('tells what is adopted, in the last line', async () => {
  const edge = bareNode();
  const index = edge.netlink.linkNamed(BRIDGE)?.index ?? 0;
  const table = 137;
  edge.netlink.foreign(
    { type: 'link', op: 'set', link: { index, up: true } },
    { type: 'route', op: 'add', route: { family: 4, table, destination: '0.0.0.0/0', protocol: 3, index } },
    { type: 'rule', op: 'add', rule: { family: 4, priority: 32000, table, to: '172.24.4.99/32' } },
  );
  const text = planText(await run(edge, cloud()), false);
  expect(text).toContain('- rule to 172.24.4.99/32 lookup 137    # no longer wanted');
  expect(lastLine(text)).toBe(
    'Adopted from the Python agent, wherever it left no marks: routing table 137, device br-ex.',
  );
  expect(planText(await run(bareNode(), cloud()), false)).not.toContain('Adopted');
});
