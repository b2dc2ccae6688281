/**
 * Which class of routes an exposure belongs to: those that an operator gives BGP attributes, by kind of address or by
 * tag. The number of classes is that of the settings, not of the addresses: FRR's configuration has a few lines for each.
 *
 * In: an exposure, the settings. Out: its class; and all classes with their attributes. Pure. A tag goes before the kind,
 * and only what it says counts. Kinds have fixed numbers, tags are numbered in the order of the settings, so that a new
 * tag at the end changes nothing that stands.
 */
import { EXPOSURE_KINDS } from '../config/exposure-kinds.ts';
import type { AgentConfig } from '../config/types.ts';
import type { Exposure } from '../exposures/types.ts';
import type { RouteClass } from '../frr/stanzas.ts';
import { metricOfClass } from '../node/advertise-metrics.ts';

export type RouteAttributeSettings = Pick<AgentConfig, 'communities' | 'meds'>;

/** Everything else: no attributes. */
export const PLAIN_CLASS = 0;
/** The kinds have the numbers before, with room for more of them. */
const FIRST_TAG_CLASS = 64;

/** Number of the class of an exposure. */
export function routeClassOf(
  exposure: Pick<Exposure, 'kind' | 'tag'>,
  settings: RouteAttributeSettings,
): number {
  const selectors = selectorsOf(settings);
  const tag = exposure.tag === undefined ? undefined : `tag:${exposure.tag}`;
  const selector = tag !== undefined && selectors.includes(tag) ? tag : exposure.kind;
  return selectors.includes(selector) ? numberOf(selector, selectors) : PLAIN_CLASS;
}

/** All classes with attributes, by number. */
export function routeClasses(settings: RouteAttributeSettings): readonly RouteClass[] {
  const selectors = selectorsOf(settings);
  return selectors
    .map((selector): RouteClass => {
      const communities = settings.communities.filter((item) => item.selector === selector).at(-1);
      const med = settings.meds.filter((item) => item.selector === selector).at(-1)?.med;
      const number = numberOf(selector, selectors);
      return {
        number,
        metric: metricOfClass(number),
        communities: communities?.communities ?? [],
        largeCommunities: communities?.largeCommunities ?? [],
        ...(med === undefined ? {} : { med }),
      };
    })
    .sort((a, b) => a.number - b.number);
}

function selectorsOf({ communities, meds }: RouteAttributeSettings): readonly string[] {
  return [...new Set([...communities, ...meds].map(({ selector }) => selector))];
}

function numberOf(selector: string, selectors: readonly string[]): number {
  const kind = EXPOSURE_KINDS.findIndex((name) => name === selector);
  if (kind >= 0) return kind + 1;
  return FIRST_TAG_CLASS + selectors.filter((other) => other.startsWith('tag:')).indexOf(selector);
}
