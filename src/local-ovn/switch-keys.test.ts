import { describe, expect, it } from 'vitest';
import type { OvsBridge, OvsPort } from '../openvswitch/types.ts';
import { keysToRemove, planKeys, type SwitchFacts } from './switch-keys.ts';

function bridge(name: string, datapathType: string, ports: readonly string[]): [string, OvsBridge] {
  const port = (port: string): [string, OvsPort] => [
    port,
    { name: port, type: '', tag: undefined, ofport: 1, externalIds: new Map() },
  ];
  return [name, { name, datapathType, ports: new Map(ports.map(port)) }];
}

const BRIDGES = new Map([
  bridge('br-ex', 'netdev', ['br-ex', 'nic1']),
  bridge('br-ex-2', 'netdev', ['br-ex-2', 'nic2']),
  bridge('br-osp', 'netdev', ['br-osp']),
]);
const REQUEST = {
  chassis: 'bgp',
  southbound: 'unix:/run/ovn-bgp/ovnsb_db.sock',
  externalNics: ['nic1', 'nic2'],
};

function facts(ids: Readonly<Record<string, string>> = {}, bridges = BRIDGES): SwitchFacts {
  return {
    externalIds: new Map(Object.entries({ 'ovn-bridge-mappings': 'physnet1:br-osp', ...ids })),
    bridges,
  };
}

/** What `external_ids` hold once the plan was carried out. */
function applied(before: SwitchFacts, set: ReadonlyMap<string, string>): SwitchFacts {
  return { ...before, externalIds: new Map([...before.externalIds, ...set]) };
}

describe('the second controller’s keys', () => {
  it('are all made on a fresh node, and nothing is left to do afterwards', () => {
    const plan = planKeys(facts(), REQUEST);
    expect(plan.problems).toEqual([]);
    expect(Object.fromEntries(plan.set)).toEqual({
      'ovn-bridge-bgp': 'br-bgp',
      'ovn-remote-bgp': 'unix:/run/ovn-bgp/ovnsb_db.sock',
      'ovn-bridge-datapath-type-bgp': 'netdev',
      'ovn-encap-type-bgp': 'geneve',
      'ovn-encap-ip-bgp': '127.0.0.1',
      'ct-zone-range-bgp': '60000-64000',
      'ovn-bridge-mappings-bgp': 'bgp-ex:br-ex,bgp-ex-2:br-ex-2,bgp-osp:br-osp',
      'ovn-bgp-agent-local-ovn-bgp':
        'ct-zone-range-bgp,ovn-bridge-bgp,ovn-bridge-datapath-type-bgp,ovn-bridge-mappings-bgp,ovn-encap-ip-bgp,ovn-encap-type-bgp,ovn-remote-bgp',
    });
    expect([...planKeys(applied(facts(), plan.set), REQUEST).set]).toEqual([]);
  });

  it('of the operator are kept, and never removed', () => {
    const before = facts({ 'ovn-bridge-mappings-bgp': 'a:br-ex,b:br-osp', 'ovn-bridge-bgp': 'br-two' });
    const plan = planKeys(before, REQUEST);
    expect(plan.set.has('ovn-bridge-mappings-bgp')).toBe(false);
    expect(plan.keys.get('ovn-bridge')).toBe('br-two');
    const removed = keysToRemove(applied(before, plan.set).externalIds, 'bgp');
    expect(removed).toContain('ovn-remote-bgp');
    expect(removed).toContain('ovn-bgp-agent-local-ovn-bgp');
    expect(removed).not.toContain('ovn-bridge-mappings-bgp');
    expect(removed).not.toContain('ovn-bridge-bgp');
  });

  it('of ours are put right when somebody changed them', () => {
    const made = applied(facts(), planKeys(facts(), REQUEST).set);
    const changed = applied(made, new Map([['ovn-encap-ip-bgp', '10.0.0.1']]));
    expect([...planKeys(changed, REQUEST).set]).toEqual([['ovn-encap-ip-bgp', '127.0.0.1']]);
  });

  it('never include a key of the first controller, whatever the list says', () => {
    const hostile = facts({ 'ovn-bgp-agent-local-ovn-bgp': 'ovn-remote,system-id,ovn-bridge-bgp' });
    expect(keysToRemove(hostile.externalIds, 'bgp')).toEqual(['ovn-bgp-agent-local-ovn-bgp']);
  });

  it.each([
    ['no devices', facts(), { ...REQUEST, externalNics: [] }, /external_nics is empty/],
    ['a device outside', facts(), { ...REQUEST, externalNics: ['eth9'] }, /eth9 is a port of no bridge/],
    [
      'a bridge that is not there',
      facts({ 'ovn-bridge-mappings-bgp': 'x:br-nope,y:br-osp' }),
      REQUEST,
      /names br-nope, and there is no such bridge/,
    ],
    [
      'an item that is no mapping',
      facts({ 'ovn-bridge-mappings-bgp': 'x=br-ex,y:br-osp' }),
      REQUEST,
      /item 1 of ovn-bridge-mappings-bgp, "x=br-ex", is ignored/,
    ],
    [
      'two kinds of data path',
      facts({}, new Map([...BRIDGES, bridge('br-osp', '', ['br-osp'])])),
      REQUEST,
      /different data paths \(netdev, system\)/,
    ],
    [
      'an integration bridge of another data path',
      facts({ 'ovn-bridge-datapath-type-bgp': 'system' }),
      REQUEST,
      /is system, and the bridges are netdev/,
    ],
    [
      'overlapping zones',
      facts({ 'ct-zone-range': '1-65535' }),
      REQUEST,
      /overlap: each controller would flush/,
    ],
  ])('name as a problem: %s', (_what, before, request, problem) => {
    expect(planKeys(before, request).problems.join('\n')).toMatch(problem);
  });

  it('say that the cloud has no provider network here', () => {
    const before: SwitchFacts = { externalIds: new Map(), bridges: BRIDGES };
    expect(planKeys(before, REQUEST).problems.join('\n')).toMatch(/ovn-bridge-mappings is not set/);
  });
});
