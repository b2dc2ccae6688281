/**
 * Outside addresses of NAT rows: distributed floating IPs where their port is, everything else where the router's gateway
 * port is active. What is translated to, and by which node, comes from the NAT row and its router alone.
 *
 * In: a NAT row of the topology and this node's policy. Out: one exposure, or the reason why there is none. Address
 * scopes do not filter translated addresses.
 */
import {
  type IpAddress,
  type MacAddress,
  parseInterfaceAddress,
  parseIp,
  parseMac,
} from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { describeRow } from '../ovn/describe.ts';
import type { FloatingIp, GatewayPort, NatFault, NatPort, NatType } from '../ovn/topology.ts';
import { announceableText } from './announceable.ts';
import { translatedHere } from './bound-here.ts';
import { disabledRefusal } from './disabled.ts';
import { tagOf, unselected } from './marks.ts';
import { networkOf, type ProviderNetworkResult } from './provider-network.ts';
import { proxiedFor } from './proxied.ts';
import { type ServingGateway, servingGateways } from './serving-gateway.ts';
import type { DenialCode, ExposureKind, ExposurePolicy, Reason, Verdict } from './types.ts';
import { linkClaim, type Refused, VerdictBuilder } from './verdict.ts';

export function evaluateFloatingIp(fip: FloatingIp, policy: ExposurePolicy): Verdict {
  const verdict = new VerdictBuilder(fip);
  const about = parseIp(fip.externalIpText) ?? quote(fip.externalIpText);
  const place = placeOf(fip, policy);
  if (!place.ok) return verdict.refuse(place, about);
  const refusal = unselected(fip.marks.expose, policy);
  if (refusal !== undefined) return verdict.refuse(refusal, about);
  if (!place.network.ok) return verdict.refuse(place.network, about);
  const { way } = place.network;

  const advice = "correct the NAT row's external_ip";
  const address = announceableText(fip.externalIpText, fip.row, policy, verdict, advice);
  if (address === undefined) return verdict.verdict();
  verdict.expose(
    linkClaim(place.kind, address, {
      way,
      mac: place.mac,
      proxyNdp: proxiedFor(address, fip.network, policy),
      tag: tagOf(fip.marks, verdict),
      because: place.because,
    }),
  );
  return verdict.verdict();
}

type Place =
  | {
      readonly ok: true;
      readonly kind: ExposureKind;
      readonly mac: MacAddress | undefined;
      readonly network: ProviderNetworkResult;
      readonly because: readonly Reason[];
    }
  | Refused;

function placeOf(fip: FloatingIp, policy: ExposurePolicy): Place {
  if (fip.fault !== undefined) return leftOut(fip, fip.fault);
  return (
    gatewayAddress(fip) ?? (fip.mode === 'distributed' ? distributed(fip, policy) : centralised(fip, policy))
  );
}

const LEFT_OUT: Readonly<Record<NatFault, readonly [code: DenialCode, why: string]>> = {
  'no-router': ['no-router', 'it is in the column nat of no router'],
  'no-gateway': ['no-gateway', 'its router has no gateway port and is bound to no chassis'],
  'gateway-port': ['no-gateway', 'its gateway_port is no gateway port of its router; correct or clear it'],
  'no-network': [
    'no-gateway',
    'its router has several gateway ports, none of them in the network of the address; set gateway_port',
  ],
  'address-sets': ['row-unused', 'it has both allowed_ext_ips and exempted_ext_ips; clear one'],
};

/** OVN ignores the row: no node serves its address. */
function leftOut(fip: FloatingIp, fault: NatFault): Refused {
  const [code, why] = LEFT_OUT[fault];
  // A router without a gateway is one that waits for it.
  return {
    ok: false,
    code,
    fault: fault !== 'no-gateway',
    message: `${describeRow(fip.row)}: OVN does not translate, ${why}`,
  };
}

/** Most routers translate sources to the address of their gateway port, which is exposed itself. */
function gatewayAddress({ row, externalIpText, gateways }: FloatingIp): Refused | undefined {
  const address = parseIp(externalIpText);
  const owner = gateways.find((port) => addressesOf(port).includes(address));
  if (address === undefined || owner === undefined) return undefined;
  return refused(
    'gateway-address',
    `${describeRow(row)}: ${address} is exposed with ${describeRow(owner.row)}, if at all`,
  );
}

function addressesOf({ addressTexts }: GatewayPort): readonly (IpAddress | undefined)[] {
  return addressTexts.map((text) => parseInterfaceAddress(text)?.address);
}

function distributed(fip: FloatingIp, policy: ExposurePolicy): Place {
  const port = portOf(fip);
  if (!port.ok) return port;
  if (port.found === undefined) return refused('no-port', `${describeRow(fip.row)} names no port`);
  const bound = translatedHere(port.found, policy);
  if (!bound.ok) return bound;
  const off =
    disabledRefusal(port.found) ?? fip.gateways.map(disabledRefusal).find((item) => item !== undefined);
  if (off !== undefined) return { ok: false, ...off };
  const mac = externalMac(fip, port.found, policy);
  if (!mac.ok) return mac;
  return {
    ok: true,
    kind: 'floating-ip',
    mac: mac.mac,
    network: networkOf(fip, policy.bridgeMappings),
    because: [
      { row: fip.row, note: `floating IP with ${mac.note}` },
      { row: port.found.row, ...bound.because },
    ],
  };
}

/** The port that the row names plays no part here, but one that is switched off gets nothing. */
function centralised(fip: FloatingIp, policy: ExposurePolicy): Place {
  const { row, routerName, gateways } = fip;
  // A row whose gateway port is known has a router, whatever it calls it.
  const routers = gateways.length > 0 || routerName !== undefined ? [{ gateways }] : [];
  const serving = servingGateways({ row, routerName, routers }, policy);
  if (!serving.ok) return serving.code === 'no-router' ? { ...serving, fault: true } : serving;
  // Recent releases leave such a row out, also where nothing is distributed.
  if (fip.logicalPortName !== undefined && (fip.externalMacText ?? '') !== '') {
    const mac = ownMac(fip);
    if (!mac.ok) return mac;
  }
  const off = fip.port === undefined ? undefined : disabledRefusal(fip.port);
  if (off !== undefined) return { ok: false, ...off };
  const gateway = onNetworkOf(fip, serving.gateways);
  return {
    ok: true,
    kind: 'central-floating-ip',
    mac: gateway.mac,
    // Where the gateway port is, whatever the row calls its network.
    network: { ok: true, way: gateway.way },
    because: [{ row: fip.row, note: CENTRAL_NOTES[fip.type] }, gateway.because],
  };
}

const CENTRAL_NOTES: Readonly<Record<NatType, string>> = {
  dnat_and_snat: 'floating IP translated on the gateway',
  snat: 'outside address of source translation on the gateway',
  dnat: 'outside address of destination translation on the gateway',
};

/** Of several gateways of a router here, the one on the network of the floating IP. */
function onNetworkOf(
  { network }: FloatingIp,
  gateways: readonly [ServingGateway, ...ServingGateway[]],
): ServingGateway {
  return gateways.find(({ port }) => port.network?.row.uuid === network?.row.uuid) ?? gateways[0];
}

/** Ports that are on one chassis, which then translates for them. */
const FOLLOWED: ReadonlySet<string> = new Set(['', 'virtual', 'external']);

/** The port that the row names, if it names one. */
function portOf(fip: FloatingIp): { readonly ok: true; readonly found: NatPort | undefined } | Refused {
  const { port, logicalPortName } = fip;
  if (port === undefined) {
    if (logicalPortName === undefined) return { ok: true, found: undefined };
    return refused(
      'no-port',
      `${describeRow(fip.row)} names port ${quote(logicalPortName)}, and there is none of that name`,
    );
  }
  if (FOLLOWED.has(port.type)) return { ok: true, found: port };
  const message = `${describeRow(fip.row)} translates to ${describeRow(port.row)} of type ${quote(port.type)}; only VIF, virtual and external ports have floating IPs`;
  return refused('port-type', message);
}

type ExternalMac = { readonly ok: true; readonly mac: MacAddress; readonly note: string } | Refused;

/**
 * Neutron gives the row its MAC address once the port is up, and takes it out while the port is down: during a migration
 * the last one counts until the port has arrived or its grace is over.
 */
function externalMac(fip: FloatingIp, port: NatPort, policy: ExposurePolicy): ExternalMac {
  if ((fip.externalMacText ?? '') !== '') return ownMac(fip);
  const moves = port.residence.kind === 'migrating' || policy.graced.has(port.key);
  const last = moves ? policy.lastMacs.get(fip.key) : undefined;
  if (last !== undefined) return { ok: true, mac: last, note: 'the MAC address it had before the migration' };
  const message = `${describeRow(fip.row)} has no external_mac yet: its port is not ready`;
  return refused('no-mac', message);
}

function ownMac({ row, externalMacText }: FloatingIp): ExternalMac {
  const mac = parseMac(externalMacText ?? '');
  if (mac !== undefined) return { ok: true, mac, note: 'a MAC address of its own' };
  const message = `${describeRow(row)}: external_mac ${quote(externalMacText ?? '')} is not a MAC address; correct the NAT row`;
  return { ok: false, code: 'bad-mac', fault: true, message };
}

function refused(code: Refused['code'], message: string): Refused {
  return { ok: false, code, fault: false, message };
}
