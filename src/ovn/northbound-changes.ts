/**
 * Which candidates a change of the Northbound tables can alter.
 *
 * In: a change set and the tables after it. Out: candidate keys (also of deleted ports) and the switches whose network
 * must be assembled anew. The cost is that of the changed rows, plus all ports of a switch whose network changed: its
 * localnet ports, its name, or the IPv6 default routes of routers on it.
 */
import type { ChangeSet, RowChange, Uuid } from '../ovsdb/types.ts';
import { difference, rowsOf } from './changes.ts';
import { NETWORK_NAME_KEY } from './external-ids.ts';
import { isDefault6, isGatewayPort, isPlumbing } from './northbound-networks.ts';
import type {
  LogicalRouter,
  LogicalRouterPort,
  LogicalRouterStaticRoute,
  LogicalSwitch,
  LogicalSwitchPort,
  NorthboundDatabase,
  NorthboundViews,
} from './northbound-schema.ts';
import { type CandidateKey, portKey } from './topology.ts';

export interface Affected {
  readonly candidates: ReadonlySet<CandidateKey>;
  readonly switches: ReadonlySet<Uuid>;
}

export function collectAffected(changes: ChangeSet<NorthboundDatabase>, views: NorthboundViews): Affected {
  const collector = new Collector(changes, views);
  return collector.collect();
}

class Collector {
  readonly #changes: ChangeSet<NorthboundDatabase>['changes'];
  readonly #views: NorthboundViews;
  readonly #candidates = new Set<CandidateKey>();
  /** Networks to assemble anew. */
  readonly #switches = new Set<Uuid>();
  /** Names of networks whose members, wherever they are, must be looked at. */
  readonly #names = new Set<string>();
  /** Rows before this change set: what they were may have counted for others that changed as well. */
  readonly #oldPorts: ReadonlyMap<Uuid, LogicalSwitchPort>;
  readonly #oldRouterPorts: ReadonlyMap<Uuid, LogicalRouterPort>;
  readonly #oldRoutes: ReadonlyMap<Uuid, LogicalRouterStaticRoute>;

  constructor(changes: ChangeSet<NorthboundDatabase>, views: NorthboundViews) {
    this.#changes = changes.changes;
    this.#views = views;
    this.#oldPorts = oldRows(this.#changes.Logical_Switch_Port);
    this.#oldRouterPorts = oldRows(this.#changes.Logical_Router_Port);
    this.#oldRoutes = oldRows(this.#changes.Logical_Router_Static_Route);
  }

  collect(): Affected {
    for (const change of this.#changes.Logical_Switch_Port ?? []) this.#port(change);
    for (const change of this.#changes.Logical_Switch ?? []) this.#switch(change);
    for (const change of this.#changes.Logical_Router ?? []) this.#router(change);
    for (const change of this.#changes.Logical_Router_Port ?? []) this.#routerPort(change);
    for (const change of this.#changes.Logical_Router_Static_Route ?? []) this.#route(change);
    for (const uuid of this.#switches) {
      const row = this.#views.Logical_Switch.get(uuid);
      if (row === undefined) continue;
      this.#names.add(row.name);
      for (const port of row.ports) this.#candidate(port);
    }
    for (const name of this.#names) {
      for (const port of this.#views.Logical_Switch_Port.find('network', name)) this.#candidate(port._uuid);
    }
    return { candidates: this.#candidates, switches: this.#switches };
  }

  #port(change: RowChange<LogicalSwitchPort>): void {
    const rows = rowsOf(change);
    for (const row of rows) if (!isPlumbing(row)) this.#candidates.add(portKey(row._uuid));
    if (plumbingText(rows[0]) === plumbingText(rows[1])) return;
    for (const row of rows) if (isPlumbing(row)) this.#switchesOf(row._uuid);
  }

  #switch(change: RowChange<LogicalSwitch>): void {
    const before = change.kind === 'insert' ? undefined : change.old;
    const after = change.kind === 'delete' ? undefined : change.row;
    const uuid = rowsOf(change)[0]._uuid;
    if (before?.name !== after?.name) {
      this.#switches.add(uuid);
      for (const row of rowsOf(change)) this.#names.add(row.name);
    }
    for (const port of difference(before?.ports ?? [], after?.ports ?? [])) {
      const rows = [this.#views.Logical_Switch_Port.get(port), this.#oldPorts.get(port)];
      if (rows.some((row) => row !== undefined && isPlumbing(row))) this.#switches.add(uuid);
      this.#candidate(port);
    }
  }

  #router(change: RowChange<LogicalRouter>): void {
    const rows = rowsOf(change);
    if (
      routerText(rows[0], this.#defaultRoutes(rows[0])) === routerText(rows[1], this.#defaultRoutes(rows[1]))
    ) {
      return;
    }
    for (const row of rows) for (const port of row.ports) this.#networksOf(port);
  }

  #routerPort(change: RowChange<LogicalRouterPort>): void {
    const rows = rowsOf(change);
    const uuid = rows[0]._uuid;
    for (const router of this.#views.Logical_Router.find('port', uuid)) {
      if (this.#defaultRoutes(router).length === 0) continue;
      if (routerPortText(rows[0], router) === routerPortText(rows[1], router)) continue;
      for (const row of rows) this.#networksOfRow(row);
    }
  }

  #route(change: RowChange<LogicalRouterStaticRoute>): void {
    const rows = rowsOf(change);
    if (!rows.some(isDefault6)) return;
    for (const router of this.#views.Logical_Router.find('staticRoute', rows[0]._uuid)) {
      for (const port of router.ports) this.#networksOf(port);
    }
  }

  #candidate(port: Uuid): void {
    const row = this.#views.Logical_Switch_Port.get(port);
    if (row !== undefined && !isPlumbing(row)) this.#candidates.add(portKey(port));
  }

  #switchesOf(port: Uuid): void {
    for (const row of this.#views.Logical_Switch.find('port', port)) this.#switches.add(row._uuid);
  }

  #networksOf(routerPort: Uuid): void {
    for (const row of [
      this.#views.Logical_Router_Port.get(routerPort),
      this.#oldRouterPorts.get(routerPort),
    ]) {
      if (row !== undefined) this.#networksOfRow(row);
    }
  }

  #networksOfRow(routerPort: LogicalRouterPort): void {
    const name = routerPort.external_ids.get(NETWORK_NAME_KEY);
    if (name !== undefined) {
      for (const row of this.#views.Logical_Switch.find('name', name)) this.#switches.add(row._uuid);
    }
    for (const port of this.#views.Logical_Switch_Port.find('routerPort', routerPort.name)) {
      this.#switchesOf(port._uuid);
    }
  }

  /** What a router lists and is, or was before this change, an IPv6 default route. */
  #defaultRoutes(router: LogicalRouter | undefined): readonly Uuid[] {
    return (router?.static_routes ?? []).filter((uuid) =>
      [this.#views.Logical_Router_Static_Route.get(uuid), this.#oldRoutes.get(uuid)].some(
        (row) => row !== undefined && isDefault6(row),
      ),
    );
  }
}

function oldRows<R extends { readonly _uuid: Uuid }>(
  changes: readonly RowChange<R>[] | undefined,
): ReadonlyMap<Uuid, R> {
  const rows = new Map<Uuid, R>();
  for (const change of changes ?? []) if (change.kind !== 'insert') rows.set(change.old._uuid, change.old);
  return rows;
}

/** What a network takes over from a port of its own plumbing; equal texts change nothing. */
function plumbingText(row: LogicalSwitchPort | undefined): string {
  if (row === undefined || !isPlumbing(row)) return '';
  const [network, router] = [row.options.get('network_name'), row.options.get('router-port')];
  return JSON.stringify([row.type, row.name, network, router, row.tag]);
}

/** What networks take over from a router: nothing as long as it has no IPv6 default route. */
function routerText(row: LogicalRouter | undefined, defaultRoutes: readonly Uuid[]): string {
  if (row === undefined || defaultRoutes.length === 0) return '';
  return JSON.stringify([[...defaultRoutes].sort(), [...row.ports].sort(), row.options.has('chassis')]);
}

function routerPortText(row: LogicalRouterPort | undefined, router: LogicalRouter): string {
  if (row === undefined) return '';
  const network = row.external_ids.get(NETWORK_NAME_KEY);
  return JSON.stringify([row.name, network, isGatewayPort(row, router)]);
}
