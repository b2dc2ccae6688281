import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { defaultConfig } from '../config/assemble.ts';
import type { AgentConfig } from '../config/types.ts';
import { insert, mutate } from '../ovsdb/operations.ts';
import { type Cleanup, planCleanup } from './cleanup.ts';
import { OvnNode } from './local-ovn-testing.ts';
import { changeCount } from './plan-tools.ts';

let node: OvnNode;

beforeEach(() => {
  node = new OvnNode();
});

afterEach(async () => {
  await node.agent?.stop();
});

/** The life of an agent with this configuration, over. */
async function lived(changes: Partial<AgentConfig>): Promise<void> {
  await node.ready(changes);
  await node.agent?.stop();
  node.agent = undefined;
}

async function look(changes: Partial<AgentConfig> = {}): Promise<Cleanup> {
  const parts = { config: defaultConfig(changes), edge: node.edge, log: silentLogger };
  return await planCleanup(parts, AbortSignal.timeout(5000));
}

async function state(): Promise<unknown> {
  return {
    kernel: node.edge.netlink.dumpText(),
    flows: ['br-ex', 'br-ex-2', 'br-osp', 'br-other'].map((bridge) => node.edge.ovs.allFlows(bridge)),
    fdb: await Promise.all(['br-ex', 'br-ex-2', 'br-osp'].map((bridge) => node.fdb(bridge))),
    rows: node.rows(),
    stanzas: await node.edge.frr.stanzas({ as: 64999, vrf: 'bgp-vrf' }),
    rtTables: (await node.edge.files.readRtTables()).filter(({ name }) => name.startsWith('br-')),
    proxies: await Promise.all(
      ['proxy_arp', 'forwarding'].map((name) => node.edge.files.readSysctl(`net/ipv4/conf/br-osp/${name}`)),
    ),
    arp: await node.edge.files.readSysctl('net/ipv4/conf/nic1/arp_ignore'),
  };
}

/** Things of others that look a little like the agent's. */
function strangers(): void {
  const { netlink, ovs } = node.edge;
  netlink.addLink({ name: 'eth0', up: true });
  netlink.addLink({ name: 'br-other', kind: 'openvswitch', up: true });
  const index = node.index('eth0');
  netlink.addAddress({ family: 4, index, address: '172.24.4.200/32', scope: 0, flags: 0x80 });
  netlink.addRule({ family: 4, priority: 32000, table: 77, action: 1, to: '10.0.0.0/8', other: false });
  netlink.addRoute({
    family: 4,
    table: 254,
    destination: '198.51.100.0/24',
    type: 'blackhole',
    protocol: 4,
    scope: 0,
    metric: 0,
  });
  ovs.setBridge('br-other');
  const flow = { cookie: 0x42, priority: 1000, match: 'ip,in_port=1', actions: 'NORMAL' };
  for (const bridge of ['br-other', 'br-ex', 'br-osp']) ovs.tamper(bridge, [{ op: 'add', flow }]);
  node.local.database.edit([
    insert('Logical_Switch', { name: 'operator' }),
    insert('Logical_Router', { name: 'operator-router' }),
    insert('Static_MAC_Binding', {
      logical_port: 'operator-port',
      ip: '192.0.2.1',
      mac: '02:00:00:00:00:01',
    }),
  ]);
}

describe('cleanup', () => {
  it.each<[string, Partial<AgentConfig>]>([
    ['underlay over a VRF', { exposingMethod: 'underlay', advertiseVia: 'vrf' }],
    ['underlay in the main table', { exposingMethod: 'underlay', advertiseVia: 'main' }],
    ['ovn over a VRF', { exposingMethod: 'ovn', advertiseVia: 'vrf' }],
    ['ovn in the main table', { exposingMethod: 'ovn', advertiseVia: 'main' }],
  ])('takes away all of %s and nothing else, whatever is configured now', async (_name, method) => {
    strangers();
    const before = await state();
    await lived(method);
    expect(await state()).not.toEqual(before);
    // Somebody configured the other method meanwhile.
    const cleanup = await look({ exposingMethod: method.exposingMethod === 'ovn' ? 'underlay' : 'ovn' });
    const outcomes = await cleanup.apply(AbortSignal.timeout(5000));
    cleanup.close();
    expect(outcomes.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(await state()).toEqual(before);
    const again = await look();
    expect(changeCount(again.plan)).toBe(0);
    again.close();
  });

  it('changes nothing by looking', async () => {
    await lived({ exposingMethod: 'ovn' });
    const before = await state();
    const writes = node.edge.writes();
    const cleanup = await look();
    expect(changeCount(cleanup.plan)).toBeGreaterThan(20);
    cleanup.close();
    expect(node.edge.writes()).toBe(writes);
    expect(await state()).toEqual(before);
  });

  it('withdraws before it unwires', async () => {
    await lived({ exposingMethod: 'ovn', advertiseVia: 'main' });
    const cleanup = await look();
    expect(cleanup.plan.stages.map(({ name }) => name)).toEqual([
      'withdraw',
      'sysctls',
      'remove flows',
      'remove local OVN rows',
      'remove steering flows',
      'remove MAC table entries',
      'remove FRR',
    ]);
    cleanup.close();
  });

  it('leaves settings alone that nothing of the agent needed', async () => {
    await node.edge.files.writeSysctl('net/ipv4/conf/br-osp/proxy_arp', '1');
    const cleanup = await look();
    expect(changeCount(cleanup.plan)).toBe(0);
    cleanup.close();
  });

  it('does not take the database of a cloud for its own', async () => {
    await lived({ exposingMethod: 'ovn' });
    node.local.database.edit([
      mutate(
        'Logical_Router',
        [['name', '==', 'bgp-router']],
        [['external_ids', 'insert', new Map([['neutron:router_name', 'r']])]],
      ),
    ]);
    const cleanup = await look();
    expect(cleanup.plan.stages.map(({ name }) => name)).not.toContain('remove local OVN rows');
    cleanup.close();
  });
});
