/**
 * Networks and routers of the Southbound database: which datapath is what, and how they are attached to each other.
 *
 * In: tracked views, the graph that remembers the answers, this node's chassis name. Out: networks by datapath, routers
 * with their gateway ports, subnets. A router port is two bindings that name each other in `options:peer`: `patch`, or
 * `l3gateway` where the router is pinned to a chassis. A distributed router reaches the outside through a third one of
 * type `chassisredirect`. Names decide nothing, so that clouds without Neutron read the same.
 */
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { madeByNeutron } from './cms.ts';
import { ROUTER_NAME_KEY, withoutNamePrefix, words } from './external-ids.ts';
import { ethertypeOf } from './localnet-options.ts';
import type { QueryGraph } from './query-graph.ts';
import {
  addressesOf,
  bindingMarks,
  bindingNamed,
  bindingReference,
  firstByUuid,
  residenceOf,
  scopesOf,
} from './southbound-rows.ts';
import {
  hasInterfaceAddresses,
  isRouterLink,
  mayBeGateway,
  type PortBinding,
  type SouthboundViews,
} from './southbound-schema.ts';
import {
  candidateKey,
  type GatewayPort,
  type Localnet,
  type Network,
  type Residence,
  type Router,
  type RowReference,
  type Subnet,
} from './topology.ts';

export class SouthboundRouters {
  readonly #views: SouthboundViews;
  readonly #graph: QueryGraph;
  readonly #systemId: string;

  constructor(views: SouthboundViews, graph: QueryGraph, systemId: string) {
    this.#views = views;
    this.#graph = graph;
    this.#systemId = systemId;
  }

  network(datapath: Uuid): Network | undefined {
    return this.#graph.query(`network ${datapath}`, () => this.#network(datapath));
  }

  router(datapath: Uuid): Router | undefined {
    return this.#graph.query(`router ${datapath}`, () => this.#router(datapath));
  }

  /** The networks that are attached to routers here; sorted by name. */
  subnetsOf(datapath: Uuid): readonly Subnet[] {
    return this.#graph.query(`subnets ${datapath}`, () => this.#subnetsOf(datapath));
  }

  /** The networks that are attached to a router; sorted by name. */
  subnetsOfRouter(datapath: Uuid): readonly Subnet[] {
    return this.#graph.query(`subnets of router ${datapath}`, () =>
      sortedSubnets(
        this.#views.Port_Binding.find('routerLink', datapath)
          .map((row) => this.subnet(row))
          .filter((subnet) => subnet !== undefined),
      ),
    );
  }

  /** As a candidate of its own: with what others that go through it need not know. */
  gatewayCandidate(row: PortBinding): GatewayPort | undefined {
    const gateway = this.gatewayPort(row);
    if (gateway === undefined) return undefined;
    const port = row.type === 'chassisredirect' ? this.#distributedPort(row) : row;
    return { ...gateway, ...this.#natUntold(port === undefined ? undefined : this.#switchSideOf(port)) };
  }

  gatewayPort(row: PortBinding): GatewayPort | undefined {
    return this.#graph.query(`gateway port ${row._uuid}`, () => this.#gatewayPort(row._uuid));
  }

  subnet(row: PortBinding): Subnet | undefined {
    return this.#graph.query(`subnet ${row._uuid}`, () => this.#subnet(row._uuid));
  }

  isRouter(datapath: Uuid): boolean {
    return this.#datapathKind(datapath) === 'router';
  }

  /** A binding of a router; where the datapath does not tell, one that looks like it. */
  isRouterSide(row: PortBinding): boolean {
    const kind = this.#datapathKind(row.datapath);
    return kind === undefined ? hasInterfaceAddresses(row) : kind === 'router';
  }

  /** The other side of a router port; it may be enough that one of them names the other. */
  peerOf(row: PortBinding): PortBinding | undefined {
    const named = bindingNamed(this.#views, row.options.get('peer'));
    const peer = named ?? firstByUuid(this.#views.Port_Binding.find('peer', row.logical_port));
    return peer !== undefined && isRouterLink(peer) ? peer : undefined;
  }

  #network(datapath: Uuid): Network | undefined {
    const row = this.#datapath(datapath);
    if (row === undefined) return undefined;
    const localnets = this.#views.Port_Binding.find('localnet', datapath).map(localnetOf);
    return {
      row,
      name: row.name ?? datapath,
      localnets: sortedBy(localnets, (port) => `${port.name} ${port.row.uuid}`),
      // Static routes are compiled into flows here: custom IPv6 gateways cannot be told from this database.
      gateways6: [],
    };
  }

  #router(datapath: Uuid): Router | undefined {
    const row = this.#datapath(datapath);
    if (row === undefined) return undefined;
    const bindings = this.#views.Port_Binding.find('gateway', datapath);
    const gateways = bindings.map((port) => this.gatewayPort(port)).filter((port) => port !== undefined);
    return {
      row,
      name: withoutNamePrefix(row.name ?? datapath),
      pinned: bindings.some(({ type }) => type === 'l3gateway'),
      gateways: sortedBy(gateways, (port) => `${port.name} ${port.row.uuid}`),
    };
  }

  #gatewayPort(uuid: Uuid): GatewayPort | undefined {
    const row = this.#views.Port_Binding.get(uuid);
    if (row === undefined || !mayBeGateway(row) || !this.isRouterSide(row)) return undefined;
    const port = row.type === 'chassisredirect' ? this.#distributedPort(row) : row;
    const switchSide = port === undefined ? undefined : this.#switchSideOf(port);
    const network = switchSide === undefined ? undefined : this.network(switchSide.datapath);
    // All ports of a pinned router are alike: the way out is where the physical network is.
    if (row.type === 'l3gateway' && (network?.localnets ?? []).length === 0) return undefined;
    return {
      kind: 'gateway',
      key: candidateKey('gateway', uuid),
      row: bindingReference(row),
      name: row.logical_port,
      macText: words(row.mac[0])[0],
      addressTexts: addressesOf(row.mac[0]),
      networkName: network?.name,
      network,
      residence: this.residenceOfGateway(row),
      marks: bindingMarks(row, port, switchSide),
    };
  }

  /**
   * ovn-northd tells translated addresses where `options:nat-addresses` of the switch's port says `router`. Neutron always
   * says it; elsewhere a row with the router port's own addresses alone may mean that nobody said it.
   */
  #natUntold(switchSide: PortBinding | undefined): Pick<GatewayPort, 'natUntold'> {
    if (switchSide === undefined || madeByNeutron(switchSide.external_ids, 'auto')) return {};
    const told = this.#views.Port_Binding.find('natTold', switchSide.logical_port).length > 0;
    return told ? {} : { natUntold: bindingReference(switchSide) };
  }

  /** Where a gateway port is; it never migrates. */
  residenceOfGateway(row: PortBinding): Residence {
    return residenceOf({ ...row, additional_chassis: [] }, this.#views, this.#systemId);
  }

  #subnet(uuid: Uuid): Subnet | undefined {
    const row = this.#views.Port_Binding.get(uuid);
    if (row === undefined || !isRouterLink(row) || !hasInterfaceAddresses(row)) return undefined;
    if (!this.isRouterSide(row) || this.#isGateway(row)) return undefined;
    const peer = this.peerOf(row);
    // Two routers with nothing between them.
    if (peer !== undefined && this.isRouterSide(peer)) return undefined;
    const network = peer === undefined ? undefined : this.network(peer.datapath);
    const router = this.router(row.datapath);
    const called = row.external_ids.get(ROUTER_NAME_KEY);
    return {
      kind: 'subnet',
      key: candidateKey('subnet', uuid),
      row: bindingReference(row),
      name: row.logical_port,
      networkName: network?.name,
      network,
      addressTexts: addressesOf(row.mac[0]),
      // Bindings of router ports are never up: what is enabled is there.
      up: true,
      scopes: scopesOf(peer),
      routerName: called === undefined || called === '' ? router?.name : withoutNamePrefix(called),
      router,
      sourceNats: [],
      marks: bindingMarks(peer, row),
    };
  }

  #subnetsOf(datapath: Uuid): readonly Subnet[] {
    const subnets: Subnet[] = [];
    for (const row of this.#views.Port_Binding.find('routerLink', datapath)) {
      if (this.isRouterSide(row)) continue;
      const peer = this.peerOf(row);
      const subnet = peer === undefined ? undefined : this.subnet(peer);
      if (subnet?.network?.row.uuid === datapath) subnets.push(subnet);
    }
    return sortedSubnets(subnets);
  }

  /** The router's side of a gateway port. */
  isGatewayLink(row: PortBinding): boolean {
    return this.isRouterSide(row) && this.#isGateway(row);
  }

  #isGateway(row: PortBinding): boolean {
    if (row.type === 'l3gateway') return this.gatewayPort(row) !== undefined;
    return (
      row.options.has('chassis-redirect-port') ||
      this.#views.Port_Binding.find('redirect', row.logical_port).length > 0
    );
  }

  #distributedPort(row: PortBinding): PortBinding | undefined {
    return bindingNamed(this.#views, row.options.get('distributed-port'));
  }

  #switchSideOf(row: PortBinding): PortBinding | undefined {
    const peer = this.peerOf(row);
    return peer === undefined || this.isRouterSide(peer) ? undefined : peer;
  }

  #datapathKind(uuid: Uuid): 'router' | 'switch' | undefined {
    const row = this.#views.Datapath_Binding.get(uuid);
    if (row?.type !== undefined) return row.type === 'logical-router' ? 'router' : 'switch';
    if (row?.external_ids.has('logical-router') === true) return 'router';
    return row?.external_ids.has('logical-switch') === true ? 'switch' : undefined;
  }

  #datapath(uuid: Uuid): RowReference | undefined {
    const row = this.#views.Datapath_Binding.get(uuid);
    if (row === undefined) return undefined;
    const name = row.external_ids.get('name') ?? uuid;
    return { database: 'southbound', table: 'Datapath_Binding', uuid, name };
  }
}

function sortedSubnets(subnets: readonly Subnet[]): readonly Subnet[] {
  return sortedBy(subnets, (subnet) => `${subnet.name} ${subnet.row.uuid}`);
}

export function localnetOf(row: PortBinding): Localnet {
  return {
    row: bindingReference(row),
    name: row.logical_port,
    physicalNetwork: row.options.get('network_name'),
    tag: row.tag,
    ...ethertypeOf(row.options),
  };
}
