/**
 * Transactions that add, correct and remove the agent's internal ports (RFC 7047 5.2).
 *
 * In: the replicated tables and the wanted port. Out: operations for one transaction; none when all is as wanted. Pure.
 * `wait` operations pin down what the decision was based on, so that a transaction against outdated tables changes
 * nothing. Ports that the agent did not mark are refused with an `OvsError` `foreign`.
 */
import { parseMac } from '../base/address.ts';
import { OvsError } from './errors.ts';
import { type BridgeRow, interfaceOf, openOfport, type PortRow, type SwitchTables } from './snapshot.ts';
import { PORT_OWNER_KEY } from './types.ts';

/** One operation of an OVSDB transaction, as it goes over the wire. */
export type Operation = Readonly<Record<string, unknown>> & { readonly op: string };

export interface InternalPort {
  readonly name: string;
  readonly tag: number;
  readonly mac: string;
}

/** Value of the mark: what kind of port of ours it is. */
const OWNER_VALUE = 'vlan';

export function checkPort(bridge: string, port: InternalPort): void {
  // A network device of the kernel: dev_valid_name and IFNAMSIZ.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(port.name)) {
    throw new OvsError('invalid', bridge, `not a device name: ${JSON.stringify(port.name)}`);
  }
  if (!Number.isInteger(port.tag) || port.tag < 1 || port.tag > 4094) {
    throw new OvsError('invalid', bridge, `not a VLAN of port ${port.name}: ${port.tag}`);
  }
  if (parseMac(port.mac) !== port.mac) {
    throw new OvsError(
      'invalid',
      bridge,
      `not a MAC address of port ${port.name}: ${JSON.stringify(port.mac)}`,
    );
  }
}

export function ensurePortOperations(
  tables: SwitchTables,
  bridgeName: string,
  port: InternalPort,
): readonly Operation[] {
  const bridge = bridgeRow(tables, bridgeName);
  const held = tables.Port.find('name', port.name)[0];
  if (held === undefined) return insertion(bridge, port);
  const holder = holderOf(tables, held);
  checkOwner(held, holder?.name ?? bridgeName);
  const device = interfaceOf(tables, held);
  const operations: Operation[] = [];
  if (held.tag !== port.tag) {
    operations.push({ op: 'update', table: 'Port', where: byUuid(held), row: { tag: port.tag } });
  }
  if (device !== undefined && (device.mac?.toLowerCase() !== port.mac || device.type !== 'internal')) {
    const row = { mac: port.mac, type: 'internal' };
    operations.push({ op: 'update', table: 'Interface', where: byUuid(device), row });
  }
  if (holder !== bridge) {
    if (holder !== undefined) operations.push(membership(holder, 'delete', reference(held)));
    operations.push(membership(bridge, 'insert', reference(held)));
  }
  return operations.length === 0 ? [] : [isStill('Port', held), isStill('Bridge', bridge), ...operations];
}

export function removePortOperations(
  tables: SwitchTables,
  bridgeName: string,
  portName: string,
): readonly Operation[] {
  const held = tables.Port.find('name', portName)[0];
  const bridge = held === undefined ? undefined : holderOf(tables, held);
  if (held === undefined || bridge?.name !== bridgeName) return [];
  checkOwner(held, bridgeName);
  // Port and Interface rows that nothing refers to are collected by the server.
  return [isStill('Port', held), membership(bridge, 'delete', reference(held))];
}

/** What vswitchd has made of a port so far. */
export type PortProgress =
  | { readonly state: 'ready' }
  | { readonly state: 'waiting'; readonly for: string }
  | { readonly state: 'failed'; readonly error: string };

export function portProgress(tables: SwitchTables, port: InternalPort): PortProgress {
  const held = tables.Port.find('name', port.name)[0];
  const device = held === undefined ? undefined : interfaceOf(tables, held);
  if (device === undefined) return { state: 'waiting', for: 'its row to appear' };
  if (device.error !== undefined && device.error !== '') return { state: 'failed', error: device.error };
  if (openOfport(device) === undefined) return { state: 'waiting', for: 'vswitchd to open it' };
  if (device.mac_in_use?.toLowerCase() !== port.mac) return { state: 'waiting', for: 'its MAC address' };
  return { state: 'ready' };
}

function insertion(bridge: BridgeRow, port: InternalPort): readonly Operation[] {
  return [
    isStill('Bridge', bridge),
    {
      op: 'wait',
      table: 'Port',
      where: [['name', '==', port.name]],
      columns: ['name'],
      until: '==',
      rows: [],
      timeout: 0,
    },
    {
      op: 'insert',
      table: 'Interface',
      'uuid-name': 'device',
      row: { name: port.name, type: 'internal', mac: port.mac },
    },
    {
      op: 'insert',
      table: 'Port',
      'uuid-name': 'port',
      row: {
        name: port.name,
        tag: port.tag,
        interfaces: ['named-uuid', 'device'],
        external_ids: ['map', [[PORT_OWNER_KEY, OWNER_VALUE]]],
      },
    },
    membership(bridge, 'insert', ['named-uuid', 'port']),
  ];
}

function bridgeRow(tables: SwitchTables, name: string): BridgeRow {
  const row = tables.Bridge.find('name', name)[0];
  if (row === undefined) throw new OvsError('no-bridge', name, `there is no bridge ${name}`);
  return row;
}

function holderOf(tables: SwitchTables, port: PortRow): BridgeRow | undefined {
  const [, uuid] = reference(port);
  for (const bridge of tables.Bridge) if (bridge.ports.includes(uuid)) return bridge;
  return undefined;
}

function checkOwner(port: PortRow, bridge: string): void {
  if (port.external_ids.has(PORT_OWNER_KEY)) return;
  throw new OvsError(
    'foreign',
    bridge,
    `port ${port.name} of bridge ${bridge} was not made by the agent (no external_ids:${PORT_OWNER_KEY}); remove it or choose another name`,
  );
}

function membership(
  bridge: BridgeRow,
  mutator: 'insert' | 'delete',
  port: readonly [string, string],
): Operation {
  return {
    op: 'mutate',
    table: 'Bridge',
    where: byUuid(bridge),
    mutations: [['ports', mutator, ['set', [port]]]],
  };
}

function isStill(table: string, row: { readonly _uuid: string; readonly name: string }): Operation {
  return {
    op: 'wait',
    table,
    where: byUuid(row),
    columns: ['name'],
    until: '==',
    rows: [{ name: row.name }],
    timeout: 0,
  };
}

function byUuid(row: { readonly _uuid: string }): readonly unknown[] {
  return [['_uuid', '==', reference(row)]];
}

function reference({ _uuid: uuid }: { readonly _uuid: string }): readonly ['uuid', string] {
  return ['uuid', uuid];
}
