/**
 * Finds the agent's stanzas in a running configuration.
 *
 * In: the parsed configuration and what identifies the agent's part of it. Out: its stanzas in canonical order, and what
 * stands around them: the default instance, and lines of others that limit what may be removed. Pure and total. What is
 * not recognised belongs to the operator and appears in no stanza.
 *
 * Ours are: everything in the route-maps `ovn-bgp-agent` and `ovn-bgp-agent-vrf`, and the `redistribute kernel` lines that
 * name the former; `import vrf`
 * of our VRF in the default instance; router id and `redistribute` lines of our VRF's instance (of whatever AS: an
 * instance left by an earlier setting is found and replaced).
 */
import { compareText } from '../base/order.ts';
import type { ConfigNode } from './running-config.ts';
import { defaultInstance, FAMILIES, lineKey, ROUTE_MAP, VRF_ROUTE_MAP, vrfInstance } from './stanzas.ts';
import type { ConfigLine, Stanza, StanzaScope } from './types.ts';

/** A `router bgp` block. */
export interface Instance {
  readonly as: number;
  /** `undefined`: the default instance. */
  readonly vrf: string | undefined;
  readonly node: ConfigNode;
}

/** What a running configuration means to the agent. */
export interface AgentView {
  readonly stanzas: readonly Stanza[];
  /** AS of the default instance; `undefined`: there is none. */
  readonly defaultAs: number | undefined;
  /** AS of our VRF's instance; `undefined`: there is none. */
  readonly vrfAs: number | undefined;
  /** Lines of others that live in our VRF's instance or refer to it: it must not be deleted. */
  readonly vrfForeign: readonly ConfigLine[];
  /** `redistribute kernel` lines of others in the default instance: ours would overwrite them. */
  readonly kernelForeign: readonly ConfigLine[];
}

export function readStanzas(config: readonly ConfigNode[], scope: StanzaScope): AgentView {
  const instances = config.map(parseInstance).filter((instance) => instance !== undefined);
  const main = instances.find(({ vrf }) => vrf === undefined);
  const own = instances.find(({ vrf }) => vrf === scope.vrf);
  const mainLines = familyLines(main, (as) => defaultInstance(as));
  const ownLines = vrfLines(own, scope.vrf);
  const vrfForeign = [...ownLines.foreign, ...importsElsewhere(instances, scope.vrf)];

  const imports = mainLines.filter(({ line }) => line === `import vrf ${scope.vrf}`);
  const isKernel = ({ line }: ConfigLine): boolean => /^redistribute kernel(?: |$)/.test(line);
  const isOurKernel = (line: ConfigLine): boolean =>
    isKernel(line) && line.line.endsWith(` route-map ${ROUTE_MAP}`);
  const routeMap = routeMapLines(config, ROUTE_MAP);
  const vrfRouteMap = scope.former === true ? [] : routeMapLines(config, VRF_ROUTE_MAP);

  const stanzas: Stanza[] = [];
  const leak = [...vrfRouteMap, ...ownLines.ours, ...imports];
  // An instance that is empty but for its header is a left-over of ours, as long as nobody else uses it.
  const shell = own !== undefined && vrfForeign.length === 0;
  if (leak.length > 0 || shell) stanzas.push({ id: 'leak', lines: leak });
  const kernel = [...routeMap, ...mainLines.filter(isOurKernel)];
  if (kernel.length > 0) stanzas.push({ id: 'kernel-routes', lines: kernel });
  return {
    stanzas,
    defaultAs: main?.as,
    vrfAs: own?.as,
    vrfForeign,
    kernelForeign: mainLines.filter((line) => isKernel(line) && !isOurKernel(line)),
  };
}

function parseInstance(node: ConfigNode): Instance | undefined {
  // FRR 10 can add `as-notation ...`, and print an AS in dots; `view` instances have nothing to do with VRFs.
  const found = /^router bgp (\d+)(?:\.(\d+))?(?: vrf (\S+))?(?: as-notation \S+)?$/.exec(node.line);
  if (found === null) return undefined;
  const [, high = '', low, vrf] = found;
  const as = low === undefined ? Number(high) : Number(high) * 0x10000 + Number(low);
  return { as, vrf: vrf === 'default' ? undefined : vrf, node };
}

/** The lines of both unicast families, IPv4 first, sorted in each. */
function familyLines(instance: Instance | undefined, header: (as: number) => string): readonly ConfigLine[] {
  if (instance === undefined) return [];
  return FAMILIES.flatMap((family) =>
    instance.node.children
      .filter(({ line }) => line === family)
      .flatMap(({ children }) => children)
      .map(({ line }): ConfigLine => ({ context: [header(instance.as), family], line }))
      .sort(byLine),
  );
}

function vrfLines(
  instance: Instance | undefined,
  vrf: string,
): { readonly ours: readonly ConfigLine[]; readonly foreign: readonly ConfigLine[] } {
  if (instance === undefined) return { ours: [], foreign: [] };
  const header = (as: number): string => vrfInstance({ as, vrf });
  const direct = instance.node.children
    .filter(({ line }) => !FAMILIES.some((family) => family === line))
    .map(({ line }): ConfigLine => ({ context: [header(instance.as)], line }))
    .sort(byLine);
  const families = familyLines(instance, header);
  const isRouterId = ({ line }: ConfigLine): boolean => /^bgp router-id \S+$/.test(line);
  const isRedistribute = ({ line }: ConfigLine): boolean => /^redistribute \S/.test(line);
  return {
    ours: [...direct.filter(isRouterId), ...families.filter(isRedistribute)],
    foreign: [
      ...direct.filter((line) => !isRouterId(line)),
      ...families.filter((line) => !isRedistribute(line)),
    ],
  };
}

/** Imports of our VRF into other VRFs: bgpd keeps an instance for as long as somebody imports from it. */
function importsElsewhere(instances: readonly Instance[], vrf: string): readonly ConfigLine[] {
  return instances
    .filter((instance) => instance.vrf !== undefined && instance.vrf !== vrf)
    .flatMap((instance) =>
      familyLines(instance, (as) => vrfInstance({ as, vrf: instance.vrf ?? '' })).filter(
        ({ line }) => line === `import vrf ${vrf}`,
      ),
    );
}

/** Entries of a route-map with their lines, in the order of their numbers. */
function routeMapLines(config: readonly ConfigNode[], routeMap: string): readonly ConfigLine[] {
  return config
    .filter(({ line }) => line.startsWith(`route-map ${routeMap} `))
    .sort((a, b) => entryNumber(a) - entryNumber(b))
    .flatMap(({ line, children }): readonly ConfigLine[] => [
      { context: [], line },
      ...children.map((child): ConfigLine => ({ context: [line], line: child.line })).sort(byLine),
    ]);
}

function entryNumber({ line }: ConfigNode): number {
  return Number(/ ([0-9]+)$/.exec(line)?.[1] ?? 0);
}

function byLine(a: ConfigLine, b: ConfigLine): number {
  return compareText(lineKey(a), lineKey(b));
}
