/**
 * How an address is put where FRR announces it; every exposing method uses one of these two ways.
 *
 * `vrf`: the address stands on a dummy device in a VRF, whose connected routes FRR leaks into the default instance.
 * `main`: a blackhole host route in the main table with the agent's metric, which a route-map lets through. Traffic
 * never meets the blackhole: the rules of the wiring come before the main table.
 *
 * In: configuration, facts, and the keys of everything that must be in place before traffic may come. Out: objects.
 */
import { familyOf, hostPrefix, type IpAddress } from '../base/address.ts';
import { FrrError } from '../frr/errors.ts';
import { kernelRoutesStanza, leakStanza } from '../frr/stanzas.ts';
import type { Stanza } from '../frr/types.ts';
import { keyOf } from '../node/keys.ts';
import {
  ADVERTISE_METRIC,
  type DesiredObject,
  type LinkObject,
  MAIN_TABLE,
  type ObjectKey,
} from '../node/objects.ts';
import { ObjectSet } from './object-set.ts';
import type { Wiring, WiringConfig, WiringInput } from './types.ts';

const ROUTER_ID_UNKNOWN =
  'the BGP router id is unknown: set bgp_router_id, or let FRR have one (an address on lo, or bgp router-id)';

/** What the node needs before any address can be advertised. */
export function advertiseBase({ config, facts }: WiringInput): Wiring {
  const set = new ObjectSet();
  const because = `advertise_via = ${config.advertiseVia}`;
  if (config.advertiseVia === 'main') {
    addStanza(set, () => kernelRoutesStanza({ as: config.bgpAs, metric: ADVERTISE_METRIC }), because);
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

/** The object that makes traffic for `address` come here. */
export function advertise(
  address: IpAddress,
  config: WiringConfig,
  requires: readonly ObjectKey[],
  because: string,
): DesiredObject {
  const prefix = hostPrefix(address);
  if (config.advertiseVia === 'main') {
    return {
      object: {
        kind: 'route',
        family: familyOf(address),
        table: MAIN_TABLE,
        destination: prefix,
        target: { type: 'blackhole' },
        metric: ADVERTISE_METRIC,
      },
      role: 'advertise',
      requires,
      because,
    };
  }
  return {
    object: { kind: 'address', device: config.bgpNic, prefix },
    role: 'advertise',
    requires: [...vrfLinks(config).map(keyOf), ...requires],
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
  return { as: config.bgpAs, vrf: config.bgpVrf, routerId, redistribute: ['connected'] };
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
