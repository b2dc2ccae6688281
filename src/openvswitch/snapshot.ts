/**
 * The local switch as plain data.
 *
 * In: the replicated tables. Out: one `OvsSnapshot`. Pure and total: references to rows that are not there are left out,
 * the text of bridge mappings is kept raw (its meaning is the config's and OVN's business).
 */
import { type IpAddress, parseIp } from '../base/address.ts';
import type { RowOf, Views } from '../ovsdb/types.ts';
import type { SwitchSpec } from './schema.ts';
import type { OvsBridge, OvsPort, OvsSnapshot } from './types.ts';

export type SwitchTables = Views<SwitchSpec>;
export type BridgeRow = RowOf<SwitchSpec['tables']['Bridge']>;
export type PortRow = RowOf<SwitchSpec['tables']['Port']>;
export type InterfaceRow = RowOf<SwitchSpec['tables']['Interface']>;

/** Of ovn-controller(8). */
export const DEFAULT_INTEGRATION_BRIDGE = 'br-int';

export function buildSnapshot(tables: SwitchTables): OvsSnapshot {
  const [root] = tables.Open_vSwitch;
  const ids = root?.external_ids ?? new Map<string, string>();
  const systemId = text(ids.get('system-id'));
  // Several ovn-controllers can share one switch: keys that end in the chassis' name count more (ovn-controller(8)).
  const own = (key: string): string | undefined =>
    text(systemId === undefined ? undefined : ids.get(`${key}-${systemId}`)) ?? text(ids.get(key));
  const bridges = new Map<string, OvsBridge>();
  for (const row of tables.Bridge) bridges.set(row.name, bridgeOf(tables, row));
  return {
    systemId,
    hostname: text(ids.get('hostname')),
    bridgeMappings: own('ovn-bridge-mappings') ?? '',
    integrationBridge: own('ovn-bridge') ?? DEFAULT_INTEGRATION_BRIDGE,
    ovnRemote: own('ovn-remote'),
    ovnNbRemote: own('ovn-nb-remote'),
    bridges,
    externalIds: new Map(ids),
  };
}

function bridgeOf(tables: SwitchTables, row: BridgeRow): OvsBridge {
  const ports = new Map<string, OvsPort>();
  for (const uuid of row.ports) {
    const port = tables.Port.get(uuid);
    if (port !== undefined) ports.set(port.name, portOf(tables, port));
  }
  return { name: row.name, datapathType: row.datapath_type, ports };
}

function portOf(tables: SwitchTables, row: PortRow): OvsPort {
  const device = interfaceOf(tables, row);
  const tunnelTo = tunnelEnd(device);
  return {
    name: row.name,
    type: device?.type ?? '',
    tag: row.tag,
    ofport: openOfport(device),
    externalIds: new Map([...(device?.external_ids ?? []), ...row.external_ids]),
    ...(device?.link_state === undefined ? {} : { linkUp: device.link_state === 'up' }),
    ...(tunnelTo === undefined ? {} : { tunnelTo }),
  };
}

/** The interface of a port; of a bond the one with its name, or else the first. */
export function interfaceOf(tables: SwitchTables, port: PortRow): InterfaceRow | undefined {
  const rows = port.interfaces.map((uuid) => tables.Interface.get(uuid)).filter((row) => row !== undefined);
  return rows.find(({ name }) => name === port.name) ?? rows[0];
}

/** Of every kind of tunnel (ovs-vswitchd.conf.db(5)); a patch port's options name no address. */
function tunnelEnd(device: InterfaceRow | undefined): IpAddress | undefined {
  const text = device?.options.get('remote_ip');
  return text === undefined ? undefined : parseIp(text);
}

/** vswitchd writes -1 for a device that it could not open. */
export function openOfport(device: InterfaceRow | undefined): number | undefined {
  const ofport = device?.ofport;
  return ofport === undefined || ofport < 0 ? undefined : ofport;
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
