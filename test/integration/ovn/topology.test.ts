/** The declared tables against real servers with OVN's own schemas: types fit, and changes affect what they should. */
import { afterEach, describe, expect, test } from 'vitest';
import { parseBridgeMappings } from '../../../src/base/bridge-mappings.ts';
import { evaluate } from '../../../src/exposures/evaluate.ts';
import { macOf, proxiedOf, testPolicy } from '../../../src/exposures/testing.ts';
import { createNorthboundTopology } from '../../../src/ovn/northbound.ts';
import { NORTHBOUND } from '../../../src/ovn/northbound-schema.ts';
import { createSouthboundTopology } from '../../../src/ovn/southbound.ts';
import { SOUTHBOUND } from '../../../src/ovn/southbound-schema.ts';
import type { CandidateKey, IncrementalTopology, Topology } from '../../../src/ovn/topology.ts';
import { type DatabaseSpec, OvsdbClient, type Replica, type Views } from '../../../src/ovsdb/index.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const POLICY = testPolicy({ bridgeMappings: parseBridgeMappings('physnet1:br-ex').mappings });

const map = (values: Readonly<Record<string, string>>) => ['map', Object.entries(values)];
const named = (...names: string[]) => ['set', names.map((name) => ['named-uuid', name])];
const insert = (table: string, row: object, name?: string) => ({
  op: 'insert',
  table,
  row,
  ...(name === undefined ? {} : { 'uuid-name': name }),
});
const update = (table: string, column: string, value: string, row: object) => ({
  op: 'update',
  table,
  where: [[column, '==', value]],
  row,
});

describe('topologies over real databases', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function start<D extends DatabaseSpec>(
    schema: string,
    spec: D,
    topologyOf: (views: Views<D>) => IncrementalTopology<D>,
    contents: readonly unknown[],
  ): Promise<{
    readonly server: OvsdbServer;
    readonly replica: Replica<D>;
    readonly topology: Topology;
    /** Names of candidates that were affected since the last call. */
    readonly affected: () => string[];
  }> {
    const server = await startOvsdbServer({ schemas: [schema] });
    cleanups.push(() => server.stop());
    await server.transact(spec.name, contents);
    const client = new OvsdbClient({ remotes: server.remote, database: spec.name });
    cleanups.push(() => client.close());
    const replica = client.replicate(spec);
    const topology = topologyOf(replica.tables);
    let keys = new Set<CandidateKey>();
    replica.subscribe((changes) => {
      const affected = topology.affected(changes);
      keys = new Set([...keys, ...(affected === 'all' ? topology.candidates() : affected)]);
    });
    client.start();
    await replica.whenSynchronized(AbortSignal.timeout(15_000));
    const affected = (): string[] => {
      const names = [...keys].map((key) => topology.resolve(key)?.row.name ?? 'gone');
      keys = new Set();
      return names.sort();
    };
    return { server, replica, topology, affected };
  }

  const exposed = (topology: Topology): string[] =>
    evaluate(topology, POLICY).exposures.map(
      (exposure) =>
        `${exposure.address} ${macOf(exposure) ?? '-'} ${exposure.network.bridge} ` +
        `${exposure.network.vlan ?? 'flat'} ${proxiedOf(exposure).join()}`,
    );

  test('Northbound', async () => {
    const port = (name: string, addresses: string, up: boolean) =>
      insert(
        'Logical_Switch_Port',
        {
          name,
          addresses,
          up,
          options: map({ 'requested-chassis': 'cmp-1' }),
          external_ids: map({
            'neutron:network_name': 'pub',
            'neutron:cidrs': '172.24.4.10/24 2001:db8::10/64',
          }),
        },
        name.replace('-', ''),
      );
    const { server, replica, topology, affected } = await start(
      OVN_NB_SCHEMA,
      NORTHBOUND,
      (views) => createNorthboundTopology(views, IDENTITY),
      [
        insert('Logical_Switch', { name: 'pub', ports: named('localnet', 'vm1', 'vm2') }),
        insert(
          'Logical_Switch_Port',
          { name: 'provnet-1', type: 'localnet', tag: 100, options: map({ network_name: 'physnet1' }) },
          'localnet',
        ),
        port('vm-1', 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10', true),
        port('vm-2', 'fa:16:3e:00:00:11 172.24.4.11', false),
        insert('Logical_Router', { ports: named('gw'), static_routes: named('route') }),
        insert(
          'Logical_Router_Port',
          {
            name: 'lrp-gw',
            mac: 'fa:16:3e:aa:aa:aa',
            networks: '2001:db8::221/64',
            gateway_chassis: named('chassis'),
            external_ids: map({ 'neutron:network_name': 'pub' }),
          },
          'gw',
        ),
        insert('Gateway_Chassis', { name: 'lrp-gw_C1', chassis_name: 'C1', priority: 1 }, 'chassis'),
        insert('Logical_Router_Static_Route', { ip_prefix: '::/0', nexthop: '2001:db8::1' }, 'route'),
        insert('NB_Global', { external_ids: map({ 'neutron:fip-distributed': 'True' }) }),
      ],
    );
    expect(exposed(topology)).toEqual([
      '172.24.4.10 fa:16:3e:00:00:10 br-ex 100 ',
      '2001:db8::10 fa:16:3e:00:00:10 br-ex 100 2001:db8::,2001:db8::1',
    ]);
    expect(replica.tables.NB_Global.size).toBe(1);
    expect(affected()).toEqual(['lrp-gw', 'vm-1', 'vm-2']);

    await server.transact('OVN_Northbound', [update('Logical_Switch_Port', 'name', 'vm-2', { up: true })]);
    await until('the second port', () =>
      exposed(topology).includes('172.24.4.11 fa:16:3e:00:00:11 br-ex 100 '),
    );
    expect(affected()).toEqual(['vm-2']);

    await server.transact('OVN_Northbound', [
      update('Logical_Switch_Port', 'name', 'provnet-1', { tag: ['set', []] }),
      { op: 'delete', table: 'Logical_Router', where: [] },
    ]);
    await until('the network without VLAN and router', () =>
      exposed(topology).includes('2001:db8::10 fa:16:3e:00:00:10 br-ex flat 2001:db8::'),
    );
    expect(affected()).toEqual(['gone', 'vm-1', 'vm-2']);

    await server.transact('OVN_Northbound', [{ op: 'delete', table: 'Logical_Switch', where: [] }]);
    await until('an empty cloud', () => exposed(topology).length === 0);
    expect(affected()).toEqual(['gone', 'gone']);
  });

  test('Southbound', async () => {
    const binding = (name: string, key: number, columns: object) =>
      insert('Port_Binding', {
        logical_port: name,
        tunnel_key: key,
        datapath: ['named-uuid', 'datapath'],
        ...columns,
      });
    const { server, replica, topology, affected } = await start(
      OVN_SB_SCHEMA,
      SOUTHBOUND,
      (views) => createSouthboundTopology(views, IDENTITY),
      [
        insert('Encap', { type: 'geneve', ip: '192.0.2.1', chassis_name: 'C1' }, 'encap'),
        insert('Chassis', { name: 'C1', encaps: named('encap') }, 'own'),
        insert('Chassis_Private', { name: 'C1', chassis: ['named-uuid', 'own'] }),
        insert('Datapath_Binding', { tunnel_key: 1, external_ids: map({ name: 'pub' }) }, 'datapath'),
        binding('provnet-1', 1, {
          type: 'localnet',
          mac: 'unknown',
          options: map({ network_name: 'physnet1' }),
        }),
        binding('vm-1', 2, {
          mac: 'fa:16:3e:00:00:10 172.24.4.10 2001:db8::10',
          chassis: ['named-uuid', 'own'],
          up: true,
        }),
        binding('vip', 3, {
          type: 'virtual',
          mac: 'fa:16:3e:00:00:77 2001:db8::77',
          external_ids: map({ 'neutron:cidrs': '2001:db8::77/64' }),
        }),
      ],
    );
    expect(exposed(topology)).toEqual(['172.24.4.10 - br-ex flat ', '2001:db8::10 - br-ex flat ']);
    expect(replica.tables.Chassis_Private.find('name', 'C1')).toHaveLength(1);
    expect(affected()).toEqual(['vip', 'vm-1']);

    const own = replica.tables.Chassis.find('name', 'C1')[0];
    await server.transact('OVN_Southbound', [
      update('Port_Binding', 'logical_port', 'vip', { chassis: ['uuid', own?._uuid], up: true }),
    ]);
    await until('the virtual port', () => exposed(topology).includes('2001:db8::77 - br-ex flat 2001:db8::'));
    expect(affected()).toEqual(['vip']);

    await server.transact('OVN_Southbound', [
      { op: 'delete', table: 'Port_Binding', where: [['type', '==', 'localnet']] },
    ]);
    await until('a network without a way out', () => exposed(topology).length === 0);
    expect(affected()).toEqual(['vip', 'vm-1']);
  });
});
