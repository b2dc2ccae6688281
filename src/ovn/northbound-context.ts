/**
 * What all questions to the Northbound database share: the tables, read through the graph; the few members of bulk
 * columns that matter; who this node is and who fills the database.
 */
import { parsePrefix } from '../base/address.ts';
import type { ChangeSet, Uuid } from '../ovsdb/types.ts';
import { BINDINGS, type BindingsDatabase, type BindingsViews, type BoundThing } from './bindings-schema.ts';
import { BulkMembers } from './bulk-members.ts';
import type { Cms } from './cms.ts';
import {
  type LogicalRouterStaticRoute,
  NORTHBOUND,
  type NorthboundDatabase,
  type NorthboundViews,
  plumbingType,
} from './northbound-schema.ts';
import { QueryGraph } from './query-graph.ts';
import type { NodeIdentity, RowReference } from './topology.ts';
import { type BulkColumns, type Read, staleReads, type TrackedViews, trackedViews } from './tracked-views.ts';

/** Databases by their names in the graph. */
const NB = 'nb';
const SB = 'sb';
export const NB_SPACE = NB;

const BULK: BulkColumns<NorthboundDatabase> = {
  Logical_Switch: ['ports'],
  Logical_Router: ['static_routes', 'nat', 'load_balancer', 'load_balancer_group'],
  Load_Balancer_Group: ['load_balancer'],
};

type Table = keyof NorthboundDatabase['tables'];

export class NorthboundContext {
  readonly graph = new QueryGraph();
  /** Reads of these are not noted. */
  readonly raw: NorthboundViews;
  readonly views: TrackedViews<NorthboundDatabase>;
  readonly bindings: TrackedViews<BindingsDatabase> | undefined;
  /** Whether what the bindings say of such things is still to come. */
  readonly awaitsBindings: (what: BoundThing) => boolean;
  readonly identity: NodeIdentity;
  readonly cms: Cms;
  /** `localnet` and `router` ports of a switch. */
  readonly plumbing: BulkMembers<NorthboundDatabase, 'Logical_Switch', 'Logical_Switch_Port'>;
  /** `default6` routes of a router. */
  readonly routes: BulkMembers<NorthboundDatabase, 'Logical_Router', 'Logical_Router_Static_Route'>;
  /** `snat` rows of a router. */
  readonly translations: BulkMembers<NorthboundDatabase, 'Logical_Router', 'NAT'>;

  constructor(
    raw: NorthboundViews,
    identity: NodeIdentity,
    cms: Cms,
    bindings: BindingsViews | undefined,
    awaitsBindings: (what: BoundThing) => boolean = () => false,
  ) {
    const { graph } = this;
    this.awaitsBindings = awaitsBindings;
    this.raw = raw;
    this.identity = identity;
    this.cms = cms;
    this.views = trackedViews<NorthboundDatabase>(NB, raw, graph);
    this.bindings = bindings === undefined ? undefined : trackedViews<BindingsDatabase>(SB, bindings, graph);
    this.plumbing = new BulkMembers(
      {
        owner: 'Logical_Switch',
        member: 'Logical_Switch_Port',
        space: 'plumbing',
        listOf: (row) => row.ports,
        classOf: plumbingType,
        ownersOf: (uuid) => raw.Logical_Switch.find('port', uuid),
      },
      raw.Logical_Switch,
      raw.Logical_Switch_Port,
      graph,
    );
    this.routes = new BulkMembers(
      {
        owner: 'Logical_Router',
        member: 'Logical_Router_Static_Route',
        space: 'routes',
        listOf: (row) => row.static_routes,
        classOf: (row) => (isDefault6(row) ? 'default6' : undefined),
        ownersOf: (uuid) => raw.Logical_Router.find('staticRoute', uuid),
      },
      raw.Logical_Router,
      raw.Logical_Router_Static_Route,
      graph,
    );
    this.translations = new BulkMembers(
      {
        owner: 'Logical_Router',
        member: 'NAT',
        space: 'translations',
        listOf: (row) => row.nat,
        classOf: (row) => (row.type === 'snat' ? 'snat' : undefined),
        ownersOf: (uuid) => raw.Logical_Router.find('nat', uuid),
      },
      raw.Logical_Router,
      raw.NAT,
      graph,
    );
  }

  /** What a change set makes stale. */
  *staleReads(changes: ChangeSet<NorthboundDatabase>): Iterable<Read> {
    yield* staleReads(NB, NORTHBOUND, changes, BULK);
    yield* this.plumbing.staleReads(changes);
    yield* this.routes.staleReads(changes);
    yield* this.translations.staleReads(changes);
  }

  *staleBindings(changes: ChangeSet<BindingsDatabase>): Iterable<Read> {
    yield* staleReads(SB, BINDINGS, changes, {});
  }

  reference(table: Table, row: { readonly _uuid: Uuid; readonly name?: string }): RowReference {
    const name = row.name === undefined || row.name === '' ? {} : { name: row.name };
    return { database: 'northbound', table, uuid: row._uuid, ...name };
  }
}

/** True for the default route of IPv6, however it is written. */
export function isDefault6(route: Pick<LogicalRouterStaticRoute, 'ip_prefix'>): boolean {
  return parsePrefix(route.ip_prefix) === '::/0';
}
