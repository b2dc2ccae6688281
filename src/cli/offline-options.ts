/**
 * The flags of `plan` that make it compute from files instead of a node, and the input that they stand for.
 *
 * In: what commander collected. Out: opened files and parsed values; `undefined` when no flag asks for an offline plan.
 * Throws the file reader's errors. What does not fit the flag's own form is refused by commander.
 */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OfflineInput } from '../agent/offline-plan.ts';
import { type InterfaceAddress, type MacAddress, parseInterfaceAddress, parseMac } from '../base/address.ts';
import type { AgentConfig } from '../config/types.ts';
import { parseRtTables } from '../node/rt-tables.ts';
import { openDatabaseFile } from '../ovsdb/index.ts';

const GROUP = 'Offline, from files:';

export interface OfflineOptions {
  readonly nbDb?: string;
  readonly sbDb?: string;
  readonly ovsDb?: string;
  readonly chassis?: string;
  readonly hostname?: string;
  readonly bridgeMappings?: string;
  readonly localNbDb?: string;
  readonly bridgeAddress?: ReadonlyMap<string, readonly InterfaceAddress[]>;
  readonly bridgeMac?: ReadonlyMap<string, MacAddress>;
  /** The option of the configuration of that name; it counts only from the command line. */
  readonly rtTables?: string;
}

export function addOfflineOptions(command: Command): Command {
  const options = [
    new Option('--nb-db <file>', 'Northbound database: from disk, a backup, or ovsdb-client dump -f json'),
    new Option('--sb-db <file>', 'Southbound database, likewise'),
    new Option('--ovs-db <file>', "the node's Open_vSwitch database, likewise"),
    new Option('--local-nb-db <file>', "Northbound database of the node's own OVN (method ovn), likewise"),
    new Option('--chassis <name>', "the node: its system-id (default: that of --ovs-db's file)"),
    new Option('--hostname <name>', "the node's host name (default: from --ovs-db or --sb-db)"),
    new Option('--bridge-mappings <text>', 'physnet:bridge,... instead of those in --ovs-db'),
    new Option('--bridge-mac <bridge=mac>', 'MAC address of a bridge; repeatable').argParser(bridgeMac),
    new Option(
      '--bridge-address <bridge=address>',
      'address/length of a bridge to the fabric (method ovn); repeatable',
    ).argParser(bridgeAddress),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
  return command;
}

/** True when a flag was given that only an offline plan has. */
export function isOffline(options: OfflineOptions): boolean {
  const { nbDb, sbDb, ovsDb, localNbDb, chassis, hostname, bridgeMappings } = options;
  const { bridgeMac, bridgeAddress: address } = options;
  return [nbDb, sbDb, ovsDb, localNbDb, chassis, hostname, bridgeMappings, bridgeMac, address].some(
    (value) => value !== undefined,
  );
}

export async function offlineInput(config: AgentConfig, options: OfflineOptions): Promise<OfflineInput> {
  const { nbDb, sbDb, ovsDb, localNbDb, chassis, hostname, bridgeMappings, rtTables } = options;
  const files = {
    ...(nbDb === undefined ? {} : { northbound: await openDatabaseFile(nbDb) }),
    ...(sbDb === undefined ? {} : { southbound: await openDatabaseFile(sbDb) }),
    ...(ovsDb === undefined ? {} : { openVSwitch: await openDatabaseFile(ovsDb) }),
    ...(localNbDb === undefined ? {} : { localNorthbound: await openDatabaseFile(localNbDb) }),
  };
  return {
    config,
    files,
    bridgeMacs: options.bridgeMac ?? new Map(),
    bridgeAddresses: options.bridgeAddress ?? new Map(),
    ...(chassis === undefined ? {} : { chassis }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(bridgeMappings === undefined ? {} : { bridgeMappings }),
    ...(rtTables === undefined ? {} : { rtTables: parseRtTables(await readFile(rtTables, 'utf8')) }),
  };
}

function bridgeMac(
  text: string,
  before: ReadonlyMap<string, MacAddress> | undefined,
): ReadonlyMap<string, MacAddress> {
  const [, bridge, macText = ''] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  const mac = parseMac(macText);
  if (bridge === undefined || mac === undefined) {
    throw new InvalidArgumentError('Give BRIDGE=MAC, for example br-ex=fa:16:3e:00:00:01.');
  }
  return new Map(before ?? []).set(bridge, mac);
}

function bridgeAddress(
  text: string,
  before: ReadonlyMap<string, readonly InterfaceAddress[]> | undefined,
): ReadonlyMap<string, readonly InterfaceAddress[]> {
  const [, bridge, addressText = ''] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  const address = parseInterfaceAddress(addressText);
  if (bridge === undefined || address === undefined) {
    throw new InvalidArgumentError('Give BRIDGE=ADDRESS/LENGTH, for example br-ex=192.0.2.2/30.');
  }
  const known = new Map(before ?? []);
  return known.set(bridge, [...(known.get(bridge) ?? []), address]);
}
