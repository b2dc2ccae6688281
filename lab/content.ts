/**
 * What is in the Northbound database: networks and ports, written and changed as Neutron does it.
 *
 * Every change is one transaction, as Neutron's are. Fails with a `LabError` that quotes the database's own words.
 */
import type { Lab } from './lab.ts';
import { LabError } from './machine.ts';
import {
  deletePortOperations,
  type ExternalPortSpec,
  externalIdOperations,
  externalOrderOperations,
  externalPortOperations,
  haChassisGroupName,
  type Network,
  networkOperations,
  type OvsdbOperation,
  type PortSpec,
  type ProviderNetwork,
  portOperations,
  rescheduleOperations,
  type VirtualPortSpec,
  virtualPortOperations,
} from './neutron-rows.ts';
import { type Seen, type UntilOptions, until } from './until.ts';

/** The flat provider network: dual stack, on physnet1 (br-ex). */
export const FLAT_NETWORK: ProviderNetwork = {
  id: '11111111-0000-4000-8000-000000000001',
  name: 'public',
  segmentId: '11111111-0000-4000-8000-0000000000f1',
  physicalNetwork: 'physnet1',
  subnets: [
    subnet('11111111-0000-4000-8000-0000000000a1', '172.24.4.0', 24, '172.24.4.1'),
    // Neutron's default IPv6 gateway is the subnet-router anycast address.
    subnet('11111111-0000-4000-8000-0000000000a2', '2001:db8:4::', 64, '2001:db8:4::'),
  ],
};

/** The VLAN provider network: tag 100 on the same bridge. */
export const VLAN_NETWORK: ProviderNetwork = {
  id: '11111111-0000-4000-8000-000000000002',
  name: 'vlan100',
  segmentId: '11111111-0000-4000-8000-0000000000f2',
  physicalNetwork: 'physnet1',
  vlan: 100,
  subnets: [
    subnet('11111111-0000-4000-8000-0000000000b1', '172.25.0.0', 24, '172.25.0.1'),
    subnet('11111111-0000-4000-8000-0000000000b2', '2001:db8:5::', 64, '2001:db8:5::'),
  ],
};

/** A flat provider network on the second bridge, for labs that have one. */
export const SECOND_NETWORK: ProviderNetwork = {
  id: '11111111-0000-4000-8000-000000000003',
  name: 'public2',
  segmentId: '11111111-0000-4000-8000-0000000000f3',
  physicalNetwork: 'physnet2',
  subnets: [
    subnet('11111111-0000-4000-8000-0000000000c1', '172.26.0.0', 24, '172.26.0.1'),
    subnet('11111111-0000-4000-8000-0000000000c2', '2001:db8:6::', 64, '2001:db8:6::'),
  ],
};

/** A tenant network: reachable through a router only. */
export const TENANT_NETWORK: Network = {
  id: '22222222-0000-4000-8000-000000000001',
  name: 'private',
  subnets: [
    subnet('22222222-0000-4000-8000-0000000000a1', '192.168.100.0', 24, '192.168.100.1'),
    subnet('22222222-0000-4000-8000-0000000000a2', '2001:db8:100::', 64, '2001:db8:100::1'),
  ],
};

interface Binding {
  readonly up: boolean;
  /** Hosts of the main and of the additional chassis. */
  readonly host: string;
  readonly additional: readonly string[];
}

export class Content {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async addNetwork(network: Network): Promise<void> {
    await this.transact(networkOperations(network));
  }

  async addPort(port: PortSpec): Promise<void> {
    await this.transact(portOperations(port));
  }

  async addExternalPort(port: ExternalPortSpec): Promise<void> {
    await this.transact(externalPortOperations(port));
  }

  /** Moves what answers for external ports: to the first of these chassis that can have them. */
  async orderExternal(chassis: readonly string[]): Promise<void> {
    await this.transact(externalOrderOperations(chassis));
  }

  async deleteExternalPort(port: ExternalPortSpec): Promise<void> {
    await this.deletePort(port);
    const where = [['name', '==', haChassisGroupName(port)]];
    await this.transact([{ op: 'delete', table: 'HA_Chassis_Group', where }]);
  }

  async addVirtualPort(port: VirtualPortSpec): Promise<void> {
    await this.transact(virtualPortOperations(port));
  }

  async deletePort(port: Pick<PortSpec, 'id' | 'network'>): Promise<void> {
    await this.transact(deletePortOperations(port.network, await this.#rowUuid(port.id)));
  }

  /** The first half of a live migration: the port is wanted on both hosts. */
  async beginMigration(portId: string, from: string, to: string): Promise<void> {
    await this.transact(rescheduleOperations(portId, [from, to], await this.#nextRevision(portId)));
  }

  /** The port belongs to another host: the end of a live migration, or the whole of a cold one. */
  async migratePort(portId: string, to: string): Promise<void> {
    await this.transact(rescheduleOperations(portId, [to], await this.#nextRevision(portId)));
  }

  async setExternalIds(portId: string, ids: Readonly<Record<string, string>>): Promise<void> {
    await this.transact(externalIdOperations(portId, ids));
  }

  /** Waits until OVN reports the port as up; where `host` is given, bound there. */
  async awaitPortUp(portId: string, host?: string, options: UntilOptions = {}): Promise<number> {
    const probe = async (): Promise<Seen<true>> => {
      const binding = await this.#binding(portId);
      const right = binding.up && (host === undefined || binding.host === host);
      return right ? { value: true } : { seen: `up=${binding.up}, bound to ${binding.host || 'nothing'}` };
    };
    const where = host === undefined ? '' : ` on ${host}`;
    return (await until(`port ${portId} to be up${where}`, probe, options)).elapsedMs;
  }

  /** Waits until a port that is being migrated is bound to the target as well. */
  async awaitAdditionalBinding(portId: string, host: string): Promise<void> {
    await until(`port ${portId} to have an additional binding on ${host}`, async (): Promise<Seen<true>> => {
      const { additional } = await this.#binding(portId);
      return additional.includes(host) ? { value: true } : { seen: additional.join(', ') };
    });
  }

  /** Host of the chassis that a port of the Southbound database is bound to; empty when it is bound to none. */
  async boundTo(logicalPort: string): Promise<string> {
    return (await this.#binding(logicalPort)).host;
  }

  /** Runs a transaction on the Northbound database; one result an operation. */
  async transact(operations: readonly OvsdbOperation[]): Promise<readonly OvsdbOperation[]> {
    return this.#transact('nb', 'OVN_Northbound', operations);
  }

  async #transact(
    socket: 'nb' | 'sb',
    database: string,
    operations: readonly OvsdbOperation[],
  ): Promise<readonly OvsdbOperation[]> {
    const request = JSON.stringify([database, ...operations]);
    const server = `unix:/run/ovn/ovn${socket}_db.sock`;
    const { stdout } = await this.#lab.node('central').exec(['ovsdb-client', 'transact', server, request]);
    const results = JSON.parse(stdout) as readonly (OvsdbOperation | null)[];
    const failed = results.find((result) => result !== null && 'error' in result);
    if (failed !== undefined) {
      throw new LabError('database', `${database} refused ${request}: ${JSON.stringify(failed)}`);
    }
    return results.flatMap((result) => (result === null ? [] : [result]));
  }

  async #rowUuid(portId: string): Promise<string> {
    const { _uuid: uuid } = await this.#portRow(portId, ['_uuid']);
    return (uuid as readonly [string, string])[1];
  }

  async #nextRevision(portId: string): Promise<number> {
    const row = await this.#portRow(portId, ['external_ids']);
    const [, ids] = row.external_ids as readonly ['map', readonly (readonly [string, string])[]];
    return Number(new Map(ids).get('neutron:revision_number') ?? 0) + 1;
  }

  async #portRow(portId: string, columns: readonly string[]): Promise<OvsdbOperation> {
    const where = [['name', '==', portId]];
    const [result] = await this.transact([{ op: 'select', table: 'Logical_Switch_Port', where, columns }]);
    const [row] = (result?.rows ?? []) as readonly OvsdbOperation[];
    if (row === undefined) throw new LabError('absent', `there is no logical switch port ${portId}`);
    return row;
  }

  async #binding(portId: string): Promise<Binding> {
    const [ports, chassis] = await this.#transact('sb', 'OVN_Southbound', [
      {
        op: 'select',
        table: 'Port_Binding',
        where: [['logical_port', '==', portId]],
        columns: ['up', 'chassis', 'additional_chassis'],
      },
      { op: 'select', table: 'Chassis', where: [], columns: ['_uuid', 'hostname'] },
    ]);
    const [binding] = (ports?.rows ?? []) as readonly {
      readonly up: boolean | readonly unknown[];
      readonly chassis: readonly unknown[];
      readonly additional_chassis: readonly unknown[];
    }[];
    const hosts = (chassis?.rows ?? []) as readonly {
      readonly _uuid: readonly unknown[];
      readonly hostname: string;
    }[];
    const bound = hosts.find(({ _uuid: uuid }) => uuid[1] === binding?.chassis[1]);
    // RFC 7047 writes a set of one as its member.
    const additional = JSON.stringify(binding?.additional_chassis ?? []);
    return {
      up: binding?.up === true,
      host: bound?.hostname ?? '',
      additional: hosts
        .filter(({ _uuid: uuid }) => additional.includes(JSON.stringify(uuid)))
        .map(({ hostname }) => hostname),
    };
  }
}

function subnet(id: string, prefix: string, length: number, gateway: string): Network['subnets'][number] {
  return { id, prefix, length, gateway };
}
