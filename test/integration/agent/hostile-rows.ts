/**
 * Rows of tenants who mean harm, or do not know what they do: networks, VMs, floating IPs, load balancers and ports whose
 * addresses are, contain or lie inside what a node needs. Seeded: the same seed gives the same rows.
 */
import { NEEDS } from './fabric-node.ts';

/** What a tenant made. */
export interface Hostile {
  /** Name of the row that a denial must be about; a NAT row has none, and its address stands for it. */
  readonly row: string;
  /** What must be refused. */
  readonly address: string;
  readonly insert: readonly unknown[];
}

export type Random = () => number;

/** mulberry32: 32 bits of state, the same numbers everywhere. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ADDRESSES = [
  NEEDS.own,
  NEEDS.loopback,
  NEEDS.peer,
  NEEDS.nextHop,
  NEEDS.database,
  NEEDS.tunnel,
] as const;
const NETWORKS = [NEEDS.fabric, NEEDS.databaseNetwork, NEEDS.management] as const;
/** Halves, quarters and eighths of the Internet. */
const WIDE = ['0.0.0.0/1', '128.0.0.0/1', '64.0.0.0/2', '32.0.0.0/3', '10.0.0.0/7'] as const;

export function map(entries: Readonly<Record<string, string>>): unknown {
  return ['map', Object.entries(entries)];
}

export function hostileRows(count: number, random: Random): readonly Hostile[] {
  return Array.from({ length: count }, (_, index) => {
    const makers = [network, network, network, vm, floatingIp, loadBalancer, port];
    return (makers[index % makers.length] ?? network)(index, random);
  });
}

function network(index: number, random: Random): Hostile {
  const prefix = hostilePrefix(random);
  return { row: `att-h${index}`, address: prefix, insert: attach(`h${index}`, prefix) };
}

/** A VM at an address that the node needs, in a network of its own. */
function vm(index: number, random: Random): Hostile {
  const address = pick(ADDRESSES, random);
  const prefix = around(address, 8 + Math.floor(random() * 23));
  return { row: `vm-h${index}`, address, insert: attach(`h${index}`, prefix, address) };
}

function floatingIp(_index: number, random: Random): Hostile {
  const address = pick(ADDRESSES, random);
  const row = { type: 'dnat_and_snat', external_ip: address, logical_ip: '10.200.0.5' };
  return {
    row: address,
    address,
    insert: [
      { op: 'insert', table: 'NAT', 'uuid-name': 'nat', row },
      ...ofRouter('nat', ['named-uuid', 'nat']),
    ],
  };
}

function loadBalancer(index: number, random: Random): Hostile {
  const address = random() < 0.5 ? pick(ADDRESSES, random) : within(NEEDS.management, random);
  const row = { name: `lb-h${index}`, vips: map({ [`${address}:80`]: '10.200.0.5:80' }) };
  return {
    row: `lb-h${index}`,
    address,
    insert: [
      { op: 'insert', table: 'Load_Balancer', 'uuid-name': 'lb', row },
      ...ofRouter('load_balancer', ['named-uuid', 'lb']),
    ],
  };
}

/** On the provider network itself. */
function port(index: number, random: Random): Hostile {
  const address = pick(ADDRESSES, random);
  return {
    row: `port-h${index}`,
    address,
    insert: [
      machine(`port-h${index}`, 'neutron-pub', address),
      {
        op: 'mutate',
        table: 'Logical_Switch',
        where: [['name', '==', 'neutron-pub']],
        mutations: [['ports', 'insert', ['set', [['named-uuid', 'vm']]]]],
      },
    ],
  };
}

function machine(name: string, network: string, address: string): unknown {
  const row = {
    name,
    addresses: `fa:16:3e:67:00:01 ${address}`,
    up: true,
    options: map({ 'requested-chassis': 'cmp-1' }),
    external_ids: map({ 'neutron:network_name': network }),
  };
  return { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': 'vm', row };
}

/** A network of a tenant, attached to the router as Neutron does it, perhaps with a VM in it. */
export function attach(name: string, prefix: string, vmAddress?: string): readonly unknown[] {
  const [address = '', length = ''] = prefix.split('/');
  const gateway = `${address.includes(':') ? `${address}1` : next(address)}/${length}`;
  const ports = vmAddress === undefined ? [] : [['named-uuid', 'vm']];
  return [
    ...(vmAddress === undefined ? [] : [machine(`vm-${name}`, `neutron-${name}`, vmAddress)]),
    {
      op: 'insert',
      table: 'Logical_Router_Port',
      'uuid-name': 'lrp',
      row: { name: `lrp-${name}`, mac: 'fa:16:3e:68:00:01', networks: gateway },
    },
    {
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': 'att',
      row: {
        name: `att-${name}`,
        type: 'router',
        addresses: 'router',
        up: true,
        options: map({ 'router-port': `lrp-${name}` }),
        external_ids: map({
          'neutron:device_owner': 'network:router_interface',
          'neutron:device_id': 'r',
          'neutron:network_name': `neutron-${name}`,
          'neutron:cidrs': gateway,
        }),
      },
    },
    {
      op: 'insert',
      table: 'Logical_Switch',
      row: { name: `neutron-${name}`, ports: ['set', [['named-uuid', 'att'], ...ports]] },
    },
    ...ofRouter('ports', ['named-uuid', 'lrp']),
  ];
}

function ofRouter(column: string, reference: unknown): readonly unknown[] {
  return [
    {
      op: 'mutate',
      table: 'Logical_Router',
      where: [['name', '==', 'neutron-r']],
      mutations: [[column, 'insert', ['set', [reference]]]],
    },
  ];
}

function hostilePrefix(random: Random): string {
  const kind = random();
  if (kind < 0.1) return pick(WIDE, random);
  if (kind < 0.2) return NEEDS.fabric6;
  if (kind < 0.3) return pick(NETWORKS, random);
  if (kind < 0.5) return around(within(pick(NETWORKS, random), random), 25 + Math.floor(random() * 6));
  return around(pick(ADDRESSES, random), 8 + Math.floor(random() * 23));
}

function pick<T>(items: readonly [T, ...T[]], random: Random): T {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

function within(network: string, random: Random): string {
  return next(network.split('/')[0] ?? '', 1 + Math.floor(random() * 253));
}

function around(address: string, length: number): string {
  const mask = (0xffffffff << (32 - length)) >>> 0;
  return `${textOf((numberOf(address) & mask) >>> 0)}/${length}`;
}

function next(address: string, by = 1): string {
  return textOf((numberOf(address) + by) >>> 0);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}
