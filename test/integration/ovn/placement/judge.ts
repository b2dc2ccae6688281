/**
 * Where OVN serves an address, by the logical flows that northd wrote: the judge of both drivers.
 *
 * In: the Southbound database with flows and bindings. Out: for one chassis, each address of provider networks that is
 * served there, and on which of them. A router serves an address on a network where its port there is let in and out, and
 * where its pipeline does something with it on this chassis: answers for its own, or translates or balances, and is not
 * the chassis on which the request for the address is dropped. Addresses that are served on every chassis (distributed
 * routers without a gateway port) are served by nobody in particular.
 */
import {
  contains,
  familyOf,
  type IpAddress,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
} from '../../../../src/base/address.ts';
import type { BridgeMapping } from '../../../../src/base/bridge-mappings.ts';
import type { RowOf, Views } from '../../../../src/ovsdb/types.ts';
import type { SB } from './central.ts';

type Tables = Views<typeof SB>;
type Flow = RowOf<(typeof SB)['tables']['Logical_Flow']>;
type Binding = RowOf<(typeof SB)['tables']['Port_Binding']>;

/** Places (`br0` or `br0.100`) by address. */
export type Served = Map<IpAddress, Set<string>>;

/** A router's port on a provider network of the chassis. */
interface Way {
  readonly port: Binding;
  readonly place: string;
  readonly networks: readonly Prefix[];
}

export class Judge {
  readonly #tables: Tables;
  readonly #mappings: readonly BridgeMapping[];
  /** By datapath and stage. */
  readonly #flows = new Map<string, Flow[]>();

  constructor(tables: Tables, mappings: readonly BridgeMapping[]) {
    this.#tables = tables;
    this.#mappings = mappings;
    for (const flow of tables.Logical_Flow) {
      const group =
        flow.logical_dp_group === undefined ? undefined : tables.Logical_DP_Group.get(flow.logical_dp_group);
      const datapaths =
        flow.logical_datapath === undefined ? (group?.datapaths ?? []) : [flow.logical_datapath];
      for (const datapath of datapaths) {
        const key = `${datapath} ${flow.external_ids.get('stage-name')}`;
        const flows = this.#flows.get(key);
        if (flows === undefined) this.#flows.set(key, [flow]);
        else flows.push(flow);
      }
    }
  }

  servedAt(chassis: string): Served {
    const served: Served = new Map();
    const add = (address: IpAddress, place: string): void => {
      served.set(address, (served.get(address) ?? new Set()).add(place));
    };
    for (const binding of this.#tables.Port_Binding) {
      for (const [address, place] of this.#ofPort(binding, chassis)) add(address, place);
    }
    for (const way of this.#ways()) {
      for (const address of this.#ownAddresses(way, chassis)) add(address, way.place);
      for (const address of this.#translated(way, chassis)) add(address, way.place);
      for (const address of this.#balanced(way, chassis)) add(address, way.place);
    }
    return served;
  }

  /** Addresses of a port on a provider network, where it is bound and the switch delivers to it. */
  *#ofPort(binding: Binding, chassis: string): Iterable<[IpAddress, string]> {
    const place = this.#placeOf(binding.datapath);
    if (place === undefined || !['', 'virtual', 'external'].includes(binding.type)) return;
    if (binding.up === false || !this.#isResident(binding.logical_port, chassis)) return;
    if (this.#isSwitchedOff(binding)) return;
    for (const text of binding.mac) {
      for (const word of text.split(' ').slice(1)) {
        const address = parseIp(word);
        if (address !== undefined) yield [address, place];
      }
    }
  }

  *#ways(): Iterable<Way> {
    for (const port of this.#tables.Port_Binding) {
      if (port.type !== 'patch' && port.type !== 'l3gateway') continue;
      const words = port.mac[0]?.split(' ') ?? [];
      const networks = words.slice(1).map((word) => parseInterfaceAddress(word)?.network);
      if (words[0] === 'router' || networks.length === 0 || networks.includes(undefined)) continue;
      const side = this.#binding(port.options.get('peer') ?? '');
      const place = side === undefined ? undefined : this.#placeOf(side.datapath);
      if (side === undefined || place === undefined || this.#isSwitchedOff(side)) continue;
      if (!this.#letsThrough(port)) continue;
      yield { port, place, networks: networks as Prefix[] };
    }
  }

  /** Neither the router port's admission nor its delivery is there while it is switched off. */
  #letsThrough({ datapath, logical_port }: Binding): boolean {
    const into = this.#stage(datapath, 'lr_in_admission').some(({ match }) =>
      match.includes(`inport == "${logical_port}"`),
    );
    const out = this.#stage(datapath, 'lr_out_delivery').some(({ match }) =>
      match.includes(`outport == "${logical_port}"`),
    );
    return into && out;
  }

  #ownAddresses(way: Way, chassis: string): readonly IpAddress[] {
    if (!this.#isActive(way, chassis)) return [];
    return (way.port.mac[0] ?? '').split(' ').flatMap((word) => {
      const address = parseInterfaceAddress(word)?.address;
      return address === undefined || !this.#answers(way, address, chassis) ? [] : [address];
    });
  }

  /** The chassis of a gateway port, or that of the whole router. */
  #isActive({ port }: Way, chassis: string): boolean {
    if (port.type === 'l3gateway') return this.#isResident(port.logical_port, chassis);
    const redirect = this.#binding(`cr-${port.logical_port}`);
    return redirect !== undefined && this.#isResident(redirect.logical_port, chassis);
  }

  #translated(way: Way, chassis: string): readonly IpAddress[] {
    const { port } = way;
    if (port.type === 'patch' && this.#binding(`cr-${port.logical_port}`) === undefined) return [];
    const found = new Set<IpAddress>();
    for (const stage of ['lr_in_dnat', 'lr_in_unsnat']) {
      for (const flow of this.#stage(port.datapath, stage)) {
        // Load balancers stand in the same stages, with more than the address.
        const text = /^ip && ip[46]\.dst == ([0-9a-f.:]+)(?: |$)/.exec(flow.match)?.[1];
        const address = text === undefined ? undefined : parseIp(text);
        if (address === undefined || !this.#applies(flow, way, chassis)) continue;
        if (port.type === 'l3gateway' && !this.#isActive(way, chassis)) continue;
        if (this.#isFor(flow, way, address) && this.#answers(way, address, chassis)) found.add(address);
      }
    }
    return [...found];
  }

  /** What is in a network of a port of the router is asked for there alone; other addresses are sent to the port. */
  #balanced(way: Way, chassis: string): readonly IpAddress[] {
    if (!this.#isActive(way, chassis)) return [];
    const found = new Set<IpAddress>();
    for (const flow of this.#stage(way.port.datapath, 'lr_in_dnat')) {
      if (!/ct_lb/.test(flow.actions) || !this.#applies(flow, way, chassis)) continue;
      const text = /(?:ip[46]\.dst|reg0|xxreg0) == ([0-9a-f.:]+)/.exec(flow.match)?.[1];
      const address = text === undefined ? undefined : parseIp(text);
      if (address === undefined) continue;
      if (!this.#belongsTo(way, address)) continue;
      const asked = this.#portsAround(way.port.datapath, address).length > 0;
      if (!asked || this.#answers(way, address, chassis)) found.add(address);
    }
    return [...found];
  }

  /** A flow names the gateway port; those of a router that is bound to one chassis are for any port. */
  #isFor({ match }: Flow, way: Way, address: IpAddress): boolean {
    return match.includes('inport == ') || this.#belongsTo(way, address);
  }

  /** An address that is in a network of the router's ports is on that wire alone, whatever else the router answers. */
  #belongsTo({ port }: Way, address: IpAddress): boolean {
    const around = this.#portsAround(port.datapath, address);
    return around.length === 0 || around.includes(port.logical_port);
  }

  #portsAround(datapath: string, address: IpAddress): readonly string[] {
    return this.#tables.Port_Binding.find('routerLink', datapath)
      .filter(({ mac }) =>
        (mac[0] ?? '').split(' ').some((word) => {
          const network = parseInterfaceAddress(word)?.network;
          return network !== undefined && contains(network, address);
        }),
      )
      .map(({ logical_port }) => logical_port);
  }

  /** Whether a request for the address that comes in through the port is answered on the chassis. */
  #answers(way: Way, address: IpAddress, chassis: string): boolean {
    const target = familyOf(address) === 4 ? 'arp.tpa' : 'nd.target';
    const asked = this.#stage(way.port.datapath, 'lr_in_ip_input').filter(
      (flow) => this.#targets(flow.match, target).includes(address) && this.#applies(flow, way, chassis),
    );
    const [first] = asked.sort((a, b) => b.priority - a.priority);
    return first !== undefined && first.actions !== 'drop;';
  }

  #targets(match: string, field: string): readonly (IpAddress | undefined)[] {
    const text = new RegExp(`${field.replace('.', '\\.')} == (\\{[^}]*\\}|[^ ]+)`).exec(match)?.[1] ?? '';
    return text
      .replaceAll(/[{}]/g, '')
      .split(/, */)
      .flatMap((item) =>
        item.startsWith('$')
          ? this.#tables.Address_Set.find('name', item.slice(1)).flatMap(({ addresses }) =>
              addresses.map(parseIp),
            )
          : [parseIp(item)],
      );
  }

  /** Whether the flow is for this port, and for this chassis. */
  #applies({ match }: Flow, { port }: Way, chassis: string): boolean {
    const inport = /inport == "([^"]*)"/.exec(match)?.[1];
    if (inport !== undefined && inport !== port.logical_port) return false;
    const residents = [...match.matchAll(/(!?)is_chassis_resident\("([^"]*)"\)/g)];
    return residents.every(([, not, name = '']) => this.#isResident(name, chassis) === (not === ''));
  }

  #isResident(name: string, chassis: string): boolean {
    const row = this.#binding(name);
    return row?.chassis !== undefined && this.#tables.Chassis.get(row.chassis)?.name === chassis;
  }

  /** A switch drops what comes from a port that is switched off, and what goes to it. */
  #isSwitchedOff({ datapath, logical_port }: Binding): boolean {
    return this.#stage(datapath, 'ls_in_check_port_sec').some(
      ({ match, actions }) =>
        match === `inport == "${logical_port}"` && /^(?:reg0\[15\] = 1|drop)/.test(actions),
    );
  }

  #placeOf(datapath: string): string | undefined {
    const localnets = this.#tables.Port_Binding.find('localnet', datapath);
    for (const { options, tag } of localnets) {
      const mapping = this.#mappings.find(
        ({ physicalNetwork }) => physicalNetwork === options.get('network_name'),
      );
      if (mapping !== undefined) return tag === undefined ? mapping.bridge : `${mapping.bridge}.${tag}`;
    }
    return undefined;
  }

  #binding(name: string): Binding | undefined {
    return this.#tables.Port_Binding.find('logicalPort', name)[0];
  }

  #stage(datapath: string, stage: string): readonly Flow[] {
    return this.#flows.get(`${datapath} ${stage}`) ?? [];
  }
}
