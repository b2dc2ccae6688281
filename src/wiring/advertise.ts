/**
 * How an address is put where FRR announces it; every exposing method uses one of these two ways.
 *
 * `vrf`: the address stands on a dummy device in a VRF, whose connected routes FRR leaks into the default instance; the
 * prefix of a subnet is a route in the VRF's table.
 * `main`: a blackhole route in the main table with the agent's metric, which a route-map lets through. Traffic
 * never meets the blackhole: the rules of the wiring come before the main table.
 *
 * In: configuration, facts, and the keys of everything that must be in place before traffic may come. Out: objects.
 */
import { familyOf, hostPrefix, type IpAddress, isHostPrefix, type Prefix } from '../base/address.ts';
import type { Exposure } from '../exposures/types.ts';
import { FrrError } from '../frr/errors.ts';
import { kernelRoutesStanza, leakStanza, type Redistribute } from '../frr/stanzas.ts';
import type { Stanza } from '../frr/types.ts';
import { ADVERTISE_METRIC, metricOfClass } from '../node/advertise-metrics.ts';
import { keyOf } from '../node/keys.ts';
import {
  type DesiredObject,
  type LinkObject,
  MAIN_TABLE,
  type NodeObject,
  type ObjectKey,
} from '../node/objects.ts';
import { ObjectSet } from './object-set.ts';
import { PLAIN_CLASS, routeClasses, routeClassOf } from './route-class.ts';
import type { Wiring, WiringConfig, WiringInput } from './types.ts';

const ROUTER_ID_UNKNOWN =
  'the BGP router id is unknown: set bgp_router_id, or let FRR have one (an address on lo, or bgp router-id)';

/** What the node needs before any address can be advertised. */
export function advertiseBase({ config, facts }: WiringInput): Wiring {
  const set = new ObjectSet();
  const because = `advertise_via = ${config.advertiseVia}`;
  if (config.advertiseVia === 'main') {
    addStanza(
      set,
      () => kernelRoutesStanza({ as: config.bgpAs, metric: ADVERTISE_METRIC, classes: routeClasses(config) }),
      because,
    );
    return set.toWiring();
  }
  const [vrf, nic] = vrfLinks(config);
  const vrfKey = set.wire(vrf, because);
  set.wire(nic, because, [vrfKey]);
  const { routerId } = facts;
  if (routerId === undefined) set.pend('FRR leak', ROUTER_ID_UNKNOWN);
  else addStanza(set, () => leakStanza(leakSettings(config, routerId)), because, [vrfKey]);
  return set.toWiring();
}

/** What is announced: an address, or the prefix of a subnet behind a gateway address. */
export interface Announcement {
  readonly prefix: Prefix;
  /** Gateway address, if it is announced as well. */
  readonly via?: IpAddress;
  /** What attributes its route gets; absent: none. */
  readonly routeClass?: number;
}

/** What is announced of an exposure. A gateway address that is not announced itself stands nowhere on the node. */
export function announcementOf(exposure: Exposure, config: WiringConfig): Announcement {
  const { prefix, delivery } = exposure;
  const through = delivery.type === 'via' && delivery.viaUnannounced !== true ? { via: delivery.via } : {};
  return { prefix, routeClass: routeClassOf(exposure, config), ...through };
}

/** The object that makes traffic for the prefix come here. */
export function advertise(
  announcement: Announcement,
  config: WiringConfig,
  requires: readonly ObjectKey[],
  because: string,
): DesiredObject {
  const { prefix, routeClass = PLAIN_CLASS } = announcement;
  if (config.advertiseVia === 'main') {
    return {
      object: {
        kind: 'route',
        family: familyOf(prefix),
        table: MAIN_TABLE,
        destination: prefix,
        target: { type: 'blackhole' },
        metric: metricOfClass(routeClass),
      },
      role: 'advertise',
      requires,
      because,
    };
  }
  const vrf = vrfLinks(config).map(keyOf);
  if (isHostPrefix(prefix)) {
    const object: NodeObject = {
      kind: 'address',
      device: config.bgpNic,
      prefix,
      ...(routeClass === PLAIN_CLASS ? {} : { metric: metricOfClass(routeClass) }),
    };
    return { object, role: 'advertise', requires: [...vrf, ...requires], because };
  }
  return subnetInVrf(announcement, config, [...vrf, ...requires], because);
}

/**
 * A prefix stands as a route in the VRF's table. The gateway address is an address of the dummy: legal as a gateway in
 * IPv4, once it is there; in IPv6 the kernel refuses a gateway that is a local address.
 */
function subnetInVrf(
  { prefix, via, routeClass = PLAIN_CLASS }: Announcement,
  { bgpNic, bgpVrfTableId }: WiringConfig,
  requires: readonly ObjectKey[],
  because: string,
): DesiredObject {
  const family = familyOf(prefix);
  const metric = routeClass === PLAIN_CLASS ? 0 : metricOfClass(routeClass);
  const gateway = family === 4 ? via : undefined;
  const target = {
    type: 'device',
    device: bgpNic,
    ...(gateway === undefined ? {} : { via: gateway }),
  } as const;
  const needed =
    gateway === undefined ? [] : [keyOf({ kind: 'address', device: bgpNic, prefix: hostPrefix(gateway) })];
  return {
    object: { kind: 'route', family, table: bgpVrfTableId, destination: prefix, target, metric },
    role: 'advertise',
    requires: [...requires, ...needed],
    because,
  };
}

function vrfLinks(config: WiringConfig): readonly [LinkObject, LinkObject] {
  return [
    { kind: 'link', name: config.bgpVrf, link: { type: 'vrf', table: config.bgpVrfTableId }, up: true },
    { kind: 'link', name: config.bgpNic, link: { type: 'dummy', master: config.bgpVrf }, up: true },
  ];
}

function leakSettings(config: WiringConfig, routerId: IpAddress): Parameters<typeof leakStanza>[0] {
  // Prefixes of subnets are routes of the VRF, addresses are connected.
  const redistribute: readonly Redistribute[] =
    config.tenant.advertisementMethod === 'subnet' ? ['connected', 'kernel'] : ['connected'];
  return { as: config.bgpAs, vrf: config.bgpVrf, routerId, redistribute, classes: routeClasses(config) };
}

/** A setting that FRR could not read is reported and not sent. */
function addStanza(
  set: ObjectSet,
  make: () => Stanza,
  because: string,
  requires: readonly ObjectKey[] = [],
): void {
  try {
    set.wire({ kind: 'frr', stanza: make() }, because, requires);
  } catch (error) {
    if (!(error instanceof FrrError)) throw error;
    set.pend('FRR configuration', error.message);
  }
}
