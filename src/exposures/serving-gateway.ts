/**
 * The gateway ports through which this node serves a router: floating IPs, load balancers and tenant networks of the
 * router are exposed where one of them is active.
 *
 * In: the gateway ports that may serve a row. Out: those that are active here on a provider network, with their values
 * parsed; or why there is none. What is wrong with a gateway port itself is told by its own verdict.
 */
import { type InterfaceAddress, type MacAddress, parseInterfaceAddress, parseMac } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { GatewayPort, Router, RowReference } from '../ovn/topology.ts';
import { ASSUMED_HERE } from './bound-here.ts';
import { disabledRefusal } from './disabled.ts';
import { networkOf } from './provider-network.ts';
import type { ExposurePolicy, Reason } from './types.ts';
import type { Refused, Way } from './verdict.ts';

export interface ServingGateway {
  readonly port: GatewayPort;
  readonly way: Way;
  /** Absent: not a MAC address; the neighbour is then asked for. */
  readonly mac: MacAddress | undefined;
  readonly interfaces: readonly InterfaceAddress[];
  /** The port's row, and what of it counted. */
  readonly because: Reason;
}

export type ServingGateways =
  | { readonly ok: true; readonly gateways: readonly [ServingGateway, ...ServingGateway[]] }
  | Refused;

/** Gateways of a router that a row names. */
export interface GatewaysOfRow {
  readonly row: RowReference;
  readonly routerName: string | undefined;
  readonly routers: readonly Pick<Router, 'gateways'>[];
}

export function servingGateways(
  { row, routerName, routers }: GatewaysOfRow,
  policy: ExposurePolicy,
): ServingGateways {
  if (routers.length === 0) {
    const message =
      routerName === undefined
        ? `${describeRow(row)} belongs to no router`
        : `${describeRow(row)} names router ${quote(routerName)}, and there is none of that name`;
    return { ok: false, code: 'no-router', fault: routerName !== undefined, message };
  }
  const gateways: ServingGateway[] = [];
  let refusal: Refused = {
    ok: false,
    code: 'no-gateway',
    fault: false,
    message: `the router of ${describeRow(row)} has no gateway port`,
  };
  for (const port of routers.flatMap((router) => router.gateways)) {
    const serving = servingGateway(port, policy);
    if (serving.ok) gateways.push(serving.gateway);
    else if (refusal.code === 'no-gateway' || refusal.code === 'gateway-elsewhere') refusal = serving;
  }
  // A gateway that is known to be here goes before one that may be.
  const [first, ...rest] = [...gateways].sort((a, b) => assumption(a) - assumption(b));
  return first === undefined ? refusal : { ok: true, gateways: [first, ...rest] };
}

function assumption({ because }: ServingGateway): number {
  return because.assumed === true ? 1 : 0;
}

/** Addresses and MAC of a gateway port, unparsable ones left out. */
export function gatewayValues(port: GatewayPort): Pick<ServingGateway, 'mac' | 'interfaces'> {
  return {
    mac: parseMac(port.macText ?? ''),
    interfaces: port.addressTexts.map(parseInterfaceAddress).filter((address) => address !== undefined),
  };
}

function servingGateway(
  port: GatewayPort,
  policy: ExposurePolicy,
): { readonly ok: true; readonly gateway: ServingGateway } | Refused {
  const known = port.residence.kind === 'here';
  if (!known && port.residence.kind !== 'unknown') {
    const message = `${describeRow(port.row)} is ${placeText(port)}`;
    return { ok: false, code: 'gateway-elsewhere', fault: false, message };
  }
  const off = disabledRefusal(port);
  if (off !== undefined) return { ok: false, ...off };
  const network = networkOf(port, policy.bridgeMappings);
  if (!network.ok) return { ...network, fault: false };
  const because: Reason = {
    row: port.row,
    ...(known ? { note: 'gateway port active on this node' } : ASSUMED_HERE),
  };
  return { ok: true, gateway: { port, way: network.way, because, ...gatewayValues(port) } };
}

function placeText({ residence }: GatewayPort): string {
  switch (residence.kind) {
    case 'elsewhere':
      return `active on ${quote(residence.node)}`;
    case 'down':
      return 'bound to this node but not up';
    case 'here':
    case 'migrating':
    case 'nowhere':
    case 'unknown':
      return 'active on no node';
    default:
      return residence satisfies never;
  }
}
