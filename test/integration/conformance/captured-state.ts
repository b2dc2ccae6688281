/**
 * Reads the captured state of a node: the output of ip(8), ovs-ofctl(8) and vtysh, a section each.
 *
 * In: the text of a fixture. Out: everything it says, the agent's and others' alike. Total on purpose: a line or a
 * section that is not understood is an error, so that nothing of a capture is skipped without anybody knowing.
 */
import {
  familyOf,
  hostPrefix,
  type IpAddress,
  type IpFamily,
  type MacAddress,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
} from '../../../src/base/address.ts';
import { type ConfigNode, parseRunningConfig } from '../../../src/frr/running-config.ts';
import { parseFlowLine } from '../../../src/openvswitch/flows.ts';
import type { Flow } from '../../../src/openvswitch/types.ts';

export interface CapturedLink {
  readonly name: string;
  readonly mac: MacAddress | undefined;
  readonly up: boolean;
  /** Known of the devices that matter; others are `plain`. */
  readonly type: 'vrf' | 'dummy' | 'vlan' | 'openvswitch' | 'plain';
  readonly table?: number;
  readonly vlan?: number;
  readonly parent?: string;
  readonly master?: string;
}

export interface CapturedAddress {
  readonly device: string;
  /** `address/length`, host bits kept. */
  readonly address: string;
}

export interface CapturedRule {
  readonly family: IpFamily;
  readonly priority: number;
  readonly to: Prefix | undefined;
  /** A number, or a name of the kernel's own rules. */
  readonly lookup: string;
  readonly protocol: string | undefined;
}

export interface CapturedRoute {
  readonly family: IpFamily;
  readonly table: number;
  readonly type: string;
  readonly destination: Prefix;
  /** Absent: several next hops. */
  readonly device: string | undefined;
  readonly via: IpAddress | undefined;
  readonly protocol: string | undefined;
  readonly metric: number;
}

export interface CapturedNeighbor {
  readonly device: string;
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly protocol: string | undefined;
}

export interface CapturedState {
  readonly links: readonly CapturedLink[];
  readonly addresses: readonly CapturedAddress[];
  readonly rules: readonly CapturedRule[];
  readonly routes: readonly CapturedRoute[];
  readonly neighbors: readonly CapturedNeighbor[];
  readonly proxies: readonly { readonly device: string; readonly address: IpAddress }[];
  readonly sysctls: readonly { readonly path: string; readonly value: string }[];
  /** The file's text. */
  readonly rtTables: string;
  /** Of br-ex, of every cookie. */
  readonly flows: readonly Flow[];
  readonly frr: readonly ConfigNode[];
}

const MAIN_TABLE = 254;
const VRF_TABLE = 10;
const LINKS = 'ip -d -br link';
const LINK_DETAILS = 'ip -d link (vrf, dummy, br-ex, vlan)';
const PROXIES = 'ip -6 neigh proxy';
/** Said by other fixtures or other sections as well. */
const REDUNDANT = ['ip neigh proxy', 'ovs-ofctl show br-ex (ports)', 'ovs-vsctl external_ids'];
/** What `sysctl` sections say of a device, and which setting that is. `fwd` is the host's affair. */
const SETTINGS: Readonly<Record<string, string | undefined>> = {
  proxy_arp: 'net/ipv4/conf/*/proxy_arp',
  proxy_ndp: 'net/ipv6/conf/*/proxy_ndp',
  fwd: undefined,
};

export function parseCapturedState(text: string): CapturedState {
  const sections = new Map<string, readonly string[]>();
  for (const part of text.split(/^### /m).slice(1)) {
    const [title = '', ...lines] = part.split('\n');
    sections.set(title, lines.slice(0, -1));
  }
  const take = (title: string): readonly string[] => {
    const lines = sections.get(title);
    if (lines === undefined) throw new Error(`the capture has no section ${title}`);
    sections.delete(title);
    return lines;
  };
  const state: CapturedState = {
    links: parseLinks(take(LINKS), take(LINK_DETAILS)),
    addresses: take('ip addr (bgp-nic, br-ex*)').flatMap(parseAddresses),
    rules: [
      ...take('ip -4 rule').map((line) => parseRule(4, line)),
      ...take('ip -6 rule').map((line) => parseRule(6, line)),
    ],
    routes: [
      ...parseRoutes(4, MAIN_TABLE, take('ip -4 route table all (no local)')),
      // The VRF's own section has these as well, and those of type local.
      ...parseRoutes(6, MAIN_TABLE, take('ip -6 route table all (no local/multicast)')).filter(
        ({ table }) => table !== VRF_TABLE,
      ),
      ...parseRoutes(4, VRF_TABLE, take('ip -4 route table 10 (VRF)')),
      ...parseRoutes(6, VRF_TABLE, take('ip -6 route table 10 (VRF)')),
    ],
    neighbors: take('ip neigh (permanent)').map(parseNeighbor),
    proxies: take(PROXIES).map(parseProxy),
    sysctls: take('sysctl').flatMap(parseSettings),
    rtTables: `${take('rt_tables').join('\n')}\n`,
    flows: take('ovs-ofctl dump-flows br-ex').map((line) => parseFlowLine(line) ?? fail(line)),
    frr: parseRunningConfig(take('vtysh show running-config').join('\n')),
  };
  for (const title of REDUNDANT) take(title);
  if (sections.size > 0) throw new Error(`sections that nobody reads: ${[...sections.keys()].join()}`);
  return state;
}

/** `br-ex.100@br-ex  UP  02:ee:00:00:00:21 <BROADCAST,UP>`, and the details of some in `ip -d link`'s long form. */
function parseLinks(lines: readonly string[], details: readonly string[]): CapturedLink[] {
  const blocks = new Map<string, string>();
  let name = '';
  for (const line of details) {
    name = /^\d+: ([^:@]+)/.exec(line)?.[1] ?? name;
    blocks.set(name, `${blocks.get(name) ?? ''} ${line.trim()}`);
  }
  return lines.map((line): CapturedLink => {
    const found = /^([^\s@]+)(?:@(\S+))?\s+\S+\s+(\S+) <(\S*)>\s*$/.exec(line) ?? fail(line);
    const [, link = '', lower, mac = '', flags = ''] = found;
    const block = blocks.get(link) ?? '';
    const master = / master (\S+)/.exec(block)?.[1];
    const base = {
      name: link,
      mac: parseMac(mac),
      up: flags.split(',').includes('UP'),
      ...(master === undefined ? {} : { master }),
    };
    const vrf = / vrf table (\d+)/.exec(block);
    if (vrf !== null) return { ...base, type: 'vrf', table: Number(vrf[1]) };
    const vlan = / vlan protocol 802\.1Q id (\d+)/.exec(block);
    if (vlan !== null) return { ...base, type: 'vlan', vlan: Number(vlan[1]), parent: lower ?? fail(line) };
    if (/ dummy /.test(block)) return { ...base, type: 'dummy' };
    return { ...base, type: / openvswitch /.test(block) ? 'openvswitch' : 'plain' };
  });
}

function parseAddresses(line: string): CapturedAddress[] {
  if (line.startsWith('# ')) return [];
  const [name = '', , ...addresses] = words(line);
  const device = name.split('@')[0] ?? '';
  return addresses.map((address) => (parsePrefix(address) === undefined ? fail(line) : { device, address }));
}

function parseRule(family: IpFamily, line: string): CapturedRule {
  const found = /^(\d+):\s+from all(?: to (\S+))? lookup (\S+)(?: proto (\S+))?$/.exec(line) ?? fail(line);
  const [, priority, to, lookup = '', protocol] = found;
  return {
    family,
    priority: Number(priority),
    to: to === undefined ? undefined : prefixOf(to, family),
    lookup,
    protocol,
  };
}

const ROUTE_TYPES: ReadonlySet<string> = new Set(['local', 'anycast', 'multicast', 'broadcast', 'blackhole']);
const ROUTE_FIELDS: ReadonlySet<string> = new Set([
  'nhid',
  'via',
  'dev',
  'table',
  'proto',
  'scope',
  'src',
  'metric',
  'pref',
]);

function parseRoutes(family: IpFamily, table: number, lines: readonly string[]): CapturedRoute[] {
  return lines.flatMap((line): CapturedRoute[] => {
    // Further next hops of the route before; a route without a device of its own is never the agent's.
    if (/^\s+nexthop via /.test(line)) return [];
    const all = words(line);
    const type = ROUTE_TYPES.has(all[0] ?? '') ? (all.shift() ?? '') : 'unicast';
    const destination = prefixOf(all.shift() ?? '', family);
    const fields = new Map<string, string>();
    while (all.length > 0) {
      const field = all.shift() ?? '';
      if (!ROUTE_FIELDS.has(field)) fail(line);
      if (field === 'via' && all[0]?.startsWith('inet') === true) all.shift();
      fields.set(field, all.shift() ?? fail(line));
    }
    const via = fields.get('via');
    return [
      {
        family,
        table: Number(fields.get('table') ?? table),
        type,
        destination,
        device: fields.get('dev'),
        via: via === undefined ? undefined : (parseIp(via) ?? fail(line)),
        protocol: fields.get('proto'),
        metric: Number(fields.get('metric') ?? 0),
      },
    ];
  });
}

function parseNeighbor(line: string): CapturedNeighbor {
  const found = /^(\S+) dev (\S+) lladdr (\S+) PERMANENT\s*(?:proto (\S+))?\s*$/.exec(line) ?? fail(line);
  const [, address = '', device = '', mac = '', protocol] = found;
  return { address: parseIp(address) ?? fail(line), device, mac: parseMac(mac) ?? fail(line), protocol };
}

function parseProxy(line: string): { readonly device: string; readonly address: IpAddress } {
  const [, address = '', device = ''] = /^(\S+) dev (\S+) proxy\s*$/.exec(line) ?? fail(line);
  return { address: parseIp(address) ?? fail(line), device };
}

function parseSettings(line: string): { readonly path: string; readonly value: string }[] {
  const [device = '', ...settings] = words(line);
  return settings.flatMap((setting) => {
    const [name = '', value = ''] = setting.split('=');
    if (!(name in SETTINGS)) fail(line);
    const path = SETTINGS[name];
    return path === undefined ? [] : [{ path: path.replace('*', device), value }];
  });
}

function prefixOf(text: string, family: IpFamily): Prefix {
  if (text === 'default') return parsePrefix(family === 4 ? '0.0.0.0/0' : '::/0') ?? fail(text);
  const address = parseIp(text);
  const prefix = address === undefined ? parsePrefix(text) : hostPrefix(address);
  return prefix === undefined || familyOf(prefix) !== family ? fail(text) : prefix;
}

function words(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

function fail(line: string): never {
  throw new Error(`not understood in a capture: ${JSON.stringify(line)}`);
}
