/**
 * Networks of the Northbound database: a logical switch with its localnet ports and the IPv6 gateways on it.
 *
 * In: views of the tables. Out: networks by port. A network is assembled once and remembered until `forget`.
 */
import { compareIp, familyOf, type IpAddress, parseIp, parsePrefix } from '../base/address.ts';
import { sortedBy } from '../base/order.ts';
import type { Uuid } from '../ovsdb/types.ts';
import type {
  LogicalRouter,
  LogicalRouterPort,
  LogicalRouterStaticRoute,
  LogicalSwitch,
  LogicalSwitchPort,
  NorthboundViews,
} from './northbound-schema.ts';
import type { Localnet, Network } from './topology.ts';

/** Ports that belong to the network and not to a workload. */
export function isPlumbing(row: LogicalSwitchPort): boolean {
  return row.type === 'localnet' || row.type === 'router';
}

export class NorthboundNetworks {
  readonly #views: NorthboundViews;
  readonly #known = new Map<Uuid, Network>();

  constructor(views: NorthboundViews) {
    this.#views = views;
  }

  /** The network that a port names; a port that names none belongs to the switch that contains it. */
  networkOf(port: Uuid, name: string | undefined): Network | undefined {
    const containing = this.#views.Logical_Switch.find('port', port);
    const found = name === undefined ? containing : this.#views.Logical_Switch.find('name', name);
    // Switch names need not be unique: of several, the one that holds the port is meant.
    const row = found.length > 1 ? this.#choose(found, containing) : found[0];
    if (row === undefined) return undefined;
    const known = this.#known.get(row._uuid);
    if (known !== undefined) return known;
    const network = this.#assemble(row);
    this.#known.set(row._uuid, network);
    return network;
  }

  *localnets(): Iterable<Localnet> {
    for (const row of this.#views.Logical_Switch_Port.find('plumbing', 'localnet')) yield localnet(row);
  }

  forget(logicalSwitch: Uuid): void {
    this.#known.delete(logicalSwitch);
  }

  forgetAll(): void {
    this.#known.clear();
  }

  #choose(found: readonly LogicalSwitch[], containing: readonly LogicalSwitch[]): LogicalSwitch | undefined {
    const holds = new Set(containing.map((row) => row._uuid));
    return sortedBy(found, (row) => `${holds.has(row._uuid) ? 0 : 1} ${row._uuid}`)[0];
  }

  #assemble(row: LogicalSwitch): Network {
    const ports = row.ports
      .map((uuid) => this.#views.Logical_Switch_Port.get(uuid))
      .filter((port) => port !== undefined);
    return {
      row: { database: 'northbound', table: 'Logical_Switch', uuid: row._uuid, name: row.name },
      name: row.name,
      localnets: sortedBy(
        ports.filter((port) => port.type === 'localnet').map(localnet),
        (port) => `${port.name} ${port.row.uuid}`,
      ),
      gateways6: this.#gateways6(row, ports),
    };
  }

  #gateways6(row: LogicalSwitch, ports: readonly LogicalSwitchPort[]): readonly IpAddress[] {
    const attached = ports
      .filter((port) => port.type === 'router')
      .flatMap((port) => {
        // One that names no peer has none, also where a router port has no name.
        const peer = port.options.get('router-port');
        return peer === undefined ? [] : this.#views.Logical_Router_Port.find('name', peer);
      });
    const routerPorts = new Set([...attached, ...this.#views.Logical_Router_Port.find('network', row.name)]);
    const gateways = new Set<IpAddress>();
    for (const routerPort of routerPorts) {
      for (const router of this.#views.Logical_Router.find('port', routerPort._uuid)) {
        if (!isGatewayPort(routerPort, router)) continue;
        for (const uuid of router.static_routes) {
          const route = this.#views.Logical_Router_Static_Route.get(uuid);
          const gateway = route === undefined ? undefined : gateway6(route, routerPort);
          if (gateway !== undefined) gateways.add(gateway);
        }
      }
    }
    return [...gateways].sort(compareIp);
  }
}

/** True for the default route of IPv6, however it is written. */
export function isDefault6(route: LogicalRouterStaticRoute): boolean {
  return parsePrefix(route.ip_prefix) === '::/0';
}

/** A router port through which its router reaches the outside. */
export function isGatewayPort(port: LogicalRouterPort, router: LogicalRouter): boolean {
  return (
    port.gateway_chassis.length > 0 ||
    port.ha_chassis_group !== undefined ||
    port.status.has('hosting-chassis') ||
    router.options.has('chassis')
  );
}

/** Next hop of a default route that leaves through this port. */
function gateway6(route: LogicalRouterStaticRoute, port: LogicalRouterPort): IpAddress | undefined {
  if (!isDefault6(route)) return undefined;
  if (route.output_port !== undefined && route.output_port !== '' && route.output_port !== port.name) {
    return undefined;
  }
  const nextHop = parseIp(route.nexthop);
  return nextHop !== undefined && familyOf(nextHop) === 6 ? nextHop : undefined;
}

function localnet(row: LogicalSwitchPort): Localnet {
  return {
    row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: row._uuid, name: row.name },
    name: row.name,
    physicalNetwork: row.options.get('network_name'),
    tag: row.tag,
  };
}
