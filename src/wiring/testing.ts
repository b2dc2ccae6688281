/** Test inputs for wiring: a node as in the examples of the docs, and objects as readable lines. */
import { parseIp, parseMac } from '../base/address.ts';
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import { defaultConfig } from '../config/assemble.ts';
import { testPolicy as unrestrictedPolicy } from '../exposures/testing.ts';
import type { ExposurePolicy } from '../exposures/types.ts';
import { describe } from '../node/describe.ts';
import { keyOf } from '../node/keys.ts';
import type { DesiredObject, NodeObject } from '../node/objects.ts';
import { parseRtTables } from '../node/rt-tables.ts';
import { assignTables } from './routing-tables.ts';
import type { BridgeFacts, NodeFacts, Wiring, WiringConfig, WiringInput } from './types.ts';

export const BRIDGE_MAC = '3a:f7:e9:54:e8:4d';

export const TEST_CONFIG: WiringConfig = {
  exposingMethod: 'underlay',
  advertiseVia: 'vrf',
  vlanHandover: 'auto',
  bgpAs: 64999,
  bgpNic: 'bgp-nic',
  bgpVrf: 'bgp-vrf',
  bgpVrfTableId: 10,
  localOvnCluster: defaultConfig().localOvnCluster,
  tenant: unrestrictedPolicy().tenant,
  communities: [],
  meds: [],
};

export interface TestNode {
  readonly mappings?: string;
  readonly rtTables?: string;
  /** OpenFlow ports of patch ports, by localnet name, the same on every bridge. */
  readonly ofports?: Readonly<Record<string, number>>;
  readonly kernelVlan?: boolean;
  readonly routerId?: string;
  readonly config?: Partial<WiringConfig>;
}

export function testInput(node: TestNode = {}): WiringInput {
  const config = { ...TEST_CONFIG, ...node.config };
  const { mappings } = parseBridgeMappings(node.mappings ?? 'physnet1:br-ex');
  const names = [...new Set(mappings.map((mapping) => mapping.bridge))];
  const mac = parseMac(BRIDGE_MAC);
  const patches = Object.entries(node.ofports ?? { 'provnet-1': 1, 'provnet-2': 2 });
  const ofports = new Map(patches.map(([name, ofport]) => [`patch-${name}-to-br-int`, ofport]));
  const bridges = new Map<string, BridgeFacts>();
  for (const name of names)
    bridges.set(name, { name, device: mac === undefined ? undefined : { mac }, ofports });
  const facts: NodeFacts = {
    bridgeMappings: mappings,
    bridges,
    integrationBridge: 'br-int',
    tables: assignTables(parseRtTables(node.rtTables ?? '200 br-ex\n'), names, [config.bgpVrfTableId]),
    kernelVlan: node.kernelVlan ?? true,
    routerId: parseIp(node.routerId ?? '172.30.1.1'),
  };
  return { config, facts };
}

export function testPolicy(input: WiringInput, changes: Partial<ExposurePolicy> = {}): ExposurePolicy {
  return unrestrictedPolicy({ bridgeMappings: input.facts.bridgeMappings, ...changes });
}

/** Objects as sorted lines in the manner of the tools that show them. */
export function lines(objects: Iterable<DesiredObject>): string[] {
  return [...objects].flatMap(({ object }) => objectLines(object)).sort();
}

/** Lines of `all` that are not in `some`. */
export function without(all: Wiring, some: Wiring): string[] {
  const keys = new Set(some.objects.map(({ object }) => keyOf(object)));
  return lines(all.objects.filter(({ object }) => !keys.has(keyOf(object))));
}

function objectLines(object: NodeObject): string[] {
  switch (object.kind) {
    case 'link': {
      const { type, ...settings } = object.link;
      const text = Object.entries(settings).map(([name, value]) => ` ${name} ${value}`);
      return [`link ${object.name} ${type}${text.join('')}${object.up ? ' up' : ''}`];
    }
    case 'rt-table':
      return [`rt_tables ${object.number} ${object.name}`];
    case 'sysctl':
      return [`sysctl ${object.path}=${object.value}`];
    case 'ovs-port':
      return [`ovs-port ${object.bridge} ${object.name} tag=${object.tag} mac=${object.mac}`];
    case 'address':
      return [`addr ${object.device} ${object.prefix}`];
    case 'flow': {
      const { cookie, priority, match, actions } = object.flow;
      return [
        `flow ${object.bridge} cookie=0x${cookie.toString(16)} priority=${priority},${match} actions=${actions}`,
      ];
    }
    case 'rule':
      return [`rule to ${object.to} lookup ${object.table}`];
    case 'route': {
      const { target } = object;
      const via = target.type === 'device' && target.via !== undefined ? `via ${target.via} ` : '';
      const to = target.type === 'device' ? `${via}dev ${target.device}` : target.type;
      const metric = object.metric === 0 ? '' : ` metric ${object.metric}`;
      return [`route -${object.family} ${object.destination} ${to} table ${object.table}${metric}`];
    }
    case 'neighbor':
      return [`neigh ${object.address} dev ${object.device} lladdr ${object.mac}`];
    case 'proxy-ndp':
      return [`proxy ${object.address} dev ${object.device}`];
    case 'frr':
      return object.stanza.lines.map((line) => `frr ${[...line.context, line.line].join(' / ')}`);
    case 'fdb':
    case 'local-row':
      return [describe(object)];
    default:
      return object satisfies never;
  }
}
