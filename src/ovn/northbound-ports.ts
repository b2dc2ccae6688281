/** Workload ports of the Northbound database, and what floating IPs and load balancers need to know of them. */
import type { Uuid } from '../ovsdb/types.ts';
import { disabledBy, isOff } from './admin-state.ts';
import type { NorthboundBindings } from './bindings.ts';
import { madeByNeutron, neutronId } from './cms.ts';
import { CIDRS_KEY, NETWORK_NAME_KEY, words } from './external-ids.ts';
import { marksOf, NO_MARKS, nearestMarks } from './marks.ts';
import type { NorthboundContext } from './northbound-context.ts';
import { first, type NorthboundNetworks } from './northbound-networks.ts';
import { addressScopes, type NorthboundRouters } from './northbound-routers.ts';
import type { LogicalSwitchPort } from './northbound-schema.ts';
import { plainAddressTexts } from './port-addresses.ts';
import { northboundResidence } from './residence.ts';
import {
  type Marks,
  type NatPort,
  type Network,
  portKey,
  type Residence,
  type Subnet,
  type VipPort,
  type WorkloadPort,
} from './topology.ts';

/** All that the ports of one switch have in common. */
interface Place {
  readonly network: Network;
  readonly subnets: readonly Subnet[];
  readonly marks: Marks;
}

export class NorthboundPorts {
  readonly #context: NorthboundContext;
  readonly #networks: NorthboundNetworks;
  readonly #routers: NorthboundRouters;
  readonly #bindings: NorthboundBindings;

  constructor(
    context: NorthboundContext,
    networks: NorthboundNetworks,
    routers: NorthboundRouters,
    bindings: NorthboundBindings,
  ) {
    this.#context = context;
    this.#networks = networks;
    this.#routers = routers;
    this.#bindings = bindings;
  }

  workloadPort(row: LogicalSwitchPort): WorkloadPort {
    const { cms } = this.#context;
    const ids = row.external_ids;
    const reference = this.#context.reference('Logical_Switch_Port', row);
    const named = neutronId(ids, NETWORK_NAME_KEY, cms);
    const place = this.#placeOf(row._uuid, named);
    return {
      kind: 'port',
      key: portKey(row._uuid),
      row: reference,
      name: row.name,
      type: row.type,
      addressTexts: this.#addressTexts(row),
      cidrs: words(neutronId(ids, CIDRS_KEY, cms)),
      networkName: named ?? place?.network.name,
      network: place?.network,
      residence: this.#residence(row),
      active: row.up === true,
      ...disabledBy(isOff(row) ? reference : undefined),
      scopes: addressScopes(ids, this.#context),
      subnets: place?.subnets ?? [],
      // Whoever holds a virtual port's address answers for it with the MAC of its own port (VRRP without virtual MACs),
      // and with another one after a failover: the kernel has to ask.
      neighbor: row.type !== 'virtual',
      proxyNdp: true,
      marks: nearestMarks(marksOf(ids, reference), place?.marks ?? NO_MARKS),
    };
  }

  /** The port of that name as the target of a translation. */
  natPort(name: string): NatPort | undefined {
    const row = this.#named(name);
    if (row === undefined) return undefined;
    const reference = this.#context.reference('Logical_Switch_Port', row);
    return {
      key: portKey(row._uuid),
      row: reference,
      type: row.type,
      residence: this.#residence(row),
      ...disabledBy(isOff(row) ? reference : undefined),
    };
  }

  /** The port of that name as the holder of a VIP, with the marks of its network. */
  vipPort(name: string): { readonly port: VipPort; readonly marks: Marks } | undefined {
    const row = this.#named(name);
    if (row === undefined) return undefined;
    const networkName = neutronId(row.external_ids, NETWORK_NAME_KEY, this.#context.cms);
    const place = this.#placeOf(row._uuid, networkName);
    const port: VipPort = {
      row: this.#context.reference('Logical_Switch_Port', row),
      addressTexts: this.#addressTexts(row),
      networkName: networkName ?? place?.network.name,
      network: place?.network,
      subnets: place?.subnets ?? [],
    };
    return { port, marks: place?.marks ?? NO_MARKS };
  }

  #named(name: string): LogicalSwitchPort | undefined {
    if (name === '') return undefined;
    const { views } = this.#context;
    const uuid = first(views.Logical_Switch_Port.uuids('name', name));
    return uuid === undefined ? undefined : views.Logical_Switch_Port.get(uuid);
  }

  #addressTexts(row: LogicalSwitchPort): readonly string[] {
    const neutron = madeByNeutron(row.external_ids, this.#context.cms);
    return neutron ? row.addresses.slice(0, 1) : plainAddressTexts(row);
  }

  /** One read for the thousands of ports that name their network. */
  #placeOf(port: Uuid, name: string | undefined): Place | undefined {
    if (name === undefined) return this.#place(this.#networks.switchOf(port, undefined));
    const { graph, views } = this.#context;
    const shared = graph.query(`place-named:${name}`, () => {
      const switches = views.Logical_Switch.uuids('name', name);
      return switches.length > 1 ? 'ambiguous' : this.#place(switches[0]);
    });
    return shared === 'ambiguous' ? this.#place(this.#networks.switchOf(port, name)) : shared;
  }

  #place(logicalSwitch: Uuid | undefined): Place | undefined {
    if (logicalSwitch === undefined) return undefined;
    return this.#context.graph.query(`place:${logicalSwitch}`, () => {
      const marked = this.#networks.network(logicalSwitch);
      if (marked === undefined) return undefined;
      const subnets = this.#routers.subnetsOf(logicalSwitch);
      const routers = subnets.flatMap(({ router }) => router?.row.uuid ?? []);
      const marks = routers.map((router) => this.#routers.routerMarks(router));
      return { network: marked.network, subnets, marks: nearestMarks(marked.marks, ...marks) };
    });
  }

  #residence(row: LogicalSwitchPort): Residence {
    const { identity, cms } = this.#context;
    if (row.type === 'external') return this.#bindings.portResidence(row.name);
    if (madeByNeutron(row.external_ids, cms)) return northboundResidence(row, identity.hostname);
    // Plain OVN requests a chassis by its name or its host's.
    const told = northboundResidence(
      { ...row, external_ids: new Map() },
      identity.hostname,
      identity.systemId,
    );
    return told.kind === 'nowhere' ? this.#bindings.portResidence(row.name) : told;
  }
}
