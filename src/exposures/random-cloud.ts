/**
 * Random contents for property tests: rows of both databases over a handful of names and UUIDs, so that they meet, with
 * references that lead nowhere and values that no sane cloud has.
 */
import * as fc from 'fast-check';
import { type MemoryDatabase, memoryDatabase, type Transaction } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND } from '../ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../ovn/southbound.ts';
import { SOUTHBOUND } from '../ovn/southbound-schema.ts';
import type { CandidateKey, IncrementalTopology, Topology } from '../ovn/topology.ts';
import type { DatabaseSpec } from '../ovsdb/types.ts';

/** A row to put in place, or `undefined` to delete. */
export interface RowEdit {
  readonly table: string;
  readonly uuid: string;
  readonly values: Readonly<Record<string, unknown>> | undefined;
}

/** Edits that are made together. */
export type Step = readonly RowEdit[];

/** A database with its topology, changed by steps. */
export interface RandomCloud {
  readonly topology: Topology;
  /** Another topology over the same tables, which remembers nothing. */
  readonly fresh: () => Topology;
  /** Makes the edits and tells which candidates they affect. */
  readonly apply: (step: Step) => 'all' | ReadonlySet<CandidateKey>;
}

export interface CloudKind {
  readonly name: string;
  readonly steps: fc.Arbitrary<readonly Step[]>;
  readonly create: () => RandomCloud;
}

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
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

function edits(
  tables: Readonly<
    Record<string, { uuids: readonly string[]; values: fc.Arbitrary<Record<string, unknown>> }>
  >,
): fc.Arbitrary<readonly Step[]> {
  const edit = fc.oneof(
    ...Object.entries(tables).map(([table, { uuids, values }]) => ({
      weight: uuids.length,
      arbitrary: fc.record({
        table: fc.constant(table),
        uuid: one(...uuids),
        values: fc.option(values, { nil: undefined, freq: 8 }),
      }),
    })),
  );
  return fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { maxLength: 30 });
}

const northboundSteps = edits({
  Logical_Switch: {
    uuids: ['s0', 's1', 's2'],
    values: fc.record({ name: networkName, ports: some(...PORTS) }, { requiredKeys: [] }),
  },
  Logical_Switch_Port: {
    uuids: PORTS,
    values: fc.record(
      {
        name: one(...PORTS, ...HOSTILE),
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
      { requiredKeys: [] },
    ),
  },
  Logical_Router: {
    uuids: ['r0', 'r1'],
    values: fc.record(
      { ports: some('l0', 'l1'), static_routes: some('t0', 't1'), options: map({ chassis: one('C1') }) },
      { requiredKeys: [] },
    ),
  },
  Logical_Router_Port: {
    uuids: ['l0', 'l1'],
    values: fc.record(
      {
        name: one('lrp0', 'lrp1'),
        gateway_chassis: some('g0'),
        status: map({ 'hosting-chassis': one('C1', 'C2') }),
        external_ids: map({ 'neutron:network_name': networkName }),
      },
      { requiredKeys: [] },
    ),
  },
  Logical_Router_Static_Route: {
    uuids: ['t0', 't1'],
    values: fc.record(
      {
        ip_prefix: one('::/0', '0::0/0', '0.0.0.0/0', '2001:db8::/32', ...HOSTILE),
        nexthop: one('2001:db8::1', 'fe80::1', '10.0.0.1', 'discard', ...HOSTILE),
        output_port: maybe(one('lrp0', 'lrp1', '')),
      },
      { requiredKeys: [] },
    ),
  },
});

const southboundSteps = edits({
  Port_Binding: {
    uuids: PORTS,
    values: fc.record(
      {
        logical_port: one(...PORTS, ...HOSTILE),
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
      { requiredKeys: [] },
    ),
  },
  Datapath_Binding: {
    uuids: ['d0', 'd1'],
    values: fc.record({ external_ids: map({ name: networkName }) }, { requiredKeys: [] }),
  },
  Chassis: { uuids: ['c1', 'c2'], values: fc.record({ name: one('C1', 'C2') }, { requiredKeys: [] }) },
});

/** Puts a row in place or deletes it; edits name their tables, so types are left behind here. */
function put<D extends DatabaseSpec>(db: MemoryDatabase<D>, tx: Transaction<D>, edit: RowEdit): void {
  const table = edit.table as keyof D['tables'] & string;
  const present = db.views[table].get(edit.uuid) !== undefined;
  const values = edit.values as Parameters<typeof tx.insert<typeof table>>[1] | undefined;
  if (values === undefined) {
    if (present) tx.delete(table, edit.uuid);
  } else if (present) {
    tx.update(table, edit.uuid, values);
  } else {
    tx.insert(table, values, edit.uuid);
  }
}

function cloudOf<D extends DatabaseSpec>(
  spec: D,
  topologyOf: (views: MemoryDatabase<D>['views']) => IncrementalTopology<D>,
): RandomCloud {
  const db = memoryDatabase(spec);
  const topology = topologyOf(db.views);
  return {
    topology,
    fresh: () => topologyOf(db.views),
    apply: (step) =>
      topology.affected(
        db.transact((tx) => {
          for (const edit of step) put(db, tx, edit);
        }),
      ),
  };
}

export const CLOUD_KINDS: readonly CloudKind[] = [
  {
    name: 'Northbound',
    steps: northboundSteps,
    create: () => cloudOf(NORTHBOUND, (views) => createNorthboundTopology(views, IDENTITY)),
  },
  {
    name: 'Southbound',
    steps: southboundSteps,
    create: () => cloudOf(SOUTHBOUND, (views) => createSouthboundTopology(views, IDENTITY)),
  },
];

/** The rows that steps leave behind, to be put in place in another order. */
export function finalRows(steps: readonly Step[]): RowEdit[] {
  const rows = new Map<string, RowEdit>();
  for (const edit of steps.flat()) {
    const key = `${edit.table} ${edit.uuid}`;
    const before = rows.get(key)?.values;
    rows.delete(key);
    if (edit.values !== undefined) rows.set(key, { ...edit, values: { ...before, ...edit.values } });
  }
  return [...rows.values()];
}
