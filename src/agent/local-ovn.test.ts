/** The loop with exposing method `ovn` over a node in memory: order, drift, uplinks. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteRows } from '../ovsdb/operations.ts';
import { OvnNode } from './local-ovn-testing.ts';

let node: OvnNode;

beforeEach(() => {
  node = new OvnNode();
});

afterEach(async () => {
  await node.agent?.stop();
});

describe('the agent with exposing_method = ovn', () => {
  it("keeps the bridges' addresses and writes the rows before there are patch ports, and advertises after", async () => {
    node.start();
    await node.settle();
    expect(await node.fdb('br-ex')).toEqual(['52:54:00:00:00:01']);
    expect(node.rows('Logical_Router')).toEqual(['Logical_Router bgp-router']);
    expect(node.flows('br-ex')).toEqual([]);
    expect(await node.advertised()).toEqual([]);
    expect(node.agent?.planner.pending().map(({ subject }) => subject)).toContain('172.24.4.10/32');

    node.makePatchPorts();
    await node.settle();
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    expect(node.agent?.planner.pending()).toEqual([]);
    expect(node.flows('br-ex')).toContain(
      '1000 ip,in_port=1,nw_dst=172.24.4.10 mod_dl_dst:52:54:00:00:00:01,output:7',
    );
    expect(node.flows('br-osp')).toContain('1000 ip,in_port=3 mod_dl_dst:40:44:00:00:00:06,NORMAL');
  });

  it('writes all rows of a start in one transaction', async () => {
    node.start();
    await node.settle();
    expect(node.local.database.log).toHaveLength(1);
    expect(node.rows().length).toBeGreaterThan(20);
  });

  it('T7: puts static entries back before flows when vswitchd has lost both', async () => {
    await node.ready();
    const before = node.flows('br-ex');
    const order: string[] = [];
    const { ovs } = node.edge;
    const [addEntry, applyFlows] = [ovs.addStaticFdb.bind(ovs), ovs.applyFlows.bind(ovs)];
    ovs.addStaticFdb = async (...args) => {
      order.push(`fdb ${args[0]}`);
      await addEntry(...args);
    };
    ovs.applyFlows = async (...args) => {
      order.push(`flows ${args[0]}`);
      await applyFlows(...args);
    };
    ovs.restart();
    await node.settle();
    expect(node.flows('br-ex').sort()).toEqual(before.sort());
    expect(await node.fdb('br-ex')).toEqual(['52:54:00:00:00:01']);
    expect(await node.fdb('br-ex-2')).toEqual(['52:54:00:00:00:02']);
    expect(order.slice(0, 2)).toEqual(['fdb br-ex', 'fdb br-ex-2']);
    expect(order.slice(2).every((step) => step.startsWith('flows'))).toBe(true);
  });

  it('T8: follows patch ports that come back with other numbers', async () => {
    await node.ready();
    for (const [bridge, name] of [
      ['br-ex', 'patch-bgp-ex-localnet-to-br-bgp'],
      ['br-ex-2', 'patch-bgp-ex-2-localnet-to-br-bgp'],
    ] as const) {
      node.edge.ovs.deletePort(bridge, name);
    }
    await node.settle();
    node.makePatchPorts();
    await node.settle();
    const outputs = node.flows('br-ex').filter((flow) => flow.includes('output:'));
    expect(outputs.length).toBeGreaterThan(0);
    expect(outputs.every((flow) => flow.includes('output:10'))).toBe(true);
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
  });

  it('puts back rows that somebody deleted', async () => {
    await node.ready();
    const before = node.rows();
    node.local.database.edit([deleteRows('Static_MAC_Binding', [['ip', '==', '172.24.4.10']])]);
    await node.settle();
    expect(node.rows()).toEqual(before);
    node.local.database.edit([deleteRows('Logical_Router', [['name', '==', 'bgp-router']])]);
    await node.settle();
    expect(node.rows()).toEqual(before);
  });

  it('advertises what is new only when the flows are in place, and withdraws nothing meanwhile', async () => {
    await node.ready();
    node.local.database.setIdle(true);
    node.agent?.reconciler.topologyChanged(node.topology.affected(node.vm(11)), 'update');
    await node.settleLate();
    expect(node.rows('Static_MAC_Binding')).toContain('Static_MAC_Binding bgp-router-openstack 172.24.4.11');
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    node.local.database.setIdle(false);
    await node.settle();
    expect(await node.advertised()).toContain('172.24.4.11/32');
  });

  it('T5: takes an uplink out when its NIC loses the carrier, and keeps the last one', async () => {
    await node.ready();
    expect(node.defaultRoutes()).toHaveLength(4);
    node.setCarrier('nic1', false);
    await node.settle();
    expect(node.defaultRoutes()).toEqual([
      'Logical_Router_Static_Route bgp-router 0.0.0.0/0 169.254.2.1',
      'Logical_Router_Static_Route bgp-router ::/0 fe80::1 bgp-router-bgp-ex-2',
    ]);
    node.setCarrier('nic2', false);
    await node.settle();
    expect(node.defaultRoutes()).toHaveLength(2);
    expect(await node.advertised()).toHaveLength(2);
    node.setCarrier('nic1', true);
    node.setCarrier('nic2', true);
    await node.settle();
    expect(node.defaultRoutes()).toHaveLength(4);
  });

  it('follows the next hops of FRR, and the MAC address of a leaf that was replaced', async () => {
    await node.ready();
    node.routeOver('br-ex-2');
    await node.settle();
    expect(node.defaultRoutes()).toHaveLength(2);
    node.routeOver('br-ex', 'br-ex-2');
    const neighbor = { family: 6, index: node.index('br-ex'), address: 'fe80::1' } as const;
    node.edge.netlink.addNeighbor({
      ...neighbor,
      mac: '02:aa:00:00:00:77',
      state: 0x02,
      proxy: false,
      flags: 0x80,
    });
    await node.settle();
    const bindings = (node.local.snapshot()?.rows ?? []).flatMap(({ row }) =>
      row.table === 'Static_MAC_Binding' && row.port === 'bgp-router-bgp-ex' ? [row.mac] : [],
    );
    expect(new Set(bindings)).toEqual(new Set(['02:aa:00:00:00:77']));
  });

  it('keeps everything while its database is away', async () => {
    await node.ready();
    node.local.database.setAway(true);
    node.agent?.reconciler.topologyChanged(node.topology.affected(node.vm(11)), 'update');
    await node.settle();
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    node.local.database.setAway(false);
    node.agent?.clock.advance(60_000);
    await node.settle();
    expect(await node.advertised()).toContain('172.24.4.11/32');
  });

  it('starts again without a write', async () => {
    await node.ready();
    await node.agent?.stop();
    const writes = node.edge.writes();
    node.start();
    await node.settle();
    expect(node.edge.writes()).toBe(writes);
  });

  it('T10: withdraws an address with all of its rows and flows', async () => {
    await node.ready();
    const before = node.rows();
    node.agent?.reconciler.topologyChanged(node.topology.affected(node.vm(11)), 'update');
    await node.settle();
    const gone = node.database.delete('Logical_Switch_Port', 'port-11');
    node.agent?.reconciler.topologyChanged(node.topology.affected(gone), 'update');
    await node.settle();
    expect(node.rows()).toEqual(before);
    expect(node.flows('br-ex').filter((flow) => flow.includes('.11 '))).toEqual([]);
  });
});
