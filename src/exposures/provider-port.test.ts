import { describe, expect, it } from 'vitest';
import { parseIp, parsePrefix } from '../base/address.ts';
import {
  type CandidateKey,
  type Localnet,
  portKey,
  type RowReference,
  type WorkloadPort,
} from '../ovn/topology.ts';
import { evaluatePort } from './provider-port.ts';
import { macOf, proxiedOf, testPolicy } from './testing.ts';
import type { DenialCode, ExposurePolicy } from './types.ts';

const row = (table: string, name: string): RowReference => ({
  database: 'northbound',
  table,
  uuid: name,
  name,
});
const KEY: CandidateKey = portKey('vm');

const LOCALNET: Localnet = {
  row: row('Logical_Switch_Port', 'provnet-1'),
  name: 'provnet-1',
  physicalNetwork: 'physnet1',
  tag: undefined,
};
const NETWORK = { row: row('Logical_Switch', 'pub'), name: 'pub', localnets: [LOCALNET], gateways6: [] };
const PORT: WorkloadPort = {
  kind: 'port',
  key: KEY,
  row: row('Logical_Switch_Port', 'vm'),
  name: 'vm',
  type: '',
  addressTexts: ['FA:16:3e:00:00:10 172.24.4.10 2001:db8::10'],
  cidrs: ['172.24.4.10/24', '2001:db8::10/64'],
  networkName: 'pub',
  network: NETWORK,
  residence: { kind: 'here' },
  active: true,
  scopes: {},
  subnets: [],
  neighbor: true,
  proxyNdp: true,
  marks: {},
};
const POLICY = testPolicy({ bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex', index: 1 }] });
const LONG = 'x'.repeat(10_000);
const CONTROL = '\u001b[2J\u0000\n';

const addresses = (port: Partial<WorkloadPort>, policy: Partial<ExposurePolicy> = {}) =>
  evaluatePort({ ...PORT, ...port }, { ...POLICY, ...policy });
const ips = (...texts: string[]) => texts.map((text) => parseIp(text)).filter((ip) => ip !== undefined);
const prefixes = (...texts: string[]) =>
  texts.map((text) => parsePrefix(text)).filter((prefix) => prefix !== undefined);

describe('a port on a provider network', () => {
  it('is exposed with all that wiring needs', () => {
    const because = [
      { row: PORT.row, note: 'bound to this node and up' },
      { row: LOCALNET.row, note: 'physical network "physnet1", untagged, bridge br-ex' },
    ];
    const network = { name: 'pub', physicalNetwork: 'physnet1', bridge: 'br-ex', localnet: 'provnet-1' };
    const common = { kind: 'provider-port', candidate: KEY, network, announce: true, because };
    const delivery = (...proxyNdp: string[]) => ({ type: 'link', mac: 'fa:16:3e:00:00:10', proxyNdp });
    expect(addresses({})).toEqual({
      exposures: [
        { ...common, address: '172.24.4.10', prefix: '172.24.4.10/32', delivery: delivery() },
        { ...common, address: '2001:db8::10', prefix: '2001:db8::10/128', delivery: delivery('2001:db8::') },
      ],
      denials: [],
    });
  });

  it('of type virtual is one, too', () => {
    expect(addresses({ type: 'virtual' }).exposures.map(({ kind }) => kind)).toEqual([
      'virtual-port',
      'virtual-port',
    ]);
  });

  it('has no MAC where the driver wants no neighbour', () => {
    expect(addresses({ neighbor: false }).exposures.map((exposure) => 'mac' in exposure)).toEqual([
      false,
      false,
    ]);
  });

  it('exposes an address once that the row repeats', () => {
    const addressText = 'fa:16:3e:00:00:10 2001:db8::10  172.24.4.10 2001:DB8:0::10 172.24.4.10 ';
    const { exposures, denials } = addresses({ addressTexts: [addressText] });
    expect(exposures.map(({ address }) => address)).toEqual(['172.24.4.10', '2001:db8::10']);
    expect(denials).toEqual([]);
  });

  it('is exposed with the addresses of every item, each with the MAC address that it stands behind', () => {
    const addressTexts = [
      'unknown',
      'fa:16:3e:00:00:10 172.24.4.10',
      'junk 172.24.4.11',
      'fa:16:3e:00:00:12',
      'fa:16:3e:00:00:13 172.24.4.13 172.24.4.10',
    ];
    const { exposures, denials } = addresses({ addressTexts });
    expect(exposures.map((exposure) => [exposure.address, macOf(exposure)])).toEqual([
      ['172.24.4.10', 'fa:16:3e:00:00:10'],
      ['172.24.4.13', 'fa:16:3e:00:00:13'],
    ]);
    expect(denials.map(({ code }) => code)).toEqual(['bad-mac']);
  });

  it('of type external is one where that is wanted', () => {
    const external = { type: 'external', addressTexts: ['fa:16:3e:00:00:10 172.24.4.10'] };
    expect(addresses(external).denials[0]?.message).toMatch(/expose_external_ports = true/);
    const { exposures } = addresses(external, { exposeExternal: true });
    expect(exposures.map(({ kind }) => kind)).toEqual(['external-port']);
    const elsewhere = { ...external, residence: { kind: 'elsewhere', node: 'cmp-2' } } as const;
    expect(addresses(elsewhere, { exposeExternal: true }).exposures).toEqual([]);
  });

  it.each([
    ['migrating', { kind: 'migrating', up: false, main: false }, new Set<CandidateKey>(), 2],
    ['down', { kind: 'down' }, new Set<CandidateKey>(), 0],
    ['down within its grace', { kind: 'down' }, new Set([KEY]), 2],
    ['down, while another one has grace', { kind: 'down' }, new Set([portKey('other')]), 0],
    ['elsewhere, whatever its grace', { kind: 'elsewhere', node: 'cmp-2' }, new Set([KEY]), 0],
  ] as const)('%s', (_, residence, graced, count) => {
    expect(addresses({ residence }, { graced }).exposures).toHaveLength(count);
  });

  it('uses the first localnet whose physical network is mapped here', () => {
    const localnets = [
      { ...LOCALNET, name: 'a', physicalNetwork: 'physnet9', tag: 9 },
      { ...LOCALNET, name: 'b', tag: 4094 },
      { ...LOCALNET, name: 'c', tag: 3 },
    ];
    const { exposures } = addresses({ network: { ...NETWORK, localnets } });
    expect(exposures[0]?.network).toMatchObject({ localnet: 'b', vlan: 4094 });
  });
});

describe('proxied IPv6 gateways', () => {
  const proxied = (port: Partial<WorkloadPort>, policy: Partial<ExposurePolicy> = {}) =>
    addresses(port, policy).exposures.map((exposure) => proxiedOf(exposure).join(' '));

  it('are network addresses, next hops of routers and configured ones, for IPv6 only', () => {
    const network = { ...NETWORK, gateways6: ips('fe80::1', '2001:db8::1') };
    expect(proxied({ network }, { proxyNdpAddresses: ips('2001:db8::2', '10.0.0.1') })).toEqual([
      '',
      '2001:db8:: 2001:db8::1 2001:db8::2 fe80::1',
    ]);
  });

  it('are only the configured ones where the driver proxies none', () => {
    const network = { ...NETWORK, gateways6: ips('2001:db8::3') };
    expect(proxied({ proxyNdp: false, network })).toEqual(['', '']);
    expect(proxied({ proxyNdp: false, network }, { proxyNdpAddresses: ips('2001:db8::2') })).toEqual([
      '',
      '2001:db8::2',
    ]);
  });

  it('are never an address of the port itself', () => {
    const network = { ...NETWORK, gateways6: ips('2001:db8::10') };
    expect(proxied({ network, cidrs: ['2001:db8::10/128'] })).toEqual(['', '']);
  });

  it('are addresses that can be asked for', () => {
    expect(proxied({ cidrs: ['::1/0', 'ff02::1/16', '::ffff:1.2.3.4/96'] })).toEqual(['', '']);
  });

  it('leave out words that are no prefix, and say so', () => {
    const { exposures, denials } = addresses({ cidrs: [LONG, '2001:db8::10/64'] });
    expect(exposures.map(proxiedOf)).toEqual([[], ['2001:db8::']]);
    expect(denials.map(({ code, fault }) => ({ code, fault }))).toEqual([
      { code: 'bad-address', fault: true },
    ]);
  });
});

describe('what is refused', () => {
  const network = (localnet: Partial<Localnet>) => ({
    network: { ...NETWORK, localnets: [{ ...LOCALNET, ...localnet }] },
  });
  const text = (addressText: string | undefined): Partial<WorkloadPort> => ({
    addressTexts: addressText === undefined ? [] : [addressText],
  });
  const cases: readonly [string, Partial<WorkloadPort>, DenialCode, boolean, RegExp][] = [
    ['an external port', { type: 'external' }, 'port-type', false, /"external"/],
    ['a port of a hostile type', { type: CONTROL }, 'port-type', false, /"\\u001b\[2J\\u0000\\u000a"/],
    [
      'a port elsewhere',
      { residence: { kind: 'elsewhere', node: 'cmp-2' } },
      'not-bound-here',
      false,
      /"cmp-2"/,
    ],
    [
      'a port elsewhere with a hostile name',
      { residence: { kind: 'elsewhere', node: LONG } },
      'not-bound-here',
      false,
      /10000/,
    ],
    ['an unbound port', { residence: { kind: 'nowhere' } }, 'not-bound-here', false, /no node/],
    ['a port that is switched off', { disabled: PORT.row }, 'disabled', false, /switched off/],
    ['a port that is down', { residence: { kind: 'down' } }, 'not-up', false, /not up/],
    ['no addresses', text(undefined), 'no-address', false, /no fixed address/],
    ['empty addresses', text('  '), 'no-address', false, /no fixed address/],
    ['unknown addresses', text('unknown'), 'no-address', false, /no fixed address/],
    ['unknown MAC with addresses', text('unknown 172.24.4.10'), 'no-address', false, /no fixed address/],
    ['dynamic addresses', text('dynamic'), 'no-address', false, /no fixed address/],
    ['a MAC alone', text('fa:16:3e:00:00:10'), 'no-address', false, /no IP address/],
    ['a MAC and a space', text('fa:16:3e:00:00:10 '), 'no-address', false, /no IP address/],
    ['an IP address alone', text('172.24.4.10'), 'bad-mac', true, /"172.24.4.10"/],
    ['a MAC with dashes', text('fa-16-3e-00-00-10 172.24.4.10'), 'bad-mac', true, /correct the port/],
    ['a MAC before a tab', text('fa:16:3e:00:00:10\t172.24.4.10'), 'bad-mac', true, /\\u0009/],
    ['a hostile MAC', text(`${LONG} 172.24.4.10`), 'bad-mac', true, /10000 characters/],
    [
      'an address that is none',
      text('fa:16:3e:00:00:10 172.24.4.300'),
      'bad-address',
      true,
      /"172.24.4.300"/,
    ],
    ['an address with a mask', text('fa:16:3e:00:00:10 172.24.4.10/24'), 'bad-address', true, /not an IP/],
    ['a hostile address', text(`fa:16:3e:00:00:10 ${CONTROL}${LONG}`), 'bad-address', true, /\\u001b/],
    [
      'the unspecified address',
      text('fa:16:3e:00:00:10 0.0.0.0'),
      'unannounceable',
      true,
      /inside 0.0.0.0\/8/,
    ],
    ['a loopback address', text('fa:16:3e:00:00:10 127.0.0.1'), 'unannounceable', true, /127.0.0.0\/8/],
    ['a link-local address', text('fa:16:3e:00:00:10 fe80::1'), 'unannounceable', true, /fe80::\/10/],
    ['a multicast address', text('fa:16:3e:00:00:10 ff02::1'), 'unannounceable', true, /ff00::\/8/],
    ['a mapped address', text('fa:16:3e:00:00:10 ::ffff:172.24.4.10'), 'unannounceable', true, /::ffff/],
    ['no network', { network: undefined, networkName: undefined }, 'no-network', true, /no logical switch/],
    ['an unknown network', { network: undefined, networkName: CONTROL }, 'no-network', true, /\\u001b/],
    ['a tenant network', { network: { ...NETWORK, localnets: [] } }, 'not-provider', false, /no localnet/],
    [
      'a localnet without network_name',
      network({ physicalNetwork: '' }),
      'not-provider',
      true,
      /network_name/,
    ],
    [
      'an unmapped physical network',
      network({ physicalNetwork: LONG }),
      'not-provider',
      true,
      /ovn-bridge-mappings/,
    ],
    ...[0, -1, 4095, 4096, 1.5].map((tag): [string, Partial<WorkloadPort>, DenialCode, boolean, RegExp] => [
      `VLAN ${tag}`,
      network({ tag }),
      'bad-vlan',
      true,
      new RegExp(`tag ${tag}`),
    ]),
  ];

  it.each(cases)('%s', (_, port, code, fault, message) => {
    const { exposures, denials } = addresses(port);
    expect(exposures).toEqual([]);
    expect(denials).toHaveLength(1);
    const denial = denials[0];
    expect(denial).toMatchObject({ candidate: KEY, code, fault });
    expect(denial?.message).toMatch(message);
    expect(denial?.message).toMatch(/^[\x20-\x7e]{1,600}$/);
    expect(denial?.address ?? '').toMatch(/^[\x20-\x7e]{0,120}$/);
  });

  it('names the row even when its own name is hostile', () => {
    const { denials } = addresses({
      row: row('Logical_Switch_Port', CONTROL + LONG),
      addressTexts: ['junk 1'],
    });
    expect(denials[0]?.message).toMatch(/^Logical_Switch_Port "\\u001b.{1,200}$/);
  });

  it('is only the bad one of several addresses', () => {
    const { exposures, denials } = addresses(text('fa:16:3e:00:00:10 junk 172.24.4.10 fe80::1 junk'));
    expect(exposures.map(({ address }) => address)).toEqual(['172.24.4.10']);
    expect(denials.map(({ code, address }) => ({ code, address }))).toEqual([
      { code: 'bad-address', address: '"junk"' },
      { code: 'unannounceable', address: 'fe80::1' },
    ]);
  });

  it('is what lies outside the allowed prefixes', () => {
    const allowedPrefixes = prefixes('172.24.0.0/16', '2001:db8:1::/48');
    const { exposures, denials } = addresses({}, { allowedPrefixes });
    expect(exposures.map(({ address }) => address)).toEqual(['172.24.4.10']);
    expect(denials).toMatchObject([{ code: 'not-allowed', fault: false, address: '2001:db8::10' }]);
  });
});
