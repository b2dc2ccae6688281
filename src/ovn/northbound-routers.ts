/**
 * Routers of the Northbound database: their ports to the outside, and the networks attached to them.
 *
 * In: the tables. Out: gateways, subnets and routers; every answer is a query of the graph. Questions lead from subnets
 * to routers to gateways to networks and never back.
 */
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { disabledBy, isOff } from './admin-state.ts';
import type { NorthboundBindings } from './bindings.ts';
import { madeByNeutron, neutronId } from './cms.ts';
import {
  ADDRESS_SCOPE4_KEY,
  ADDRESS_SCOPE6_KEY,
  CIDRS_KEY,
  DEVICE_ID_KEY,
  DEVICE_OWNER_KEY,
  NETWORK_NAME_KEY,
  withoutNamePrefix,
  words,
} from './external-ids.ts';
import { marksOf, NO_MARKS, nearestMarks } from './marks.ts';
import type { NorthboundContext } from './northbound-context.ts';
import { first, type NorthboundNetworks, saysGateway } from './northbound-networks.ts';
import type { LogicalRouterPort, LogicalSwitchPort } from './northbound-schema.ts';
import {
  type AddressScopes,
  candidateKey,
  type GatewayPort,
  type Marks,
  type Residence,
  type Router,
  type RowReference,
  type SourceNat,
  type Subnet,
} from './topology.ts';

/** The one kind of Neutron's router ports that attaches a tenant network; others are its own machinery. */
const ROUTER_INTERFACE = 'network:router_interface';

export interface MarkedRouter {
  readonly router: Router;
  readonly marks: Marks;
}

export class NorthboundRouters {
  readonly #context: NorthboundContext;
  readonly #networks: NorthboundNetworks;
  readonly #bindings: NorthboundBindings;

  constructor(context: NorthboundContext, networks: NorthboundNetworks, bindings: NorthboundBindings) {
    this.#context = context;
    this.#networks = networks;
    this.#bindings = bindings;
  }

  /** A router with its gateways. */
  router(uuid: Uuid): MarkedRouter | undefined {
    const { graph, views } = this.#context;
    return graph.query(`router:${uuid}`, () => {
      const row = views.Logical_Router.get(uuid);
      if (row === undefined) return undefined;
      const gateways = [...new Set(row.ports)].flatMap((port) => this.gateway(port) ?? []);
      const router: Router = {
        row: this.#context.reference('Logical_Router', row),
        name: withoutNamePrefix(row.name),
        pinned: row.options.has('chassis'),
        gateways: sortedBy(gateways, (gateway) => `${gateway.name} ${gateway.row.uuid}`),
      };
      return { router, marks: marksOf(row.external_ids, router.row) };
    });
  }

  /** Routers of that name, with or without Neutron's prefix. */
  named(name: string): readonly Uuid[] {
    const bare = withoutNamePrefix(name);
    return bare === '' ? [] : [...this.#context.views.Logical_Router.uuids('name', bare)].sort();
  }

  /** The router's port to the outside; `undefined` for a port that is none. */
  gateway(uuid: Uuid): GatewayPort | undefined {
    const { graph, views, cms } = this.#context;
    return graph.query(`gateway:${uuid}`, () => {
      const row = views.Logical_Router_Port.get(uuid);
      if (row === undefined || !this.#leadsOut(uuid)) return undefined;
      const reference = this.#context.reference('Logical_Router_Port', row);
      const place = this.#networks.switchOfRouterPort(row);
      const marked = place === undefined ? undefined : this.#networks.network(place);
      const router = first(views.Logical_Router.uuids('port', uuid));
      return {
        kind: 'gateway',
        key: candidateKey('gateway', uuid),
        row: reference,
        name: row.name,
        macText: row.mac === '' ? undefined : row.mac,
        addressTexts: row.networks,
        networkName: neutronId(row.external_ids, NETWORK_NAME_KEY, cms) ?? marked?.network.name,
        network: marked?.network,
        residence: this.#gatewayResidence(row, router),
        ...disabledBy(this.#routerOff(router), this.#portOff(uuid), this.#peerOff(row.name)),
        marks: nearestMarks(
          marksOf(row.external_ids, reference),
          marked?.marks ?? NO_MARKS,
          this.routerMarks(router),
        ),
      };
    });
  }

  /** The network that a switch's port attaches to a router; `undefined` for a port that does not. */
  subnet(uuid: Uuid): Subnet | undefined {
    const { graph, views } = this.#context;
    return graph.query(`subnet:${uuid}`, () => {
      const row = views.Logical_Switch_Port.get(uuid);
      return row?.type === 'router' ? this.#subnet(row) : undefined;
    });
  }

  /** How a switch is attached to routers, sorted by name. */
  subnetsOf(logicalSwitch: Uuid): readonly Subnet[] {
    const { graph, plumbing } = this.#context;
    return graph.query(`subnets:${logicalSwitch}`, () => {
      const subnets = plumbing.of(logicalSwitch, 'router').flatMap((port) => this.subnet(port) ?? []);
      return sortedBy(subnets, (subnet) => `${subnet.name} ${subnet.row.uuid}`);
    });
  }

  /** The networks attached to a router by its own ports. */
  subnetsBehind(router: Uuid): readonly Subnet[] {
    const { graph, views } = this.#context;
    return graph.query(`subnets-behind:${router}`, () => {
      const names = (views.Logical_Router.get(router)?.ports ?? []).flatMap((port) => {
        const name = views.Logical_Router_Port.get(port)?.name;
        return name === undefined || name === '' ? [] : [name];
      });
      const peers = new Set(names.flatMap((name) => views.Logical_Switch_Port.uuids('routerPort', name)));
      return [...peers].sort().flatMap((peer) => this.subnet(peer) ?? []);
    });
  }

  routerMarks(uuid: Uuid | undefined): Marks {
    if (uuid === undefined) return NO_MARKS;
    const { graph, views } = this.#context;
    return graph.query(`router-marks:${uuid}`, () => {
      const row = views.Logical_Router.get(uuid);
      return row === undefined
        ? NO_MARKS
        : marksOf(row.external_ids, this.#context.reference('Logical_Router', row));
    });
  }

  #subnet(row: LogicalSwitchPort): Subnet | undefined {
    const { views, cms } = this.#context;
    const ids = row.external_ids;
    const neutron = madeByNeutron(ids, cms);
    if (neutron && ids.has(DEVICE_OWNER_KEY) && ids.get(DEVICE_OWNER_KEY) !== ROUTER_INTERFACE)
      return undefined;
    const peerName = row.options.get('router-port') ?? '';
    const peer = peerName === '' ? undefined : first(views.Logical_Router_Port.uuids('name', peerName));
    if (peer !== undefined && this.#leadsOut(peer)) return undefined;

    const reference = this.#context.reference('Logical_Switch_Port', row);
    const networkName = neutronId(ids, NETWORK_NAME_KEY, cms);
    const place = this.#networks.switchOf(row._uuid, networkName);
    const marked = place === undefined ? undefined : this.#networks.network(place);
    const deviceId = neutronId(ids, DEVICE_ID_KEY, cms);
    const routerUuid = this.#routerOf(deviceId, peer);
    const router = routerUuid === undefined ? undefined : this.router(routerUuid);
    const cidrs = words(neutronId(ids, CIDRS_KEY, cms));
    const networks = peer === undefined ? undefined : views.Logical_Router_Port.get(peer)?.networks;
    return {
      kind: 'subnet',
      key: candidateKey('subnet', row._uuid),
      row: reference,
      name: row.name,
      networkName: networkName ?? marked?.network.name,
      network: marked?.network,
      addressTexts: cidrs.length > 0 ? cidrs : (networks ?? []),
      up: row.up === true,
      ...disabledBy(
        this.#routerOff(routerUuid),
        this.#portOff(peer),
        isOff(row) ? this.#context.reference('Logical_Switch_Port', row) : undefined,
      ),
      scopes: addressScopes(ids, this.#context),
      routerName: deviceId === undefined ? router?.router.name : withoutNamePrefix(deviceId),
      router: router?.router,
      sourceNats: routerUuid === undefined ? [] : this.#sourceNats(routerUuid),
      marks: nearestMarks(marksOf(ids, reference), marked?.marks ?? NO_MARKS, router?.marks ?? NO_MARKS),
    };
  }

  /** The router that Neutron names; else the one that has the port at the other end. */
  #routerOf(deviceId: string | undefined, peer: Uuid | undefined): Uuid | undefined {
    const containing = peer === undefined ? [] : this.#context.views.Logical_Router.uuids('port', peer);
    const named = deviceId === undefined ? [] : this.named(deviceId);
    return named.find((uuid) => containing.includes(uuid)) ?? named[0] ?? first(containing);
  }

  #sourceNats(router: Uuid): readonly SourceNat[] {
    const { graph, views, translations } = this.#context;
    return graph.query(`source-nats:${router}`, () => {
      const rows = translations.of(router, 'snat').flatMap((uuid) => views.NAT.get(uuid) ?? []);
      return sortedBy(
        rows.map((row) => ({
          row: this.#context.reference('NAT', { _uuid: row._uuid, name: row.external_ip }),
          logicalIpText: row.logical_ip,
        })),
        ({ row }) => row.uuid,
      );
    });
  }

  /** Whether a router's port is one to the outside. */
  #leadsOut(uuid: Uuid): boolean {
    const { graph, views } = this.#context;
    return graph.query(`leads-out:${uuid}`, () => {
      const row = views.Logical_Router_Port.get(uuid);
      if (row === undefined) return false;
      if (saysGateway(row)) return true;
      if (!views.Logical_Router.find('port', uuid).some((router) => router.options.has('chassis')))
        return false;
      // A router that is bound to one chassis has ports to both sides: the outside is where a localnet port is.
      const place = this.#networks.switchOfRouterPort(row);
      return place !== undefined && this.#networks.localnetsOf(place).length > 0;
    });
  }

  /** A router that is bound to one chassis is there with all of its ports, whatever they say themselves. */
  #gatewayResidence(row: LogicalRouterPort, router: Uuid | undefined): Residence {
    const { views, identity } = this.#context;
    const pinnedTo =
      router === undefined ? undefined : views.Logical_Router.get(router)?.options.get('chassis');
    const told = pinnedTo ?? row.status.get('hosting-chassis');
    if (told === identity.systemId) return { kind: 'here' };
    if (told !== undefined && told !== '') return { kind: 'elsewhere', node: told };
    return pinnedTo === undefined ? this.#bindings.gatewayResidence(row.name) : { kind: 'nowhere' };
  }

  /** The router, where it is switched off. */
  #routerOff(uuid: Uuid | undefined): RowReference | undefined {
    if (uuid === undefined) return undefined;
    const { graph, views } = this.#context;
    return graph.query(`router-off:${uuid}`, () => {
      const row = views.Logical_Router.get(uuid);
      return isOff(row) && row !== undefined ? this.#context.reference('Logical_Router', row) : undefined;
    });
  }

  #portOff(uuid: Uuid | undefined): RowReference | undefined {
    if (uuid === undefined) return undefined;
    const { graph, views } = this.#context;
    return graph.query(`router-port-off:${uuid}`, () => {
      const row = views.Logical_Router_Port.get(uuid);
      return isOff(row) && row !== undefined
        ? this.#context.reference('Logical_Router_Port', row)
        : undefined;
    });
  }

  /** The switch's port at the other end of a router's port, where it is switched off. */
  #peerOff(name: string): RowReference | undefined {
    if (name === '') return undefined;
    const { graph, views } = this.#context;
    return graph.query(`peer-off:${name}`, () => {
      const peer = first(views.Logical_Switch_Port.uuids('routerPort', name));
      const row = peer === undefined ? undefined : views.Logical_Switch_Port.get(peer);
      return isOff(row) && row !== undefined
        ? this.#context.reference('Logical_Switch_Port', row)
        : undefined;
    });
  }
}

/** Address scopes of a port of Neutron. */
export function addressScopes(ids: ReadonlyMap<string, string>, { cms }: NorthboundContext): AddressScopes {
  const scope4 = neutronId(ids, ADDRESS_SCOPE4_KEY, cms);
  const scope6 = neutronId(ids, ADDRESS_SCOPE6_KEY, cms);
  return { ...(scope4 === undefined ? {} : { scope4 }), ...(scope6 === undefined ? {} : { scope6 }) };
}
