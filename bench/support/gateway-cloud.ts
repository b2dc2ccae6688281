/**
 * A Northbound database whose router has its gateway on the node: workloads on a tenant network, each on another node and
 * each with a centralised floating IP. Rows as Neutron writes them.
 *
 * In: a server's transactions. Out: workloads by number, added and removed one by one or in bulk; each is two exposures.
 */
import {
  networkOperations,
  type OvsdbOperation,
  portOperations,
  switchName,
} from '../../lab/neutron-rows.ts';
import { tenantAddress, workloadAddress, workloadMac } from './addresses.ts';
import { type BenchCloud, NETWORK, type Transact } from './cloud.ts';

/** Workloads in one transaction. */
const BATCH = 1_000;
const ROUTER_ID = '55555555-0000-4000-8000-000000000001';
const ROUTER = `neutron-${ROUTER_ID}`;
export const GATEWAY_MAC = 'fa:16:3f:00:00:01';
const TENANT = {
  ...NETWORK,
  id: '22222222-0000-4000-8000-000000000002',
  name: 'tenant',
  subnets: [
    { id: '33333333-0000-4000-8000-000000000002', prefix: '10.128.0.0', length: 13, gateway: '10.128.0.1' },
  ],
};

export class GatewayCloud implements BenchCloud {
  readonly #transact: Transact;
  readonly #rows = new Map<number, readonly [port: string, nat: string]>();

  private constructor(transact: Transact) {
    this.#transact = transact;
  }

  /** `chassis`: system id of the node that has the gateway. */
  static async create(transact: Transact, chassis: string): Promise<GatewayCloud> {
    await transact([
      ...networkOperations(NETWORK),
      { op: 'insert', table: 'Logical_Switch', row: { name: switchName(TENANT) } },
      insert('NB_Global', undefined, { external_ids: map({ 'neutron:fip-distributed': 'False' }) }),
    ]);
    await transact([
      ...attachRouter('gateway', switchName(NETWORK), '10.32.0.2/13', GATEWAY_MAC),
      ...attachRouter('interface', switchName(TENANT), '10.128.0.1/13', 'fa:16:3f:00:00:02'),
      insert('Logical_Router', undefined, {
        name: ROUTER,
        ports: ['set', ['gateway', 'interface'].map((side) => ['named-uuid', `${side}port`])],
        options: map({ chassis }),
      }),
    ]);
    return new GatewayCloud(transact);
  }

  async addPorts(from: number, count: number): Promise<void> {
    for (let start = from; start < from + count; start += BATCH) {
      const numbers = Array.from(
        { length: Math.min(BATCH, from + count - start) },
        (_, index) => start + index,
      );
      const results = (await this.#transact([
        ...numbers.map(portInsertion),
        ...numbers.map(natInsertion),
        change('Logical_Switch', switchName(TENANT), 'ports', 'insert', named('port', numbers)),
        change('Logical_Router', ROUTER, 'nat', 'insert', named('nat', numbers)),
      ])) as readonly { readonly uuid?: readonly [string, string] }[];
      for (const [index, number] of numbers.entries())
        this.#rows.set(number, [
          results[index]?.uuid?.[1] ?? '',
          results[numbers.length + index]?.uuid?.[1] ?? '',
        ]);
    }
  }

  async removePort(number: number): Promise<void> {
    const [port, nat] = this.#rows.get(number) ?? ['', ''];
    await this.#transact([
      change('Logical_Switch', switchName(TENANT), 'ports', 'delete', ['uuid', port]),
      change('Logical_Router', ROUTER, 'nat', 'delete', ['uuid', nat]),
    ]);
    this.#rows.delete(number);
  }
}

/** A port of the router and its other end on a switch. */
function attachRouter(side: string, name: string, address: string, mac: string): readonly OvsdbOperation[] {
  const ids = {
    'neutron:network_name': name,
    'neutron:cidrs': address,
    'neutron:device_id': ROUTER_ID,
    'neutron:device_owner': `network:router_${side}`,
  };
  return [
    insert('Logical_Router_Port', `${side}port`, {
      name: `lrp-${side}`,
      mac,
      networks: address,
      external_ids: map({ 'neutron:network_name': name, 'neutron:router_name': ROUTER_ID }),
    }),
    insert('Logical_Switch_Port', `${side}peer`, {
      name: side,
      type: 'router',
      addresses: 'router',
      up: true,
      options: map({ 'router-port': `lrp-${side}` }),
      external_ids: map(ids),
    }),
    change('Logical_Switch', name, 'ports', 'insert', ['named-uuid', `${side}peer`]),
  ];
}

function portInsertion(number: number): OvsdbOperation {
  const digits = number.toString(16).padStart(12, '0');
  const [insertion] = portOperations({
    id: portName(number),
    name: `vm-${number}`,
    network: TENANT,
    mac: workloadMac(number),
    addresses: [tenantAddress(number)],
    host: 'another-node',
    deviceId: `aaaaaaaa-0000-4000-8000-${digits}`,
  });
  const row = { ...(insertion?.row as Readonly<Record<string, unknown>>), up: true };
  return { ...insertion, 'uuid-name': `port${number}`, row };
}

function natInsertion(number: number): OvsdbOperation {
  return insert('NAT', `nat${number}`, {
    type: 'dnat_and_snat',
    external_ip: workloadAddress(number),
    logical_ip: tenantAddress(number),
    logical_port: portName(number),
    external_ids: map({ 'neutron:fip_network_id': NETWORK.id, 'neutron:router_name': ROUTER }),
  });
}

function portName(number: number): string {
  return `44444444-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

function named(what: string, numbers: readonly number[]): readonly unknown[] {
  return ['set', numbers.map((number) => ['named-uuid', `${what}${number}`])];
}

function insert(
  table: string,
  name: string | undefined,
  row: Readonly<Record<string, unknown>>,
): OvsdbOperation {
  return { op: 'insert', table, row, ...(name === undefined ? {} : { 'uuid-name': name }) };
}

function change(
  table: string,
  name: string,
  column: string,
  mutator: 'insert' | 'delete',
  value: readonly unknown[],
): OvsdbOperation {
  return { op: 'mutate', table, where: [['name', '==', name]], mutations: [[column, mutator, value]] };
}

function map(entries: Readonly<Record<string, string>>): readonly unknown[] {
  return ['map', Object.entries(entries)];
}
