/**
 * A small Neutron cloud with a router for tests: `pub` with a localnet port, `tenant` behind the router, a VM with a
 * floating IP. UUIDs are readable. The topology has resolved everything, as its user would have.
 */
import { BINDINGS, type BindingsDatabase } from './bindings-schema.ts';
import { type MemoryDatabase, memoryDatabase, type Transaction } from './memory-database.ts';
import { createNorthboundTopology, type NorthboundOptions, type NorthboundTopology } from './northbound.ts';
import { NORTHBOUND, type NorthboundDatabase } from './northbound-schema.ts';
import type { Candidate, CandidateKey, FloatingIps } from './topology.ts';

type NorthboundCandidate = Exclude<Candidate, FloatingIps>;

export const TEST_IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };

export interface RouterCloud {
  readonly db: MemoryDatabase<NorthboundDatabase>;
  readonly bindings: MemoryDatabase<BindingsDatabase>;
  readonly topology: NorthboundTopology;
  /** Makes the changes, resolves what they affect, and returns the affected keys, sorted. */
  readonly change: (work: (tx: Transaction<NorthboundDatabase>) => void) => readonly CandidateKey[];
  readonly changeBindings: (work: (tx: Transaction<BindingsDatabase>) => void) => readonly CandidateKey[];
  /** The candidate, which must be of that kind. */
  readonly get: <K extends Candidate['kind']>(
    kind: K,
    uuid: string,
  ) => Extract<NorthboundCandidate, { kind: K }>;
}

export function ids(entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(entries));
}

export function routerCloud(
  options: NorthboundOptions & { readonly rows?: (tx: Transaction<NorthboundDatabase>) => void } = {},
): RouterCloud {
  const [db, bindings] = [memoryDatabase(NORTHBOUND), memoryDatabase(BINDINGS)];
  db.transact(options.rows ?? neutronRows);
  bindings.transact((tx) => {
    tx.insert('Chassis', { name: 'C1' }, 'c1');
    tx.insert('Chassis', { name: 'C2' }, 'c2');
  });
  const topology = createNorthboundTopology(db.views, TEST_IDENTITY, {
    bindings: bindings.views,
    ...options,
  });
  for (const key of topology.candidates()) topology.resolve(key);
  const resolved = (affected: 'all' | ReadonlySet<CandidateKey>): readonly CandidateKey[] => {
    if (affected === 'all') throw new Error('an update affects no more than it says');
    for (const key of affected) topology.resolve(key);
    return [...affected].sort();
  };
  return {
    db,
    bindings,
    topology,
    change: (work) => resolved(topology.affected(db.transact(work))),
    changeBindings: (work) => resolved(topology.affectedByBindings(bindings.transact(work))),
    get: (kind, uuid) => {
      const candidate = topology.resolve(`${kind}:${uuid}`);
      if (candidate?.kind !== kind) throw new Error(`${uuid} is no ${kind}`);
      return candidate as Extract<NorthboundCandidate, { kind: typeof kind }>;
    },
  };
}

function neutronRows(tx: Transaction<NorthboundDatabase>): void {
  const onPub = ids({ 'neutron:network_name': 'neutron-pub' });
  tx.insert('NB_Global', { external_ids: ids({ 'neutron:fip-distributed': 'True' }) }, 'global');
  tx.insert('Logical_Switch', { name: 'neutron-pub', ports: ['provnet', 'pub-router'] }, 'pub');
  tx.insert(
    'Logical_Switch_Port',
    { name: 'provnet', type: 'localnet', tag: 100, options: ids({ network_name: 'physnet1' }) },
    'provnet',
  );
  tx.insert(
    'Logical_Switch_Port',
    {
      name: 'pub-router',
      type: 'router',
      options: ids({ 'router-port': 'lrp-gw' }),
      external_ids: ids({
        'neutron:network_name': 'neutron-pub',
        'neutron:device_owner': 'network:router_gateway',
      }),
    },
    'pub-router',
  );
  tx.insert('Logical_Switch', { name: 'neutron-tenant', ports: ['attachment', 'vm'] }, 'tenant');
  tx.insert(
    'Logical_Switch_Port',
    {
      name: 'attachment',
      type: 'router',
      up: true,
      options: ids({ 'router-port': 'lrp-in' }),
      external_ids: ids({
        'neutron:network_name': 'neutron-tenant',
        'neutron:device_owner': 'network:router_interface',
        'neutron:device_id': 'r-one',
        'neutron:cidrs': '10.0.0.1/24 2001:db8:1::1/64',
        'neutron:subnet_pool_addr_scope4': 'scope-4',
      }),
    },
    'attachment',
  );
  tx.insert(
    'Logical_Switch_Port',
    {
      name: 'vm',
      addresses: ['fa:16:3e:00:00:08 10.0.0.8'],
      up: true,
      options: ids({ 'requested-chassis': 'cmp-1' }),
      external_ids: ids({ 'neutron:network_name': 'neutron-tenant' }),
    },
    'vm',
  );
  tx.insert(
    'Logical_Router',
    { name: 'neutron-r-one', ports: ['lrp-gw', 'lrp-in'], nat: ['fip', 'snat'] },
    'router',
  );
  tx.insert(
    'Logical_Router_Port',
    {
      name: 'lrp-gw',
      mac: 'fa:16:3e:00:00:a0',
      networks: ['172.24.4.2/24', '2001:db8::2/64'],
      gateway_chassis: ['gc'],
      status: ids({ 'hosting-chassis': 'C1' }),
      external_ids: onPub,
    },
    'gw',
  );
  tx.update('Logical_Router', 'router', { ports: ['gw', 'in'] });
  tx.insert(
    'Logical_Router_Port',
    { name: 'lrp-in', mac: 'fa:16:3e:00:00:a1', networks: ['10.0.0.1/24'] },
    'in',
  );
  tx.insert('NAT', { type: 'snat', external_ip: '172.24.4.2', logical_ip: '10.0.0.0/24' }, 'snat');
  tx.insert(
    'NAT',
    {
      type: 'dnat_and_snat',
      external_ip: '172.24.4.100',
      external_mac: 'fa:16:3e:00:00:f0',
      logical_ip: '10.0.0.8',
      logical_port: 'vm',
      external_ids: ids({ 'neutron:fip_network_id': 'pub', 'neutron:router_name': 'r-one' }),
    },
    'fip',
  );
}
