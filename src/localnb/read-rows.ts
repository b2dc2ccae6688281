/**
 * The tables of the local cluster as rows without UUIDs, and which of them are the agent's.
 *
 * In: the replicated tables. Out: found rows with their UUIDs. Pure. Ours is what carries the mark, and what the Python
 * agent made without one: the router `bgp-router` with its ports, their gateway chassis, BFD and MAC bindings, its
 * default routes and the reroute policy of the provider side, and switches that are plugged into it. Other rows, also
 * other routes and policies of that router, are somebody else's.
 */
import { parseInterfaceAddress, parseIp, parseMac, parsePrefix } from '../base/address.ts';
import { compareText, sortedBy } from '../base/order.ts';
import { quote } from '../base/quote.ts';
import type { Uuid } from '../ovsdb/types.ts';
import { rowKey } from './rows.ts';
import type {
  LocalTables,
  PolicyRow,
  RouterPortRow,
  RouterRow,
  StaticRouteRow,
  SwitchPortRow,
  SwitchRow,
} from './schema.ts';
import {
  type BfdReference,
  type FoundRow,
  LOCAL_ROUTER,
  type LocalRow,
  ROUTER_PORT_PREFIX,
  ROW_OWNER_KEY,
  type RowOptions,
} from './types.ts';

/** The keys of `options` that the agent writes; others are the operator's. */
const SWITCH_PORT_OPTIONS = ['arp_proxy', 'network_name', 'router-port'];
const ROUTER_OPTIONS = ['chassis'];
const DEFAULT_PREFIXES: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0']);
/** The policy that sends what comes from the provider side to the peers; the Python agent's has no mark. */
const REROUTE = /^inport ?== ?"bgp-router-openstack[^"]*"/;
const REROUTE_PRIORITY = 10;

export interface StoredRow extends FoundRow {
  readonly uuid: Uuid;
  /** The row that lists this one: a switch, router or router port. */
  readonly parent?: Uuid;
}

type Marked = { readonly external_ids: ReadonlyMap<string, string> };

export function isMarked(row: Marked): boolean {
  return row.external_ids.has(ROW_OWNER_KEY);
}

/** All rows that the agent knows the shape of, sorted by key; of equals the marked and then the oldest UUID first. */
export function readRows(tables: LocalTables): readonly StoredRow[] {
  return new Reader(tables).read();
}

class Reader {
  readonly #tables: LocalTables;
  readonly #found: StoredRow[] = [];

  constructor(tables: LocalTables) {
    this.#tables = tables;
  }

  read(): readonly StoredRow[] {
    for (const row of this.#tables.Logical_Switch) this.#switch(row);
    for (const row of this.#tables.Logical_Router) this.#router(row);
    for (const row of this.#tables.Static_MAC_Binding) {
      const { logical_port: port } = row;
      this.#add(
        row._uuid,
        { table: 'Static_MAC_Binding', port, ip: address(row.ip), mac: parseMac(row.mac) ?? row.mac },
        port.startsWith(ROUTER_PORT_PREFIX),
      );
    }
    for (const row of this.#tables.BFD) {
      this.#add(
        row._uuid,
        {
          table: 'BFD',
          ...bfdReference(row),
          // The server's defaults (ovn-nb(5)).
          minTxMs: row.min_tx ?? 1000,
          minRxMs: row.min_rx ?? 0,
          detectMultiplier: row.detect_mult ?? 5,
        },
        isMarked(row) || row.logical_port.startsWith(ROUTER_PORT_PREFIX),
      );
    }
    return this.#withDuplicates();
  }

  #switch(row: SwitchRow): void {
    const ports = present(row.ports.map((uuid) => this.#tables.Logical_Switch_Port.get(uuid)));
    const owned = isMarked(row) || ports.some((port) => isPlug(port) || isOwnLocalnet(row, port));
    this.#add(row._uuid, { table: 'Logical_Switch', name: row.name }, owned);
    for (const port of ports) {
      const own = isMarked(port) || isPlug(port) || isOwnLocalnet(row, port);
      this.#add(port._uuid, switchPort(row, port), own, row._uuid);
    }
    for (const acl of present(row.acls.map((uuid) => this.#tables.ACL.get(uuid)))) {
      const { priority, match, action } = acl;
      const direction = acl.direction === 'to-lport' ? 'to-lport' : 'from-lport';
      const found: LocalRow = { table: 'ACL', switch: row.name, direction, priority, match, action };
      this.#add(acl._uuid, found, isMarked(acl), row._uuid);
    }
  }

  #router(row: RouterRow): void {
    const ours = row.name === LOCAL_ROUTER;
    const options = chosen(row.options, ROUTER_OPTIONS);
    this.#add(row._uuid, { table: 'Logical_Router', name: row.name, options }, ours || isMarked(row));
    for (const port of present(row.ports.map((uuid) => this.#tables.Logical_Router_Port.get(uuid)))) {
      this.#routerPort(row, port, isMarked(port) || (ours && port.name.startsWith(ROUTER_PORT_PREFIX)));
    }
    for (const policy of present(row.policies.map((uuid) => this.#tables.Logical_Router_Policy.get(uuid)))) {
      const reroute = policy.priority === REROUTE_PRIORITY && REROUTE.test(policy.match);
      this.#add(policy._uuid, this.#policy(row, policy), isMarked(policy) || (ours && reroute), row._uuid);
    }
    for (const route of present(
      row.static_routes.map((uuid) => this.#tables.Logical_Router_Static_Route.get(uuid)),
    )) {
      // Routes of other tables or by source are none that the agent could have made.
      if (route.route_table !== '' || route.policy === 'src-ip') continue;
      const found = this.#route(row, route);
      const isDefault = DEFAULT_PREFIXES.has(found.prefix);
      this.#add(route._uuid, found, isMarked(route) || (ours && isDefault), row._uuid);
    }
  }

  #routerPort(router: RouterRow, row: RouterPortRow, owned: boolean): void {
    const networks = row.networks.map(network).sort(compareText);
    const found: LocalRow = {
      table: 'Logical_Router_Port',
      name: row.name,
      router: router.name,
      mac: parseMac(row.mac) ?? row.mac,
      networks,
    };
    this.#add(row._uuid, found, owned, router._uuid);
    for (const gateway of present(
      row.gateway_chassis.map((uuid) => this.#tables.Gateway_Chassis.get(uuid)),
    )) {
      const { name, chassis_name: chassis, priority } = gateway;
      const port = row.name;
      this.#add(
        gateway._uuid,
        { table: 'Gateway_Chassis', name, port, chassis, priority },
        owned || isMarked(gateway),
        row._uuid,
      );
    }
  }

  #policy(router: RouterRow, row: PolicyRow): LocalRow {
    const nexthops = new Set([...row.nexthops, ...(row.nexthop === undefined ? [] : [row.nexthop])]);
    const bfd = present(row.bfd_sessions.map((uuid) => this.#tables.BFD.get(uuid)));
    return {
      table: 'Logical_Router_Policy',
      router: router.name,
      priority: row.priority,
      match: row.match,
      action: row.action,
      nexthops: [...nexthops].map(address).sort(compareText),
      bfd: sortedBy(bfd.map(bfdReference), ({ port, peer }) => `${port} ${peer}`),
    };
  }

  #route(router: RouterRow, row: StaticRouteRow): Extract<LocalRow, { prefix: string }> {
    const bfd = row.bfd === undefined ? undefined : this.#tables.BFD.get(row.bfd);
    return {
      table: 'Logical_Router_Static_Route',
      router: router.name,
      prefix: parsePrefix(row.ip_prefix) ?? row.ip_prefix,
      nexthop: address(row.nexthop),
      ...(row.output_port === undefined || row.output_port === '' ? {} : { outputPort: row.output_port }),
      ...(bfd === undefined ? {} : { bfd: bfdReference(bfd) }),
    };
  }

  #add(uuid: Uuid, row: LocalRow, owned: boolean, parent?: Uuid): void {
    this.#found.push({ uuid, row, owned, ...(parent === undefined ? {} : { parent }) });
  }

  /** The first of equals keeps the identity. */
  #withDuplicates(): readonly StoredRow[] {
    const keyed = this.#found.map((found) => ({ found, key: rowKey(found.row) }));
    keyed.sort((a, b) => compareText(a.key, b.key) || compareText(a.found.uuid, b.found.uuid));
    return keyed.map(({ found, key }, index) =>
      key === keyed[index - 1]?.key ? { ...found, duplicate: found.uuid } : found,
    );
  }
}

/** Why this database must be somebody else's: a cloud's, which the option names by mistake. */
export function foreignCluster(tables: LocalTables): string | undefined {
  for (const [kind, rows] of [
    ['router', tables.Logical_Router],
    ['switch', tables.Logical_Switch],
  ] as const) {
    for (const row of rows) {
      const neutron =
        row.name.startsWith('neutron-') ||
        [...row.external_ids.keys()].some((key) => key.startsWith('neutron:'));
      if (neutron) return `it has the ${kind} ${quote(row.name)} of OpenStack Neutron`;
    }
  }
  return undefined;
}

function switchPort(row: SwitchRow, port: SwitchPortRow): LocalRow {
  return {
    table: 'Logical_Switch_Port',
    name: port.name,
    switch: row.name,
    type: port.type,
    addresses: [...port.addresses].sort(compareText),
    options: chosen(port.options, SWITCH_PORT_OPTIONS),
    ...(port.tag === undefined ? {} : { tag: port.tag }),
  };
}

/** The switch's end of a connection to the agent's router. */
function isPlug(port: SwitchPortRow): boolean {
  return port.type === 'router' && (port.options.get('router-port') ?? '').startsWith(ROUTER_PORT_PREFIX);
}

function isOwnLocalnet(row: SwitchRow, port: SwitchPortRow): boolean {
  return port.type === 'localnet' && port.name === `${row.name}-localnet`;
}

function bfdReference(row: { readonly logical_port: string; readonly dst_ip: string }): BfdReference {
  return { port: row.logical_port, peer: address(row.dst_ip) };
}

function chosen(options: ReadonlyMap<string, string>, keys: readonly string[]): RowOptions {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = options.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

function address(text: string): string {
  return parseIp(text) ?? text;
}

/** `address/length` with the host bits kept, in one spelling. */
function network(text: string): string {
  const parsed = parseInterfaceAddress(text);
  return parsed === undefined ? text : `${parsed.address}/${parsed.length}`;
}

function present<T>(items: readonly (T | undefined)[]): readonly T[] {
  return items.filter((item) => item !== undefined);
}
