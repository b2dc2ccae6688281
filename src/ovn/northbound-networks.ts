/**
 * Networks of the Northbound database: a logical switch with its localnet ports and the IPv6 gateways on it.
 *
 * In: the tables. Out: networks, by the port or the name that leads to them. Every answer is a query of the graph.
 */
import { compareIp, familyOf, type IpAddress, parseIp } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { neutronId } from './cms.ts';
import { NETWORK_NAME_KEY } from './external-ids.ts';
import { ethertypeOf } from './localnet-options.ts';
import { marksOf } from './marks.ts';
import type { NorthboundContext } from './northbound-context.ts';
import type {
  LogicalRouter,
  LogicalRouterPort,
  LogicalRouterStaticRoute,
  LogicalSwitchPort,
} from './northbound-schema.ts';
import type { Localnet, Marks, Network } from './topology.ts';

/** A network with what its switch says about the exposure of what is in it. */
export interface MarkedNetwork {
  readonly network: Network;
  readonly marks: Marks;
}

export class NorthboundNetworks {
  readonly #context: NorthboundContext;
  #localnets: readonly Localnet[] | undefined;

  constructor(context: NorthboundContext) {
    this.#context = context;
  }

  /** Every localnet port of the cloud; the same list until `forgetLocalnets`. Not noted. */
  localnets(): readonly Localnet[] {
    const { Logical_Switch_Port } = this.#context.raw;
    this.#localnets ??= [...Logical_Switch_Port.find('plumbing', 'localnet')].map((row) =>
      this.#localnet(row),
    );
    return this.#localnets;
  }

  /** One of them may be another one now. */
  forgetLocalnets(): void {
    this.#localnets = undefined;
  }

  /** The switch that a port names; one that names none belongs to the switch that contains it. */
  switchOf(port: Uuid, name: string | undefined): Uuid | undefined {
    const { views } = this.#context;
    if (name === undefined) return first(views.Logical_Switch.uuids('port', port));
    const named = views.Logical_Switch.uuids('name', name);
    if (named.length < 2) return named[0];
    // Switch names need not be unique: of several, the one that holds the port is meant.
    const containing = new Set(views.Logical_Switch.uuids('port', port));
    return first(named.filter((uuid) => containing.has(uuid))) ?? first(named);
  }

  /** The switch at the other end of a router's port. */
  switchOfRouterPort(row: LogicalRouterPort): Uuid | undefined {
    const { views, cms } = this.#context;
    const peer = row.name === '' ? undefined : first(views.Logical_Switch_Port.uuids('routerPort', row.name));
    const name = neutronId(row.external_ids, NETWORK_NAME_KEY, cms);
    if (peer !== undefined) return this.switchOf(peer, name);
    return name === undefined ? undefined : first(views.Logical_Switch.uuids('name', name));
  }

  switchNamed(name: string): Uuid | undefined {
    return first(this.#context.views.Logical_Switch.uuids('name', name));
  }

  network(uuid: Uuid): MarkedNetwork | undefined {
    const { graph, views } = this.#context;
    return graph.query(`network:${uuid}`, () => {
      const row = views.Logical_Switch.get(uuid);
      if (row === undefined) return undefined;
      const reference = this.#context.reference('Logical_Switch', row);
      const network: Network = {
        row: reference,
        name: row.name,
        localnets: this.localnetsOf(uuid),
        gateways6: this.#gateways6(uuid),
      };
      return { network, marks: marksOf(row.external_ids, reference) };
    });
  }

  /** Localnet ports of a switch, sorted by name. */
  localnetsOf(uuid: Uuid): readonly Localnet[] {
    const { graph, views, plumbing } = this.#context;
    return graph.query(`localnets:${uuid}`, () => {
      const rows = plumbing.of(uuid, 'localnet').map((port) => views.Logical_Switch_Port.get(port));
      return sortedBy(
        rows.flatMap((row) => (row?.type === 'localnet' ? [this.#localnet(row)] : [])),
        (localnet) => `${localnet.name} ${localnet.row.uuid}`,
      );
    });
  }

  #gateways6(uuid: Uuid): readonly IpAddress[] {
    return this.#context.graph.query(`gateways6:${uuid}`, () => {
      const gateways = new Set(this.#routerPorts(uuid).flatMap((port) => this.#exits6(port)));
      return [...gateways].sort(compareIp);
    });
  }

  /** Router ports on a switch: peers of its ports, and those that name it. */
  #routerPorts(uuid: Uuid): readonly Uuid[] {
    const { graph, views, plumbing } = this.#context;
    return graph.query(`router-ports:${uuid}`, () => {
      const attached = plumbing.of(uuid, 'router').flatMap((port) => {
        // One that names no peer has none, also where a router port has no name.
        const peer = views.Logical_Switch_Port.get(port)?.options.get('router-port');
        return peer === undefined || peer === '' ? [] : views.Logical_Router_Port.uuids('name', peer);
      });
      const name = views.Logical_Switch.get(uuid)?.name;
      const naming = name === undefined ? [] : views.Logical_Router_Port.uuids('network', name);
      return [...new Set([...attached, ...naming])].sort();
    });
  }

  /** Next hops of IPv6 default routes that leave through a gateway port. */
  #exits6(uuid: Uuid): readonly IpAddress[] {
    const { graph, views, routes } = this.#context;
    return graph.query(`exits6:${uuid}`, () => {
      const port = views.Logical_Router_Port.get(uuid);
      if (port === undefined) return [];
      return views.Logical_Router.find('port', uuid).flatMap((router) => {
        if (!isGatewayPort(port, router)) return [];
        return routes.of(router._uuid, 'default6').flatMap((route) => {
          const row = views.Logical_Router_Static_Route.get(route);
          return row === undefined ? [] : exit6(row, port);
        });
      });
    });
  }

  #localnet(row: LogicalSwitchPort): Localnet {
    return {
      row: this.#context.reference('Logical_Switch_Port', row),
      name: row.name,
      physicalNetwork: row.options.get('network_name'),
      tag: row.tag,
      ...ethertypeOf(row.options),
    };
  }
}

/** The same one of several, in whatever order they are stored. */
export function first(uuids: readonly Uuid[]): Uuid | undefined {
  return uuids.length < 2 ? uuids[0] : [...uuids].sort()[0];
}

/**
 * A router port through which its router reaches the outside, as far as its own row tells. `status:hosting-chassis` is no
 * sign of one: ovn-northd leaves it behind when the port or its router ceases to be.
 */
export function saysGateway(port: LogicalRouterPort): boolean {
  return port.gateway_chassis.length > 0 || port.ha_chassis_group !== undefined;
}

/** A router that is bound to one chassis as a whole reaches the outside through any port. */
export function isGatewayPort(port: LogicalRouterPort, router: LogicalRouter): boolean {
  return saysGateway(port) || router.options.has('chassis');
}

/** Next hop of a default route that leaves through this port. */
function exit6(route: LogicalRouterStaticRoute, port: LogicalRouterPort): readonly IpAddress[] {
  if (route.output_port !== undefined && route.output_port !== '' && route.output_port !== port.name)
    return [];
  const nextHop = parseIp(route.nexthop);
  return nextHop !== undefined && familyOf(nextHop) === 6 ? [nextHop] : [];
}
