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

const HOSTILE = ['\u001b[2J\u0000', 'x'.repeat(10_000), '__proto__', ' ', '../../etc', '\u202e'];

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

const PORTS = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'] as const;
const networkName = one('pub', 'vlan', 'tenant', '', HOSTILE[0] ?? '');
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
  const changes = fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { maxLength: 30 });
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

export const northboundSteps = steps({
  Logical_Switch: {
    sound: {
      s0: { name: 'pub', ports: ['p0', 'p1', 'p2'] },
      s1: { name: 'vlan', ports: ['p3', 'p4', 'p5'] },
      s2: { name: 'tenant', ports: [] },
    },
    columns: { name: networkName, ports: some(...PORTS) },
  },
  Logical_Switch_Port: {
    sound: {
      p0: soundLocalnet('provnet-1', undefined),
      p1: soundPort(1, 'pub'),
      p2: soundPort(2, 'pub'),
      p3: soundLocalnet('provnet-2', 100),
      p4: soundPort(4, 'vlan'),
      p5: { name: 'to-router', type: 'router', options: new Map([['router-port', 'lrp1']]) },
    },
    columns: {
      name: one('vm-1', 'vm-2', 'provnet-1', ...HOSTILE),
      type: portType,
      addresses: addressSet,
      up: maybe(fc.boolean()),
      tag,
      options: map({
        'requested-chassis': hosts,
        network_name: physicalNetwork,
        'router-port': one('lrp0', 'lrp1'),
      }),
      external_ids: map({
        'neutron:network_name': networkName,
        'neutron:host_id': hosts,
        'neutron:cidrs': cidrs,
      }),
    },
  },
  Logical_Router: {
    sound: { r0: { ports: ['l0', 'l1'], static_routes: ['t0'] }, r1: { ports: [], static_routes: ['t1'] } },
    columns: {
      ports: some('l0', 'l1'),
      static_routes: some('t0', 't1'),
      options: map({ chassis: one('C1') }),
    },
  },
  Logical_Router_Port: {
    sound: {
      l0: { name: 'lrp0', gateway_chassis: ['g0'], external_ids: new Map([['neutron:network_name', 'pub']]) },
      l1: { name: 'lrp1', gateway_chassis: ['g0'] },
    },
    columns: {
      name: one('lrp0', 'lrp1'),
      gateway_chassis: some('g0'),
      status: map({ 'hosting-chassis': one('C1', 'C2') }),
      external_ids: map({ 'neutron:network_name': networkName }),
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
  p5: soundBinding(5, 'd1'),
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
        peer: linkName,
        'distributed-port': linkName,
        'chassis-redirect-port': linkName,
      }),
      external_ids: map({
        'neutron:cidrs': cidrs,
        'neutron:port_name': one('ovn-lb-vip-lb1', 'ovn-lb-vip-', 'vm', ...HOSTILE),
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
      b2: { name: 'lb2', vips: new Map([['172.24.4.60:80', '']]), lr_datapath_group: 'e1', datapaths: [] },
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
  Logical_DP_Group: {
    sound: { e0: { datapaths: ['d2'] }, e1: { datapaths: ['d3'] } },
    columns: { datapaths },
  },
  Chassis: {
    sound: { c1: { name: 'C1' }, c2: { name: 'C2' } },
    columns: { name: one('C1', 'C2') },
  },
});
