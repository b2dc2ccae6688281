/**
 * Translated addresses of the Southbound database: NAT rows are compiled into flows, and what is left of them are the
 * addresses that the switch side of a router port announces.
 *
 * In: that binding. Out: one candidate with an entry for each string of `nat_addresses` (ovn-sb(5)): `MAC IP...`, and the
 * port on whose chassis they live. ovn-northd writes floating IPs, addresses of source NAT and VIPs there, of IPv4 alone.
 * A gateway may have tens of thousands, so strings are parsed once and a port's residence is a question of its own.
 */
import { words } from './external-ids.ts';
import type { QueryGraph } from './query-graph.ts';
import type { SouthboundLoadBalancers } from './southbound-load-balancers.ts';
import type { SouthboundRouters } from './southbound-routers.ts';
import { addressesOf, bindingMarks, bindingNamed, bindingReference, residenceOf } from './southbound-rows.ts';
import { isRouterLink, mayBeGateway, type PortBinding, type SouthboundViews } from './southbound-schema.ts';
import { candidateKey, type FloatingIps, type NatAddresses, type NatPort, portKey } from './topology.ts';

/** What the root of a gateway reads of the ports that its addresses follow; the key is the port's name. */
export const RESIDENTS = 'residents';

interface NatText {
  readonly text: string;
  readonly addressTexts: readonly string[];
  readonly residentName: string | undefined;
}

export class SouthboundNat {
  readonly #views: SouthboundViews;
  readonly #graph: QueryGraph;
  readonly #routers: SouthboundRouters;
  readonly #loadBalancers: SouthboundLoadBalancers;
  readonly #systemId: string;
  /** By the column's value: rows are immutable. */
  readonly #parsed = new WeakMap<readonly string[], readonly NatText[]>();

  constructor(
    views: SouthboundViews,
    graph: QueryGraph,
    routers: SouthboundRouters,
    loadBalancers: SouthboundLoadBalancers,
    systemId: string,
  ) {
    this.#views = views;
    this.#graph = graph;
    this.#routers = routers;
    this.#loadBalancers = loadBalancers;
    this.#systemId = systemId;
  }

  floatingIps(row: PortBinding): FloatingIps | undefined {
    if (!isRouterLink(row) || row.nat_addresses.length === 0 || this.#routers.isRouterSide(row)) {
      return undefined;
    }
    const network = this.#routers.network(row.datapath);
    const peer = this.#routers.peerOf(row);
    // ovn-northd fills the column wherever options:nat-addresses says so: of other ports OVN answers nothing there.
    if (peer !== undefined && !this.#routers.isGatewayLink(peer)) return undefined;
    // Both sides of a pinned router are bound, and its addresses name no port to follow.
    const ownResident = row.type === 'l3gateway' ? (peer ?? row).logical_port : undefined;
    return {
      kind: 'nat',
      from: 'nat-addresses',
      key: candidateKey('nat', row._uuid),
      row: bindingReference(row),
      networkName: network?.name,
      network,
      memberless: peer === undefined ? [] : this.#loadBalancers.memberlessOf(peer.datapath),
      ...(row.type === 'l3gateway' && peer !== undefined ? { wires: this.#wires(peer) } : {}),
      entries: this.#parse(row.nat_addresses).map((entry) => this.#entry(entry, ownResident)),
      subnets: peer === undefined ? [] : this.#routers.subnetsOfRouter(peer.datapath),
      marks: bindingMarks(row, peer),
    };
  }

  #wires(port: PortBinding): NonNullable<FloatingIps['wires']> {
    const gateways = this.#routers.router(port.datapath)?.gateways ?? [];
    const others = gateways.filter(({ row }) => row.uuid !== port._uuid);
    return { own: addressesOf(port.mac[0]), others: others.flatMap(({ addressTexts }) => addressTexts) };
  }

  #entry(entry: NatText, ownResident: string | undefined): NatAddresses {
    const residentName = entry.residentName ?? ownResident;
    if (residentName === undefined) return { ...entry, resident: undefined };
    this.#graph.read(RESIDENTS, residentName);
    const resident = this.#graph.query(`resident ${residentName}`, () => this.#resident(residentName));
    return { ...entry, residentName, resident };
  }

  #resident(name: string): NatPort | undefined {
    const row = bindingNamed(this.#views, name);
    if (row === undefined) return undefined;
    const gateway = mayBeGateway(row);
    return {
      key: gateway ? candidateKey('gateway', row._uuid) : portKey(row._uuid),
      row: bindingReference(row),
      type: row.type,
      residence: gateway
        ? this.#routers.residenceOfGateway(row)
        : residenceOf(row, this.#views, this.#systemId),
    };
  }

  #parse(texts: readonly string[]): readonly NatText[] {
    const known = this.#parsed.get(texts);
    if (known !== undefined) return known;
    const parsed = texts.map(parseNatAddresses);
    this.#parsed.set(texts, parsed);
    return parsed;
  }
}

const CONDITION = ' is_chassis_resident("';
const CONDITION_END = '")';

/** `MAC IP... is_chassis_resident("port")`; the condition may be missing. */
export function parseNatAddresses(text: string): NatText {
  const at = text.indexOf(CONDITION);
  const end = text.lastIndexOf(CONDITION_END);
  if (at < 0 || end < at + CONDITION.length) {
    return { text, addressTexts: words(text).slice(1), residentName: undefined };
  }
  return {
    text,
    addressTexts: words(text.slice(0, at)).slice(1),
    residentName: unescaped(text.slice(at + CONDITION.length, end)),
  };
}

/** ovn-northd writes names as JSON strings. */
function unescaped(name: string): string {
  if (!name.includes('\\')) return name;
  try {
    const value: unknown = JSON.parse(`"${name}"`);
    return typeof value === 'string' ? value : name;
  } catch {
    return name;
  }
}
