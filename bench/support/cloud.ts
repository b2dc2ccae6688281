/**
 * A Northbound database with one flat provider network whose ports are all on the node: rows as Neutron writes them.
 *
 * In: a server's transactions. Out: ports by number, added and removed one by one or in bulk, reported up and down.
 */
import {
  networkOperations,
  type OvsdbOperation,
  type PortSpec,
  type ProviderNetwork,
  portOperations,
  switchName,
} from '../../lab/neutron-rows.ts';
import { workloadAddress, workloadMac } from './addresses.ts';

export const PHYSICAL_NETWORK = 'physnet1';
const SEGMENT = '11111111-0000-4000-8000-000000000001';
export const LOCALNET = `provnet-${SEGMENT}`;
/** Port rows in one transaction. */
const BATCH = 2_500;

export const NETWORK: ProviderNetwork = {
  id: '22222222-0000-4000-8000-000000000001',
  name: 'provider',
  segmentId: SEGMENT,
  physicalNetwork: PHYSICAL_NETWORK,
  subnets: [
    { id: '33333333-0000-4000-8000-000000000001', prefix: '10.32.0.0', length: 13, gateway: '10.32.0.1' },
  ],
};

export type Transact = (operations: readonly OvsdbOperation[]) => Promise<readonly unknown[]>;

/** Rows that come and go one by one, by number. */
export interface BenchCloud {
  addPorts(from: number, count: number): Promise<void>;
  removePort(number: number): Promise<void>;
}

export class Cloud implements BenchCloud {
  readonly #transact: Transact;
  readonly #host: string;
  readonly #rows = new Map<number, string>();

  private constructor(transact: Transact, host: string) {
    this.#transact = transact;
    this.#host = host;
  }

  static async create(transact: Transact, host: string): Promise<Cloud> {
    await transact([...networkOperations(NETWORK), { op: 'insert', table: 'NB_Global', row: {} }]);
    return new Cloud(transact, host);
  }

  /** Ports `from` to `from + count - 1`. */
  async addPorts(from: number, count: number, up = true): Promise<void> {
    for (let start = from; start < from + count; start += BATCH) {
      const numbers = Array.from(
        { length: Math.min(BATCH, from + count - start) },
        (_, index) => start + index,
      );
      const inserts = numbers.map((number) => ({
        ...portInsertion(number, this.#host, up),
        'uuid-name': `port${number}`,
      }));
      const results = (await this.#transact([...inserts, attach(numbers)])) as readonly {
        readonly uuid?: readonly [string, string];
      }[];
      for (const [index, number] of numbers.entries())
        this.#rows.set(number, results[index]?.uuid?.[1] ?? '');
    }
  }

  async removePort(number: number): Promise<void> {
    await this.#transact([
      {
        op: 'mutate',
        table: 'Logical_Switch',
        where: [['name', '==', switchName(NETWORK)]],
        mutations: [['ports', 'delete', ['uuid', this.#rows.get(number)]]],
      },
    ]);
    this.#rows.delete(number);
  }

  /** All ports at once. */
  async removePorts(): Promise<void> {
    const uuids = [...this.#rows.values()].map((uuid) => ['uuid', uuid]);
    await this.#transact([
      {
        op: 'mutate',
        table: 'Logical_Switch',
        where: [['name', '==', switchName(NETWORK)]],
        mutations: [['ports', 'delete', ['set', uuids]]],
      },
    ]);
    this.#rows.clear();
  }

  /** What northd writes when the port's chassis has it or has it no longer. */
  async setUp(number: number, up: boolean): Promise<void> {
    const where = [['name', '==', portName(number)]];
    await this.#transact([{ op: 'update', table: 'Logical_Switch_Port', where, row: { up } }]);
  }
}

export function portName(number: number): string {
  return `44444444-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** The port's row as Neutron writes it, and whether it is up. */
export function portInsertion(
  number: number,
  host: string,
  up: boolean,
): { readonly op: 'insert'; readonly table: string; readonly row: Readonly<Record<string, unknown>> } {
  const port: PortSpec = {
    id: portName(number),
    name: `vm-${number}`,
    network: NETWORK,
    mac: workloadMac(number),
    addresses: [workloadAddress(number)],
    host,
    deviceId: portName(number).replace(/^4+/, 'aaaaaaaa'),
  };
  const [insertion] = portOperations(port);
  const row = insertion?.row as Readonly<Record<string, unknown>>;
  return { op: 'insert', table: 'Logical_Switch_Port', row: { ...row, up } };
}

function attach(numbers: readonly number[]): OvsdbOperation {
  const ports = numbers.map((number) => ['named-uuid', `port${number}`]);
  return {
    op: 'mutate',
    table: 'Logical_Switch',
    where: [['name', '==', switchName(NETWORK)]],
    mutations: [['ports', 'insert', ['set', ports]]],
  };
}
