/**
 * The OVN of a node that is not there, for a plan with `exposing_method = ovn`: what the Open_vSwitch file and the file of the
 * node's own Northbound database say, what was given besides, and what no file holds.
 *
 * In: the readings of the switch, the opened file, the configuration. Out: facts as of a real node, every assumption, and
 * problems: what the kernel and FRR alone know (addresses of bridges, next hops, MAC addresses of the leafs) is taken from
 * the rows that the agent wrote of it, from the flags, or from `peer_ips`, and named where it is not known.
 */
import {
  type InterfaceAddress,
  type IpAddress,
  type MacAddress,
  parseInterfaceAddress,
  parseIp,
  parseMac,
} from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { AgentConfig } from '../config/types.ts';
import { LOCAL_NORTHBOUND } from '../localnb/schema.ts';
import { localSnapshot } from '../localnb/snapshot.ts';
import { LOCAL_ROUTER, type LocalRow, type LocalSnapshot } from '../localnb/types.ts';
import type { OvsBridge, OvsSnapshot } from '../openvswitch/types.ts';
import type { DatabaseFile, FileContents } from '../ovsdb/index.ts';
import { linkAddresses, outerNames } from '../wiring/ovn-names.ts';
import type {
  DefaultNextHop,
  LocalBridgeFacts,
  LocalOvnFacts,
  LocalPortFacts,
  Pending,
} from '../wiring/types.ts';
import { localOvnKeys } from './local-ovn-keys.ts';
import type { Assumption } from './offline-node.ts';

export interface LocalOvnFile {
  readonly file: DatabaseFile;
  readonly contents: FileContents<typeof LOCAL_NORTHBOUND>;
  readonly snapshot: LocalSnapshot;
}

export interface LocalOvnInput {
  readonly config: Pick<AgentConfig, 'localOvnCluster'>;
  readonly snapshot: OvsSnapshot;
  readonly providerBridges: readonly string[];
  readonly macs: ReadonlyMap<string, MacAddress>;
  readonly file: LocalOvnFile | undefined;
  /** Addresses of bridges as given; win over the rows in the file. */
  readonly addresses: ReadonlyMap<string, readonly InterfaceAddress[]>;
}

export interface OfflineLocalOvn {
  readonly facts: LocalOvnFacts;
  readonly assumptions: readonly Assumption[];
  readonly problems: readonly Pending[];
  readonly warnings: readonly string[];
}

/** Types of interfaces that the kernel has a device for (ovs-vswitchd.conf.db(5)). */
const KERNEL_TYPES: ReadonlySet<string> = new Set(['', 'system', 'internal', 'tap', 'afxdp', 'afxdp-nonpmd']);
const DEFAULTS: readonly string[] = ['0.0.0.0/0', '::/0'];
const GIVE_FILE = 'give --local-nb-db FILE of the node';

export function readLocalOvnFile(file: DatabaseFile): LocalOvnFile {
  const contents = file.contents(LOCAL_NORTHBOUND);
  return {
    file,
    contents,
    snapshot: localSnapshot(contents.tables, (table, column) => contents.has(table, column)),
  };
}

export function offlineLocalOvn(input: LocalOvnInput): OfflineLocalOvn {
  return new OfflineReader(input).read();
}

/** One bridge to the fabric, and what the rows call its side. */
interface Outer {
  readonly bridge: string;
  readonly network: string;
  readonly routerPort: string;
  /** Position among the bridges to the fabric, from 1. */
  readonly number: number;
}

class OfflineReader {
  readonly #input: LocalOvnInput;
  readonly #rows: readonly LocalRow[];
  readonly #assumptions: Assumption[] = [];
  readonly #problems: Pending[] = [];

  constructor(input: LocalOvnInput) {
    this.#input = input;
    this.#rows = input.file?.snapshot.rows.map(({ row }) => row) ?? [];
  }

  read(): OfflineLocalOvn {
    const { config, snapshot, providerBridges, file } = this.#input;
    const keys = localOvnKeys(snapshot, config.localOvnCluster.bgpChassisId);
    const { mappings, integrationBridge, zoneRange, warnings } = keys;
    const outer = mappings
      .filter(({ bridge }) => !providerBridges.includes(bridge))
      .map(({ bridge, physicalNetwork: network }, index): Outer => {
        return { bridge, network, routerPort: outerNames(network).routerPort, number: index + 1 };
      });
    if (file === undefined) {
      this.#assume("the node's own Northbound database", 'as OVN 25.03 has it, and empty', GIVE_FILE);
    }
    const bridges = new Map<string, LocalBridgeFacts>();
    for (const name of keys.bridges) {
      const bridge = snapshot.bridges.get(name);
      const side = outer.find((each) => each.bridge === name);
      if (bridge !== undefined) bridges.set(name, this.#bridge(bridge, side));
    }
    const { capabilities, bfdStatus, foreign } = file?.snapshot ?? EMPTY;
    const ways = this.#ways(outer);
    return {
      facts: {
        mappings,
        integrationBridge,
        bridges,
        ...ways,
        capabilities,
        bfdStatus: config.localOvnCluster.bfd ? bfdStatus : new Map(),
        zoneRange,
        ...(foreign === undefined ? {} : { foreign }),
      },
      assumptions: this.#assumptions,
      problems: this.#problems,
      warnings,
    };
  }

  #bridge(bridge: OvsBridge, side: Outer | undefined): LocalBridgeFacts {
    const { name, datapathType } = bridge;
    const mac = this.#input.macs.get(name);
    const ports = [...bridge.ports.values()].map(
      ({ name: port, type, ofport, linkUp }): LocalPortFacts => ({
        name: port,
        type,
        ofport,
        carrier: linkUp,
        inKernel: KERNEL_TYPES.has(type),
      }),
    );
    const unknown = ports.filter(
      ({ type, carrier }) => type !== 'patch' && type !== 'internal' && carrier === undefined,
    );
    if (side !== undefined) {
      for (const { name: port } of unknown) {
        this.#assume(`device ${port}`, 'has carrier', 'only a dump of a running server says it');
      }
    }
    return {
      name,
      datapathType,
      device: mac === undefined ? undefined : { mac },
      addresses: side === undefined ? [] : this.#addresses(side),
      ports: sortedBy(ports, (port) => port.name),
    };
  }

  /** As given, or as the router port of the rows has them: the agent wrote the bridge's there. */
  #addresses({ bridge, network, routerPort, number }: Outer): readonly InterfaceAddress[] {
    const given = this.#input.addresses.get(bridge);
    if (given !== undefined) return given;
    const flag = `--bridge-address ${bridge}=ADDRESS/LENGTH`;
    const port = this.#rows.find((row) => row.table === 'Logical_Router_Port' && row.name === routerPort);
    if (port?.table !== 'Logical_Router_Port') {
      this.#assume(`addresses of bridge ${bridge}`, 'none', `no file says them; give them with ${flag}`);
      if (this.#input.config.localOvnCluster.peerIps.length > 0) {
        const reason = `the addresses of bridge ${bridge} are not known, by which peer_ips are told apart: give them with ${flag}`;
        this.#problems.push({ subject: `uplink ${network}`, reason });
      }
      return [];
    }
    const { own4, own6 } = linkAddresses(number);
    const found = port.networks
      .filter((text) => text !== own4 && text !== own6)
      .map((text) => parseInterfaceAddress(text))
      .filter((address) => address !== undefined);
    const texts = found.map(({ address, length }) => `${address}/${length}`);
    this.#assume(
      `addresses of bridge ${bridge}`,
      texts.join(', ') || 'none',
      `as the networks of ${routerPort} in ${this.#source()}; ${flag} says others`,
    );
    return found;
  }

  #ways(outer: readonly Outer[]): Pick<LocalOvnFacts, 'nextHops' | 'peerMacs'> {
    const { peerIps } = this.#input.config.localOvnCluster;
    this.#assume('routing of the node', 'FRR uses every uplink', 'no file has routes of the kernel');
    if (peerIps.length === 0)
      return { nextHops: outer.flatMap((side) => this.#nextHops(side)), peerMacs: new Map() };
    const peerMacs = new Map<IpAddress, MacAddress>();
    for (const peer of peerIps) {
      const mac = outer
        .map(({ routerPort }) => this.#bound(routerPort, peer))
        .find((each) => each !== undefined);
      if (mac !== undefined) peerMacs.set(peer, mac);
      const reason = 'no file has neighbours of the kernel';
      if (mac === undefined)
        this.#assume(`MAC address of ${peer}`, 'not known: the router asks for it', reason);
      else this.#assume(`MAC address of ${peer}`, mac, `as bound in ${this.#source()}; ${reason}`);
    }
    return { nextHops: [], peerMacs };
  }

  /** Those of the router's default routes in the file: the agent wrote FRR's there. */
  #nextHops({ bridge, routerPort }: Outer): readonly DefaultNextHop[] {
    const hops = this.#rows.flatMap((row): DefaultNextHop[] => {
      if (row.table !== 'Logical_Router_Static_Route' || row.router !== LOCAL_ROUTER) return [];
      const family = DEFAULTS.indexOf(row.prefix);
      const via = parseIp(row.nexthop);
      if (family < 0 || via === undefined || row.outputPort !== routerPort) return [];
      return [{ family: family === 0 ? 4 : 6, device: bridge, via, mac: this.#bound(routerPort, via) }];
    });
    const texts = hops.map(({ via, mac }) => `${via}${mac === undefined ? '' : ` (${mac})`}`);
    const reason = `no file has routes of the kernel: ${this.#input.file === undefined ? GIVE_FILE : `${this.#source()} has these`}, or set peer_ips`;
    this.#assume(`next hops behind bridge ${bridge}`, [...new Set(texts)].join(', ') || 'none', reason);
    return hops;
  }

  #bound(routerPort: string, address: IpAddress): MacAddress | undefined {
    for (const row of this.#rows) {
      if (row.table === 'Static_MAC_Binding' && row.port === routerPort && row.ip === address)
        return parseMac(row.mac);
    }
    return undefined;
  }

  #source(): string {
    return this.#input.file?.file.source ?? '';
  }

  #assume(subject: string, assumed: string, reason: string): void {
    this.#assumptions.push({ subject, assumed, reason });
  }
}

const EMPTY: Pick<LocalSnapshot, 'capabilities' | 'bfdStatus' | 'foreign'> = {
  capabilities: { policyBfd: true, policyOutputPort: false },
  bfdStatus: new Map(),
};
