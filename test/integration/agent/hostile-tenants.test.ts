/**
 * Tenants beside a working node: random networks, VMs, floating IPs, load balancers and ports whose addresses are what the
 * node needs. BGP session, database connection and foreign routes stay untouched throughout; each of them is refused with
 * a denial that names the address and what it would have covered. HOSTILE_SEED repeats a run.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { FabricNode, NEEDS } from './fabric-node.ts';
import { attach, hostileRows, map, seeded } from './hostile-rows.ts';

const COUNT = Number(process.env.HOSTILE_COUNT ?? 200);
const SEED = Number(process.env.HOSTILE_SEED ?? 11);
const BATCH = 20;

interface Plan {
  readonly exposures: readonly { readonly prefix: string; readonly warning?: string }[];
  readonly denials: readonly {
    readonly row: { readonly name?: string };
    readonly address?: string;
    readonly code: string;
    readonly message: string;
  }[];
}

let node: FabricNode;

/** A VM, a router with a gateway port whose networks overlap with the fabric's, a tenant who means well. */
const CLOUD = [
  insert('Logical_Switch_Port', 'localnet', {
    name: 'provnet-1',
    type: 'localnet',
    addresses: 'unknown',
    options: map({ network_name: 'physnet1' }),
  }),
  insert('Logical_Switch_Port', 'vm', {
    name: 'vm',
    addresses: 'fa:16:3e:00:00:10 172.24.4.10',
    up: true,
    options: map({ 'requested-chassis': 'cmp-1' }),
    external_ids: map({ 'neutron:network_name': 'neutron-pub' }),
  }),
  insert('Logical_Switch_Port', 'togw', {
    name: 'to-gw',
    type: 'router',
    addresses: 'router',
    up: true,
    options: map({ 'router-port': 'lrp-gw' }),
    external_ids: map({ 'neutron:device_owner': 'network:router_gateway' }),
  }),
  insert('Logical_Switch', 'pub', {
    name: 'neutron-pub',
    ports: ['set', ['localnet', 'vm', 'togw'].map((name) => ['named-uuid', name])],
  }),
  insert('Logical_Router_Port', 'gw', {
    name: 'lrp-gw',
    mac: 'fa:16:3e:aa:aa:aa',
    networks: [
      'set',
      [
        '172.24.4.221/24',
        '10.0.0.250/24',
        '10.99.0.250/24',
        '10.254.0.250/24',
        '10.255.0.250/24',
        '2001:db8:4::221/64',
      ],
    ],
  }),
  insert('Logical_Router', 'r', {
    name: 'neutron-r',
    ports: ['named-uuid', 'gw'],
    options: map({ chassis: 'C1' }),
  }),
];

function insert(table: string, name: string, row: Readonly<Record<string, unknown>>): unknown {
  return { op: 'insert', table, 'uuid-name': name, row };
}

beforeAll(async () => {
  node = await FabricNode.start(['expose_tenant_networks = true']);
});
afterAll(async () => {
  await node?.stop();
});

/** Where the kernel sends packets to what the node needs. */
async function ways(): Promise<string> {
  const targets = [
    NEEDS.peer,
    NEEDS.database,
    NEEDS.tunnel,
    NEEDS.nextHop,
    '10.60.0.1',
    '192.168.250.9',
    '198.51.100.1',
  ];
  const script = targets.map((target) => `ip route get ${target} | head -1`).join('; ');
  return (await node.on('node', 'sh', '-c', script)).replaceAll(/ cache.*| uid \d+/g, '');
}

/** Routes and rules of everybody but the agent. */
async function foreign(): Promise<string> {
  const script = 'ip rule; ip -6 rule; ip -N route show table all; ip -N -6 route show table all';
  const lines = (await node.on('node', 'sh', '-c', script)).split('\n');
  return lines.filter((line) => !/proto 179|br-ex|fe80|^ff00|^multicast/.test(line)).join('\n');
}

/** The agent's own connection to the Northbound database. */
async function connection(): Promise<string> {
  const text = await node.on('node', 'ss', '-tnH', 'state', 'established', 'dst', `${NEEDS.database}:6641`);
  return text.trim().split(/\s+/)[2] ?? '';
}

async function session(): Promise<readonly unknown[]> {
  const shown = (await node.vtysh('node', `show bgp neighbors ${NEEDS.peer} json`)) as Readonly<
    Record<string, Readonly<Record<string, unknown>>>
  >;
  const { bgpState, connectionsEstablished, connectionsDropped } = shown[NEEDS.peer] ?? {};
  return [bgpState, connectionsEstablished, connectionsDropped];
}

/** What the leaf has of this node. */
async function atLeaf(): Promise<readonly string[]> {
  const shown = (await node.vtysh('leaf', 'show bgp ipv4 unicast json')) as {
    readonly routes: Readonly<Record<string, unknown>>;
  };
  return Object.keys(shown.routes).toSorted();
}

it('no tenant takes anything from the node', { timeout: 180_000 }, async () => {
  await until('BGP is up', async () => (await session())[0] === 'Established');
  await node.transact(CLOUD);
  await node.transact(attach('well', '10.200.0.0/24', '10.200.0.5'));
  node.startAgent();
  const well = ['10.200.0.5/32', '172.24.4.10/32', '172.24.4.221/32', '198.51.100.0/24'];
  await until('what is meant well is at the leaf', async () => {
    const there = await atLeaf();
    return well.every((prefix) => there.includes(prefix));
  });
  await until('the route of the leaf is here', async () => (await ways()).includes('198.51.100.1 via'));
  const before = {
    ways: await ways(),
    foreign: await foreign(),
    connection: await connection(),
    leaf: await atLeaf(),
  };
  expect(before.connection).not.toBe('');
  const established = await session();
  expect(established[0]).toBe('Established');

  const hostile = hostileRows(COUNT, seeded(SEED));
  for (let from = 0; from < hostile.length; from += BATCH) {
    for (const { insert: rows } of hostile.slice(from, from + BATCH)) await node.transact(rows);
    expect(await ways()).toBe(before.ways);
  }

  const plan = (await node.plan()) as Plan;
  const needs = Object.values(NEEDS).map((need) => need.split('/')[0] ?? '');
  const untold = hostile.filter(
    ({ row, address }) =>
      !plan.denials.some(
        (denial) =>
          denial.row.name === row &&
          denial.address === address &&
          (denial.code === 'unannounceable' ||
            (denial.code === 'needed-by-node' && needs.some((need) => denial.message.includes(need)))),
      ),
  );
  expect(untold.map(({ row, address }) => `${row} ${address}`)).toEqual([]);
  // A row that was read later would have been announced by now.
  await node.transact(attach('late', '10.201.0.0/24', '10.201.0.5'));
  await until('a later network is at the leaf', async () => (await atLeaf()).includes('10.201.0.5/32'));
  expect(await atLeaf()).toEqual([...before.leaf, '10.201.0.5/32'].toSorted());
  expect(await ways()).toBe(before.ways);
  expect(await foreign()).toBe(before.foreign);
  expect(await connection()).toBe(before.connection);
  expect(await session()).toEqual(established);
  // Somebody is told, once each.
  const warnings = (await node.agentLog()).split('\n').filter((line) => line.includes('needed-by-node'));
  expect(warnings.length).toBeGreaterThan(COUNT / 2);
  expect(warnings.length).toBeLessThanOrEqual(COUNT);
});
