/**
 * Small clouds in memory for tests: networks and ports in the words of a cloud operator, rows in the words of OVN.
 *
 * UUIDs are readable (`switch PUB`, `port vm-1`), so that a failing test says which row it means. Every function
 * returns the change set that a replica would report.
 */
import type { ChangeSet } from '../ovsdb/types.ts';
import { type MemoryDatabase, memoryDatabase } from './memory-database.ts';
import { NORTHBOUND, type NorthboundDatabase } from './northbound-schema.ts';
import { SOUTHBOUND, type SouthboundDatabase } from './southbound-schema.ts';
import { type CandidateKey, portKey, type Topology, type WorkloadPort } from './topology.ts';

export interface TestNetwork {
  readonly name: string;
  /** Name of the localnet port; absent: a tenant network. */
  readonly localnet?: string;
  readonly physicalNetwork?: string;
  readonly vlan?: number;
}

export interface TestPort {
  readonly name: string;
  readonly network: string;
  readonly addresses?: string;
  readonly type?: string;
  readonly up?: boolean;
  readonly cidrs?: string;
}

export interface NorthboundTestPort extends TestPort {
  readonly requestedChassis?: string;
  readonly hostId?: string;
  /** False: the port does not name its network (plain OVN). */
  readonly namesNetwork?: boolean;
}

export interface SouthboundTestPort extends TestPort {
  readonly chassis?: string;
  readonly additionalChassis?: readonly string[];
}

export function testPortKey(name: string): CandidateKey {
  return portKey(`port ${name}`);
}

/** The port of that name as the topology resolves it; `undefined` where there is none. */
export function testPort(topology: Topology, name: string): WorkloadPort | undefined {
  const candidate = topology.resolve(testPortKey(name));
  return candidate?.kind === 'port' ? candidate : undefined;
}

export interface NorthboundCloud {
  readonly db: MemoryDatabase<NorthboundDatabase>;
  addNetwork(network: TestNetwork): ChangeSet<NorthboundDatabase>;
  addPort(port: NorthboundTestPort): ChangeSet<NorthboundDatabase>;
  /** Deletes a port and takes it out of its switch. */
  deletePort(name: string): ChangeSet<NorthboundDatabase>;
}

export function northboundCloud(): NorthboundCloud {
  const db = memoryDatabase(NORTHBOUND);
  const portsOf = (network: string): readonly string[] =>
    db.views.Logical_Switch.get(`switch ${network}`)?.ports ?? [];
  return {
    db,
    addNetwork: ({ name, localnet, physicalNetwork, vlan }) =>
      db.transact((tx) => {
        const ports: string[] = [];
        if (localnet !== undefined) {
          const options = new Map<string, string>();
          if (physicalNetwork !== undefined) options.set('network_name', physicalNetwork);
          const values = { name: localnet, type: 'localnet', addresses: ['unknown'], tag: vlan, options };
          ports.push(tx.insert('Logical_Switch_Port', values, `port ${localnet}`));
        }
        tx.insert('Logical_Switch', { name, ports }, `switch ${name}`);
      }),
    addPort: (port) =>
      db.transact((tx) => {
        const options = new Map<string, string>();
        if (port.requestedChassis !== undefined) options.set('requested-chassis', port.requestedChassis);
        const externalIds = new Map<string, string>();
        if (port.namesNetwork !== false) externalIds.set('neutron:network_name', port.network);
        if (port.hostId !== undefined) externalIds.set('neutron:host_id', port.hostId);
        if (port.cidrs !== undefined) externalIds.set('neutron:cidrs', port.cidrs);
        const uuid = tx.insert(
          'Logical_Switch_Port',
          {
            name: port.name,
            type: port.type ?? '',
            addresses: port.addresses === undefined ? [] : [port.addresses],
            up: port.up ?? true,
            options,
            external_ids: externalIds,
          },
          `port ${port.name}`,
        );
        if (db.views.Logical_Switch.get(`switch ${port.network}`) === undefined) return;
        tx.update('Logical_Switch', `switch ${port.network}`, { ports: [...portsOf(port.network), uuid] });
      }),
    deletePort: (name) =>
      db.transact((tx) => {
        const uuid = `port ${name}`;
        for (const row of db.views.Logical_Switch.find('port', uuid)) {
          tx.update('Logical_Switch', row._uuid, { ports: row.ports.filter((port) => port !== uuid) });
        }
        tx.delete('Logical_Switch_Port', uuid);
      }),
  };
}

export interface SouthboundCloud {
  readonly db: MemoryDatabase<SouthboundDatabase>;
  addChassis(name: string): ChangeSet<SouthboundDatabase>;
  addNetwork(network: TestNetwork): ChangeSet<SouthboundDatabase>;
  addPort(port: SouthboundTestPort): ChangeSet<SouthboundDatabase>;
}

export function southboundCloud(): SouthboundCloud {
  const db = memoryDatabase(SOUTHBOUND);
  return {
    db,
    addChassis: (name) =>
      db.transact((tx) => {
        tx.insert('Chassis', { name }, `chassis ${name}`);
        tx.insert('Chassis_Private', { name }, `private ${name}`);
      }),
    addNetwork: ({ name, localnet, physicalNetwork, vlan }) =>
      db.transact((tx) => {
        const datapath = tx.insert(
          'Datapath_Binding',
          { external_ids: new Map([['name', name]]) },
          `switch ${name}`,
        );
        if (localnet === undefined) return;
        const options = new Map<string, string>();
        if (physicalNetwork !== undefined) options.set('network_name', physicalNetwork);
        const values = {
          logical_port: localnet,
          type: 'localnet',
          mac: ['unknown'],
          tag: vlan,
          datapath,
          options,
        };
        tx.insert('Port_Binding', values, `port ${localnet}`);
      }),
    addPort: (port) =>
      db.insert(
        'Port_Binding',
        {
          logical_port: port.name,
          type: port.type ?? '',
          mac: port.addresses === undefined ? [] : [port.addresses],
          chassis: port.chassis === undefined ? undefined : `chassis ${port.chassis}`,
          additional_chassis: (port.additionalChassis ?? []).map((name) => `chassis ${name}`),
          up: port.up,
          datapath: `switch ${port.network}`,
          external_ids: new Map(port.cidrs === undefined ? [] : [['neutron:cidrs', port.cidrs]]),
        },
        `port ${port.name}`,
      ),
  };
}
