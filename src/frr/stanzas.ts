/**
 * The closed set of lines that the agent writes into FRR's configuration.
 *
 * In: AS, VRF, router id, metric. Out: the wanted `Stanza`, in canonical order, so that the same settings always give the
 * same lines (what is read back is put in the same order, see stanza-reader.ts). Pure; a value outside its grammar is an
 * `FrrError` `invalid`, because these lines are the only place where such a value could reach FRR.
 */
import { familyOf, type IpAddress, parseIp } from '../base/address.ts';
import { compareText } from '../base/order.ts';
import { FrrError } from './errors.ts';
import type { ConfigLine, Stanza, StanzaScope } from './types.ts';

/** The one route-map that is the agent's by its name. */
export const ROUTE_MAP = 'ovn-bgp-agent';
export const ROUTE_MAP_ENTRY = `route-map ${ROUTE_MAP} permit 10`;
export const FAMILIES = ['address-family ipv4 unicast', 'address-family ipv6 unicast'] as const;

/** What the VRF instance takes from the kernel: addresses of the dummy, and prefixes of tenant subnets. */
export type Redistribute = 'connected' | 'kernel';

/**
 * `leak`: the VRF instance redistributes, the default instance imports from it (and announces).
 *
 * The VRF instance comes first: an import of a VRF without an instance makes bgpd create one by itself.
 */
export function leakStanza(settings: {
  readonly as: number;
  readonly vrf: string;
  readonly routerId: IpAddress;
  readonly redistribute: Iterable<Redistribute>;
}): Stanza {
  const { as, vrf, routerId } = settings;
  checkScope({ as, vrf });
  if (parseIp(routerId) !== routerId || familyOf(routerId) !== 4) {
    throw new FrrError('invalid', `not a BGP router id: ${JSON.stringify(routerId)}`, { routerId });
  }
  const sources = [...new Set(settings.redistribute)].sort(compareText);
  for (const source of sources) {
    if (source !== 'connected' && source !== 'kernel') {
      throw new FrrError('invalid', `not a source to redistribute: ${JSON.stringify(source)}`);
    }
  }
  const instance = vrfInstance({ as, vrf });
  return {
    id: 'leak',
    lines: [
      { context: [instance], line: `bgp router-id ${routerId}` },
      ...FAMILIES.flatMap((family) =>
        sources.map(
          (source): ConfigLine => ({ context: [instance, family], line: `redistribute ${source}` }),
        ),
      ),
      ...FAMILIES.map(
        (family): ConfigLine => ({ context: [defaultInstance(as), family], line: `import vrf ${vrf}` }),
      ),
    ],
  };
}

/**
 * `kernel-routes`: routes of the main table that carry the agent's metric, announced with MED 0.
 *
 * Without `set metric` the kernel's metric would be the MED on the wire. Routes of other programs that happen to use the
 * same metric get in too, hence an unlikely one; FRR takes the top byte of a kernel metric as distance, so it must stay
 * below 2^24.
 */
export function kernelRoutesStanza(settings: { readonly as: number; readonly metric: number }): Stanza {
  const { as, metric } = settings;
  checkAs(as);
  if (!Number.isInteger(metric) || metric < 1 || metric >= 2 ** 24) {
    throw new FrrError('invalid', `not a usable route metric: ${metric}`, { metric });
  }
  return {
    id: 'kernel-routes',
    lines: [
      { context: [ROUTE_MAP_ENTRY], line: `match metric ${metric}` },
      { context: [ROUTE_MAP_ENTRY], line: 'set metric 0' },
      ...FAMILIES.map(
        (family): ConfigLine => ({
          context: [defaultInstance(as), family],
          line: `redistribute kernel route-map ${ROUTE_MAP}`,
        }),
      ),
    ],
  };
}

export function defaultInstance(as: number): string {
  return `router bgp ${as}`;
}

export function vrfInstance(scope: StanzaScope): string {
  return `router bgp ${scope.as} vrf ${scope.vrf}`;
}

/** The same lines in the same order; `undefined` is "nothing there". */
export function sameStanza(a: Stanza | undefined, b: Stanza | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.id === b.id &&
    a.lines.length === b.lines.length &&
    a.lines.every((line, i) => sameLine(line, b.lines[i]))
  );
}

export function sameLine(a: ConfigLine, b: ConfigLine | undefined): boolean {
  return b !== undefined && lineKey(a) === lineKey(b);
}

/** One text for a line in its context; also how people read it. */
export function lineKey({ context, line }: ConfigLine): string {
  return [...context, line].join(' / ');
}

export function checkScope({ as, vrf }: StanzaScope): void {
  checkAs(as);
  // The kernel's rules for device names (dev_valid_name), less what would mean something to FRR.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(vrf) || /^(?:default|all|route-map)$/.test(vrf)) {
    throw new FrrError('invalid', `not a VRF name: ${JSON.stringify(vrf)}`, { vrf });
  }
}

function checkAs(as: number): void {
  if (!Number.isInteger(as) || as < 1 || as > 4294967295) {
    throw new FrrError('invalid', `not an AS number: ${as}`, { as });
  }
}
