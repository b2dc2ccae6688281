/**
 * Random rows of both databases for property tests: a sound cloud first, then steps that spoil columns, delete rows and
 * put them right again. Few names and UUIDs, so that they meet; references that lead nowhere; values that no sane cloud
 * has.
 */
import * as fc from 'fast-check';

/** A row to put in place, or `undefined` to delete. */
export interface RowEdit {
  readonly table: string;
  readonly uuid: string;
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

/** Edits that are made together. */
export type Step = readonly RowEdit[];

const HOSTILE = ['\u001b[2J\u0000', 'x'.repeat(2000), '__proto__', ' ', '../../etc', '\u202e'];

const one = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const some = (...values: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...values]);
const map = (
  entries: Readonly<Record<string, fc.Arbitrary<string>>>,
): fc.Arbitrary<ReadonlyMap<string, string>> =>
  fc
    .record(entries, { requiredKeys: [] })
    .map(
      (record) =>
        new Map(Object.entries(record).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    );
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

const PORTS = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9'] as const;
const networkName = one('pub', 'neutron-pub', 'vlan', 'tenant', '', HOSTILE[0] ?? '');
const ip = one(
  '172.24.4.10',
  '172.24.4.11',
  '2001:db8::10',
  '2001:db8::11',
  '127.0.0.1',
  'fe80::1',
  ...HOSTILE,
);
const addresses = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(one('fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'), fc.array(ip, { maxLength: 3 })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(one('unknown', 'dynamic', '', ...HOSTILE), fc.array(ip, { maxLength: 1 })),
  },
);
const addressSet = fc.array(
  addresses.map(([mac, ips]) => [mac, ...ips].join(' ')),
  { maxLength: 2 },
);
const physicalNetwork = one('physnet1', 'physnet2', 'physnet9', '');
const tag = maybe(fc.constantFrom(0, 100, 200, 4094, 4095));
const cidrs = one('172.24.4.10/24 2001:db8::10/64', '2001:db8:1::1/64', '', 'junk/64', ...HOSTILE);
const hosts = one('cmp-1', 'cmp-2', 'cmp-1,cmp-2', 'cmp-2,cmp-1', '', ',', ...HOSTILE);
const portType = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  one('virtual', 'localnet', 'router', 'external', 'patch', ...HOSTILE),
);

interface RandomTable {
  /** Rows of a cloud in working order, by UUID. */
  readonly sound: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What any column may become. */
  readonly columns: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

function steps(tables: Readonly<Record<string, RandomTable>>): fc.Arbitrary<readonly Step[]> {
  const foundation = Object.entries(tables).flatMap(([table, { sound }]) =>
    Object.entries(sound).map(([uuid, values]): RowEdit => ({ table, uuid, values })),
  );
  const edit = fc.oneof(
    ...Object.entries(tables).map(([table, { sound, columns }]) => ({
      weight: Object.keys(sound).length,
      arbitrary: one(...Object.keys(sound)).chain((uuid) =>
        fc
          .oneof(
            { weight: 2, arbitrary: fc.constant(sound[uuid]) },
            { weight: 1, arbitrary: fc.constant(undefined) },
            ...Object.entries(columns).map(([column, value]) => ({
              weight: 1,
              arbitrary: value.map((content) => ({ [column]: content })),
            })),
          )
          .map((values): RowEdit => ({ table, uuid, values })),
      ),
    })),
  );
  const changes = fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { maxLength: 20 });
  return changes.map((made) => [foundation, ...made]);
}

const soundPort = (number: number, network: string): Record<string, unknown> => ({
  name: `vm-${number}`,
  type: '',
  addresses: [`fa:16:3e:00:00:0${number} 172.24.4.1${number} 2001:db8::1${number}`],
  up: true,
  tag: undefined,
  options: new Map([['requested-chassis', 'cmp-1']]),
  external_ids: new Map([
    ['neutron:network_name', network],
    ['neutron:cidrs', `172.24.4.1${number}/24 2001:db8::1${number}/64`],
  ]),
});
const soundLocalnet = (name: string, vlan: number | undefined): Record<string, unknown> => ({
  name,
  type: 'localnet',
  addresses: ['unknown'],
  tag: vlan,
  options: new Map([['network_name', 'physnet1']]),
});

const NATS = ['n0', 'n1', 'n2', 'n3'] as const;
const marks = {
  'ovn-bgp-agent:expose': one('true', 'false', '', ...HOSTILE),
  'ovn-bgp-agent:tag': one('gold', ...HOSTILE),
};
const routerId = one('r-one', 'neutron-r-one', 'r-two', '', ...HOSTILE);
const portName = one('vm-1', 'vm-2', 'to-router', 'nobody', '', ...HOSTILE);
const hostingChassis = one('C1', 'C2', '', ...HOSTILE);

const MONITORS: RandomTable = {
  sound: {
    m0: { ip: '10.0.0.8', port: 80, protocol: 'tcp', logical_port: 'vm-8', status: 'offline' },
    m1: { ip: '192.168.1.31', port: 80, protocol: 'tcp', logical_port: 'vm-t1', status: 'online' },
  },
  columns: {
    ip: one('10.0.0.8', '192.168.1.31', ...HOSTILE),
    port: fc.constantFrom(80, 81),
    protocol: maybe(one('tcp', 'udp', ...HOSTILE)),
    logical_port: portName,
    status: maybe(one('online', 'offline', 'error', ...HOSTILE)),
  },
};

export const northboundSteps = steps({
  Logical_Switch: {
    sound: {
      s0: { name: 'neutron-pub', ports: ['p0', 'p1', 'p2', 'p6'], external_ids: new Map() },
      s1: { name: 'vlan', ports: ['p3', 'p4', 'p5'], external_ids: new Map() },
      s2: { name: 'tenant', ports: ['p7', 'p8', 'p9'], external_ids: new Map() },
    },
    columns: { name: networkName, ports: some(...PORTS), external_ids: map(marks) },
  },
  Logical_Switch_Port: {
    sound: {
      p0: soundLocalnet('provnet-1', undefined),
      p1: soundPort(1, 'neutron-pub'),
      p2: {
        ...soundPort(2, 'neutron-pub'),
        type: 'virtual',
        external_ids: new Map([
          ['neutron:network_name', 'neutron-pub'],
          ['neutron:host_id', 'cmp-1'],
        ]),
      },
      p3: soundLocalnet('provnet-2', 100),
      p4: { ...soundPort(4, 'vlan'), type: 'external' },
      p5: { name: 'to-router', type: 'router', up: true, options: new Map([['router-port', 'lrp1']]) },
      p6: { name: 'to-gateway', type: 'router', up: true, options: new Map([['router-port', 'lrp0']]) },
      p7: {
        name: 'to-tenant',
        type: 'router',
        up: true,
        options: new Map([['router-port', 'lrp2']]),
        external_ids: new Map([
          ['neutron:network_name', 'tenant'],
          ['neutron:device_owner', 'network:router_interface'],
          ['neutron:device_id', 'r-one'],
          ['neutron:cidrs', '10.0.0.1/24 2001:db8:1::1/64'],
        ]),
      },
      p8: { ...soundPort(8, 'tenant'), addresses: ['fa:16:3e:00:00:08 10.0.0.8'] },
      // Of plain OVN: bound by the word of the Southbound database alone.
      p9: { name: 'vm-9', type: '', up: true, addresses: ['fa:16:3e:00:00:09 10.0.0.9'] },
    },
    columns: {
      name: portName,
      type: portType,
      addresses: addressSet,
      dynamic_addresses: maybe(one('fa:16:3e:00:00:01 10.0.0.7', ...HOSTILE)),
      port_security: addressSet,
      up: maybe(fc.boolean()),
      enabled: maybe(fc.boolean()),
      tag,
      options: map({
        'requested-chassis': hosts,
        network_name: physicalNetwork,
        ethtype: one('802.11ad', '802.11q', ...HOSTILE),
        'router-port': one('lrp0', 'lrp1', 'lrp2', ''),
      }),
      external_ids: map({
        'neutron:network_name': networkName,
        'neutron:host_id': hosts,
        'neutron:cidrs': cidrs,
        'neutron:device_id': routerId,
        'neutron:device_owner': one('network:router_interface', 'network:router_gateway', ''),
        'neutron:subnet_pool_addr_scope4': one('scope', '', ...HOSTILE),
        ...marks,
      }),
    },
  },
  Logical_Router: {
    sound: {
      r0: {
        name: 'neutron-r-one',
        ports: ['l0', 'l1', 'l2'],
        static_routes: ['t0'],
        nat: ['n0', 'n1', 'n2'],
        load_balancer: ['b0'],
        options: new Map(),
      },
      r1: { name: 'r-two', ports: [], static_routes: ['t1'], nat: ['n3'], load_balancer_group: ['q0'] },
    },
    columns: {
      name: one('neutron-r-one', 'r-one', 'r-two', '', ...HOSTILE),
      ports: some('l0', 'l1', 'l2', 'l9'),
      static_routes: some('t0', 't1'),
      nat: some(...NATS, 'n9'),
      load_balancer: some('b0', 'b1', 'b2', 'b9'),
      load_balancer_group: some('q0', 'q9'),
      enabled: maybe(fc.boolean()),
      options: map({ chassis: hostingChassis }),
      external_ids: map(marks),
    },
  },
  Logical_Router_Port: {
    sound: {
      l0: {
        name: 'lrp0',
        mac: 'fa:16:3e:00:00:a0',
        networks: ['172.24.4.2/24', '2001:db8::2/64'],
        gateway_chassis: ['g0'],
        status: new Map([['hosting-chassis', 'C1']]),
        external_ids: new Map([['neutron:network_name', 'neutron-pub']]),
      },
      l1: { name: 'lrp1', mac: 'fa:16:3e:00:00:a1', networks: ['192.0.2.1/24'], gateway_chassis: ['g0'] },
      l2: { name: 'lrp2', mac: 'fa:16:3e:00:00:a2', networks: ['10.0.0.1/24'] },
    },
    columns: {
      name: one('lrp0', 'lrp1', 'lrp2', '', ...HOSTILE),
      mac: one('fa:16:3e:00:00:a0', '', ...HOSTILE),
      networks: fc.array(cidrs, { maxLength: 2 }),
      gateway_chassis: some('g0'),
      ha_chassis_group: maybe(one('h0')),
      enabled: maybe(fc.boolean()),
      status: map({ 'hosting-chassis': hostingChassis }),
      external_ids: map({ 'neutron:network_name': networkName, ...marks }),
    },
  },
  Logical_Router_Static_Route: {
    sound: {
      t0: { ip_prefix: '::/0', nexthop: '2001:db8::1' },
      t1: { ip_prefix: '::/0', nexthop: 'fe80::1' },
    },
    columns: {
      ip_prefix: one('::/0', '0::0/0', '0.0.0.0/0', '2001:db8::/32', ...HOSTILE),
      nexthop: one('2001:db8::1', 'fe80::1', '10.0.0.1', 'discard', ...HOSTILE),
      output_port: maybe(one('lrp0', 'lrp1', '')),
    },
  },
  NAT: {
    sound: {
      n0: {
        type: 'dnat_and_snat',
        external_ip: '172.24.4.100',
        external_mac: 'fa:16:3e:00:00:f0',
        logical_ip: '10.0.0.8',
        logical_port: 'vm-8',
        external_ids: new Map([['neutron:fip_network_id', 'pub']]),
      },
      n1: {
        type: 'dnat_and_snat',
        external_ip: '172.24.4.101',
        logical_ip: '10.0.0.9',
        gateway_port: 'l0',
        external_ids: new Map([['neutron:fip_network_id', 'pub']]),
      },
      n2: { type: 'snat', external_ip: '172.24.4.2', logical_ip: '10.0.0.0/24' },
      n3: {
        type: 'dnat_and_snat',
        external_ip: '172.24.4.103',
        logical_ip: '10.0.0.9',
        logical_port: 'vm-9',
      },
    },
    columns: {
      type: one('dnat_and_snat', 'snat', 'dnat', ...HOSTILE),
      external_ip: ip,
      external_mac: maybe(one('fa:16:3e:00:00:f0', '', ...HOSTILE)),
      logical_ip: one('10.0.0.0/24', '10.0.0.8', ...HOSTILE),
      logical_port: maybe(portName),
      gateway_port: maybe(one('l0', 'l1', 'l2', 'l9')),
      allowed_ext_ips: maybe(one('as0')),
      exempted_ext_ips: maybe(one('as1')),
      external_ids: map({
        'neutron:fip_network_id': one('pub', 'neutron-pub', 'tenant', '', ...HOSTILE),
        'neutron:router_name': routerId,
        ...marks,
      }),
    },
  },
  Load_Balancer: {
    sound: {
      b0: {
        name: 'web',
        vips: new Map([['10.0.0.50:80', '10.0.0.8:80']]),
        external_ids: new Map([
          ['neutron:vip', '10.0.0.50'],
          ['neutron:vip_fip', '172.24.4.100'],
          ['neutron:vip_port_id', 'vm-8'],
          ['lr_ref', 'neutron-r-one'],
        ]),
      },
      b1: {
        name: 'pf-floatingip-1-tcp',
        vips: new Map([['172.24.4.120:22', '10.0.0.8:22']]),
        external_ids: new Map([['neutron:router_name', 'r-one']]),
      },
      b2: { name: 'plain', vips: new Map([['[2001:db8::80]:80', '10.0.0.9:80']]) },
    },
    columns: {
      name: one('web', 'pf-floatingip-2', '', ...HOSTILE),
      vips: map({
        '10.0.0.50:80': one('10.0.0.8:80', ...HOSTILE),
        '[2001:db8::80]:443': one('10.0.0.8:80'),
        __proto__x: one('', ...HOSTILE),
      }),
      protocol: maybe(one('tcp', 'udp', ...HOSTILE)),
      health_check: some('hc0', 'hc9'),
      ip_port_mappings: map({ '10.0.0.8': one('vm-8:10.0.0.2', 'vm-9', ...HOSTILE) }),
      external_ids: map({
        'neutron:vip': ip,
        'neutron:vip_fip': ip,
        'neutron:vip_port_id': portName,
        'neutron:additional_vips': one('10.0.0.50,172.24.4.10', ',', ...HOSTILE),
        'neutron:additional_vip_port_ids': one('vm-1,vm-8', 'vm-8', ...HOSTILE),
        'neutron:additional_vip_fips': one('172.24.4.101', ',172.24.4.102', ...HOSTILE),
        'neutron:router_name': routerId,
        lr_ref: routerId,
        ...marks,
      }),
    },
  },
  Load_Balancer_Health_Check: {
    sound: { hc0: { vip: '10.0.0.50:80' } },
    columns: { vip: one('10.0.0.50:80', ...HOSTILE) },
  },
  Service_Monitor: MONITORS,
  Load_Balancer_Group: {
    sound: { q0: { name: 'group', load_balancer: ['b2'] } },
    columns: { load_balancer: some('b0', 'b1', 'b2') },
  },
  NB_Global: {
    sound: { g: { external_ids: new Map([['neutron:fip-distributed', 'True']]) } },
    columns: { external_ids: map({ 'neutron:fip-distributed': one('True', 'False', '', ...HOSTILE) }) },
  },
  Port_Binding: {
    sound: {
      pb0: { logical_port: 'vm-9', type: '', chassis: 'c1', up: true },
      pb1: { logical_port: 'cr-lrp1', type: 'chassisredirect', chassis: 'c2' },
      pb2: { logical_port: 'vm-4', type: 'external', chassis: 'c1', up: true },
    },
    columns: {
      logical_port: one('vm-9', 'vm-1', 'cr-lrp0', 'cr-lrp1', '', ...HOSTILE),
      type: one('', 'virtual', 'external', ...HOSTILE),
      chassis: maybe(one('c1', 'c2', 'c9')),
      additional_chassis: some('c1', 'c2'),
      up: maybe(fc.boolean()),
    },
  },
  Chassis: {
    sound: { c1: { name: 'C1' }, c2: { name: 'C2' } },
    columns: { name: one('C1', 'C2', ...HOSTILE) },
  },
});

const soundBinding = (number: number, datapath: string): Record<string, unknown> => ({
  logical_port: `vm-${number}`,
  type: number === 2 ? 'virtual' : '',
  mac: [`fa:16:3e:00:00:0${number} 172.24.4.1${number} 2001:db8::1${number}`],
  chassis: 'c1',
  additional_chassis: [],
  up: true,
  datapath,
  nat_addresses: [],
  external_ids: new Map([['neutron:cidrs', `172.24.4.1${number}/24 2001:db8::1${number}/64`]]),
});
const soundLocalnetBinding = (name: string, datapath: string): Record<string, unknown> => ({
  logical_port: name,
  type: 'localnet',
  mac: ['unknown'],
  datapath,
  options: new Map([['network_name', 'physnet1']]),
});
/** One side of a router port: a router's has interface addresses, a switch's the word `router`. */
const soundLink = (
  name: string,
  peer: string,
  datapath: string,
  values: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => ({
  logical_port: name,
  type: 'patch',
  mac: ['router'],
  datapath,
  options: new Map([['peer', peer]]),
  ...values,
});
/** A port that reserves the VIP of a load balancer. */
const soundVip = (name: string, cidr: string, datapath: string): Record<string, unknown> => ({
  logical_port: name,
  type: '',
  mac: [],
  datapath,
  external_ids: new Map([
    ['neutron:cidrs', cidr],
    ['neutron:port_name', `ovn-lb-vip-${name}`],
  ]),
});

const BINDINGS = {
  p0: soundLocalnetBinding('provnet-1', 'd0'),
  p1: soundBinding(1, 'd0'),
  p2: soundBinding(2, 'd0'),
  p3: { ...soundLocalnetBinding('provnet-2', 'd1'), tag: 100 },
  p4: soundBinding(4, 'd1'),
  p5: { ...soundBinding(5, 'd1'), type: 'external' },
  // A distributed router between the first network and a tenant's.
  g0: {
    ...soundLink('cr-gw', '', 'd3', { type: 'chassisredirect', chassis: 'c1', up: true }),
    mac: ['fa:16:3e:aa:aa:aa 172.24.4.221/24 2001:db8::221/64'],
    options: new Map([['distributed-port', 'gw']]),
  },
  g1: soundLink('gw', 'to-gw', 'd3', {
    mac: ['fa:16:3e:aa:aa:aa 172.24.4.221/24 2001:db8::221/64'],
    options: new Map([
      ['peer', 'to-gw'],
      ['chassis-redirect-port', 'cr-gw'],
    ]),
  }),
  g2: soundLink('to-gw', 'gw', 'd0', {
    nat_addresses: [
      'fa:16:3e:00:00:31 172.24.4.131 is_chassis_resident("vm-t1")',
      'fa:16:3e:aa:aa:aa 172.24.4.140 172.24.4.221 is_chassis_resident("cr-gw")',
    ],
  }),
  a1: soundLink('if', 'to-if', 'd3', { mac: ['fa:16:3e:bb:bb:bb 192.168.1.1/26 2001:db8:1::1/64'] }),
  a2: soundLink('to-if', 'if', 'd2', {
    external_ids: new Map([['neutron:subnet_pool_addr_scope4', 'scope-a']]),
  }),
  // A router that is pinned to a chassis.
  l1: soundLink('pinned', 'to-pinned', 'd4', {
    type: 'l3gateway',
    mac: ['fa:16:3e:cc:cc:cc 172.24.4.231/24'],
  }),
  l2: soundLink('to-pinned', 'pinned', 'd0', {
    type: 'l3gateway',
    nat_addresses: ['fa:16:3e:cc:cc:cc 172.24.4.231 172.24.4.232'],
  }),
  l3: soundLink('inner', 'to-inner', 'd4', { type: 'l3gateway', mac: ['fa:16:3e:cc:cc:cd 192.168.2.1/24'] }),
  l4: soundLink('to-inner', 'inner', 'd2', { type: 'l3gateway' }),
  t1: {
    ...soundBinding(1, 'd2'),
    logical_port: 'vm-t1',
    mac: ['fa:16:3e:00:00:21 192.168.1.31 2001:db8:1::31'],
  },
  t2: {
    ...soundBinding(1, 'd2'),
    logical_port: 'vm-t2',
    mac: ['unknown'],
    chassis: 'c2',
    external_ids: new Map([['neutron:cidrs', '192.168.1.32/26']]),
  },
  v1: soundVip('lb1', '192.168.1.50/26', 'd2'),
  v2: soundVip('lb2', '172.24.4.60/24', 'd0'),
} as const;

const linkName = one('gw', 'to-gw', 'cr-gw', 'if', 'to-if', 'pinned', 'to-inner', 'vm-1', ...HOSTILE);
const bindingType = fc.oneof(portType, one('patch', 'l3gateway', 'chassisredirect'));
const interfaceAddresses = fc
  .tuple(
    one('fa:16:3e:aa:aa:aa', 'unknown', ''),
    some('172.24.4.221/24', '192.168.1.1/26', '2001:db8:1::1/64', 'fe80::1/64', '::/0', '1/2/3', ...HOSTILE),
  )
  .map(([mac, cidrs]) => [[mac, ...cidrs].join(' ')]);
const natAddresses = fc.array(
  fc
    .tuple(addresses, fc.oneof(linkName, one('vm-t1', 'vm-2')), fc.constantFrom('', 'condition', 'broken'))
    .map(([[mac, ips], name, condition]) => {
      const text = [mac, ...ips].join(' ');
      if (condition === '') return text;
      return condition === 'broken'
        ? `${text} is_chassis_resident("`
        : `${text} is_chassis_resident("${name}")`;
    }),
  { maxLength: 3 },
);
const datapaths = some('d0', 'd1', 'd2', 'd3', 'd9');
const group = maybe(one('e0', 'e1', 'e9'));

export const southboundSteps = steps({
  Port_Binding: {
    sound: BINDINGS,
    columns: {
      logical_port: fc.oneof(one('vm-1', 'vm-2', 'provnet-1', ...HOSTILE), linkName),
      type: bindingType,
      mac: fc.oneof(addressSet, interfaceAddresses, fc.constant(['unknown'])),
      chassis: maybe(one('c1', 'c2', 'c9')),
      additional_chassis: some('c1', 'c2'),
      up: maybe(fc.boolean()),
      datapath: one('d0', 'd1', 'd2', 'd3', 'd4', 'd9'),
      tag,
      nat_addresses: natAddresses,
      options: map({
        network_name: physicalNetwork,
        ethtype: one('802.11ad', '802.11q', ...HOSTILE),
        peer: linkName,
        'distributed-port': linkName,
        'chassis-redirect-port': linkName,
      }),
      external_ids: map({
        'neutron:cidrs': cidrs,
        'neutron:port_name': one(
          'ovn-lb-vip-lb1',
          'ovn-lb-vip-additional-1-lb1',
          'ovn-lb-vip-',
          'vm',
          ...HOSTILE,
        ),
        'neutron:router_name': one('neutron-r', 'r', ...HOSTILE),
        'neutron:subnet_pool_addr_scope4': one('', 'scope-a', ...HOSTILE),
        'ovn-bgp-agent:expose': one('true', 'false', '', ...HOSTILE),
        'ovn-bgp-agent:tag': one('gold', '', ...HOSTILE),
      }),
    },
  },
  Datapath_Binding: {
    sound: {
      d0: { external_ids: new Map([['name', 'pub']]), type: undefined },
      d1: { external_ids: new Map([['name', 'vlan']]), type: undefined },
      d2: {
        external_ids: new Map([
          ['name', 'tenant'],
          ['logical-switch', 's2'],
        ]),
        type: undefined,
      },
      d3: {
        external_ids: new Map([
          ['name', 'neutron-r'],
          ['logical-router', 'r3'],
        ]),
        type: undefined,
      },
      d4: { external_ids: new Map([['name', 'pinned']]), type: 'logical-router' },
    },
    columns: {
      external_ids: map({ name: networkName, 'logical-switch': one('s2'), 'logical-router': one('r3') }),
      type: maybe(one('logical-router', 'logical-switch', ...HOSTILE)),
    },
  },
  Load_Balancer: {
    sound: {
      b1: { name: 'lb1', vips: new Map([['192.168.1.50:80', '192.168.1.31:80']]), datapath_group: 'e0' },
      b2: {
        name: 'lb2',
        vips: new Map([['172.24.4.60:80', '192.168.1.31:8080']]),
        lr_datapath_group: 'e1',
        datapaths: [],
      },
    },
    columns: {
      name: one('lb1', 'lb2', 'pf-floatingip-1-tcp', '', ...HOSTILE),
      vips: map({ '[2001:db8::60]:80': one(''), '172.24.4.61': one(''), junk: one('') }),
      datapaths,
      datapath_group: group,
      ls_datapath_group: group,
      lr_datapath_group: group,
      external_ids: map({ 'ovn-bgp-agent:expose': one('true', 'false') }),
    },
  },
  Service_Monitor: MONITORS,
  Logical_DP_Group: {
    sound: { e0: { datapaths: ['d2'] }, e1: { datapaths: ['d3'] } },
    columns: { datapaths },
  },
  Chassis: {
    sound: { c1: { name: 'C1' }, c2: { name: 'C2' } },
    columns: { name: one('C1', 'C2') },
  },
});
