/** What counts as ours, as the predecessor's, as somebody else's: one table a kind. */
import { describe, expect, it } from 'vitest';
import type { Address, Neighbor, Route, Rule } from '../../netlink/types.ts';
import { Devices } from '../devices.ts';
import { FakeNode } from '../fake-node.ts';
import { Mirror } from '../mirror.ts';
import type { ObservedObject } from '../objects.ts';
import { SCOPE } from '../testing.ts';
import { observeAddress } from './address.ts';
import type { View } from './kind.ts';
import { observeLink } from './link.ts';
import { observeNeighbor } from './neighbor.ts';
import { observeProxy } from './proxy-ndp.ts';
import { observeRoute } from './route.ts';
import { mergeRules, observeRule } from './rule.ts';

const NAMES = ['lo', 'br-ex', 'br-data', 'bgp-nic', 'br-ex.100', 'eth0', 'br-other'];
const LINKS = NAMES.map((name, at) => ({ index: at + 1, name, up: true, running: true, mtu: 1500 }));
const view: View = {
  edge: new FakeNode(),
  scope: SCOPE,
  devices: new Devices(LINKS),
  believed: new Mirror(),
};
const at = (name: string): number => NAMES.indexOf(name) + 1;

function verdict(observed: ObservedObject | undefined): string {
  if (observed === undefined) return 'none of our business';
  return [
    observed.owned ? 'ours' : 'foreign',
    ...(observed.rewrite === true ? ['to be rewritten'] : []),
    ...(observed.foreign === undefined ? [] : ['in the way']),
  ].join(', ');
}

describe('addresses', () => {
  const address = (device: string, text: string, protocol?: number): Address => ({
    family: text.includes(':') ? 6 : 4,
    index: at(device),
    address: text,
    scope: 0,
    flags: 0x80,
    ...(protocol === undefined ? {} : { protocol }),
  });
  it.each([
    ['bgp-nic', '172.24.4.50/32', undefined, 'ours'],
    ['bgp-nic', '172.24.4.50/32', 179, 'ours'],
    ['bgp-nic', '2001:db8::1/128', undefined, 'ours'],
    ['bgp-nic', 'fe80::1/64', 3, 'none of our business'],
    ['bgp-nic', 'fe80::1/128', undefined, 'foreign, in the way'],
    ['bgp-nic', '172.24.4.50/24', undefined, 'none of our business'],
    ['br-ex', '169.254.1.1/32', undefined, 'ours'],
    ['br-ex', 'fd53:d91e:400:7f17::1:1/128', undefined, 'ours'],
    ['br-ex', '1.1.1.1/32', undefined, 'foreign, in the way'],
    ['br-ex', '169.254.10.1/32', undefined, 'foreign, in the way'],
    ['br-ex', '2001:db8::1/64', undefined, 'foreign, in the way'],
    ['br-ex', '1.1.1.1/32', 179, 'ours'],
    ['br-ex', '172.24.4.1/24', undefined, 'none of our business'],
    ['br-ex.100', '169.254.1.100/32', undefined, 'ours'],
    ['br-other', '169.254.1.1/32', undefined, 'none of our business'],
    ['eth0', '10.0.0.1/32', undefined, 'none of our business'],
    ['eth0', '10.0.0.1/32', 179, 'ours'],
  ] as const)('%s %s protocol %s: %s', (device, text, protocol, expected) => {
    expect(verdict(observeAddress(view, address(device, text, protocol)))).toBe(expected);
  });
});

describe('rules', () => {
  const rule = (changes: Partial<Rule>): Rule => ({
    family: 4,
    priority: 32000,
    table: 200,
    action: 1,
    to: '172.24.4.50/32',
    other: false,
    ...changes,
  });
  it.each<[string, Partial<Rule>, string]>([
    ['ours', { protocol: 179 }, 'ours'],
    ['ours into a table of an earlier configuration', { protocol: 179, table: 77 }, 'ours'],
    ["the predecessor's", {}, 'ours'],
    ['ip rule add', { protocol: 3 }, 'ours'],
    ['with host bits', { to: '192.168.1.1/26' }, 'ours, to be rewritten'],
    ['ours at another priority', { protocol: 179, priority: 1000 }, 'ours, to be rewritten'],
    ['another priority', { priority: 1000 }, 'none of our business'],
    ['another table', { table: 77 }, 'none of our business'],
    ['with a source', { from: '10.0.0.0/8', protocol: 179 }, 'none of our business'],
    ['with a mark', { other: true, protocol: 179 }, 'none of our business'],
    ['of another program', { protocol: 186 }, 'foreign'],
  ])('%s', (_name, changes, expected) => {
    expect(verdict(observeRule(SCOPE, rule(changes)))).toBe(expected);
  });

  it('in two spellings are one that is to be rewritten', () => {
    const both = [rule({ to: '192.168.1.0/26' }), rule({ to: '192.168.1.1/26' })];
    const merged = mergeRules(both.flatMap((raw) => observeRule(SCOPE, raw) ?? []));
    expect(merged).toHaveLength(1);
    expect(verdict(merged[0])).toBe('ours, to be rewritten');
    expect(merged[0]?.deletion).toHaveLength(2);
  });
});

describe('routes', () => {
  const route = (changes: Partial<Route>): Route => ({
    family: 4,
    table: 200,
    destination: '172.24.4.50/32',
    type: 'unicast',
    protocol: 179,
    scope: 253,
    metric: 0,
    index: at('br-ex'),
    ...changes,
  });
  const blackhole = { table: 254, type: 'blackhole', metric: 17900 } as const;
  it.each<[string, Partial<Route>, string]>([
    ['in a bridge table', {}, 'ours'],
    ["the predecessor's", { protocol: 3 }, 'ours'],
    ["an operator's", { protocol: 4 }, 'foreign, in the way'],
    ["FRR's", { protocol: 186 }, 'foreign, in the way'],
    ["the kernel's own address", { protocol: 2, type: 'local' }, 'none of our business'],
    [
      "an operator's default route",
      { destination: '0.0.0.0/0', protocol: 4, index: at('eth0') },
      'foreign, in the way',
    ],
    [
      'a default route elsewhere, made by hand',
      { destination: '0.0.0.0/0', protocol: 3, index: at('eth0') },
      'foreign, in the way',
    ],
    ['a route elsewhere, made by hand', { protocol: 3, index: at('eth0') }, 'foreign, in the way'],
    ['an unreachable', { protocol: 3, type: 'unreachable' }, 'foreign, in the way'],
    ['for one type of service', { tos: 8 }, 'none of our business'],
    ['ours in a table of an earlier configuration', { table: 77 }, 'ours'],
    ["somebody's in another table", { table: 77, protocol: 3 }, 'none of our business'],
    ['an advertisement', blackhole, 'ours'],
    ["an operator's blackhole", { ...blackhole, protocol: 4 }, 'foreign, in the way'],
    ['protocol 179 in main, not a blackhole', { table: 254, metric: 17900 }, 'foreign, in the way'],
    ['protocol 179 in main, another metric', { ...blackhole, metric: 0 }, 'none of our business'],
    ['full table', { table: 254, protocol: 186, metric: 20 }, 'none of our business'],
    ['a subnet in the VRF', { table: 10, protocol: 3, index: at('bgp-nic') }, 'ours'],
    ["an operator's in the VRF", { table: 10, protocol: 3, index: at('eth0') }, 'foreign, in the way'],
    ['learned in the VRF', { table: 10, protocol: 186 }, 'none of our business'],
  ])('%s', (_name, changes, expected) => {
    expect(verdict(observeRoute(view, route(changes)))).toBe(expected);
  });

  it("of IPv6 have no metric when it is the kernel's default", () => {
    const observed = observeRoute(view, route({ family: 6, destination: '2001:db8::1/128', metric: 1024 }));
    expect(observed?.object).toMatchObject({ metric: 0 });
  });
});

describe('neighbours and proxy entries', () => {
  const neighbor = (changes: Partial<Neighbor>): Neighbor => ({
    family: 4,
    index: at('br-ex'),
    address: '172.24.4.50',
    mac: 'fa:16:3e:00:00:01',
    state: 0x80,
    proxy: false,
    flags: 0,
    ...changes,
  });
  it.each<[string, Partial<Neighbor>, string]>([
    ['ours', { protocol: 179 }, 'ours'],
    ["the predecessor's", {}, 'ours'],
    ['on a VLAN device', { index: at('br-ex.100') }, 'ours'],
    ['learned', { state: 2 }, 'none of our business'],
    ["zebra's", { protocol: 11 }, 'foreign, in the way'],
    ['elsewhere', { index: at('eth0') }, 'none of our business'],
  ])('neighbour %s', (_name, changes, expected) => {
    expect(verdict(observeNeighbor(view, neighbor(changes)))).toBe(expected);
  });
  it.each<[string, Partial<Neighbor>, string]>([
    ["the predecessor's", {}, 'ours'],
    ["another program's", { protocol: 11 }, 'foreign'],
    ['of IPv4', { family: 4, address: '10.0.0.1' }, 'none of our business'],
    ['elsewhere', { index: at('eth0') }, 'none of our business'],
  ])('proxy entry %s', (_name, changes, expected) => {
    const entry = neighbor({ family: 6, address: '2001:db8::', proxy: true, state: 0, ...changes });
    expect(verdict(observeProxy(view, entry))).toBe(expected);
  });
});

describe('devices', () => {
  const device = { index: 50, up: true, running: true, mtu: 1500 } as const;
  it.each([
    ['our VRF', { name: 'bgp-vrf', kind: 'vrf', data: { kind: 'vrf', table: 10 } }, 'ours'],
    ["a bridge under the VRF's name", { name: 'bgp-vrf', kind: 'bridge' }, 'foreign, in the way'],
    ['our dummy', { name: 'bgp-nic', kind: 'dummy' }, 'ours'],
    ['a marked dummy of an earlier name', { name: 'old', kind: 'dummy', alias: 'ovn-bgp-agent' }, 'ours'],
    ["somebody's dummy", { name: 'old', kind: 'dummy' }, 'none of our business'],
    [
      'a marked VLAN',
      { name: 'br-ex.5', kind: 'vlan', data: { kind: 'vlan', id: 5 }, parent: 2, alias: 'ovn-bgp-agent' },
      'ours',
    ],
    [
      'an unmarked VLAN',
      { name: 'br-ex.5', kind: 'vlan', data: { kind: 'vlan', id: 5 }, parent: 2 },
      'foreign, in the way',
    ],
    [
      "the predecessor's VLAN",
      { name: 'br-ex.100', kind: 'vlan', data: { kind: 'vlan', id: 100 }, parent: 2 },
      'foreign, to be rewritten, in the way',
    ],
    ['a described dummy', { name: 'bgp-nic', kind: 'dummy', alias: 'loopbacks' }, 'foreign, in the way'],
    [
      'a VLAN elsewhere',
      { name: 'eth0.5', kind: 'vlan', data: { kind: 'vlan', id: 5 }, parent: 6 },
      'none of our business',
    ],
    ['a provider bridge', { name: 'br-ex', kind: 'openvswitch' }, 'foreign, in the way'],
  ] as const)('%s', (_name, link, expected) => {
    expect(verdict(observeLink(view, { ...device, ...link }))).toBe(expected);
  });
});
