/**
 * What a plan must know of a node that is not there: read from its Open_vSwitch database in a file, or said by hand.
 *
 * In: the file or the text of `ovn-bridge-mappings`, and what was given besides. Out: the same readings as of a real
 * node. What no file can tell is assumed, and every assumption is listed, so that nobody takes it for a fact.
 */
import { type InterfaceAddress, type MacAddress, parseMac } from '../base/address.ts';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import type { AgentConfig } from '../config/types.ts';
import type { RtTableEntry } from '../node/edge.ts';
import type { KernelFacts } from '../node/kernel-facts.ts';
import { SWITCH_SPEC } from '../openvswitch/schema.ts';
import {
  buildSnapshot,
  DEFAULT_INTEGRATION_BRIDGE,
  interfaceOf,
  type SwitchTables,
} from '../openvswitch/snapshot.ts';
import type { OvsBridge, OvsPort, OvsSnapshot } from '../openvswitch/types.ts';
import type { Localnet } from '../ovn/topology.ts';
import { type DatabaseFile, databaseSpec, type FileContents, tableSpec } from '../ovsdb/index.ts';
import { patchPort } from '../wiring/names.ts';
import { mappedBridges, type NodeReadings } from './node-facts.ts';

/** Something that the plan was computed with although nothing says so. */
export interface Assumption {
  readonly subject: string;
  readonly assumed: string;
  /** Why, and how to say it instead. */
  readonly reason: string;
}

export interface GivenFacts {
  /** Text of `ovn-bridge-mappings`; wins over the file's. */
  readonly bridgeMappings?: string;
  readonly bridgeMacs: ReadonlyMap<string, MacAddress>;
  /** Addresses of bridges to the fabric. */
  readonly bridgeAddresses?: ReadonlyMap<string, readonly InterfaceAddress[]>;
  /** Lines of the node's rt_tables. */
  readonly rtTables?: readonly RtTableEntry[];
}

type Excluding = Pick<AgentConfig, 'excludedPhysicalNetworks'>;

export interface OfflineReadings extends Omit<NodeReadings, 'routerId'> {
  readonly assumptions: readonly Assumption[];
}

/** Stands where a MAC address is not known; no device has it. */
const UNKNOWN_MAC = parseMac('00:00:00:00:00:00') as MacAddress;

const BRIDGE_SETTINGS = databaseSpec(SWITCH_SPEC.name, {
  Bridge: tableSpec({ name: 'string', other_config: 'string-map' }, { name: (row) => row.name }),
});

export interface SwitchFile {
  readonly file: DatabaseFile;
  readonly contents: FileContents<typeof SWITCH_SPEC>;
  readonly snapshot: OvsSnapshot;
}

export function readSwitchFile(file: DatabaseFile): SwitchFile {
  const contents = file.contents(SWITCH_SPEC);
  return { file, contents, snapshot: buildSnapshot(contents.tables) };
}

/** The node whose Open_vSwitch database is in a file; `others`: bridges that matter besides the mapped ones. */
export function readingsOfFile(
  { file, contents, snapshot }: SwitchFile,
  given: GivenFacts,
  config: Excluding,
  others: readonly string[] = [],
): OfflineReadings {
  const bridgeMappings = given.bridgeMappings ?? snapshot.bridgeMappings;
  const settings = file.contents(BRIDGE_SETTINGS).tables.Bridge;
  const assumptions: Assumption[] = [];
  const macs = new Map<string, MacAddress>();
  for (const name of new Set([...mappedBridges(bridgeMappings, config), ...others])) {
    const [row] = settings.find('name', name);
    const known =
      given.bridgeMacs.get(name) ??
      macInUse(contents.tables, name) ??
      parseMac(row?.other_config.get('hwaddr') ?? '');
    if (known !== undefined) macs.set(name, known);
    // A dump has the columns that vswitchd keeps in memory; what is empty there does not exist.
    else if (snapshot.bridges.has(name) && file.format !== 'dump') {
      macs.set(name, UNKNOWN_MAC);
      assumptions.push(
        unknownMac(name, `${file.source} does not hold it (only a dump of a running server does)`),
      );
    }
  }
  return readings({ ...snapshot, bridgeMappings }, macs, given, assumptions);
}

/** A node of which nothing is known but its mappings: every bridge and patch port is there. */
export function readingsOfMappings(
  identity: { readonly hostname: string; readonly systemId: string },
  bridgeMappings: string,
  localnets: readonly Localnet[],
  given: GivenFacts,
  config: Excluding,
): OfflineReadings {
  const assumptions: Assumption[] = [];
  const macs = new Map<string, MacAddress>();
  const bridges = new Map<string, OvsBridge>();
  const { mappings } = parseBridgeMappings(bridgeMappings);
  for (const name of mappedBridges(bridgeMappings, config)) {
    const mac = given.bridgeMacs.get(name);
    macs.set(name, mac ?? UNKNOWN_MAC);
    if (mac === undefined) assumptions.push(unknownMac(name, 'without --ovs-db nothing says it'));
    const networks = new Set(
      mappings.filter(({ bridge }) => bridge === name).map((item) => item.physicalNetwork),
    );
    const ports = patchPorts(localnets.filter((item) => networks.has(item.physicalNetwork ?? '')));
    bridges.set(name, { name, datapathType: '', ports });
    if (ports.size === 0) continue;
    assumptions.push({
      subject: `OpenFlow ports of the patch ports of bridge ${name}`,
      assumed: `1 to ${ports.size}, in the order of their names`,
      reason: 'without --ovs-db nothing says them; flows match other numbers on the node',
    });
  }
  const snapshot: OvsSnapshot = {
    systemId: identity.systemId,
    hostname: identity.hostname,
    bridgeMappings,
    integrationBridge: DEFAULT_INTEGRATION_BRIDGE,
    ovnRemote: undefined,
    ovnNbRemote: undefined,
    bridges,
    externalIds: new Map(),
  };
  return readings(snapshot, macs, given, assumptions);
}

function readings(
  snapshot: OvsSnapshot,
  macs: ReadonlyMap<string, MacAddress>,
  given: GivenFacts,
  found: readonly Assumption[],
): OfflineReadings {
  const kernel: KernelFacts = { macs, vrfTables: [], vlan: true };
  const assumptions = [...found];
  assumptions.push({
    subject: 'kernel of the node',
    assumed: 'makes 802.1Q devices',
    reason: 'no file says it; vlan_handover = ovs plans for one that does not',
  });
  if (given.rtTables === undefined) {
    assumptions.push({
      subject: 'routing table numbers',
      assumed: 'as on a node whose rt_tables has no entries',
      reason: 'give the file of the node with --rt-tables FILE',
    });
  }
  return { snapshot, kernel, tables: { lines: given.rtTables ?? [] }, assumptions };
}

function macInUse(tables: SwitchTables, bridge: string): MacAddress | undefined {
  const [port] = tables.Port.find('name', bridge);
  const device = port === undefined ? undefined : interfaceOf(tables, port);
  return device?.mac_in_use === undefined ? undefined : parseMac(device.mac_in_use);
}

function patchPorts(localnets: readonly Localnet[]): ReadonlyMap<string, OvsPort> {
  const names = [...new Set(localnets.map(({ name }) => patchPort(name, DEFAULT_INTEGRATION_BRIDGE)))].sort();
  return new Map(
    names.map((name, index) => [
      name,
      { name, type: 'patch', tag: undefined, ofport: index + 1, externalIds: new Map() },
    ]),
  );
}

function unknownMac(bridge: string, why: string): Assumption {
  return {
    subject: `MAC address of bridge ${bridge}`,
    assumed: UNKNOWN_MAC,
    reason: `${why}; give it with --bridge-mac ${bridge}=MAC`,
  };
}
