/**
 * Northbound rows as Neutron's ML2/OVN driver writes them, as OVSDB operations (RFC 7047 section 5.2). Pure.
 *
 * Keys and their spelling are those of Neutron's `neutron:*` external ids; what Neutron leaves empty is empty here too.
 */

/** A network and its subnets: a tenant's, if it is no `ProviderNetwork`. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly Subnet[];
}

export interface ProviderNetwork extends Network {
  /** Id of the network's segment; its localnet port is named after it. */
  readonly segmentId: string;
  readonly physicalNetwork: string;
  /** 802.1Q tag; absent: flat. */
  readonly vlan?: number;
}

export interface Subnet {
  readonly id: string;
  readonly prefix: string;
  readonly length: number;
  readonly gateway: string;
}

export interface PortSpec {
  readonly id: string;
  readonly name: string;
  readonly network: Network;
  readonly mac: string;
  /** One or more addresses inside the network's subnets. */
  readonly addresses: readonly string[];
  /** Host the port is scheduled to. */
  readonly host: string;
  readonly deviceId: string;
  readonly deviceOwner?: string;
  /** `normal` unless told. */
  readonly vnicType?: 'normal' | 'direct' | 'baremetal';
  /** Further addresses that the port may send from (allowed address pairs), as the parent of a virtual port does. */
  readonly allowedAddresses?: readonly string[];
  /** A subport of a trunk: the VM of the parent tags its frames with the VLAN id. */
  readonly trunk?: { readonly parentId: string; readonly tag: number };
}

/** A port whose frames reach OVN over the wire of its provider network (SR-IOV, bare metal). */
export interface ExternalPortSpec extends PortSpec {
  /** Names of the chassis that may answer for it, the preferred one first. */
  readonly chassis: readonly string[];
}

/** A virtual port: an address that moves between the ports of its parents (VRRP, Octavia). */
export interface VirtualPortSpec {
  readonly id: string;
  readonly name: string;
  readonly network: Network;
  readonly mac: string;
  readonly address: string;
  readonly parents: readonly string[];
}

export type OvsdbOperation = Readonly<Record<string, unknown>>;
export type OvsdbMap = readonly ['map', readonly (readonly [string, string])[]];

export const PROJECT_ID = '99999999000040008000000000000001';

export function networkOperations(network: Network): readonly OvsdbOperation[] {
  const provider = isProviderNetwork(network);
  const logicalSwitch = {
    op: 'insert',
    table: 'Logical_Switch',
    row: {
      name: switchName(network),
      ...(provider ? { ports: ['named-uuid', 'localnet'] } : {}),
      external_ids: map({
        'neutron:network_name': network.name,
        'neutron:mtu': '1400',
        'neutron:revision_number': '2',
        'neutron:availability_zone_hints': '',
      }),
      other_config: map({
        mcast_snoop: 'false',
        mcast_flood_unregistered: 'false',
        'vlan-passthru': 'false',
        fdb_age_threshold: '0',
      }),
    },
  };
  return provider ? [localnetOperation(network), logicalSwitch] : [logicalSwitch];
}

function localnetOperation(network: ProviderNetwork): OvsdbOperation {
  return {
    op: 'insert',
    table: 'Logical_Switch_Port',
    'uuid-name': 'localnet',
    row: {
      name: localnetName(network),
      type: 'localnet',
      addresses: 'unknown',
      options: map({
        network_name: network.physicalNetwork,
        mcast_flood: 'false',
        mcast_flood_reports: 'true',
        localnet_learn_fdb: 'false',
      }),
      ...(network.vlan === undefined ? {} : { tag: network.vlan }),
    },
  };
}

export function portOperations(port: PortSpec): readonly OvsdbOperation[] {
  return insertPort(port.network, portRow(port));
}

/** With an HA chassis group of its own, as Neutron makes one for ports of networks without a router. */
export function externalPortOperations(port: ExternalPortSpec): readonly OvsdbOperation[] {
  const members = port.chassis.map((name, index) => ({
    op: 'insert',
    table: 'HA_Chassis',
    'uuid-name': `member${index}`,
    row: { chassis_name: name, priority: port.chassis.length - index },
  }));
  const group = {
    op: 'insert',
    table: 'HA_Chassis_Group',
    'uuid-name': 'group',
    row: {
      name: haChassisGroupName(port),
      ha_chassis: ['set', members.map((member) => ['named-uuid', member['uuid-name']])],
    },
  };
  // No requested chassis: it would keep every other member of the group from having the port.
  const options = map({ mcast_flood_reports: 'true' });
  const row = { ...portRow(port), type: 'external', options, ha_chassis_group: ['named-uuid', 'group'] };
  return [...members, group, ...insertPort(port.network, row)];
}

/** The port is to be answered for by the first of these chassis that can; every member has to be named. */
export function externalOrderOperations(chassis: readonly string[]): readonly OvsdbOperation[] {
  return chassis.map((name, index) => ({
    op: 'update',
    table: 'HA_Chassis',
    where: [['chassis_name', '==', name]],
    row: { priority: chassis.length - index },
  }));
}

export function haChassisGroupName(port: Pick<PortSpec, 'id'>): string {
  return `neutron-extport-${port.id}`;
}

function portRow(port: PortSpec): Readonly<Record<string, unknown>> {
  const binding = [port.mac, ...port.addresses].join(' ');
  const allowed = [binding, ...(port.allowedAddresses ?? []).map((address) => `${port.mac} ${address}`)];
  return {
    name: port.id,
    type: '',
    enabled: true,
    ...(port.trunk === undefined ? {} : { parent_name: port.trunk.parentId, tag: port.trunk.tag }),
    addresses: binding,
    port_security: ['set', allowed],
    options: map({ 'requested-chassis': port.host, mcast_flood_reports: 'true' }),
    external_ids: map({
      ...commonIds(port.network, port.name, port.addresses),
      'neutron:device_id': port.deviceId,
      'neutron:device_owner': port.deviceOwner ?? 'compute:nova',
      'neutron:host_id': port.host,
      'neutron:vnic_type': port.vnicType ?? 'normal',
      'neutron:subnet_pool_addr_scope4': '',
      'neutron:subnet_pool_addr_scope6': '',
    }),
  };
}

export function virtualPortOperations(port: VirtualPortSpec): readonly OvsdbOperation[] {
  return insertPort(port.network, {
    name: port.id,
    type: 'virtual',
    enabled: true,
    addresses: `${port.mac} ${port.address}`,
    port_security: `${port.mac} ${port.address}`,
    options: map({
      'virtual-ip': port.address,
      'virtual-parents': port.parents.join(','),
      mcast_flood_reports: 'true',
    }),
    external_ids: map({
      ...commonIds(port.network, port.name, [port.address]),
      'neutron:device_id': '',
      'neutron:device_owner': '',
      'neutron:host_id': '',
      'neutron:vnic_type': 'normal',
      'neutron:subnet_pool_addr_scope4': '',
      'neutron:subnet_pool_addr_scope6': '',
    }),
  });
}

/**
 * What changes in a port's row when Nova moves the machine: the requested chassis, and once it is done the host id.
 * `hosts` has two names while a live migration is under way: the source first.
 */
export function rescheduleOperations(
  portId: string,
  hosts: readonly [string] | readonly [string, string],
  revision: number,
): readonly OvsdbOperation[] {
  const ids = { 'neutron:host_id': hosts[0], 'neutron:revision_number': `${revision}` };
  return [
    {
      op: 'mutate',
      table: 'Logical_Switch_Port',
      where: [['name', '==', portId]],
      mutations: [
        ['options', 'delete', ['set', ['requested-chassis']]],
        ['options', 'insert', map({ 'requested-chassis': hosts.join(',') })],
        ['external_ids', 'delete', ['set', Object.keys(ids)]],
        ['external_ids', 'insert', map(ids)],
      ],
    },
  ];
}

/** Sets or changes single external ids of a port. */
export function externalIdOperations(
  portId: string,
  ids: Readonly<Record<string, string>>,
): readonly OvsdbOperation[] {
  return [
    {
      op: 'mutate',
      table: 'Logical_Switch_Port',
      where: [['name', '==', portId]],
      mutations: [
        ['external_ids', 'delete', ['set', Object.keys(ids)]],
        ['external_ids', 'insert', map(ids)],
      ],
    },
  ];
}

/** A port goes when its switch no longer refers to it. `rowUuid` is that of the row, not the port's name. */
export function deletePortOperations(network: Network, rowUuid: string): readonly OvsdbOperation[] {
  return [
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', switchName(network)]],
      mutations: [['ports', 'delete', ['uuid', rowUuid]]],
    },
  ];
}

export function isProviderNetwork(network: Network): network is ProviderNetwork {
  return 'physicalNetwork' in network;
}

export function switchName(network: Pick<Network, 'id'>): string {
  return `neutron-${network.id}`;
}

export function localnetName(network: ProviderNetwork): string {
  return `provnet-${network.segmentId}`;
}

/** `address/length` with the length of the subnet that holds the address. */
export function withLength(network: Network, address: string): string {
  const family = address.includes(':');
  const subnet = network.subnets.find((candidate) => candidate.prefix.includes(':') === family);
  if (subnet === undefined) throw new TypeError(`${network.name} has no subnet for ${address}`);
  return `${address}/${subnet.length}`;
}

/** A port in its switch; `symbol` tells several of one transaction apart. */
export function insertPort(
  network: Pick<Network, 'id'>,
  row: Readonly<Record<string, unknown>>,
  symbol = 'port',
): readonly OvsdbOperation[] {
  return [
    { op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': symbol, row },
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', switchName(network)]],
      mutations: [['ports', 'insert', ['named-uuid', symbol]]],
    },
  ];
}

export function commonIds(
  network: Network,
  name: string,
  addresses: readonly string[],
): Readonly<Record<string, string>> {
  return {
    'neutron:cidrs': addresses.map((address) => withLength(network, address)).join(' '),
    'neutron:network_name': switchName(network),
    'neutron:port_name': name,
    'neutron:project_id': PROJECT_ID,
    'neutron:revision_number': '4',
    'neutron:security_group_ids': '',
    'neutron:port_capabilities': '',
  };
}

export function map(entries: Readonly<Record<string, string>>): OvsdbMap {
  return ['map', Object.entries(entries)];
}
