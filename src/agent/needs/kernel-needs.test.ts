import { describe, expect, it } from 'vitest';
import type { Address, Link, Route } from '../../netlink/types.ts';
import { DeviceRoles, type KernelPicture, kernelNeeds, maybeNeeded } from './kernel-needs.ts';

const SCOPE = { bgpNic: 'bgp-nic', bgpVrf: 'bgp-vrf', bridges: ['br-ex'] };
const NAMES = ['lo', 'eth0', 'br-ex', 'br-ex.100', 'bgp-nic', 'bgp-vrf', 'macv', 'tun0'];

function link(name: string, changes: Partial<Link> = {}): Link {
  return { index: NAMES.indexOf(name) + 1, name, up: true, running: true, mtu: 1500, ...changes };
}
const LINKS = NAMES.map((name) =>
  name === 'macv' ? link(name, { kind: 'macvlan', parent: NAMES.indexOf('br-ex') + 1 }) : link(name),
);
const index = (name: string): number => NAMES.indexOf(name) + 1;

function address(device: string, text: string, changes: Partial<Address> = {}): Address {
  const family = text.includes(':') ? 6 : 4;
  return { family, index: index(device), address: text, scope: 0, flags: 0, ...changes };
}

function route(destination: string, changes: Partial<Route> = {}): Route {
  const family = destination.includes(':') ? 6 : 4;
  return { family, table: 254, destination, type: 'unicast', protocol: 4, scope: 0, metric: 0, ...changes };
}

function needs(picture: Partial<KernelPicture>): readonly string[] {
  return kernelNeeds({ links: LINKS, addresses: [], routes: [], ...picture }, SCOPE).map(
    ({ kind, prefix, what }) => `${kind} ${prefix}: ${what}`,
  );
}

describe('addresses of the node', () => {
  it('are its own, and what they are connected to', () => {
    expect(needs({ addresses: [address('eth0', '10.0.0.21/24'), address('lo', '10.255.0.1/32')] })).toEqual([
      'own-address 10.0.0.21/32: own address on eth0',
      'connected-network 10.0.0.0/24: network connected to eth0',
      'own-address 10.255.0.1/32: own address on lo',
    ]);
    expect(needs({ addresses: [address('eth0', '2001:db8::21/64')] })).toHaveLength(2);
  });

  it('connect it to nothing through a provider bridge or what stands on one', () => {
    const addresses = [
      address('br-ex', '172.24.4.1/24'),
      address('br-ex.100', '172.24.5.1/24'),
      address('macv', '172.24.6.1/24'),
    ];
    expect(needs({ addresses })).toEqual([
      'own-address 172.24.4.1/32: own address on br-ex',
      'own-address 172.24.5.1/32: own address on br-ex.100',
      'own-address 172.24.6.1/32: own address on macv',
    ]);
  });

  it.each<[string, Address]>([
    ['what the agent announces', address('bgp-nic', '172.24.4.10/32', { protocol: 179 })],
    ['what its predecessor announced', address('bgp-nic', '172.24.4.10/32')],
    ['IPv6 ones of these', address('bgp-nic', '2001:db8::10/128')],
    ['what it put on a bridge', address('br-ex', '169.254.0.1/32')],
    ['what it put on a bridge in IPv6', address('br-ex', 'fd53:d91e:400:7f17::1/128')],
    ['what it put on a VLAN device', address('br-ex.100', 'fd53:d91e:400:7f17::64/128')],
    ['anything of its own elsewhere', address('eth0', '10.0.0.9/24', { protocol: 179 })],
    ['loopback', address('lo', '127.0.0.1/8')],
    ['link-local', address('eth0', 'fe80::1/64')],
  ])('are not %s', (_what, one) => {
    expect(needs({ addresses: [one] })).toEqual([]);
  });

  it('count on the advertising device where they are nothing that the agent writes', () => {
    expect(needs({ addresses: [address('bgp-nic', '10.0.9.1/24')] })).toHaveLength(2);
  });
});

describe('routes of the node', () => {
  it('lead to next hops, and to networks without any', () => {
    const routes = [
      route('0.0.0.0/0', { via: '10.0.0.1', index: index('eth0') }),
      route('10.50.0.0/16', {
        nextHops: [
          { via: '10.0.0.2', weight: 1, index: 2 },
          { via: '10.0.0.3', weight: 1 },
        ],
      }),
      route('10.60.0.0/16', { index: index('tun0') }),
      route('10.61.0.7/32', { index: index('tun0') }),
      route('10.62.0.0/16', { type: 'local', table: 255, index: index('lo') }),
      route('::/0', { via: 'fe80::1', index: index('eth0'), protocol: 9 }),
      route('192.0.2.0/24', { via: '2001:db8::1', index: index('eth0') }),
    ];
    expect(needs({ routes })).toEqual([
      'next-hop 10.0.0.1/32: next hop of 0.0.0.0/0',
      'next-hop 10.0.0.2/32: next hop of 10.50.0.0/16',
      'next-hop 10.0.0.3/32: next hop of 10.50.0.0/16',
      'connected-network 10.60.0.0/16: network connected to tun0',
      'next-hop 10.61.0.7/32: host on tun0',
      'connected-network 10.62.0.0/16: network that this node answers for',
      'next-hop 2001:db8::1/128: next hop of 192.0.2.0/24',
    ]);
  });

  it.each<[string, Route]>([
    ['learned ones', route('10.70.0.0/16', { protocol: 186, via: '10.0.0.1' })],
    ["the agent's", route('172.24.4.10/32', { protocol: 179, index: index('br-ex'), table: 1 })],
    ["its predecessor's", route('172.24.4.10/32', { protocol: 3, index: index('br-ex'), table: 1 })],
    [
      'through a gateway of a provider network',
      route('10.0.0.0/24', { via: '172.24.4.9', index: index('br-ex') }),
    ],
    ['in the advertising VRF', route('172.24.4.10/32', { protocol: 3, index: index('bgp-nic'), table: 10 })],
    ['blackholes', route('10.71.0.0/16', { type: 'blackhole' })],
    ["the kernel's for its own addresses", route('10.0.0.21/32', { type: 'local', protocol: 2, table: 255 })],
    ['a default route in pieces', route('0.0.0.0/1', { index: index('tun0') })],
  ])('do not count where they are %s', (_what, one) => {
    expect(needs({ routes: [one] })).toEqual([]);
  });
});

describe('events of the kernel', () => {
  const roles = new DeviceRoles(LINKS, SCOPE);

  it('matter where a device is another than before', () => {
    const changed = (name: string, changes: Partial<Link>, gone = false): boolean =>
      roles.isAltered({ type: 'link', gone, link: link(name, changes) });
    expect(changed('eth0', { up: false, mtu: 9000 })).toBe(false);
    expect(changed('eth0', { name: 'eth7' })).toBe(true);
    expect(changed('eth0', { parent: index('br-ex') })).toBe(true);
    expect(changed('eth0', {}, true)).toBe(true);
    expect(changed('tap1', { index: 99 })).toBe(false);
  });

  it('do not matter where the agent makes them', () => {
    expect(maybeNeeded(address('bgp-nic', '172.24.4.10/32', { protocol: 179 }))).toBe(false);
    expect(maybeNeeded(address('eth0', 'fe80::1/64'))).toBe(false);
    expect(maybeNeeded(address('eth0', '10.0.0.1/24'))).toBe(true);
  });
});
