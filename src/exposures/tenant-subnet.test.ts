import { describe, expect, it } from 'vitest';
import type { Subnet } from '../ovn/topology.ts';
import { evaluateSubnet } from './tenant-subnet.ts';
import { denialLines, exposureLines, prefixes, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  GATEWAY_MAC,
  gateway,
  MAPPINGS,
  on,
  PUB,
  router,
  row,
  subnet,
  TENANT,
} from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const HOST = testPolicy({ bridgeMappings: MAPPINGS, tenant: testTenant({ exposeNetworks: true }) });
const SUBNET = {
  ...HOST,
  tenant: testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' }),
};

function decided(changes: Partial<Subnet>, policy: ExposurePolicy = SUBNET): readonly string[] {
  const verdict = evaluateSubnet(subnet(changes), policy);
  return [...exposureLines(verdict), ...denialLines(verdict)];
}

const SERVED = `192.168.1.0/26 tenant-subnet br-ex via 172.24.4.221 ${GATEWAY_MAC}`;

describe('a tenant subnet', () => {
  it('is announced or only wired, and says why', () => {
    expect(decided({})).toEqual([SERVED]);
    expect(decided({}, HOST)).toEqual([`${SERVED} (wired only)`]);
    const { exposures } = evaluateSubnet(subnet(), SUBNET);
    expect(exposures[0]?.because.map((reason) => [reason.row.name, reason.note])).toEqual([
      ['interface', 'tenant network announced as a prefix'],
      ['gateway', 'gateway port active on this node'],
      ['provnet-1', 'physical network "physnet1", untagged, bridge br-ex'],
    ]);
  });

  it('D-09: has no host bits; D-07: is every one of the interface, once', () => {
    const addressTexts = ['192.168.1.1/26', '192.168.1.2/26', '10.1.2.3/16', 'fd00:1::1/64'];
    expect(decided({ addressTexts })).toEqual([
      `10.1.0.0/16 tenant-subnet br-ex via 172.24.4.221 ${GATEWAY_MAC}`,
      SERVED,
      `fd00:1::/64 tenant-subnet br-ex via 2001:db8::221 ${GATEWAY_MAC}`,
    ]);
  });

  const first = gateway('a-first', { addressTexts: ['2001:db8::9/64'], macText: 'fa:16:3e:00:00:09' });
  it.each<[string, Partial<Subnet>, readonly string[]]>([
    ['through the gateway that has its family', { router: router([first, gateway()]) }, [SERVED]],
    [
      'through the gateway that is here',
      { router: router([{ ...first, residence: ELSEWHERE }, gateway()]), addressTexts: ['fd00::1/64'] },
      [`fd00::/64 tenant-subnet br-ex via 2001:db8::221 ${GATEWAY_MAC}`],
    ],
    [
      'asking for the neighbour where the gateway has no MAC address',
      { router: router([gateway('gateway', { macText: 'junk' })]) },
      ['192.168.1.0/26 tenant-subnet br-ex via 172.24.4.221'],
    ],
    ['not without gateway of its family', { router: router([first]) }, ['no-gateway 192.168.1.0/26']],
    [
      'not where no gateway is',
      { router: router([gateway('g', { residence: ELSEWHERE })]) },
      ['gateway-elsewhere'],
    ],
    [
      'not through a gateway on a tenant network',
      { router: router([gateway('g', on(TENANT))]) },
      ['not-provider'],
    ],
    ['not without gateway', { router: router([]) }, ['no-gateway']],
    ['not with an unknown router', { router: undefined, routerName: 'gone' }, ['!no-router']],
    ['not without router', { router: undefined }, ['no-router']],
    ['not while down', { up: false }, ['not-up']],
    ['not while switched off', { disabled: row('Logical_Router', 'router') }, ['disabled']],
    [
      'not through a gateway that is switched off',
      { router: router([gateway('gateway', { disabled: row('Logical_Switch_Port', 'side') })]) },
      ['disabled'],
    ],
    ['not on a provider network, whose ports are exposed themselves', on(PUB), ['not-a-subnet']],
    ["not if it is the gateway's", { addressTexts: ['172.24.4.221/24'] }, ['not-a-subnet 172.24.4.0/24']],
    ['not without address', { addressTexts: [] }, ['no-address']],
    ['not with a bad address', { addressTexts: ['192.168.1.1/33'] }, ['!bad-address "192.168.1.1/33"']],
    ['not if it is everything', { addressTexts: ['192.168.1.1/0'] }, ['!unannounceable 0.0.0.0/0']],
    ['not if it covers loopback', { addressTexts: ['64.0.0.1/2'] }, ['!unannounceable 64.0.0.0/2']],
  ])('is exposed %s', (_, changes, lines) => {
    expect(decided(changes)).toEqual(lines);
  });

  it('is nothing while tenant networks are not exposed', () => {
    expect(decided({}, testPolicy({ bridgeMappings: MAPPINGS }))).toEqual(['not-configured']);
  });
});

describe('filters of tenant subnets', () => {
  const tenant = SUBNET.tenant;
  const nat = (logicalIpText: string): Partial<Subnet> => ({
    sourceNats: [{ row: row('NAT', 'snat'), logicalIpText }],
  });
  const guarded = { ...SUBNET, tenant: { ...tenant, requireSnatDisabled: true } };

  it.each<[string, string]>([
    ['192.168.1.0/26', 'source-nat 192.168.1.0/26'],
    ['192.168.0.0/16', 'source-nat 192.168.1.0/26'],
    ['0.0.0.0/0', 'source-nat 192.168.1.0/26'],
    ['192.168.2.0/24', SERVED],
    ['192.168.1.31', SERVED],
    ['junk', SERVED],
  ])('source translation of %s', (logicalIp, line) => {
    expect(decided(nat(logicalIp), guarded)).toEqual([line]);
    expect(decided(nat(logicalIp))).toEqual([SERVED]);
  });

  it('address scopes count by family', () => {
    const scoped = { ...SUBNET, tenant: { ...tenant, addressScopes: ['a', 'b'] } };
    const addressTexts = ['192.168.1.1/26', 'fd00::1/64'];
    const v6 = `fd00::/64 tenant-subnet br-ex via 2001:db8::221 ${GATEWAY_MAC}`;
    expect(decided({ addressTexts, scopes: { scope4: 'b', scope6: 'a' } }, scoped)).toEqual([SERVED, v6]);
    expect(decided({ addressTexts, scopes: { scope4: 'c', scope6: 'a' } }, scoped)).toEqual([
      v6,
      'address-scope 192.168.1.0/26',
    ]);
    expect(decided({ scopes: { scope6: 'a' } }, scoped)).toEqual(['address-scope 192.168.1.0/26']);
  });

  it('expose_tenant_networks wins over the limit to globally routable addresses', () => {
    const addressTexts = ['192.168.1.1/26', '2a02:26f0:10::1/64', '2001:db8:1::1/64'];
    const both = { ...SUBNET, tenant: { ...tenant, exposeIpv6Gua: true } };
    const gua = { ...SUBNET, tenant: { ...tenant, exposeIpv6Gua: true, exposeNetworks: false } };
    expect(decided({ addressTexts }, both)).toHaveLength(3);
    expect(decided({ addressTexts }, gua)).toEqual([
      `2a02:26f0:10::/64 tenant-subnet br-ex via 2001:db8::221 ${GATEWAY_MAC}`,
      'not-global 192.168.1.0/26',
      'not-global 2001:db8:1::/64',
    ]);
  });

  it('allowed prefixes must hold an announced prefix, and have room in one that is only wired', () => {
    const allowed = (policy: ExposurePolicy, text: string): readonly string[] =>
      decided({}, { ...policy, allowedPrefixes: prefixes(text) });
    expect(allowed(SUBNET, '192.168.0.0/16')).toEqual([SERVED]);
    expect(allowed(SUBNET, '192.168.1.0/28')).toEqual(['not-allowed 192.168.1.0/26']);
    expect(allowed(HOST, '192.168.1.0/28')).toEqual([`${SERVED} (wired only)`]);
    expect(allowed(HOST, '192.168.2.0/24')).toEqual(['not-allowed 192.168.1.0/26']);
  });

  it('marks select what is announced; what is only wired needs none', () => {
    const marks = (text: string): Partial<Subnet> => ({
      marks: { expose: { text, row: row('Logical_Router', 'r') } },
    });
    const unmarked = { exposeUnmarked: false };
    expect(decided({}, { ...SUBNET, ...unmarked })).toEqual(['not-selected']);
    expect(decided(marks('true'), { ...SUBNET, ...unmarked })).toEqual([SERVED]);
    expect(decided({}, { ...HOST, ...unmarked })).toEqual([`${SERVED} (wired only)`]);
    expect(decided(marks('false'), SUBNET)).toEqual(['not-selected']);
    expect(decided(marks('false'), HOST)).toEqual(['not-selected']);
    expect(decided(marks('nein'), HOST)).toEqual(['!bad-mark']);
  });
});
