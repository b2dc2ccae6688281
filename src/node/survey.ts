/**
 * Whose a routing table is, and what the Python agent left: told by the whole picture of the kernel.
 *
 * In: bridges, the names of tables, and devices, rules, addresses and routes as the kernel holds them. Out: which numbers are
 * in use and by whom, which tables bear the agent's marks, and what without marks is the predecessor's (`Adopted`). A name in
 * a file proves nothing by itself: operators prepare lines, and use tables that no file names. The predecessor is recognised
 * by what only it leaves: default routes without a gateway to a bridge, rules of its priority by destination alone, the two
 * addresses of a bridge. Reads the kernel and nothing else; fails as netlink does.
 */
import {
  familyOf,
  hostPrefix,
  isHostPrefix,
  type Prefix,
  parseInterfaceAddress,
  prefixLength,
} from '../base/address.ts';
import type { Address, Link, Route, Rtnetlink, Rule } from '../netlink/types.ts';
import type { RtTableEntry } from './edge.ts';
import { type Adopted, AGENT_PROTOCOL, LINK_ALIAS, RULE_PRIORITY } from './objects.ts';
import {
  handoverPlace,
  isLinkLocal,
  isUnsaidProtocol,
  isVlanName,
  PROTOCOL_BOOT,
  PROTOCOL_UNSPEC,
} from './ownership.ts';

export interface SurveyInput {
  readonly netlink: Pick<Rtnetlink, 'links' | 'rules' | 'addresses' | 'routes'>;
  /** Bridges that may have a routing table. */
  readonly bridges: readonly string[];
  readonly names: readonly RtTableEntry[];
  readonly bgpVrf: string;
  readonly bgpNic: string;
  readonly bgpVrfTable: number;
  /** Whether FRR holds a stanza that the agent or its predecessor wrote for the VRF. */
  readonly hasStanza: () => Promise<boolean>;
}

export interface Survey {
  /** Numbers that no bridge can have, and why. */
  readonly taken: ReadonlyMap<number, string>;
  /** Tables of bridges without a name, by what is in them. */
  readonly held: ReadonlyMap<string, number>;
  /** Numbers that are not free for a new table. */
  readonly used: ReadonlySet<number>;
  /** Bridges of which the node holds something of the agent's or its predecessor's. */
  readonly worked: ReadonlySet<string>;
  readonly adopted: Adopted;
}

/** FR_ACT_TO_TBL of linux/fib_rules.h. */
const LOOKUP = 1;
const KERNEL_TABLES: ReadonlySet<number> = new Set([0, 253, 254, 255]);
/** More tables without a name that look like the predecessor's than any node has bridges. */
const MAX_CANDIDATES = 64;

export async function surveyNode(input: SurveyInput): Promise<Survey> {
  const { netlink } = input;
  const picture = new Picture(input, await netlink.links(), await netlink.rules(), await netlink.addresses());
  const named = new Map<string, number>();
  for (const { number, name } of input.names) {
    if (input.bridges.includes(name) && !named.has(name)) named.set(name, number);
  }
  const tables = new TableVerdicts(input, picture);
  for (const [bridge, table] of named) await tables.judgeNamed(bridge, table);
  await tables.judgeUnnamed(named);
  return tables.survey(await adoptedDevices(input, picture, tables));
}

/** What the kernel holds besides routes. */
class Picture {
  readonly links: readonly Link[];
  readonly addresses = new Map<number, Address[]>();
  /** Tables of VRF devices. */
  readonly vrfs = new Map<number, string>();
  readonly rules = new Map<number, TableRules>();
  readonly #bridges: readonly string[];
  readonly #byIndex: ReadonlyMap<number, Link>;

  constructor(
    { bridges }: SurveyInput,
    links: readonly Link[],
    rules: readonly Rule[],
    addresses: readonly Address[],
  ) {
    this.links = links;
    this.#bridges = bridges;
    this.#byIndex = new Map(links.map((link) => [link.index, link]));
    for (const address of addresses) {
      const held = this.addresses.get(address.index);
      if (held === undefined) this.addresses.set(address.index, [address]);
      else held.push(address);
    }
    for (const { name, data } of links) if (data?.kind === 'vrf') this.vrfs.set(data.table, name);
    for (const rule of rules) {
      const { table, action } = rule;
      if (action !== LOOKUP || KERNEL_TABLES.has(table)) continue;
      const counted = this.rules.get(table) ?? { marked: 0, predecessor: 0, foreign: undefined };
      if (rule.protocol === AGENT_PROTOCOL) counted.marked++;
      else if (isPredecessorRule(rule)) counted.predecessor++;
      else counted.foreign ??= rule;
      this.rules.set(table, counted);
    }
  }

  /** The bridge that a device belongs to: itself, or the bridge below a VLAN device of the agent's naming. */
  bridgeOf(index: number | undefined): string | undefined {
    const link = index === undefined ? undefined : this.#byIndex.get(index);
    if (link === undefined) return undefined;
    if (this.#bridges.includes(link.name)) return link.name;
    return this.#bridges.find((bridge) => isVlanName({ bridges: [bridge] }, link.name));
  }

  /** Addresses of a device that nobody marked, each with its own length. */
  unmarked(index: number): readonly Prefix[] {
    return (this.addresses.get(index) ?? []).flatMap(({ address, protocol }) => {
      const parsed = parseInterfaceAddress(address);
      const unsaid = protocol === undefined || protocol === PROTOCOL_UNSPEC;
      if (!unsaid || parsed === undefined) return [];
      return isHostPrefix(parsed.network) ? [hostPrefix(parsed.address)] : [parsed.network];
    });
  }

  /** True when a bridge has an address with the agent's mark. */
  hasMarked(bridge: string): boolean {
    const index = this.links.find(({ name }) => name === bridge)?.index;
    const addresses = index === undefined ? [] : (this.addresses.get(index) ?? []);
    return addresses.some(({ protocol }) => protocol === AGENT_PROTOCOL);
  }

  /** True when a bridge has both addresses of the predecessor, for the same place in the mappings. */
  hasPair(bridge: string): boolean {
    const places = this.#places(bridge);
    return places.get(4)?.some((place) => places.get(6)?.includes(place)) === true;
  }

  /** True when a bridge has the predecessor's IPv4 address, which is what is left of the two when the bridge goes down. */
  hasAddress(bridge: string): boolean {
    return this.#places(bridge).has(4);
  }

  nameOf(index: number | undefined): string {
    return index === undefined ? '(none)' : (this.#byIndex.get(index)?.name ?? `device ${index}`);
  }

  #places(bridge: string): ReadonlyMap<number, readonly number[]> {
    const found = new Map<number, number[]>();
    const index = this.links.find(({ name }) => name === bridge)?.index;
    for (const prefix of index === undefined ? [] : this.unmarked(index)) {
      const place = handoverPlace(bridge, true, prefix);
      const family = familyOf(prefix);
      if (place !== undefined) found.set(family, [...(found.get(family) ?? []), place]);
    }
    return found;
  }
}

interface TableRules {
  marked: number;
  predecessor: number;
  foreign: Rule | undefined;
}

/** What is in a table, from a bridge's point of view. */
interface TableContents {
  readonly marked: boolean;
  /** A default route of the predecessor: to the bridge itself, without a gateway, of an unsaid protocol. */
  readonly predecessorDefault: boolean;
  readonly predecessorRoute: boolean;
  readonly foreignDefault: string | undefined;
  readonly foreign: string | undefined;
}

class TableVerdicts {
  readonly adopted = new Set<number>();
  /** Bridges whose table is adopted. */
  readonly predecessor = new Set<string>();
  readonly worked = new Set<string>();
  readonly #taken = new Map<number, string>();
  readonly #held = new Map<string, number>();
  readonly #input: SurveyInput;
  readonly #picture: Picture;

  constructor(input: SurveyInput, picture: Picture) {
    this.#input = input;
    this.#picture = picture;
    this.#taken.set(input.bgpVrfTable, `the VRF ${input.bgpVrf}`);
    for (const [table, name] of picture.vrfs) this.#taken.set(table, `the VRF ${name}`);
  }

  async judgeNamed(bridge: string, table: number): Promise<void> {
    if (this.#taken.has(table) || KERNEL_TABLES.has(table)) return;
    const rules = this.#picture.rules.get(table);
    const marked = (rules?.marked ?? 0) > 0;
    // A table of the agent's own may be large: only what has no protocol is of interest then.
    const filter = marked ? { table, protocol: PROTOCOL_BOOT } : { table };
    const contents = this.#contents(bridge, await this.#input.netlink.routes(filter));
    const established = marked || contents.marked;
    const left = (rules?.predecessor ?? 0) > 0 || contents.predecessorRoute;
    const inUse =
      contents.foreignDefault ?? (rules?.foreign === undefined ? undefined : ruleText(rules.foreign));
    if (established) this.worked.add(bridge);
    else if (!contents.predecessorDefault && inUse !== undefined) {
      this.#taken.set(table, `somebody else (${inUse})`);
      return;
    }
    if (contents.predecessorDefault || (left && (!established || this.#picture.hasAddress(bridge))))
      this.#adopt(bridge, table);
  }

  /** Tables that no file gives a bridge, by rules and routes that only the agent or its predecessor makes. */
  async judgeUnnamed(named: ReadonlyMap<string, number>): Promise<void> {
    const names = new Set(this.#input.names.map(({ number }) => number));
    const isOpen = (table: number): boolean =>
      !names.has(table) && !this.#taken.has(table) && !KERNEL_TABLES.has(table);
    const unnamed = this.#input.bridges.filter((bridge) => !named.has(bridge));
    if (unnamed.length > 0) {
      const marked = (await this.#input.netlink.routes({ protocol: AGENT_PROTOCOL })).filter(
        ({ table, type }) => isOpen(table) && type === 'unicast',
      );
      // The default route of a table tells best whose it is.
      for (const route of [...marked.filter(isDefault), ...marked]) {
        const bridge = this.#picture.bridgeOf(route.index);
        if (bridge === undefined || !unnamed.includes(bridge) || this.#held.has(bridge)) continue;
        this.#held.set(bridge, route.table);
        this.worked.add(bridge);
      }
    }
    const candidates = [...this.#picture.rules].filter(
      ([table, { predecessor }]) => predecessor > 0 && isOpen(table),
    );
    for (const [table, rules] of candidates.slice(0, MAX_CANDIDATES)) {
      const routes = await this.#input.netlink.routes({ table });
      const bridge = routes
        .map(({ index }) => this.#picture.bridgeOf(index))
        .find((name) => name !== undefined);
      if (bridge === undefined) continue;
      const contents = this.#contents(bridge, routes);
      const isHeld = this.#held.get(bridge) === table;
      // Without a name the table must look like the predecessor's in everything.
      const isPure = rules.foreign === undefined && contents.foreign === undefined;
      if (!contents.predecessorDefault || (!isPure && !isHeld)) continue;
      this.#adopt(bridge, table);
      if (!named.has(bridge) && !this.#held.has(bridge)) this.#held.set(bridge, table);
    }
  }

  survey(devices: Omit<Adopted, 'tables'>): Survey {
    const used = new Set([...this.#picture.rules.keys(), ...this.#taken.keys()]);
    for (const table of this.#held.values()) used.delete(table);
    return {
      taken: this.#taken,
      held: this.#held,
      used,
      worked: this.worked,
      adopted: { tables: this.adopted, ...devices },
    };
  }

  #adopt(bridge: string, table: number): void {
    this.adopted.add(table);
    this.predecessor.add(bridge);
    this.worked.add(bridge);
  }

  #contents(bridge: string, routes: readonly Route[]): TableContents {
    let marked = false;
    let predecessorDefault = false;
    let predecessorRoute = false;
    let foreignDefault: string | undefined;
    let foreign: string | undefined;
    for (const route of routes) {
      if (route.protocol === AGENT_PROTOCOL) marked = true;
      else if (isPredecessorRoute(route) && this.#picture.bridgeOf(route.index) === bridge) {
        predecessorRoute = true;
        if (isDefault(route) && route.via === undefined && this.#picture.nameOf(route.index) === bridge)
          predecessorDefault = true;
      } else {
        const text = `route ${route.destination} dev ${this.#picture.nameOf(route.index)}`;
        foreign ??= text;
        if (isDefault(route)) foreignDefault ??= text;
      }
    }
    return { marked, predecessorDefault, predecessorRoute, foreignDefault, foreign };
  }
}

/** What is adopted besides tables: of the bridges and of the advertising VRF. */
async function adoptedDevices(
  input: SurveyInput,
  picture: Picture,
  tables: TableVerdicts,
): Promise<Omit<Adopted, 'tables'>> {
  const devices = new Set<string>();
  for (const bridge of input.bridges) {
    const pair = picture.hasPair(bridge);
    if (pair || picture.hasMarked(bridge)) tables.worked.add(bridge);
    if (!pair && !tables.predecessor.has(bridge)) continue;
    devices.add(bridge);
    for (const link of picture.links) {
      if (isPredecessorVlan(picture, bridge, link)) devices.add(link.name);
    }
  }
  if (devices.size > 0) {
    const names = [input.bgpVrf, input.bgpNic];
    return {
      devices,
      vrf: picture.links.some(({ name, alias }) => names.includes(name) && (alias ?? '') === ''),
    };
  }
  return (await isPredecessorVrf(input, picture))
    ? { devices, vrf: true, markVrf: true }
    : { devices, vrf: false };
}

/** Without an address that only an operator would give it, and without a description of its own. */
function isPredecessorVlan(picture: Picture, bridge: string, link: Link): boolean {
  const { name, data, alias = '' } = link;
  if (data?.kind !== 'vlan' || picture.bridgeOf(link.index) !== bridge) return false;
  if (alias !== '' && alias !== LINK_ALIAS) return false;
  return picture
    .unmarked(link.index)
    .every((prefix) => isLinkLocal(prefix) || handoverPlace(name, false, prefix) !== undefined);
}

/**
 * The VRF and the dummy of a node without provider bridges (`exposing_method = ovn`): enslaved as the Python agent does it,
 * with addresses of which none is the agent's, and redistributed.
 */
async function isPredecessorVrf(input: SurveyInput, picture: Picture): Promise<boolean> {
  const nic = picture.links.find(({ name, kind }) => name === input.bgpNic && kind === 'dummy');
  const vrf = picture.links.find(({ name, data }) => name === input.bgpVrf && data?.kind === 'vrf');
  if (nic === undefined || vrf === undefined || nic.master !== vrf.index) return false;
  if (vrf.data?.kind !== 'vrf' || vrf.data.table !== input.bgpVrfTable) return false;
  if ((nic.alias ?? '') !== '' || (vrf.alias ?? '') !== '') return false;
  const addresses = picture.addresses.get(nic.index) ?? [];
  if (addresses.some(({ protocol }) => protocol === AGENT_PROTOCOL)) return false;
  const hosts = picture.unmarked(nic.index).filter((prefix) => isHostPrefix(prefix) && !isLinkLocal(prefix));
  return hosts.length > 0 && (await input.hasStanza());
}

function isPredecessorRule({ priority, to, from, other, protocol }: Rule): boolean {
  return (
    priority === RULE_PRIORITY &&
    to !== undefined &&
    from === undefined &&
    !other &&
    isUnsaidProtocol(protocol)
  );
}

function isPredecessorRoute({ protocol, type, from, tos }: Route): boolean {
  return protocol === PROTOCOL_BOOT && type === 'unicast' && from === undefined && (tos ?? 0) === 0;
}

function isDefault({ destination }: Route): boolean {
  return prefixLength(destination as Prefix) === 0;
}

function ruleText({ priority, to, from }: Rule): string {
  const selector = [from === undefined ? '' : ` from ${from}`, to === undefined ? '' : ` to ${to}`].join('');
  return `rule ${priority}${selector}`;
}
