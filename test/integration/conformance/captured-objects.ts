/**
 * What the Python agent put on a node, in the words of this one: the captured state as node objects, and as lines.
 *
 * In: a captured state. Out: the objects that belong to the agent by where they are (its devices, tables, priority,
 * cookie, FRR instance), whatever they are. This is a second opinion on what `node/` recognises: it shares no code
 * with the readers there.
 */
import { hostPrefix, type IpFamily, type Prefix, parseInterfaceAddress } from '../../../src/base/address.ts';
import type { ConfigNode } from '../../../src/frr/running-config.ts';
import { describe } from '../../../src/node/describe.ts';
import type { LinkObject, NodeObject } from '../../../src/node/objects.ts';
import type { CapturedLink, CapturedRoute, CapturedState } from './captured-state.ts';

export const BRIDGE = 'br-ex';
export const BGP_NIC = 'bgp-nic';
export const BGP_VRF = 'bgp-vrf';
export const TABLE = 200;
export const VRF_TABLE = 10;
const RULE_PRIORITY = 32000;
const COOKIE = 0x3e7;
/** Lines that every distribution's rt_tables has. */
const KERNEL_TABLES: ReadonlySet<string> = new Set(['255 local', '254 main', '253 default', '0 unspec']);
/** Routes that the kernel or a routing daemon made; the agent's have no protocol that ip(8) would print. */
const OTHERS_ROUTES: ReadonlySet<string> = new Set(['kernel', 'bgp']);

export function objectsOf(state: CapturedState): NodeObject[] {
  return [
    ...state.links.flatMap(linkObject),
    ...state.rtTables
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).join(' '))
      .filter((line) => !KERNEL_TABLES.has(line))
      .map((line): NodeObject => {
        const [number, name = ''] = line.split(' ');
        return { kind: 'rt-table', number: Number(number), name };
      }),
    ...state.sysctls.map((setting): NodeObject => ({ kind: 'sysctl', ...setting })),
    ...state.addresses.flatMap(({ device, address }): NodeObject[] => {
      const prefix = hostPrefixOf(address);
      return prefix === undefined ? [] : [{ kind: 'address', device, prefix }];
    }),
    ...state.flows
      .filter(({ cookie }) => cookie === COOKIE)
      .map((flow): NodeObject => ({ kind: 'flow', bridge: BRIDGE, flow })),
    ...state.rules.flatMap(({ priority, to, lookup }): NodeObject[] =>
      priority === RULE_PRIORITY && to !== undefined ? [{ kind: 'rule', to, table: Number(lookup) }] : [],
    ),
    ...state.routes.filter(isAgentRoute).map(routeObject),
    ...state.neighbors
      .filter(({ protocol }) => protocol === undefined)
      .map(({ device, address, mac }): NodeObject => ({ kind: 'neighbor', device, address, mac })),
    ...state.proxies.map(({ device, address }): NodeObject => ({ kind: 'proxy-ndp', device, address })),
  ];
}

export function isAgentRoute({ protocol }: CapturedRoute): boolean {
  return !OTHERS_ROUTES.has(protocol ?? '');
}

/** One line an object, sorted; FRR apart, see below. */
export function linesOf(objects: Iterable<NodeObject>): string[] {
  return [...objects].flatMap(objectLines).sort();
}

/** The agent's part of FRR's configuration: all of the VRF's instance, and its import into the default one. */
export function frrLinesOf(config: readonly ConfigNode[]): string[] {
  const walk = (node: ConfigNode, context: readonly string[]): string[] => {
    const path = [...context, node.line];
    return node.children.length === 0
      ? [path.join(' / ')]
      : node.children.flatMap((child) => walk(child, path));
  };
  const isOwn = new RegExp(
    `^(?:router bgp \\d+ vrf ${BGP_VRF} / .*|router bgp \\d+ / .* / import vrf ${BGP_VRF})$`,
  );
  return config
    .flatMap((node) => walk(node, []))
    .filter((line) => isOwn.test(line))
    .map((line) => `frr ${line}`);
}

function objectLines(object: NodeObject): string[] {
  if (object.kind === 'frr') {
    return object.stanza.lines.map(({ context, line }) => `frr ${[...context, line].join(' / ')}`);
  }
  return [describe(object)];
}

/** Host addresses; link-local ones are the kernel's. */
function hostPrefixOf(text: string): Prefix | undefined {
  const parsed = parseInterfaceAddress(text);
  if (parsed === undefined || text.startsWith('fe80:')) return undefined;
  const prefix = hostPrefix(parsed.address);
  if (prefix !== parsed.network) throw new Error(`not a host address: ${text}`);
  return prefix;
}

function linkObject(link: CapturedLink): NodeObject[] {
  const object = (made: LinkObject['link']): NodeObject[] => [
    { kind: 'link', name: link.name, link: made, up: link.up },
  ];
  switch (link.type) {
    case 'vrf':
      return object({ type: 'vrf', table: link.table ?? 0 });
    case 'dummy':
      return object({ type: 'dummy', master: link.master ?? '' });
    case 'vlan':
      return object({ type: 'vlan', parent: link.parent ?? '', id: link.vlan ?? 0 });
    case 'openvswitch':
      return object({ type: 'existing' });
    case 'plain':
      return [];
    default:
      return link.type satisfies never;
  }
}

function routeObject({ family, table, type, destination, device, via, metric }: CapturedRoute): NodeObject {
  if (type !== 'unicast' || device === undefined)
    throw new Error(`not a route of the agent: ${type} ${destination}`);
  const target = { type: 'device', device, ...(via === undefined ? {} : { via }) } as const;
  return { kind: 'route', family, table, destination, target, metric: metricOf(family, metric) };
}

/** IPv6 routes without a metric get 1024 from the kernel. */
function metricOf(family: IpFamily, metric: number): number {
  return family === 6 && metric === 1024 ? 0 : metric;
}
