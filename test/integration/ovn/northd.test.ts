/**
 * Southbound rows as the installed ovn-northd writes them: clouds are made in the Northbound database, with Neutron's keys
 * and without, and read from the other one. Nothing here is bound by an ovn-controller; the test says what is bound.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  networkOperations,
  type PortSpec,
  type ProviderNetwork,
  portOperations,
} from '../../../lab/neutron-rows.ts';
import { parseBridgeMappings } from '../../../src/base/bridge-mappings.ts';
import { evaluate } from '../../../src/exposures/evaluate.ts';
import { exposureLines, testPolicy, testTenant } from '../../../src/exposures/testing.ts';
import { createSouthboundTopology } from '../../../src/ovn/southbound.ts';
import { SOUTHBOUND } from '../../../src/ovn/southbound-schema.ts';
import { candidateOf } from '../../../src/ovn/southbound-testing.ts';
import type { CandidateKind, Topology } from '../../../src/ovn/topology.ts';
import { OvsdbClient, type Replica } from '../../../src/ovsdb/index.ts';
import { ended } from '../../support/child.ts';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
} from '../../support/ovsdb-server.ts';
import { until } from '../../support/until.ts';

const IDENTITY = { hostname: 'cmp-1', systemId: 'C1' };
const POLICY = testPolicy({
  bridgeMappings: parseBridgeMappings('physnet1:br-ex').mappings,
  tenant: testTenant({ exposeNetworks: true }),
});

type Operation = Readonly<Record<string, unknown>>;
const map = (values: Readonly<Record<string, string>>) => ['map', Object.entries(values)];
const named = (...names: readonly string[]) => ['set', names.map((name) => ['named-uuid', name])];
const insert = (table: string, name: string, row: Operation): Operation => ({
  op: 'insert',
  table,
  row,
  'uuid-name': name,
});
const addTo = (table: string, name: string, column: string, uuid: string): Operation => ({
  op: 'mutate',
  table,
  where: [['name', '==', name]],
  mutations: [[column, 'insert', ['named-uuid', uuid]]],
});

/** Both databases in one server, kept in step by a real ovn-northd, and the topology over the Southbound one. */
interface Central {
  readonly topology: Topology;
  readonly replica: Replica<typeof SOUTHBOUND>;
  northbound(operations: readonly Operation[]): Promise<void>;
  /** As ovn-controller claims ports. */
  bind(chassis: string, ...ports: readonly string[]): Promise<void>;
  exposed(): readonly string[];
}

describe('Southbound rows of a real ovn-northd', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  async function start(): Promise<Central> {
    const server = await startOvsdbServer({ schemas: [OVN_NB_SCHEMA, OVN_SB_SCHEMA] });
    cleanups.push(() => server.stop());
    const northd = startNorthd(server);
    cleanups.push(() => ended(northd, 'SIGTERM'));
    const client = new OvsdbClient({ remotes: server.remote, database: SOUTHBOUND.name });
    cleanups.push(() => client.close());
    const replica = client.replicate(SOUTHBOUND);
    const topology = createSouthboundTopology(replica.tables, IDENTITY);
    replica.subscribe((changes) => void topology.affected(changes));
    client.start();
    await replica.whenSynchronized(AbortSignal.timeout(15_000));
    await server.transact('OVN_Southbound', ['C1', 'C2'].flatMap(chassisOperations));
    const uuidOf = (name: string) => replica.tables.Chassis.find('name', name)[0]?._uuid;
    await until('the chassis', () => uuidOf('C2') !== undefined);
    const bound = (port: string) => replica.tables.Port_Binding.find('logicalPort', port)[0];
    return {
      topology,
      replica,
      northbound: async (operations) => {
        await server.transact('OVN_Northbound', operations);
      },
      bind: async (chassis, ...ports) => {
        await until(`bindings of ${ports.join()}`, () => ports.every((port) => bound(port) !== undefined));
        const row = { chassis: ['uuid', uuidOf(chassis)], up: true };
        await server.transact(
          'OVN_Southbound',
          ports.map((port) => ({
            op: 'update',
            table: 'Port_Binding',
            where: [['logical_port', '==', port]],
            row,
          })),
        );
      },
      exposed: () => exposureLines(evaluate(topology, POLICY)),
    };
  }

  async function untilExposed(central: Central, expected: readonly string[]): Promise<void> {
    const wanted = JSON.stringify(expected);
    // What is there instead says more than that time is up.
    await until('the exposures', () => JSON.stringify(central.exposed()) === wanted).catch(() => undefined);
    expect(central.exposed()).toEqual(expected);
  }

  const candidate = <K extends CandidateKind>({ topology, replica }: Central, kind: K, port: string) =>
    candidateOf(topology, kind, replica.tables.Port_Binding.find('logicalPort', port)[0]?._uuid ?? '');

  test('of Neutron: every kind of address, and what leaves when the gateway does', async () => {
    const central = await start();
    for (const network of [PUBLIC, PRIVATE]) await central.northbound(neutronNetwork(network));
    await central.northbound(portOperations(port('vm-flat', PUBLIC, ['172.24.4.10', '2001:db8::10'])));
    await central.northbound(portOperations(port('vm-t1', PRIVATE, ['192.168.1.31'])));
    await central.northbound(portOperations(port('vm-t2', PRIVATE, ['192.168.1.32'])));
    await central.northbound(withoutSecurity(portOperations(port('vm-t3', PRIVATE, ['192.168.1.33']))));
    await central.northbound(vipPortOperations('lb1', PRIVATE, '192.168.1.50/26'));
    await central.northbound(vipPortOperations('lb2', PUBLIC, '172.24.4.60/24'));
    await central.northbound(neutronRouter());
    await central.bind('C1', 'vm-flat', 'vm-t1', 'cr-lrp-gw');
    await central.bind('C2', 'vm-t2', 'vm-t3');

    await untilExposed(central, [
      '172.24.4.10 provider-port br-ex',
      '172.24.4.60 vip br-ex',
      '172.24.4.131 floating-ip br-ex tag gold',
      '172.24.4.140 central-floating-ip br-ex tag gold',
      '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa tag gold',
      '192.168.1.0/26 tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa (wired only) tag silver',
      '192.168.1.31 tenant-host br-ex inside 192.168.1.0/26 tag silver',
      '192.168.1.32 tenant-host br-ex inside 192.168.1.0/26 tag silver',
      '192.168.1.33 tenant-host br-ex inside 192.168.1.0/26 tag silver',
      '192.168.1.50 tenant-vip br-ex inside 192.168.1.0/26 tag silver',
      '2001:db8::10 provider-port br-ex',
      '2001:db8::221 gateway br-ex fa:16:3e:aa:aa:aa ndp 2001:db8:: tag gold',
    ]);
    expect(candidate(central, 'gateway', 'cr-lrp-gw')?.marks.tag).toMatchObject({ text: 'gold' });
    expect(candidate(central, 'subnet', 'lrp-if')).toMatchObject({
      scopes: { scope4: 'scope-a' },
      routerName: '44444444-4444-4444-8444-444444444444',
      marks: { tag: { text: 'silver' } },
    });

    await central.bind('C2', 'cr-lrp-gw');
    await untilExposed(central, [
      '172.24.4.10 provider-port br-ex',
      '172.24.4.131 floating-ip br-ex tag gold',
      '2001:db8::10 provider-port br-ex',
    ]);
  });

  test('without Neutron: distributed and pinned routers under any names', async () => {
    const central = await start();
    await central.northbound(plainCloud());
    await central.bind('C2', 'web');
    await central.bind('C1', 'cr-north', 'out', 'in', 'to-out', 'to-in');
    // VIPs of the router stand among its translated addresses, unless the switch's port excludes them.
    await untilExposed(central, [
      '10.5.0.0/24 tenant-subnet br-ex via 172.24.4.231 fa:16:3e:cc:cc:cc (wired only)',
      '172.24.4.61 central-floating-ip br-ex',
      '172.24.4.140 central-floating-ip br-ex',
      '172.24.4.221 gateway br-ex fa:16:3e:aa:aa:aa',
      '172.24.4.231 gateway br-ex fa:16:3e:cc:cc:cc',
      '172.24.4.232 central-floating-ip br-ex',
      '192.168.1.0/26 tenant-subnet br-ex via 172.24.4.221 fa:16:3e:aa:aa:aa (wired only)',
      '192.168.1.31 tenant-host br-ex inside 192.168.1.0/26',
    ]);
    expect(candidate(central, 'subnet', 'out')).toBeUndefined();
    expect(candidate(central, 'gateway', 'in')).toBeUndefined();
  });
});

function startNorthd(server: OvsdbServer): ChildProcess {
  return spawn(
    'ovn-northd',
    [
      `--ovnnb-db=${server.remote}`,
      `--ovnsb-db=${server.remote}`,
      `--unixctl=${join(server.directory, 'northd.ctl')}`,
    ],
    { stdio: 'ignore' },
  );
}

function chassisOperations(name: string): readonly Operation[] {
  const address = `192.0.2.${name.slice(1)}`;
  return [
    insert('Encap', `encap${name}`, { type: 'geneve', ip: address, chassis_name: name }),
    insert('Chassis', `chassis${name}`, { name, encaps: named(`encap${name}`) }),
  ];
}

const PUBLIC: ProviderNetwork = {
  id: '11111111-1111-4111-8111-111111111111',
  name: 'public',
  segmentId: '1',
  physicalNetwork: 'physnet1',
  subnets: [
    { id: 's4', prefix: '172.24.4.0', length: 24, gateway: '172.24.4.1' },
    { id: 's6', prefix: '2001:db8::', length: 64, gateway: '2001:db8::1' },
  ],
};
const PRIVATE: ProviderNetwork = {
  ...PUBLIC,
  id: '33333333-3333-4333-8333-333333333333',
  name: 'private',
  subnets: [{ id: 't4', prefix: '192.168.1.0', length: 26, gateway: '192.168.1.1' }],
};

/** A tenant network has no localnet port. */
function neutronNetwork(network: ProviderNetwork): readonly Operation[] {
  if (network === PUBLIC) return networkOperations(network);
  return networkOperations(network)
    .filter(({ table }) => table === 'Logical_Switch')
    .map((operation) => ({ ...operation, row: { ...(operation.row as Operation), ports: ['set', []] } }));
}

function port(id: string, network: ProviderNetwork, addresses: readonly string[]): PortSpec {
  const last = addresses[0]?.split('.').at(-1) ?? '0';
  return { id, name: id, network, mac: `fa:16:3e:00:00:${last}`, addresses, host: 'cmp-1', deviceId: id };
}

/** Port security off: Neutron leaves the choice of addresses to the port. */
function withoutSecurity(operations: readonly Operation[]): readonly Operation[] {
  return operations.map((operation) =>
    operation.table === 'Logical_Switch_Port'
      ? {
          ...operation,
          row: { ...(operation.row as Operation), addresses: 'unknown', port_security: ['set', []] },
        }
      : operation,
  );
}

function vipPortOperations(lb: string, network: ProviderNetwork, cidr: string): readonly Operation[] {
  const ids = { 'neutron:port_name': `ovn-lb-vip-${lb}`, 'neutron:cidrs': cidr };
  return [
    insert('Logical_Switch_Port', 'vip', { name: `vip-${lb}`, external_ids: map(ids) }),
    addTo('Logical_Switch', `neutron-${network.id}`, 'ports', 'vip'),
  ];
}

/** A router between both networks, with floating IPs of both kinds and two load balancers, as Neutron and Octavia do. */
function neutronRouter(): readonly Operation[] {
  const router = '44444444-4444-4444-8444-444444444444';
  const switches = [PUBLIC, PRIVATE].map(({ id }) => `neutron-${id}`);
  const nat = (name: string, row: Operation) => insert('NAT', name, row);
  const loadBalancer = (name: string, vip: string): readonly Operation[] => [
    insert('Load_Balancer', name, { name, vips: map({ [`${vip}:80`]: '192.168.1.31:80' }) }),
    addTo('Logical_Switch', switches[1] ?? '', 'load_balancer', name),
  ];
  return [
    insert('Gateway_Chassis', 'gc', { name: 'lrp-gw_C1', chassis_name: 'C1', priority: 1 }),
    insert('Logical_Router_Port', 'lrpgw', {
      name: 'lrp-gw',
      mac: 'fa:16:3e:aa:aa:aa',
      networks: ['set', ['172.24.4.221/24', '2001:db8::221/64']],
      gateway_chassis: named('gc'),
      external_ids: map({ 'neutron:router_name': router, 'ovn-bgp-agent:tag': 'gold' }),
    }),
    insert('Logical_Router_Port', 'lrpif', {
      name: 'lrp-if',
      mac: 'fa:16:3e:bb:bb:bb',
      networks: '192.168.1.1/26',
      external_ids: map({ 'neutron:router_name': router }),
    }),
    nat('snat', { type: 'snat', external_ip: '172.24.4.221', logical_ip: '192.168.1.0/26' }),
    nat('distributed', {
      type: 'dnat_and_snat',
      external_ip: '172.24.4.131',
      logical_ip: '192.168.1.31',
      logical_port: 'vm-t1',
      external_mac: 'fa:16:3e:ff:ff:31',
    }),
    nat('central', { type: 'dnat_and_snat', external_ip: '172.24.4.140', logical_ip: '192.168.1.32' }),
    ...loadBalancer('lb1', '192.168.1.50'),
    ...loadBalancer('lb2', '172.24.4.60'),
    addTo('Logical_Switch', switches[0] ?? '', 'load_balancer', 'lb2'),
    insert('Logical_Router', 'router', {
      name: `neutron-${router}`,
      ports: named('lrpgw', 'lrpif'),
      nat: named('snat', 'distributed', 'central'),
      load_balancer: named('lb1', 'lb2'),
    }),
    insert('Logical_Switch_Port', 'gw', {
      name: 'gw',
      type: 'router',
      addresses: 'router',
      options: map({
        'router-port': 'lrp-gw',
        'nat-addresses': 'router',
        'exclude-lb-vips-from-garp': 'true',
      }),
      external_ids: map({ 'neutron:device_owner': 'network:router_gateway' }),
    }),
    addTo('Logical_Switch', switches[0] ?? '', 'ports', 'gw'),
    insert('Logical_Switch_Port', 'if', {
      name: 'if',
      type: 'router',
      addresses: 'router',
      options: map({ 'router-port': 'lrp-if' }),
      external_ids: map({
        'neutron:device_owner': 'network:router_interface',
        'neutron:subnet_pool_addr_scope4': 'scope-a',
        'ovn-bgp-agent:tag': 'silver',
      }),
    }),
    addTo('Logical_Switch', switches[1] ?? '', 'ports', 'if'),
  ];
}

/** Two routers on one physical network, one of them pinned to a chassis, and a load balancer of OVN's own. */
function plainCloud(): readonly Operation[] {
  const routerPort = (name: string, mac: string, network: string, row: Operation = {}): Operation =>
    insert('Logical_Router_Port', name, { name, mac, networks: network, ...row });
  const link = (name: string, options: Readonly<Record<string, string>> = {}): Operation =>
    insert('Logical_Switch_Port', `to${name}`, {
      name: `to-${name}`,
      type: 'router',
      addresses: 'router',
      options: map({ 'router-port': name, ...options }),
    });
  const announced = { 'nat-addresses': 'router' };
  return [
    insert('Logical_Switch_Port', 'localnet', {
      name: 'wire',
      type: 'localnet',
      addresses: 'unknown',
      options: map({ network_name: 'physnet1' }),
    }),
    insert('Logical_Switch_Port', 'web', { name: 'web', addresses: 'fa:16:3e:00:00:31 192.168.1.31' }),
    insert('Gateway_Chassis', 'gc', { name: 'north_C1', chassis_name: 'C1', priority: 1 }),
    routerPort('north', 'fa:16:3e:aa:aa:aa', '172.24.4.221/24', { gateway_chassis: named('gc') }),
    routerPort('south', 'fa:16:3e:bb:bb:bb', '192.168.1.1/26'),
    routerPort('out', 'fa:16:3e:cc:cc:cc', '172.24.4.231/24'),
    routerPort('in', 'fa:16:3e:cc:cc:cd', '10.5.0.1/24'),
    link('north', announced),
    link('south'),
    link('out', announced),
    link('in'),
    insert('NAT', 'nat1', { type: 'dnat_and_snat', external_ip: '172.24.4.140', logical_ip: '192.168.1.31' }),
    insert('NAT', 'nat2', { type: 'dnat_and_snat', external_ip: '172.24.4.232', logical_ip: '10.5.0.9' }),
    insert('Load_Balancer', 'lb', { name: 'lb', vips: map({ '172.24.4.61:80': '192.168.1.31:80' }) }),
    insert('Logical_Router', 'r1', {
      name: 'distributed',
      ports: named('north', 'south'),
      nat: named('nat1'),
      load_balancer: named('lb'),
    }),
    insert('Logical_Router', 'r2', {
      name: 'pinned',
      ports: named('out', 'in'),
      nat: named('nat2'),
      options: map({ chassis: 'C1' }),
    }),
    insert('Logical_Switch', 's1', { name: 'outside', ports: named('localnet', 'tonorth', 'toout') }),
    insert('Logical_Switch', 's2', {
      name: 'inside',
      ports: named('web', 'tosouth'),
      load_balancer: named('lb'),
    }),
    insert('Logical_Switch', 's3', { name: 'deep', ports: named('toin') }),
  ];
}
