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

/** The route-maps that are the agent's by their names: for routes of the main table, and for those of the VRF. */
export const ROUTE_MAP = 'ovn-bgp-agent';
export const VRF_ROUTE_MAP = 'ovn-bgp-agent-vrf';
/** Entry of the main table's routes without attributes. */
const PLAIN_ENTRY = `route-map ${ROUTE_MAP} permit 10`;
/** Entries of classes have the numbers from here on, in the order of the classes. */
const FIRST_CLASS_ENTRY = 100;
/** The VRF's routes are all the agent's: what has no class passes as it is. */
const REST_ENTRY = `route-map ${VRF_ROUTE_MAP} permit 1000`;
export const FAMILIES = ['address-family ipv4 unicast', 'address-family ipv6 unicast'] as const;

/** Routes of one metric, and what is set on them. */
export interface RouteClass {
  /** 1 to 255. */
  readonly number: number;
  readonly metric: number;
  /** `AS:number` or names, in the order in which FRR prints them. */
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly med?: number;
}

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
  readonly classes?: readonly RouteClass[];
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
  const classes = settings.classes ?? [];
  // Without classes there is no route-map, as the Python agent has it.
  const through = classes.length === 0 ? '' : ` route-map ${VRF_ROUTE_MAP}`;
  const entries =
    classes.length === 0 ? [] : [...classLines(VRF_ROUTE_MAP, classes), ...entry(REST_ENTRY, [])];
  return {
    id: 'leak',
    lines: [
      ...entries,
      { context: [instance], line: `bgp router-id ${routerId}` },
      ...FAMILIES.flatMap((family) =>
        sources.map(
          (source): ConfigLine => ({ context: [instance, family], line: `redistribute ${source}${through}` }),
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
export function kernelRoutesStanza(settings: {
  readonly as: number;
  readonly metric: number;
  readonly classes?: readonly RouteClass[];
}): Stanza {
  const { as, metric } = settings;
  checkAs(as);
  checkMetric(metric);
  return {
    id: 'kernel-routes',
    lines: [
      ...entry(PLAIN_ENTRY, [`match metric ${metric}`, 'set metric 0']),
      ...classLines(ROUTE_MAP, settings.classes ?? []),
      ...FAMILIES.map(
        (family): ConfigLine => ({
          context: [defaultInstance(as), family],
          line: `redistribute kernel route-map ${ROUTE_MAP}`,
        }),
      ),
    ],
  };
}

function classLines(routeMap: string, classes: readonly RouteClass[]): readonly ConfigLine[] {
  return classes.flatMap(({ number, metric, communities, largeCommunities, med }) => {
    checkMetric(metric);
    if (!Number.isInteger(number) || number < 1 || number > 255) {
      throw new FrrError('invalid', `not a number of a class of routes: ${number}`, { number });
    }
    const words = (values: readonly string[], grammar: RegExp): string => {
      const wrong = values.find((value) => !grammar.test(value));
      if (wrong !== undefined) throw new FrrError('invalid', `not a community: ${JSON.stringify(wrong)}`);
      return values.join(' ');
    };
    const standard = words(communities, /^(?:[0-9]{1,5}:[0-9]{1,5}|[a-z-]{1,20}|local-AS)$/);
    const large = words(largeCommunities, /^[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$/);
    return entry(
      `route-map ${routeMap} permit ${FIRST_CLASS_ENTRY + number}`,
      [
        `match metric ${metric}`,
        ...(standard === '' ? [] : [`set community ${standard}`]),
        ...(large === '' ? [] : [`set large-community ${large}`]),
        `set metric ${med ?? 0}`,
      ].sort(compareText),
    );
  });
}

/** The entry itself is a line, so that one which is not wanted goes as a whole: left empty it would match everything. */
function entry(header: string, lines: readonly string[]): readonly ConfigLine[] {
  return [{ context: [], line: header }, ...lines.map((line): ConfigLine => ({ context: [header], line }))];
}

/** True for a line that is an entry of a route-map. */
export function isRouteMapEntry({ context, line }: ConfigLine): boolean {
  return context.length === 0 && line.startsWith('route-map ');
}

function checkMetric(metric: number): void {
  if (!Number.isInteger(metric) || metric < 1 || metric >= 2 ** 24) {
    throw new FrrError('invalid', `not a usable route metric: ${metric}`, { metric });
  }
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
