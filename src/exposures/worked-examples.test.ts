/** Small clouds in working order, as whole tables of what one node exposes. */
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  candidateKey,
  type FloatingIp,
  type GatewayPort,
  type LoadBalancer,
  type NatAddresses,
  type Residence,
  type Subnet,
  type WorkloadPort,
} from '../ovn/topology.ts';
import { evaluate } from './evaluate.ts';
import { exposureLines, ip, mac, testPolicy, testTenant } from './testing.ts';
import {
  ELSEWHERE,
  floatingIp,
  gateway,
  HERE,
  loadBalancer,
  MAPPINGS,
  natPort,
  on,
  PUB,
  port,
  router,
  row,
  subnet,
  TENANT,
  topologyOf,
  VLAN,
  vipPort,
} from './testing-records.ts';
import type { ExposurePolicy } from './types.ts';

const POLICY = testPolicy({ bridgeMappings: MAPPINGS });
const TENANTS = { tenant: testTenant({ exposeNetworks: true }) };

function exposed(candidates: readonly Candidate[], policy: Partial<ExposurePolicy> = {}): readonly string[] {
  return exposureLines(evaluate(topologyOf(...candidates), { ...POLICY, ...policy }));
}

const VM_FLAT = port('vm-flat', {
  addressTexts: ['fa:16:3e:00:00:10 172.24.4.10 2001:db8::10'],
  cidrs: ['172.24.4.10/24', '2001:db8::10/64'],
});
const FLAT_LINES = [
  '172.24.4.10 provider-port br-ex fa:16:3e:00:00:10',
  '2001:db8::10 provider-port br-ex fa:16:3e:00:00:10 ndp 2001:db8::',
];
const GATEWAY_LINES = [
  '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa',
  '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8::',
];

describe('example 1: a VM on a flat provider network', () => {
  it('is exposed with both addresses; one elsewhere is not', () => {
    const other = port('vm-other', {
      addressTexts: ['fa:16:3e:00:00:11 172.24.4.11'],
      residence: ELSEWHERE,
    });
    expect(exposed([VM_FLAT, other])).toEqual(FLAT_LINES);
  });

  it('D-10: has a custom IPv6 gateway answered for, too', () => {
    const custom = { ...PUB, gateways6: [ip('2001:db8::1')] };
    expect(exposed([{ ...VM_FLAT, ...on(custom) }])[1]).toBe(`${FLAT_LINES[1]} ndp 2001:db8::1`);
  });
});

it('example 2: a VM on VLAN 100 is exposed through the VLAN device', () => {
  const vm = port('vm-vlan', { ...on(VLAN), addressTexts: ['fa:16:3e:00:00:20 172.30.0.20'] });
  expect(exposed([vm])).toEqual(['172.30.0.20 provider-port br-ex.100 fa:16:3e:00:00:20']);
});

describe('example 3: a distributed floating IP', () => {
  const vm = port('vm-t1', { ...on(TENANT), addressTexts: ['fa:16:3e:00:00:31 192.168.1.31'] });
  const fip = floatingIp({ externalMacText: 'fa:16:3e:ff:ff:31', gateways: [] });

  it('is exposed where its VM is, and the VM itself is not', () => {
    expect(exposed([vm, fip])).toEqual(['172.24.4.131 floating-ip br-ex fa:16:3e:ff:ff:31']);
  });

  it('is nothing without its MAC address', () => {
    expect(exposed([vm, { ...fip, externalMacText: undefined }])).toEqual([]);
  });
});

describe('example 4: a centralised floating IP', () => {
  const cloud = (residence: Residence): readonly Candidate[] => {
    const active = gateway('gateway', { residence });
    return [
      active,
      floatingIp({ mode: 'centralised', gateways: [active], port: natPort('vm-t1', ELSEWHERE) }),
    ];
  };

  it('is exposed where the gateway is, with its MAC address', () => {
    expect(exposed(cloud(HERE))).toEqual([
      '172.24.4.131 central-floating-ip br-ex fa:16:3e:aa:aa:aa',
      ...GATEWAY_LINES,
    ]);
  });

  it('D-06: leaves with the gateway, at once and completely', () => {
    expect(exposed(cloud(ELSEWHERE))).toEqual([]);
  });
});

const INTERFACE = subnet();
const HOSTS: readonly WorkloadPort[] = [
  port('vm-t1', {
    ...on(TENANT),
    addressTexts: ['fa:16:3e:00:00:31 192.168.1.31'],
    subnets: [INTERFACE],
  }),
  port('vm-t2', {
    ...on(TENANT),
    addressTexts: ['fa:16:3e:00:00:32 192.168.1.32'],
    residence: ELSEWHERE,
    subnets: [INTERFACE],
  }),
];
const SUBNET_LINE = '192.168.1.0/26 tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa';

/** The tenant network behind another interface: the hosts refer to what the interface has become. */
function tenantCloud(changes: Partial<Subnet> = {}, hosts = HOSTS): readonly Candidate[] {
  const attached = subnet(changes);
  const gateways: readonly GatewayPort[] = attached.router?.gateways ?? [];
  return [...gateways, attached, ...hosts.map((host) => ({ ...host, subnets: [attached] }))];
}

describe('example 5: tenant hosts', () => {
  it('are exposed on the node of the gateway, wherever they run; D-09: the rule is for the network', () => {
    expect(exposed(tenantCloud(), TENANTS)).toEqual([
      ...GATEWAY_LINES.slice(0, 1),
      `${SUBNET_LINE} (wired only)`,
      '192.168.1.31 tenant-host br-ex inside 192.168.1.0/26',
      '192.168.1.32 tenant-host br-ex inside 192.168.1.0/26',
      ...GATEWAY_LINES.slice(1),
    ]);
  });

  it('are nothing on any other node', () => {
    const away = router([gateway('gateway', { residence: ELSEWHERE })]);
    expect(exposed(tenantCloud({ router: away }), TENANTS)).toEqual([]);
  });
});

describe('example 6: a tenant prefix', () => {
  const policy = { tenant: testTenant({ exposeNetworks: true, advertisementMethod: 'subnet' }) };

  it('is announced as such, without hosts', () => {
    expect(exposed(tenantCloud(), policy)).toEqual([GATEWAY_LINES[0], SUBNET_LINE, GATEWAY_LINES[1]]);
  });

  it('goes with its interface', () => {
    expect(exposed(tenantCloud({ up: false }), policy)).toEqual(GATEWAY_LINES);
  });
});

it('example 7: load balancers', () => {
  const vips: readonly LoadBalancer[] = [
    loadBalancer(
      'octavia',
      {
        vipTexts: ['192.168.1.50:80', '172.24.4.150:80'],
        vipText: '192.168.1.50',
        vipFipText: '172.24.4.150',
        vipFipMacText: 'fa:16:3e:ff:ff:50',
        vipPort: vipPort(TENANT, { subnets: [INTERFACE] }),
      },
      'lb1',
    ),
    loadBalancer(
      'octavia',
      { vipTexts: ['172.24.4.60:80'], vipText: '172.24.4.60', vipPort: vipPort(PUB) },
      'lb2',
    ),
    loadBalancer('port-forwarding', { vipTexts: ['172.24.4.170:2222'] }, 'pf-floatingip-1-tcp'),
  ];
  expect(exposed([INTERFACE, ...vips], TENANTS)).toEqual([
    '172.24.4.60 vip br-ex',
    '172.24.4.150 vip-floating-ip br-ex fa:16:3e:ff:ff:50',
    '172.24.4.170 port-forwarding br-ex',
    `${SUBNET_LINE} (wired only)`,
    '192.168.1.50 tenant-vip br-ex inside 192.168.1.0/26',
  ]);
});

describe('example 8: filters of tenant networks', () => {
  it('keep in what is translated', () => {
    const nat = { row: row('NAT', 'snat'), logicalIpText: '192.168.1.0/26' };
    const tenant = testTenant({ exposeNetworks: true, requireSnatDisabled: true });
    expect(exposed(tenantCloud({ sourceNats: [nat] }), { tenant })).toEqual(GATEWAY_LINES);
    expect(exposed(tenantCloud({ sourceNats: [nat] }), TENANTS)).toHaveLength(5);
  });

  it('keep in what has no address scope', () => {
    const tenant = testTenant({ exposeNetworks: true, addressScopes: ['aaaa'] });
    expect(exposed(tenantCloud(), { tenant })).toEqual(GATEWAY_LINES);
    expect(exposed(tenantCloud({ scopes: { scope4: 'aaaa' } }), { tenant })).toHaveLength(5);
  });

  it('let out globally routable addresses alone; D-07: the interface has two subnets', () => {
    const tenant = testTenant({ exposeIpv6Gua: true });
    const addressTexts = ['192.168.1.1/26', '2a02:26f0:10::1/64'];
    const host = port('vm-t1', {
      ...on(TENANT),
      addressTexts: ['fa:16:3e:00:00:31 192.168.1.31 2a02:26f0:10::31'],
    });
    expect(exposed(tenantCloud({ addressTexts }, [host]), { tenant })).toEqual([
      ...GATEWAY_LINES,
      '2a02:26f0:10::/64 tenant-subnet br-ex via 2001:db8::221 fa:16:3e:aa:aa:aa (wired only)',
      '2a02:26f0:10::31 tenant-host br-ex inside 2a02:26f0:10::/64',
    ]);
  });
});

describe('example 11: the Southbound database', () => {
  const binding = (name: string, changes: Partial<WorkloadPort>): WorkloadPort =>
    port(name, {
      row: row('Port_Binding', name, 'southbound'),
      neighbor: false,
      proxyNdp: false,
      ...changes,
    });
  const cloud = (residence: Residence): readonly Candidate[] => {
    const active = gateway('cr-lrp-gw', { residence });
    const behind = router([active]);
    const attached = subnet({ router: behind });
    const resident = (name: string, where: Residence): NatAddresses['resident'] => natPort(name, where);
    const entries: readonly NatAddresses[] = [
      {
        text: 'fa:16:3e:ff:ff:31 172.24.4.131 is_chassis_resident("vm-t1")',
        addressTexts: ['172.24.4.131'],
        residentName: 'vm-t1',
        resident: resident('vm-t1', HERE),
      },
      {
        text: 'fa:16:3e:aa:aa:aa 172.24.4.140 172.24.4.221 is_chassis_resident("cr-lrp-gw")',
        addressTexts: ['172.24.4.140', '172.24.4.221'],
        residentName: 'cr-lrp-gw',
        resident: { key: active.key, row: active.row, type: 'chassisredirect', residence },
      },
    ];
    const host = (name: string, changes: Partial<WorkloadPort>): WorkloadPort =>
      binding(name, { ...on(TENANT), subnets: [attached], ...changes });
    const octavia = { routers: [behind], routerName: undefined };
    return [
      active,
      attached,
      binding('vm-flat', { addressTexts: VM_FLAT.addressTexts }),
      binding('vm-virt', {
        type: 'virtual',
        addressTexts: ['fa:16:3e:00:00:77 172.24.4.77 2001:db8::77'],
        cidrs: ['172.24.4.77/24', '2001:db8::77/64'],
        proxyNdp: true,
      }),
      {
        kind: 'nat',
        from: 'nat-addresses',
        subnets: [],
        key: candidateKey('nat', 'gw'),
        row: row('Port_Binding', 'gw', 'southbound'),
        ...on(PUB),
        entries,
        memberless: [],
        marks: {},
      },
      host('vm-t1', { addressTexts: ['fa:16:3e:00:00:31 192.168.1.31'] }),
      host('vm-t2', { addressTexts: ['fa:16:3e:00:00:32 192.168.1.32'], residence: ELSEWHERE }),
      host('vm-t3', { addressTexts: ['unknown'], cidrs: ['192.168.1.33/26'], residence: ELSEWHERE }),
      loadBalancer(
        'octavia',
        {
          ...octavia,
          vipTexts: ['192.168.1.50:80'],
          vipText: '192.168.1.50',
          vipPort: vipPort(TENANT, { subnets: [attached] }),
        },
        'lb1',
      ),
      loadBalancer(
        'octavia',
        { ...octavia, vipTexts: ['172.24.4.60:80'], vipText: '172.24.4.60', vipPort: vipPort(PUB) },
        'lb2',
      ),
    ];
  };
  const stays = [
    '172.24.4.10 provider-port br-ex',
    '172.24.4.77 virtual-port br-ex',
    '172.24.4.131 floating-ip br-ex',
    '2001:db8::10 provider-port br-ex',
    '2001:db8::77 virtual-port br-ex ndp 2001:db8::',
  ];

  it('has MAC addresses for gateways alone', () => {
    const goes = [
      '172.24.4.60 vip br-ex',
      '172.24.4.140 central-floating-ip br-ex',
      ...GATEWAY_LINES,
      `${SUBNET_LINE} (wired only)`,
      ...['31', '32', '33'].map((end) => `192.168.1.${end} tenant-host br-ex inside 192.168.1.0/26`),
      '192.168.1.50 tenant-vip br-ex inside 192.168.1.0/26',
    ];
    expect([...exposed(cloud(HERE), TENANTS)].sort()).toEqual([...stays, ...goes].sort());
  });

  it('D-06: keeps what is here when the gateway moves away', () => {
    expect([...exposed(cloud(ELSEWHERE), TENANTS)].sort()).toEqual([...stays].sort());
  });

  it("finds no fault in a gateway's address that stands among the translated ones", () => {
    const { denials } = evaluate(topologyOf(...cloud(HERE)), { ...POLICY, ...TENANTS });
    expect(denials.filter(({ fault }) => fault)).toEqual([]);
  });
});

describe('example 14: D-29: a live migration', () => {
  const FIP_MAC = 'fa:16:3e:ff:ff:10';
  const fipKey = candidateKey('nat', 'fip');
  const steps = (residence: Residence, externalMacText: string | undefined): [WorkloadPort, FloatingIp] => [
    { ...VM_FLAT, residence },
    floatingIp({ port: natPort('vm-flat', residence), logicalPortName: 'vm-flat', externalMacText }),
  ];
  const remembered = { lastMacs: new Map([[fipKey, mac(FIP_MAC)]]) };
  const graced = { ...remembered, graced: new Set([VM_FLAT.key]) };
  const all = [FLAT_LINES[0], `172.24.4.131 floating-ip br-ex ${FIP_MAC}`, FLAT_LINES[1]];

  it.each<[string, Residence, string | undefined, Partial<ExposurePolicy>, readonly (string | undefined)[]]>([
    ['the source, up', { kind: 'migrating', up: true, main: true }, FIP_MAC, {}, all],
    ['the source, down', { kind: 'migrating', up: false, main: true }, undefined, remembered, all],
    // OVN translates on the source until the port has moved: what reached the destination would be lost.
    ['the destination, before', { kind: 'migrating', up: true, main: false }, FIP_MAC, {}, FLAT_LINES],
    ['the source, afterwards', { kind: 'elsewhere', node: 'cmp-2' }, undefined, graced, []],
    ['the destination, not up yet', { kind: 'down' }, undefined, graced, all],
    ['the destination, up', { kind: 'here' }, FIP_MAC, {}, all],
    ['the destination, not up within the grace', { kind: 'down' }, undefined, remembered, []],
  ])('%s', (_, residence, externalMac, policy, lines) => {
    expect(exposed(steps(residence, externalMac), policy)).toEqual(lines);
  });
});
