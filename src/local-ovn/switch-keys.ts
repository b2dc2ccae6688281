/**
 * The second controller's keys in the switch's `external_ids` (ovn-controller(8)): each is looked up with the chassis
 * name as suffix first. Pure.
 *
 * In: what the keys are now, the bridges, the devices to the fabric. Out: the keys to write, the one list of which
 * keys are ours, and what is wrong. What an operator wrote is kept: only absent keys are added, and of the present ones
 * those that we wrote ourselves are corrected.
 */
import { parseBridgeMappings } from '../base/bridge-mappings.ts';
import type { OvsBridge } from '../openvswitch/types.ts';

/** Where the keys that we wrote are listed, so that others are never touched. */
const LIST_KEY = 'ovn-bgp-agent-local-ovn';
const INTEGRATION_BRIDGE = (chassis: string): string => `br-${chassis}`;

/** Far from where the first controller numbers its own: both share one space per data path. */
const CONNTRACK_ZONES = '60000-64000';

export interface SwitchFacts {
  readonly externalIds: ReadonlyMap<string, string>;
  readonly bridges: ReadonlyMap<string, OvsBridge>;
}

export interface KeyRequest {
  readonly chassis: string;
  readonly southbound: string;
  readonly externalNics: readonly string[];
}

export interface KeyPlan {
  /** Complete keys with their values; empty: everything is as it should be. */
  readonly set: ReadonlyMap<string, string>;
  /** What will hold, without the suffix. */
  readonly keys: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

export function planKeys(facts: SwitchFacts, request: KeyRequest): KeyPlan {
  const { chassis } = request;
  const full = (key: string): string => `${key}-${chassis}`;
  const ours = ourKeys(facts.externalIds, chassis);
  const present = (key: string): string | undefined => facts.externalIds.get(full(key));
  const operators = (key: string): string | undefined => (ours.has(full(key)) ? undefined : present(key));

  const mappings = operators('ovn-bridge-mappings') ?? mappingText(facts, request);
  const parsed = parseBridgeMappings(mappings, full('ovn-bridge-mappings'));
  const mapped = parsed.mappings.map(({ bridge }) => bridge);
  const types = [...new Set(mapped.flatMap((name) => dataPath(facts.bridges.get(name))))].sort();
  const wanted = new Map<string, string>([
    ['ovn-bridge', INTEGRATION_BRIDGE(chassis)],
    ['ovn-remote', request.southbound],
    // Patch ports do not cross data path types.
    ['ovn-bridge-datapath-type', types[0] ?? 'system'],
    // There is one chassis, so there are no tunnels; the controller wants both keys all the same.
    ['ovn-encap-type', 'geneve'],
    ['ovn-encap-ip', '127.0.0.1'],
    ['ct-zone-range', CONNTRACK_ZONES],
    ...(mappings === '' ? [] : ([['ovn-bridge-mappings', mappings]] as const)),
  ]);
  const set = new Map<string, string>();
  const keys = new Map<string, string>();
  const written = new Set(ours);
  for (const [key, value] of wanted) {
    const kept = operators(key);
    keys.set(key, kept ?? value);
    if (kept !== undefined) continue;
    written.add(full(key));
    if (present(key) !== value) set.set(full(key), value);
  }
  const list = [...written].sort().join(',');
  if (facts.externalIds.get(full(LIST_KEY)) !== list) set.set(full(LIST_KEY), list);
  const operatorsMappings = operators('ovn-bridge-mappings') !== undefined;
  return {
    set,
    keys,
    problems: [...parsed.warnings, ...problemsOf(facts, request, keys, mapped, types, operatorsMappings)],
  };
}

/** The keys that we wrote, the list of them included. */
export function ourKeys(externalIds: ReadonlyMap<string, string>, chassis: string): ReadonlySet<string> {
  const list = externalIds.get(`${LIST_KEY}-${chassis}`);
  // Whatever somebody wrote into the list, a key of the first controller is never ours.
  return new Set((list ?? '').split(',').filter((key) => key.endsWith(`-${chassis}`)));
}

/** What removes everything of ours: the keys and their list. */
export function keysToRemove(externalIds: ReadonlyMap<string, string>, chassis: string): readonly string[] {
  const list = `${LIST_KEY}-${chassis}`;
  return [...ourKeys(externalIds, chassis), list].filter((key) => externalIds.has(key)).sort();
}

/** Name of the second controller's integration bridge. */
export function integrationBridge(externalIds: ReadonlyMap<string, string>, chassis: string): string {
  return externalIds.get(`ovn-bridge-${chassis}`) ?? INTEGRATION_BRIDGE(chassis);
}

/** The bridges of the devices, then those of the cloud's provider networks, named after themselves. */
function mappingText(facts: SwitchFacts, { externalNics }: KeyRequest): string {
  const outer = externalNics.flatMap((nic) => bridgesWith(facts, nic));
  const cloud = parseBridgeMappings(facts.externalIds.get('ovn-bridge-mappings') ?? '');
  const inner = cloud.mappings.map(({ bridge }) => bridge);
  const bridges = [...new Set([...outer, ...inner])];
  return bridges.map((bridge) => `bgp-${bridge.replace(/^br-/, '')}:${bridge}`).join(',');
}

function problemsOf(
  facts: SwitchFacts,
  { chassis, externalNics }: KeyRequest,
  keys: ReadonlyMap<string, string>,
  mapped: readonly string[],
  types: readonly string[],
  operatorsMappings: boolean,
): string[] {
  const problems: string[] = [];
  const mappingKey = `external_ids:ovn-bridge-mappings-${chassis}`;
  if (externalNics.length === 0 && !operatorsMappings) {
    problems.push(
      `[local_ovn_cluster] external_nics is empty: name the devices that connect the node to the fabric, or set ${mappingKey} yourself`,
    );
  }
  for (const nic of externalNics) {
    if (bridgesWith(facts, nic).length === 0) {
      problems.push(
        `external_nics: ${nic} is a port of no bridge: give it one of its own, "ovs-vsctl add-br br-ex -- add-port br-ex ${nic}"`,
      );
    }
  }
  if (!facts.externalIds.has('ovn-bridge-mappings')) {
    problems.push(
      'external_ids:ovn-bridge-mappings is not set: the cloud has no provider network on this node',
    );
  }
  for (const bridge of mapped) {
    if (!facts.bridges.has(bridge))
      problems.push(`${mappingKey} names ${bridge}, and there is no such bridge`);
  }
  if (types.length > 1) {
    problems.push(
      `the bridges of ${mappingKey} have different data paths (${types.join(', ')}): packets do not cross between them; set datapath_type of all to the same`,
    );
  }
  const own = keys.get('ovn-bridge-datapath-type');
  const [type] = types;
  if (types.length === 1 && type !== undefined && own !== type) {
    problems.push(
      `external_ids:ovn-bridge-datapath-type-${chassis} is ${own}, and the bridges are ${type}: set it to ${type}`,
    );
  }
  const zones = facts.externalIds.get('ct-zone-range');
  if (zones !== undefined && overlaps(zones, keys.get('ct-zone-range') ?? '')) {
    problems.push(
      `external_ids:ct-zone-range (${zones}) and ct-zone-range-${chassis} (${keys.get('ct-zone-range')}) overlap: each controller would flush connections of the other`,
    );
  }
  return problems;
}

function bridgesWith(facts: SwitchFacts, port: string): string[] {
  return [...facts.bridges.values()].filter(({ ports }) => ports.has(port)).map(({ name }) => name);
}

/** An empty type is the kernel's, as ovs-vswitchd.conf.db(5) has it. */
function dataPath(bridge: OvsBridge | undefined): string[] {
  if (bridge === undefined) return [];
  return [bridge.datapathType === '' ? 'system' : bridge.datapathType];
}

function overlaps(a: string, b: string): boolean {
  const range = (text: string): readonly [number, number] | undefined => {
    const match = /^(\d+)-(\d+)$/.exec(text.trim());
    return match === null ? undefined : [Number(match[1]), Number(match[2])];
  };
  const [first, second] = [range(a), range(b)];
  if (first === undefined || second === undefined) return false;
  return first[0] <= second[1] && second[0] <= first[1];
}
