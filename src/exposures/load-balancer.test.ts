import { describe, expect, it } from 'vitest';
import type { LoadBalancer } from '../ovn/topology.ts';
import { evaluateLoadBalancer, MAX_ADDRESSES } from './load-balancer.ts';
import { denialLines, exposureLines, ip, prefixes, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  GATEWAY_MAC,
  gateway,
  loadBalancer,
  MAPPINGS,
  on,
  PUB,
  router,
  row,
  subnet,
  TENANT,
  VLAN,
  vipPort,
} from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS });
const TENANTS = { tenant: testTenant({ exposeNetworks: true }) };
const AWAY = router([gateway('gateway', { residence: ELSEWHERE })]);

function decided(lb: LoadBalancer, policy: Partial<ExposurePolicy> = {}): readonly string[] {
  const verdict = evaluateLoadBalancer(lb, { ...POLICY, ...policy });
  return [...exposureLines(verdict), ...denialLines(verdict)];
}

describe('the VIP of a load balancer on a provider network', () => {
  const octavia = {
    vipTexts: ['172.24.4.60:80', '172.24.4.60:443'],
    vipText: '172.24.4.60',
    vipPort: vipPort(PUB),
  };
  it.each<[string, Partial<LoadBalancer>, readonly string[]]>([
    ['without MAC where its router is', {}, ['172.24.4.60 vip br-ex']],
    ['on its own network, not the gateway’s', { vipPort: vipPort(VLAN) }, ['172.24.4.60 vip br-ex.100']],
    ['not where the router is not', { routers: [AWAY] }, ['gateway-elsewhere']],
    ['not without router', { routers: [], routerName: undefined }, ['no-router']],
    ['not with an unknown router', { routers: [] }, ['!no-router']],
    ['not without gateway', { routers: [router([])] }, ['no-gateway']],
    ['not when nothing listens on it', { vipTexts: ['172.24.4.61:80'] }, ['no-vip']],
    ['not without listeners', { vipTexts: [] }, ['no-vip']],
    [
      'with members behind one of its ports',
      { emptyVipTexts: ['172.24.4.60:80'] },
      ['172.24.4.60 vip br-ex'],
    ],
    [
      'not with nothing behind it',
      { emptyVipTexts: ['172.24.4.60:80', '172.24.4.60:443'] },
      ['no-member 172.24.4.60'],
    ],
    ['not without VIP', { vipText: undefined }, ['no-vip']],
    ['not with a hostile VIP', { vipText: '172.24.4.60\n!' }, ['no-vip']],
    ['not without its port', { vipPort: undefined }, ['no-port 172.24.4.60']],
    [
      'not on an unknown network',
      { vipPort: vipPort(PUB, { network: undefined }) },
      ['!no-network 172.24.4.60'],
    ],
  ])('is exposed %s', (_, changes, lines) => {
    expect(decided(loadBalancer('octavia', { ...octavia, ...changes }))).toEqual(lines);
  });

  it('is held back by marks and allowed prefixes, but by no address scope', () => {
    const marks = { expose: { text: 'false', row: row('Load_Balancer', 'lb') } };
    expect(decided(loadBalancer('octavia', { ...octavia, marks }))).toEqual(['not-selected']);
    const lb = loadBalancer('octavia', octavia);
    expect(decided(lb, { allowedPrefixes: prefixes('10.0.0.0/8') })).toEqual(['not-allowed 172.24.4.60']);
    const tenant = testTenant({ exposeNetworks: true, addressScopes: ['a'] });
    expect(decided(lb, { tenant })).toEqual(['172.24.4.60 vip br-ex']);
  });

  it('is one of several, each on its own network with its own floating IP', () => {
    const further = {
      vipText: '172.30.0.60',
      vipPort: vipPort(VLAN),
      vipFipText: '172.24.4.150',
      vipFipMacText: undefined,
    };
    const vipTexts = [...octavia.vipTexts, '172.30.0.60:80'];
    expect(decided(loadBalancer('octavia', { ...octavia, vipTexts, additionalVips: [further] }))).toEqual([
      '172.24.4.60 vip br-ex',
      `172.24.4.150 vip-floating-ip br-ex ${GATEWAY_MAC}`,
      '172.30.0.60 vip br-ex.100',
    ]);
  });

  it('D-16: may be IPv6, in brackets', () => {
    const network = { ...PUB, gateways6: [ip('2001:db8::1')] };
    const v6 = {
      vipTexts: ['[2001:DB8::60]:80'],
      vipText: '2001:db8::60',
      vipPort: vipPort(network),
    };
    expect(decided(loadBalancer('octavia', v6))).toEqual(['2001:db8::60 vip br-ex ndp 2001:db8::1']);
  });
});

describe("the floating IP of a load balancer's VIP", () => {
  const octavia = { vipTexts: ['192.168.1.50:80', '172.24.4.150:80'], vipText: '192.168.1.50' };
  const lines = (changes: Partial<LoadBalancer>): readonly string[] =>
    decided(
      loadBalancer('octavia', {
        ...octavia,
        vipPort: vipPort(TENANT),
        vipFipText: '172.24.4.150',
        ...changes,
      }),
    ).filter((line) => /172\.24\.4\.150|^gateway-|^no-member/.test(line));

  it.each<[string, Partial<LoadBalancer>, readonly string[]]>([
    [
      'with its own MAC address',
      { vipFipMacText: 'fa:16:3e:ff:ff:50' },
      ['172.24.4.150 vip-floating-ip br-ex fa:16:3e:ff:ff:50'],
    ],
    [
      "D-27: with the gateway's, since its port is never up and gets none",
      {},
      [`172.24.4.150 vip-floating-ip br-ex ${GATEWAY_MAC}`],
    ],
    ['not with a bad MAC address', { vipFipMacText: 'junk' }, ['!bad-mac 172.24.4.150']],
    ['not where the router is not', { routers: [AWAY] }, ['gateway-elsewhere']],
    [
      'not with nothing behind it',
      { emptyVipTexts: octavia.vipTexts },
      ['no-member 192.168.1.50', 'no-member 172.24.4.150'],
    ],
    ['not without listeners', { vipTexts: [] }, ['no-member 172.24.4.150']],
    ['not without one', { vipFipText: '' }, []],
    ['not if it is no address', { vipFipText: '172.24.4.150/32' }, ['!bad-address "172.24.4.150/32"']],
  ])('is exposed %s', (_, changes, expected) => {
    expect(lines(changes)).toEqual(expected);
  });

  it('takes the gateway whose network it is in', () => {
    const other = gateway('a-first', { ...on(VLAN), addressTexts: ['172.30.0.2/24'], macText: GATEWAY_MAC });
    expect(lines({ routers: [router([other, gateway()])] })).toEqual([
      `172.24.4.150 vip-floating-ip br-ex ${GATEWAY_MAC}`,
    ]);
    expect(lines({ routers: [router([other])] })).toEqual([
      `172.24.4.150 vip-floating-ip br-ex.100 ${GATEWAY_MAC}`,
    ]);
  });
});

describe('the VIP of a load balancer on a tenant network', () => {
  const octavia = (changes: Partial<LoadBalancer> = {}, attached = subnet()): LoadBalancer =>
    loadBalancer('octavia', {
      vipTexts: ['192.168.1.50:80'],
      vipText: '192.168.1.50',
      vipPort: vipPort(TENANT, { subnets: [attached] }),
      ...changes,
    });
  const served = '192.168.1.50 tenant-vip br-ex inside 192.168.1.0/26';
  const gua = { tenant: testTenant({ exposeIpv6Gua: true }) };
  const prefix = { tenant: testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' }) };

  it.each<[string, LoadBalancer, Partial<ExposurePolicy>, string]>([
    ['inside its subnet', octavia(), TENANTS, served],
    ['only when tenant networks are', octavia(), {}, 'not-configured 192.168.1.50'],
    ['with its subnet in subnet mode', octavia(), prefix, 'not-configured 192.168.1.50'],
    ['only if globally routable', octavia(), gua, 'not-global 192.168.1.50'],
    [
      'only inside its subnet',
      octavia({ vipTexts: ['192.168.9.50:80'], vipText: '192.168.9.50' }),
      TENANTS,
      'outside-subnet 192.168.9.50',
    ],
    [
      'only through its own router',
      octavia({}, subnet({ router: router([gateway()], 'other') })),
      TENANTS,
      'no-router 192.168.1.50',
    ],
    ['only while that is attached', octavia({}, subnet({ up: false })), TENANTS, 'not-up 192.168.1.50'],
    [
      'only by allowed prefixes',
      octavia(),
      { ...TENANTS, allowedPrefixes: prefixes('192.168.1.0/28') },
      'not-allowed 192.168.1.50',
    ],
  ])('is exposed %s', (_, lb, policy, line) => {
    expect(decided(lb, policy)).toEqual([line]);
  });
});

describe('port forwarding', () => {
  const forwarding = (changes: Partial<LoadBalancer>): LoadBalancer =>
    loadBalancer('port-forwarding', changes);

  it('D-15: has every address of its keys exposed, IPv6 too, each once', () => {
    const vipTexts = ['172.24.4.171:22', '172.24.4.170:2222', '[2001:db8::170]:2222', '172.24.4.170:80'];
    expect(decided(forwarding({ vipTexts }))).toEqual([
      '172.24.4.170 port-forwarding br-ex',
      '172.24.4.171 port-forwarding br-ex',
      '2001:db8::170 port-forwarding br-ex',
    ]);
  });

  it('is nothing without keys, or where the router is not', () => {
    expect(decided(forwarding({}))).toEqual(['no-vip']);
    expect(decided(forwarding({ vipTexts: ['172.24.4.170:22'], routers: [AWAY] }))).toEqual([
      'gateway-elsewhere',
    ]);
  });

  it('loses only the keys that are wrong', () => {
    const vipTexts = ['172.24.4.170:22', 'x', '\u001b[2J', '127.0.0.1:22'];
    const verdict = evaluateLoadBalancer(forwarding({ vipTexts }), POLICY);
    expect(exposureLines(verdict)).toEqual(['172.24.4.170 port-forwarding br-ex']);
    expect(denialLines(verdict)).toEqual(['!bad-address', '!unannounceable 127.0.0.1']);
    expect(verdict.denials[0]?.message).toBe(
      'Load_Balancer "lb": key "\\u001b[2J" and 1 more of its vips is no address with or without a port',
    );
  });

  it('has an end to its addresses: the surplus of a huge row is one fault', () => {
    const vipTexts = Array.from({ length: 5_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}:80`);
    const verdict = evaluateLoadBalancer(forwarding({ vipTexts }), POLICY);
    expect(verdict.exposures).toHaveLength(MAX_ADDRESSES);
    expect(denialLines(verdict)).toEqual(['!too-many']);
    expect(verdict.denials[0]?.message).toMatch(/5000 addresses; the last 3976 are not exposed/);
  });

  it('says once that a huge row is all wrong', () => {
    const vipTexts = Array.from({ length: 5_000 }, (_, n) => `junk ${n}`);
    expect(decided(forwarding({ vipTexts }))).toEqual(['!bad-address']);
  });
});

describe('a load balancer that was made in OVN', () => {
  const plain = (changes: Partial<LoadBalancer>): readonly string[] =>
    decided(loadBalancer('plain', { subnets: [subnet()], ...changes }), TENANTS);

  it('is exposed with what is in the network of the gateway, which answers for it', () => {
    expect(plain({ vipTexts: ['172.24.4.80:80', '[2001:db8::80]:80'] })).toEqual([
      '172.24.4.80 vip br-ex',
      '2001:db8::80 vip br-ex',
    ]);
  });

  it('is not exposed by a template, which is no fault', () => {
    const lb = loadBalancer('plain', { vipTexts: ['^vip:80', '172.24.4.80:80'], subnets: [subnet()] });
    const { denials } = evaluateLoadBalancer(lb, POLICY);
    expect(plain({ vipTexts: ['^vip:80', '172.24.4.80:80'] })).toEqual([
      '172.24.4.80 vip br-ex',
      'template ^vip:80',
    ]);
    expect(denials[0]?.message).toMatch(/^Load_Balancer "lb": key "\^vip:80" of its vips is a template/);
  });

  it('has what is in no network sent to the gateway port', () => {
    expect(plain({ vipTexts: ['203.0.113.7:80'] })).toEqual([`203.0.113.7 vip br-ex ${GATEWAY_MAC}`]);
  });

  it('keeps what is in a tenant network there, unless that is exposed', () => {
    const vipTexts = ['192.168.1.50:80'];
    expect(plain({ vipTexts })).toEqual(['192.168.1.50 tenant-vip br-ex inside 192.168.1.0/26']);
    expect(decided(loadBalancer('plain', { vipTexts, subnets: [subnet()] }))).toEqual([
      'not-configured 192.168.1.50',
    ]);
  });

  it('takes the gateway whose network it is in', () => {
    const other = gateway('a-first', { ...on(VLAN), addressTexts: ['172.30.0.2/24'] });
    const routers = [router([other, gateway()])];
    expect(plain({ routers, vipTexts: ['172.24.4.80', '172.30.0.80', '203.0.113.7'] })).toEqual([
      '172.24.4.80 vip br-ex',
      '172.30.0.80 vip br-ex.100',
      `203.0.113.7 vip br-ex.100 ${GATEWAY_MAC}`,
    ]);
  });

  it('is left to the gateway whose network it is in, where that is elsewhere', () => {
    const other = gateway('a-first', { ...on(VLAN), addressTexts: ['172.30.0.2/24'], residence: ELSEWHERE });
    const routers = [router([other, gateway()])];
    expect(plain({ routers, vipTexts: ['172.30.0.80', '203.0.113.7'] })).toEqual([
      `203.0.113.7 vip br-ex ${GATEWAY_MAC}`,
      'gateway-elsewhere 172.30.0.80',
    ]);
  });

  it('loses the addresses of which no member is online, where that counts', () => {
    const vipTexts = ['172.24.4.80:80', '172.24.4.80:443', '172.24.4.81:80', '172.24.4.82:80'];
    const offlineVipTexts = ['172.24.4.80:80', '172.24.4.81:80'];
    expect(plain({ vipTexts, offlineVipTexts, emptyVipTexts: ['172.24.4.82:80'] })).toEqual([
      '172.24.4.80 vip br-ex',
      'no-member-online 172.24.4.81',
      'no-member 172.24.4.82',
    ]);
  });

  it('loses the addresses with nothing behind them', () => {
    const vipTexts = ['172.24.4.80:80', '172.24.4.80:443', '172.24.4.81:80'];
    expect(plain({ vipTexts, emptyVipTexts: ['172.24.4.80:80', '172.24.4.81:80'] })).toEqual([
      '172.24.4.80 vip br-ex',
      'no-member 172.24.4.81',
    ]);
  });
});
