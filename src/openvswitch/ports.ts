/**
 * Transactions that add, correct and remove the agent's internal ports (RFC 7047 5.2).
 *
 * In: the replicated tables and the wanted port. Out: operations for one transaction; none when all is as wanted. Pure.
 * `wait` operations pin down what the decision was based on, so that a transaction against outdated tables changes
 * nothing. Ports that the agent did not mark are refused with an `OvsError` `foreign`.
 */
import { parseMac } from '../base/address.ts';
import {
  byUuid,
  insert,
  mutate,
  namedUuid,
  type Operation,
  type UuidReference,
  update,
  uuid,
  type Where,
  wait,
} from '../ovsdb/index.ts';
import { OvsError } from './errors.ts';
import { type BridgeRow, interfaceOf, openOfport, type PortRow, type SwitchTables } from './snapshot.ts';
import { PORT_OWNER_KEY } from './types.ts';

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
  const bridge = tables.Bridge.find('name', bridgeName)[0];
  if (bridge === undefined) throw new OvsError('no-bridge', bridgeName, `there is no bridge ${bridgeName}`);
  const held = tables.Port.find('name', port.name)[0];
  if (held === undefined) return insertion(bridge, port);
  const holder = holderOf(tables, held);
  checkOwner(held, holder?.name ?? bridgeName);
  const device = interfaceOf(tables, held);
  const operations: Operation[] = [];
  if (held.tag !== port.tag) operations.push(update('Port', where(held), { tag: port.tag }));
  if (device !== undefined && (device.mac?.toLowerCase() !== port.mac || device.type !== 'internal')) {
    operations.push(update('Interface', where(device), { mac: port.mac, type: 'internal' }));
  }
  if (holder !== bridge) {
    if (holder !== undefined) operations.push(membership(holder, 'delete', uuid(idOf(held))));
    operations.push(membership(bridge, 'insert', uuid(idOf(held))));
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
  return [isStill('Port', held), membership(bridge, 'delete', uuid(idOf(held)))];
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
  const { name, tag, mac } = port;
  return [
    isStill('Bridge', bridge),
    wait('Port', [['name', '==', name]], { columns: ['name'], until: '==', rows: [], timeoutMs: 0 }),
    insert('Interface', { name, type: 'internal', mac }, { uuidName: 'device' }),
    insert(
      'Port',
      { name, tag, interfaces: namedUuid('device'), external_ids: new Map([[PORT_OWNER_KEY, OWNER_VALUE]]) },
      { uuidName: 'port' },
    ),
    membership(bridge, 'insert', namedUuid('port')),
  ];
}

function holderOf(tables: SwitchTables, port: PortRow): BridgeRow | undefined {
  for (const bridge of tables.Bridge) if (bridge.ports.includes(idOf(port))) return bridge;
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

function membership(bridge: BridgeRow, mutator: 'insert' | 'delete', port: UuidReference): Operation {
  return mutate('Bridge', where(bridge), [['ports', mutator, [port]]]);
}

/** Fails the transaction when the row has gone since the decision was made. */
function isStill(table: string, row: { readonly _uuid: string; readonly name: string }): Operation {
  return wait(table, where(row), {
    columns: ['name'],
    until: '==',
    rows: [{ name: row.name }],
    timeoutMs: 0,
  });
}

function where(row: { readonly _uuid: string }): Where {
  return byUuid(idOf(row));
}

function idOf({ _uuid: id }: { readonly _uuid: string }): string {
  return id;
}
