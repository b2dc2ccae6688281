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
  external_ids: new Map([['neutron:cidrs', `172.24.4.1${number}/24 2001:db8::1${number}/64`]]),
});
const soundLocalnetBinding = (name: string, datapath: string): Record<string, unknown> => ({
  logical_port: name,
  type: 'localnet',
  mac: ['unknown'],
  datapath,
  options: new Map([['network_name', 'physnet1']]),
});

export const southboundSteps = steps({
  Port_Binding: {
    sound: {
      p0: soundLocalnetBinding('provnet-1', 'd0'),
      p1: soundBinding(1, 'd0'),
      p2: soundBinding(2, 'd0'),
      p3: { ...soundLocalnetBinding('provnet-2', 'd1'), tag: 100 },
      p4: soundBinding(4, 'd1'),
      p5: soundBinding(5, 'd1'),
    },
    columns: {
      logical_port: one('vm-1', 'vm-2', 'provnet-1', ...HOSTILE),
      type: portType,
      mac: addressSet,
      chassis: maybe(one('c1', 'c2', 'c9')),
      additional_chassis: some('c1', 'c2'),
      up: maybe(fc.boolean()),
      datapath: one('d0', 'd1', 'd2'),
      tag,
      options: map({ network_name: physicalNetwork }),
      external_ids: map({ 'neutron:cidrs': cidrs }),
    },
  },
  Datapath_Binding: {
    sound: {
      d0: { external_ids: new Map([['name', 'pub']]) },
      d1: { external_ids: new Map([['name', 'vlan']]) },
    },
    columns: { external_ids: map({ name: networkName }) },
  },
  Chassis: {
    sound: { c1: { name: 'C1' }, c2: { name: 'C2' } },
    columns: { name: one('C1', 'C2') },
  },
});
