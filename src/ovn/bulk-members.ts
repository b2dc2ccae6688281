/**
 * The few members of a bulk column that count otherwise than one by one: the localnet ports among the thousands of ports
 * of a switch, the source translations among the NAT rows of a router.
 *
 * The member's own row says to which class it belongs, most members to none. The members of a class are noted in the
 * graph as one read, which is stale when one comes or goes: another member of no class costs the comparison of the old
 * and new lists and nothing else. When the read is stale, the next question walks over the whole column.
 */
import type { ChangeSet, DatabaseSpec, RowChange, RowOf, TableView, Uuid } from '../ovsdb/types.ts';
import { difference, rowsOf } from './changes.ts';
import type { QueryGraph } from './query-graph.ts';
import type { Read } from './tracked-views.ts';

type TableName<D extends DatabaseSpec> = keyof D['tables'] & string;

export interface MembershipSpec<D extends DatabaseSpec, O extends TableName<D>, M extends TableName<D>> {
  readonly owner: O;
  readonly member: M;
  /** Name of the set in the graph; one for each bulk column. */
  readonly space: string;
  readonly listOf: (owner: RowOf<D['tables'][O]>) => readonly Uuid[];
  readonly classOf: (member: RowOf<D['tables'][M]>) => string | undefined;
  /** Owners that list the member now. */
  readonly ownersOf: (member: Uuid) => Iterable<RowOf<D['tables'][O]>>;
}

export class BulkMembers<D extends DatabaseSpec, O extends TableName<D>, M extends TableName<D>> {
  readonly #spec: MembershipSpec<D, O, M>;
  readonly #owners: TableView<D['tables'][O]>;
  readonly #members: TableView<D['tables'][M]>;
  readonly #graph: QueryGraph;

  /** The views must not be tracked ones. */
  constructor(
    spec: MembershipSpec<D, O, M>,
    owners: TableView<D['tables'][O]>,
    members: TableView<D['tables'][M]>,
    graph: QueryGraph,
  ) {
    this.#spec = spec;
    this.#owners = owners;
    this.#members = members;
    this.#graph = graph;
  }

  /** UUIDs of an owner's members of one class, as the column has them; their rows are not noted. */
  of(owner: Uuid, memberClass: string): readonly Uuid[] {
    this.#graph.read(this.#spec.space, cellKey(owner, memberClass));
    const row = this.#owners.get(owner);
    if (row === undefined) return [];
    return this.#spec.listOf(row).filter((uuid) => {
      const member = this.#members.get(uuid);
      return member !== undefined && this.#spec.classOf(member) === memberClass;
    });
  }

  /** What `of` answers otherwise after the change set. */
  *staleReads(changes: ChangeSet<D>): Iterable<Read> {
    const { owner, member, space, listOf, classOf, ownersOf } = this.#spec;
    const gone = new Map<Uuid, string>();
    for (const change of this.#changesOf(changes, member)) {
      const [before, after] = sides(change);
      const [old, current] = [before && classOf(before), after && classOf(after)];
      if (old === current) continue;
      const uuid = rowsOf(change)[0]._uuid;
      if (old !== undefined) gone.set(uuid, old);
      for (const row of ownersOf(uuid)) {
        if (old !== undefined) yield [space, cellKey(row._uuid, old)];
        if (current !== undefined) yield [space, cellKey(row._uuid, current)];
      }
    }
    for (const change of this.#changesOf(changes, owner)) {
      const [before, after] = sides(change);
      const uuid = rowsOf(change)[0]._uuid;
      for (const listed of difference(before ? listOf(before) : [], after ? listOf(after) : [])) {
        const row = this.#members.get(listed);
        const current = row === undefined ? undefined : classOf(row);
        if (current !== undefined) yield [space, cellKey(uuid, current)];
        const old = gone.get(listed);
        if (old !== undefined) yield [space, cellKey(uuid, old)];
      }
    }
  }

  #changesOf<T extends TableName<D>>(
    changes: ChangeSet<D>,
    table: T,
  ): readonly RowChange<RowOf<D['tables'][T]>>[] {
    return changes.changes[table] ?? [];
  }
}

function sides<R>(change: RowChange<R>): readonly [before: R | undefined, after: R | undefined] {
  return [
    change.kind === 'insert' ? undefined : change.old,
    change.kind === 'delete' ? undefined : change.row,
  ];
}

function cellKey(owner: Uuid, memberClass: string): string {
  return `${memberClass} ${owner}`;
}
