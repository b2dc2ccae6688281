/** A change of `exposing_method` over a node in memory: make before break, and nothing left behind. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultConfig } from '../config/assemble.ts';
import { OvnNode, ovsPort } from './local-ovn-testing.ts';

let node: OvnNode;

beforeEach(() => {
  node = new OvnNode();
});

afterEach(async () => {
  await node.agent?.stop();
});

/** An agent of the other method was here. */
async function leaveUnderlay(changes: Parameters<OvnNode['start']>[0] = {}): Promise<void> {
  node.start({ exposingMethod: 'underlay', ...changes });
  await node.settle();
  await node.agent?.stop();
}

/** Patch ports of the OVN of the node, by bridge. */
const PATCHES = [
  ['br-ex', 'patch-bgp-ex-localnet-to-br-bgp'],
  ['br-ex-2', 'patch-bgp-ex-2-localnet-to-br-bgp'],
  ['br-osp', 'patch-bgp-osp-localnet-to-br-bgp'],
] as const;

/** Flows of a bridge that send traffic to that OVN. */
function traffic(bridge: string): string[] {
  return node.flows(bridge).filter((flow) => flow.startsWith('1000 '));
}

describe('a change of method', () => {
  const held = async (): Promise<unknown> => ({
    kernel: node.edge.netlink.dumpText().filter((line) => !/"name":"br-|"name":"nic/.test(line)),
    flows: ['br-ex', 'br-ex-2', 'br-osp'].map((bridge) => node.edge.ovs.allFlows(bridge)),
    rows: node.rows(),
    stanzas: await node.edge.frr.stanzas({ as: 64999, vrf: 'bgp-vrf' }),
  });

  it.each(['vrf', 'main'] as const)('leaves nothing of the first behind: %s', async (advertiseVia) => {
    node.start({ exposingMethod: 'underlay', advertiseVia });
    await node.settle();
    expect(await node.edge.netlink.rules()).not.toEqual([]);
    await node.agent?.stop();
    const withUnderlay = await held();

    await node.ready({ advertiseVia });
    expect(await node.edge.netlink.rules()).toEqual([]);
    expect(node.rows().length).toBeGreaterThan(20);
    const permanent = (await node.edge.netlink.neighbors()).filter(
      ({ state, proxy }) => state === 0x80 || proxy,
    );
    expect(permanent).toEqual([]);
    await node.agent?.stop();

    node.start({ exposingMethod: 'underlay', advertiseVia });
    await node.settle();
    expect(node.rows()).toEqual([]);
    expect(await node.fdb('br-ex')).toEqual([]);
    expect(await held()).toEqual(withUnderlay);
  });

  /** What the kernel was told to take away of what is announced. */
  const watchWithdrawals = (): string[] => {
    const gone: string[] = [];
    node.edge.netlink.subscribe((events) => {
      for (const event of events) {
        if (event.type === 'route' && event.gone && event.route.type === 'blackhole')
          gone.push(event.route.destination);
      }
    });
    return gone;
  };

  it('makes before it breaks: kernel routing stays until the flows to the OVN of the node are in effect', async () => {
    await leaveUnderlay();
    const [rules, addresses] = [await node.edge.netlink.rules(), await node.advertised()];
    expect(addresses).toHaveLength(2);
    const withdrawn = watchWithdrawals();

    node.start();
    await node.settle();
    expect(await node.edge.netlink.rules()).toEqual(rules);
    expect(node.flows('br-osp').map((flow) => flow.split(' ')[0])).toEqual(['900', '900']);
    // The router knows the address before anything is sent to it.
    expect(node.rows('Static_MAC_Binding')).toContain('Static_MAC_Binding bgp-router-openstack 172.24.4.10');

    node.makePatchPorts();
    await node.settle();
    expect(await node.edge.netlink.rules()).toEqual([]);
    expect(node.flows('br-osp').map((flow) => flow.split(' ')[0])).toEqual(['1000', '1000']);
    expect(await node.advertised()).toEqual(addresses);
    expect(withdrawn).toEqual([]);
  });

  it('keeps kernel routing while the OVN of the node has not put its rows in place', async () => {
    await leaveUnderlay();
    const rules = await node.edge.netlink.rules();
    node.start();
    await node.settle();
    node.local.database.setIdle(true);
    node.agent?.reconciler.topologyChanged(node.topology.affected(node.vm(11)), 'update');
    node.makePatchPorts();
    await node.settleLate();
    expect(await node.edge.netlink.rules()).toEqual(rules);
    expect(await node.advertised()).toEqual(['172.24.4.10/32', '2001:db8:4::10/128']);
    node.local.database.setIdle(false);
    await node.settle();
    expect(await node.edge.netlink.rules()).toEqual([]);
    expect(await node.advertised()).toHaveLength(4);
  });

  it('sends nothing to an OVN of the node whose rows are not in effect, though old patch ports are there', async () => {
    await leaveUnderlay();
    for (const [bridge, name] of PATCHES) node.edge.ovs.setPort(bridge, ovsPort(name, 'patch', 5));
    node.local.database.setIdle(true);
    node.start();
    await node.settleLate();
    const traffic = (bridge: string): string[] =>
      node.flows(bridge).filter((flow) => flow.startsWith('1000 '));
    expect(node.rows().length).toBeGreaterThan(20);
    expect([...traffic('br-ex'), ...traffic('br-osp')]).toEqual([]);
    expect(await node.advertised()).toHaveLength(2);
    node.local.database.setIdle(false);
    await node.settle();
    expect(traffic('br-ex')).toHaveLength(2);
    expect(traffic('br-osp')).toHaveLength(2);
    expect(await node.edge.netlink.rules()).toEqual([]);
    expect(await node.advertised()).toHaveLength(2);
  });

  it('waits for the flows of new patch ports before it sends anything to them', async () => {
    await leaveUnderlay();
    node.start();
    await node.settle();
    // Everything written so far is in effect; the ports are news to the controller as well.
    node.local.database.setIdle(true);
    node.makePatchPorts();
    await node.settleLate();
    expect(traffic('br-ex')).toEqual([]);
    expect(await node.edge.netlink.rules()).not.toEqual([]);
    node.local.database.setIdle(false);
    await node.settle();
    expect(traffic('br-ex')).toHaveLength(2);
    expect(await node.edge.netlink.rules()).toEqual([]);
  });

  it('repairs what it keeps meanwhile', async () => {
    await leaveUnderlay();
    const [rules, flows] = [await node.edge.netlink.rules(), node.flows('br-osp')];
    node.start();
    await node.settle();
    node.local.database.setIdle(true);
    node.edge.ovs.restart();
    const [rule] = rules;
    if (rule === undefined) throw new Error('no rule');
    node.edge.netlink.foreign({ type: 'rule', op: 'delete', rule });
    await node.settle();
    expect(node.flows('br-osp')).toEqual(flows);
    expect(await node.edge.netlink.rules()).toEqual(expect.arrayContaining(rules));
  });

  it('keeps the way to a tenant network as long, though only its machines are announced', async () => {
    node.tenant();
    const tenant = { ...defaultConfig().tenant, exposeNetworks: true, advertisementMethod: 'host' } as const;
    await leaveUnderlay({ tenant });
    const rules = await node.edge.netlink.rules();
    expect(rules.map(({ to }) => to)).toContain('10.0.0.0/24');
    expect(await node.advertised()).toContain('10.0.0.8/32');
    node.start({ tenant });
    await node.settle();
    expect(await node.edge.netlink.rules()).toEqual(rules);
    node.makePatchPorts();
    await node.settle();
    expect(await node.edge.netlink.rules()).toEqual([]);
    expect(await node.advertised()).toContain('10.0.0.8/32');
    expect(node.flows('br-ex').join('\n')).toContain('nw_dst=10.0.0.0/24');
  });

  it('sends nothing to patch ports that the controller makes anew meanwhile', async () => {
    await leaveUnderlay();
    node.start();
    await node.settle();
    const confirm = node.local.confirm.bind(node.local);
    node.local.confirm = async (signal) => {
      node.local.confirm = confirm;
      for (const [bridge, name] of PATCHES) node.edge.ovs.deletePort(bridge, name);
      node.makePatchPorts();
      return confirm(signal);
    };
    node.makePatchPorts();
    await node.settle();
    const sent = node.edge.ovs.bundles.flatMap(({ changes }) =>
      changes.flatMap(({ op, flow }) => (op === 'add' && flow.priority === 1000 ? [flow.actions] : [])),
    );
    expect(sent.filter((actions) => /output:[789]$/.test(actions))).toEqual([]);
    expect(node.flows('br-ex').filter((flow) => /^1000 .*output:10$/.test(flow))).toHaveLength(2);
    expect(await node.edge.netlink.rules()).toEqual([]);
  });

  it('withdraws an address that is no longer exposed while the change is under way', async () => {
    await leaveUnderlay();
    node.start();
    await node.settle();
    const gone = node.database.delete('Logical_Switch_Port', 'port-10');
    node.agent?.reconciler.topologyChanged(node.topology.affected(gone), 'update');
    await node.settle();
    expect(await node.advertised()).toEqual([]);
    expect(await node.edge.netlink.rules()).toEqual([]);
    // With the last address goes what every address of that method needs.
    expect(node.flows('br-osp')).toEqual([]);
  });
});
