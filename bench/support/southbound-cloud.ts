/**
 * A Southbound database with the same provider network and ports as `cloud.ts`: rows as ovn-northd and ovn-controller
 * write them for what Neutron wrote.
 *
 * In: a server's transactions. Out: port bindings by number, bound to the node or not.
 */
import { localnetName, switchName } from '../../lab/neutron-rows.ts';
import { NETWORK, PHYSICAL_NETWORK, portInsertion, portName, type Transact } from './cloud.ts';

const DATAPATH = ['named-uuid', 'datapath'];
/** Port bindings in one transaction. */
const BATCH = 2_500;
/** Tunnel keys below are those of other ports. */
const FIRST_KEY = 16;

interface InsertResult {
  readonly uuid: readonly [string, string];
}

export class SouthboundCloud {
  readonly #transact: Transact;
  readonly #host: string;
  readonly #chassis: readonly [string, string];
  readonly #datapath: readonly [string, string];

  private constructor(transact: Transact, host: string, chassis: InsertResult, datapath: InsertResult) {
    this.#transact = transact;
    this.#host = host;
    this.#chassis = chassis.uuid;
    this.#datapath = datapath.uuid;
  }

  static async create(transact: Transact, host: string): Promise<SouthboundCloud> {
    const insert = (table: string, row: object, name?: string): Readonly<Record<string, unknown>> => ({
      op: 'insert',
      table,
      row,
      ...(name === undefined ? {} : { 'uuid-name': name }),
    });
    const [chassis, datapath] = (await transact([
      insert('Chassis', { name: host, hostname: host, encaps: ['named-uuid', 'encap'] }, 'chassis'),
      insert(
        'Datapath_Binding',
        { tunnel_key: 1, external_ids: ids({ name: switchName(NETWORK), name2: NETWORK.name }) },
        'datapath',
      ),
      insert('Encap', { type: 'geneve', ip: '192.0.2.1', chassis_name: host }, 'encap'),
      insert('Chassis_Private', { name: host, chassis: ['named-uuid', 'chassis'] }),
      insert('SB_Global', { nb_cfg: 1 }),
      insert('Port_Binding', {
        logical_port: localnetName(NETWORK),
        type: 'localnet',
        datapath: DATAPATH,
        tunnel_key: 1,
        mac: 'unknown',
        options: ids({ network_name: PHYSICAL_NETWORK }),
      }),
    ])) as readonly InsertResult[];
    if (chassis === undefined || datapath === undefined) throw new Error('the Southbound rows were not made');
    return new SouthboundCloud(transact, host, chassis, datapath);
  }

  async addPorts(from: number, count: number, up = true): Promise<void> {
    for (let start = from; start < from + count; start += BATCH) {
      const length = Math.min(BATCH, from + count - start);
      await this.#transact(Array.from({ length }, (_, index) => this.#insertion(start + index, up)));
    }
  }

  /** What ovn-controller writes when it has plugged the port in, or found it gone. */
  async setUp(number: number, up: boolean): Promise<void> {
    const where = [['logical_port', '==', portName(number)]];
    await this.#transact([{ op: 'update', table: 'Port_Binding', where, row: this.#binding(up) }]);
  }

  #insertion(number: number, up: boolean): Readonly<Record<string, unknown>> {
    const { row } = portInsertion(number, this.#host, up);
    return {
      op: 'insert',
      table: 'Port_Binding',
      row: {
        logical_port: row.name,
        type: row.type,
        mac: row.addresses,
        options: row.options,
        external_ids: row.external_ids,
        datapath: this.#datapath,
        tunnel_key: FIRST_KEY + number,
        ...this.#binding(up),
      },
    };
  }

  #binding(up: boolean): { readonly chassis: readonly unknown[]; readonly up: boolean } {
    return { chassis: up ? this.#chassis : ['set', []], up };
  }
}

function ids(entries: Readonly<Record<string, string>>): readonly unknown[] {
  return ['map', Object.entries(entries)];
}
